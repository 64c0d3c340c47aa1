package digest

import (
	"context"
	"strings"
	"testing"

	"github.com/class5-go/class5/sip/wire"
)

func parse(t testing.TB, lines ...string) *wire.Message {
	t.Helper()
	var m wire.Message
	if err := m.Parse([]byte(strings.Join(lines, "\r\n")+"\r\n\r\n"), nil); err != nil {
		t.Fatal(err)
	}
	return &m
}

// register gives a REGISTER with more header lines.
func register(t testing.TB, more ...string) *wire.Message {
	return parse(t, append([]string{
		"REGISTER sip:example.com SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "Max-Forwards: 70",
		"From: <sip:alice@example.com>;tag=1", "To: <sip:alice@example.com>", "Call-ID: 1", "CSeq: 1 REGISTER",
	}, more...)...)
}

// TestExchange lets a client and a server talk for a whole round.
func TestExchange(t *testing.T) {
	for _, role := range []Role{Origin, Proxy} {
		s := testServer(t, nil)
		m := register(t)
		res := s.Verify(context.Background(), m, &Exchange{Role: role, Realm: realm, Now: start()})
		if res.Outcome != NoCredentials {
			t.Fatal(res.Outcome)
		}
		b, err := s.AppendResponse(nil, m, &Exchange{Role: role, Realm: realm, Now: start()}, res.Outcome, "tag", wire.Field{ID: wire.HdrServer, Value: []byte("x")})
		if err != nil {
			t.Fatal(err)
		}
		var reply wire.Message
		if err := reply.Parse(b, nil); err != nil {
			t.Fatal(err)
		}
		text := string(b)
		if i, j := strings.Index(text, "SHA-256"), strings.Index(text, "MD5"); i < 0 || j < i {
			t.Errorf("strongest not first in %s", text)
		}
		c := Client{User: "alice", Password: "secret"}
		id, err := c.Challenged(&reply)
		if err != nil {
			t.Fatal(err)
		}
		value := c.AppendAuthorization(nil, "REGISTER", []byte("sip:example.com"), nil)
		m = register(t, `Authorization: Digest username="x", realm="other", nonce="n", uri="sip:x", response="`+digits32+`"`,
			`Proxy-Authorization: NoOneKnowsThisScheme opaque-data=here`, id.Name()+": "+string(value))
		if got := s.Verify(context.Background(), m, &Exchange{Role: role, Realm: realm, Now: start()}); got.Outcome != OK || string(got.User) != "alice" {
			t.Errorf("got %v %q", got.Outcome, got.User)
		}
		if got := s.Verify(context.Background(), m, &Exchange{Role: role, Realm: realm, Now: start()}); got.Outcome != Replayed {
			t.Errorf("got %v", got.Outcome)
		}
		b, _ = s.AppendResponse(nil, m, &Exchange{Role: role, Realm: realm, Now: start()}, Replayed, "tag")
		if !strings.Contains(string(b), "stale=true") {
			t.Errorf("not stale: %s", b)
		}
	}
}

func TestVerifyPicksItsCredentials(t *testing.T) {
	s := testServer(t, nil)
	other := `Authorization: Digest username="x", realm="other", nonce="n", uri="sip:x", response="` + digits32 + `"`
	weak := `Authorization: Digest username="x", realm="example.com", algorithm=SHA-3, nonce="n", uri="sip:x", response="` + digits32 + `"`
	tests := []struct {
		lines []string
		want  Outcome
	}{
		{nil, NoCredentials},
		{[]string{"Authorization: NoOneKnowsThisScheme opaque-data=here"}, NoCredentials},
		{[]string{other}, WrongRealm},
		{[]string{other, weak}, Unacceptable},
		{[]string{weak, other}, Unacceptable},
		{[]string{"Authorization: Digest username=x"}, Malformed},
		{[]string{"Proxy-" + other}, NoCredentials},
	}
	for i, tt := range tests {
		if got := s.Verify(context.Background(), register(t, tt.lines...), &Exchange{Role: Origin, Realm: realm, Now: start()}).Outcome; got != tt.want {
			t.Errorf("%d: got %v, want %v", i, got, tt.want)
		}
	}
}

// The answer to an unknown user must not differ from that to a wrong
// password but in the nonce.
func TestUnknownUserLooksLikeWrongPassword(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		s := testServer(t, func(c *Config) { c.RefuseWrong = refuse })
		m := register(t)
		text := func(o Outcome) string {
			b, err := s.AppendResponse(nil, m, &Exchange{Role: Origin, Realm: realm, Now: start()}, o, "tag")
			if err != nil {
				t.Fatal(err)
			}
			parts := strings.Split(string(b), `nonce="`)
			for i := range parts[1:] {
				parts[i+1] = parts[i+1][nonceLen:]
			}
			return strings.Join(parts, `nonce="`)
		}
		if a, b := text(WrongPassword), text(UnknownUser); a != b {
			t.Errorf("%s\n%s", a, b)
		}
	}
}

func TestChallengedNeedsAChallenge(t *testing.T) {
	c := Client{User: "u"}
	m := parse(t, "SIP/2.0 486 Busy Here", "Via: SIP/2.0/UDP x", "From: <sip:a@b>;tag=1", "To: <sip:a@b>;tag=2", "Call-ID: 1", "CSeq: 1 INVITE")
	if _, err := c.Challenged(m); err == nil {
		t.Error("no error")
	}
}

func TestOfferOfARealm(t *testing.T) {
	s := testServer(t, func(c *Config) {
		c.Offer = func(r string) []Algorithm { return map[string][]Algorithm{"old": {MD5}}[r] }
	})
	for realm, want := range map[string]string{"old": "MD5", "new": "SHA-256 MD5"} {
		b, err := s.AppendResponse(nil, register(t), &Exchange{Role: Proxy, Realm: realm, Now: start()}, NoCredentials, "tag")
		if err != nil {
			t.Fatal(err)
		}
		var m wire.Message
		if err := m.Parse(b, nil); err != nil {
			t.Fatal(err)
		}
		var got []string
		for v := m.Values(wire.HdrProxyAuthenticate); v.Next(); {
			var c Challenge
			if err := c.Parse(v.Value()); err != nil || string(c.Realm) != realm {
				t.Fatalf("%s: %v", v.Value(), err)
			}
			got = append(got, c.Algorithm.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v", realm, got)
		}
	}
}
