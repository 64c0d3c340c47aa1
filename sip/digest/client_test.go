package digest

import (
	"errors"
	"strings"
	"testing"
)

func TestClientPicksTheStrongest(t *testing.T) {
	md5 := []byte(`Digest realm="r", nonce="n", qop="auth", algorithm=MD5`)
	sha := []byte(`Digest realm="r", nonce="n", qop="auth,auth-int", algorithm=SHA-256, opaque="o"`)
	odd := []byte(`Digest realm="r", nonce="n", algorithm=SHA-3`)
	tests := []struct {
		name   string
		client Client
		values [][]byte
		want   []string
		err    error
	}{
		{"strongest first", Client{User: "u"}, [][]byte{sha, md5}, []string{"SHA-256", "qop=auth,", `opaque="o"`, "nc=00000001"}, nil},
		{"strongest last", Client{User: "u"}, [][]byte{odd, md5, sha}, []string{"SHA-256"}, nil},
		{"integrity wanted", Client{User: "u", Integrity: true}, [][]byte{sha, md5}, []string{"qop=auth-int"}, nil},
		{"no HA1 for the strongest", Client{User: "u", HA1: func(_ string, a Algorithm) string {
			return map[Algorithm]string{MD5: digits32}[a]
		}}, [][]byte{sha, md5}, []string{"algorithm=MD5"}, nil},
		{"nothing known", Client{User: "u"}, [][]byte{odd, []byte("Basic x")}, nil, ErrNoChallenge},
		{"nothing at all", Client{User: "u"}, nil, nil, ErrNoChallenge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.client
			if err := c.Accept(tt.values...); !errors.Is(err, tt.err) {
				t.Fatalf("error %v", err)
			}
			value := string(c.AppendAuthorization(nil, "INVITE", []byte("sip:x"), nil))
			if (value == "") != (tt.err != nil) || c.Ready() != (tt.err == nil) {
				t.Fatalf("got %q", value)
			}
			for _, part := range tt.want {
				if !strings.Contains(value, part) {
					t.Errorf("no %s in %s", part, value)
				}
			}
		})
	}
}

func TestClientKnowsWhenItIsRejected(t *testing.T) {
	challenge := func(nonce, more string) []byte {
		return []byte(`Digest realm="r", qop="auth", algorithm=MD5, nonce="` + nonce + `"` + more)
	}
	c := Client{User: "u", CNonce: func() string { return "fixed" }}
	step := func(value []byte, want error) {
		t.Helper()
		if err := c.Accept(value); !errors.Is(err, want) {
			t.Fatalf("got %v, want %v", err, want)
		}
	}
	step(challenge("1", ""), nil)
	again(&c)
	step(challenge("2", ", stale=true"), nil)
	again(&c)
	again(&c)
	step(challenge("3", ""), nil) // the second use was refused: that nonce ran out
	if v := string(again(&c)); !strings.Contains(v, `cnonce="fixed", nc=00000001`) {
		t.Errorf("got %s", v)
	}
	step(challenge("4", ""), ErrRejected)
	c.Forget()
	step(challenge("5", ""), nil)
}
