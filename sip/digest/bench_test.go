package digest

import (
	"context"
	"testing"
)

// ha1s is a Credentials as a cache in memory would be.
type ha1s map[Algorithm]map[string]string

func (h ha1s) HA1(_ context.Context, dst, user []byte, _ string, a Algorithm) ([]byte, error) {
	ha1, ok := h[a][string(user)]
	if !ok {
		return dst, ErrUnknownUser
	}
	return append(dst, ha1...), nil
}

func benchServer(tb testing.TB, a Algorithm) *Server {
	return testServer(tb, func(c *Config) {
		c.Algorithms = []Algorithm{a}
		c.Credentials = ha1s{a: {"alice": HA1(a, "alice", realm, "secret")}}
	})
}

// BenchmarkVerify shows that an unknown user costs what a wrong password
// does. "ok" goes through the replay window too.
func BenchmarkVerify(b *testing.B) {
	cases := []struct {
		name   string
		client Client
		want   Outcome
	}{
		{"ok", Client{User: "alice", Password: "secret"}, OK},
		{"wrong-password", Client{User: "alice", Password: "x"}, WrongPassword},
		{"unknown-user", Client{User: "carol", Password: "x"}, UnknownUser},
	}
	for _, a := range []Algorithm{MD5, SHA256, SHA512256} {
		for _, bb := range cases {
			b.Run(a.String()+"/"+bb.name, func(b *testing.B) {
				s := benchServer(b, a)
				c := bb.client
				answer(b, s, &c, start())
				value := c.AppendAuthorization(nil, "REGISTER", []byte("sip:example.com"), nil)
				m := register(b, "User-Agent: bench/1.0", "Authorization: "+string(value))
				ctx := context.Background()
				b.ReportAllocs()
				for b.Loop() {
					if got := s.Verify(ctx, m, &Exchange{Role: Origin, Realm: realm, Now: start()}).Outcome; got != bb.want && got != Replayed {
						b.Fatal(got)
					}
				}
			})
		}
	}
}

func BenchmarkChallenge(b *testing.B) {
	s := testServer(b, nil)
	m := register(b)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = s.AppendResponse(dst[:0], m, &Exchange{Role: Origin, Realm: realm, Now: start()}, NoCredentials, "tag"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWindow(b *testing.B) {
	w := NewWindow(1<<16, start())
	now := start().UnixMilli()
	b.ReportAllocs()
	var i uint64
	for b.Loop() {
		i++
		w.use(nonce{id: i * 0x9e3779b97f4a7c15, issued: now + int64(i/1000)}, 1)
	}
}
