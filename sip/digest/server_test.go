package digest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// onlyMD5 is the HA1 of a client that knows no better.
func onlyMD5(realm string, a Algorithm) string {
	if a != MD5 {
		return ""
	}
	return HA1(a, "alice", realm, "secret")
}

// resign gives credentials of alice with the same nonce for another uri.
func resign(uri string) func([]byte) []byte {
	return func(b []byte) []byte {
		var a Authorization
		if err := a.Parse(b); err != nil {
			return nil
		}
		c := Client{User: "alice", Password: "secret"}
		if err := c.Accept([]byte(`Digest realm="` + realm + `", qop="auth", algorithm=SHA-256, nonce="` + string(a.Nonce) + `"`)); err != nil {
			return nil
		}
		return c.AppendAuthorization(nil, "INVITE", []byte(uri), nil)
	}
}

func TestVerify(t *testing.T) {
	alice := func() *Client { return &Client{User: "alice", Password: "secret"} }
	replace := func(old, new string) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) }
	}
	tests := []struct {
		name   string
		config func(*Config)
		client *Client
		value  func([]byte) []byte // alters the credentials
		change func(*Request)
		want   Outcome
	}{
		{name: "right", want: OK},
		{name: "right, sha-512-256", config: func(c *Config) { c.Algorithms = []Algorithm{MD5, SHA512256} }, want: OK},
		{name: "right, md5 alone", config: func(c *Config) { c.Algorithms = []Algorithm{MD5} }, want: OK},
		{name: "right, auth-int", config: func(c *Config) { c.Integrity = true }, client: &Client{User: "alice", Password: "secret", Integrity: true}, want: OK},
		{name: "right, response in capitals", value: func(b []byte) []byte {
			i := bytes.LastIndexByte(b, '=')
			return append(b[:i:i], bytes.ToUpper(b[i:])...)
		}, want: OK},
		{name: "right, by HA1", client: &Client{User: "alice", HA1: func(realm string, a Algorithm) string { return HA1(a, "alice", realm, "secret") }}, want: OK},
		{name: "user name with quote", client: &Client{User: `a"b`, Password: "secret"}, want: OK},
		{name: "wrong password", client: &Client{User: "alice", Password: "Secret"}, want: WrongPassword},
		{name: "unknown user", client: &Client{User: "carol", Password: "secret"}, want: UnknownUser},
		{name: "credentials fail", client: &Client{User: "ill", Password: "secret"}, want: Unavailable},
		{name: "HA1 of no length", client: &Client{User: "odd", Password: "secret"}, want: Unavailable},
		{name: "body altered, auth", change: func(r *Request) { r.Body = []byte("x") }, want: OK},
		{name: "body altered, auth-int", config: func(c *Config) { c.Integrity = true }, client: &Client{User: "alice", Password: "secret", Integrity: true},
			change: func(r *Request) { r.Body = []byte("x") }, want: WrongPassword},
		{name: "other method", change: func(r *Request) { r.Method = []byte("BYE") }, want: WrongPassword},
		{name: "other realm", value: replace(`realm="example.com"`, `realm="example.org"`), want: WrongRealm},
		{name: "realm asked for is another", change: func(r *Request) { r.Realm = "example.org" }, want: WrongRealm},
		{name: "nonce altered", value: replace(`nonce="AA`, `nonce="AB`), want: Stale},
		{name: "nonce of another length", value: replace(`nonce="AA`, `nonce="`), want: Stale},
		{name: "nonce run out", change: func(r *Request) { r.Now = start().Add(5*time.Minute + time.Millisecond) }, want: Stale},
		{name: "nonce at its end", change: func(r *Request) { r.Now = start().Add(5 * time.Minute) }, want: OK},
		{name: "nonce of a clock ahead", change: func(r *Request) { r.Now = start().Add(-5 * time.Second) }, want: OK},
		{name: "nonce of a clock far ahead", change: func(r *Request) { r.Now = start().Add(-time.Minute) }, want: Stale},
		{name: "algorithm not offered", value: replace("algorithm=SHA-256", "algorithm=SHA-512-256"), want: Unacceptable},
		{name: "algorithm unknown", value: replace("algorithm=SHA-256", "algorithm=SHA-256-sess"), want: Unacceptable},
		{name: "qop not offered", value: replace("qop=auth", "qop=auth-int"), want: Unacceptable},
		{name: "no qop", value: replace(", qop=auth", ""), want: Unacceptable},
		{name: "uri of another", change: func(r *Request) { r.URI = []byte("sip:carol@example.com") }, want: WrongURI},
		{name: "uri of another, not looked at", config: func(c *Config) { c.AnyURI = true }, change: func(r *Request) { r.URI = []byte("sip:carol@example.com") }, want: OK},
		{name: "uri of the server", value: resign("sip:192.0.2.1:5060"), want: OK},
		{name: "uri of the server, strict", config: func(c *Config) { c.StrictURI = true }, value: resign("sip:192.0.2.1:5060"), want: WrongURI},
		{name: "uri of nothing", value: resign("x"), want: WrongURI},
		{name: "algorithm of the realm", config: func(c *Config) {
			c.Offer = func(r string) []Algorithm { return map[string][]Algorithm{realm: {MD5}}[r] }
		}, client: &Client{User: "alice", Password: "secret", HA1: onlyMD5}, want: OK},
		{name: "algorithm of other realms", config: func(c *Config) {
			c.Offer = func(r string) []Algorithm { return map[string][]Algorithm{realm: {SHA512256}}[r] }
		}, value: func(b []byte) []byte { return b }, client: &Client{User: "alice", Password: "secret", HA1: onlyMD5}, want: Unacceptable},
		{name: "uri with what proxies add", change: func(r *Request) { r.URI = []byte("sip:bob@EXAMPLE.com:5060;transport=tcp") }, want: OK},
		{name: "two user names", value: replace("Digest ", `Digest username="bob", `), want: Malformed},
		{name: "other scheme", value: replace("Digest", "Basic"), want: NoCredentials},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := testServer(t, tt.config)
			c := tt.client
			if c == nil {
				c = alice()
			}
			value := answer(t, s, c, start())
			if tt.value != nil {
				value = tt.value(value)
			}
			req := request(start())
			if tt.change != nil {
				tt.change(req)
			}
			res := s.VerifyValue(context.Background(), value, req)
			if res.Outcome != tt.want {
				t.Fatalf("got %v (%v), want %v for %s", res.Outcome, res.Err, tt.want, value)
			}
			if res.Outcome == OK && string(res.User) != c.User {
				t.Errorf("user %q", res.User)
			}
			if (res.Err != nil) != (res.Outcome == Unavailable) {
				t.Errorf("error %v", res.Err)
			}
		})
	}
}

func TestWithoutQOP(t *testing.T) {
	s := testServer(t, func(c *Config) { c.WithoutQOP = true; c.Algorithms = []Algorithm{MD5} })
	nonce := s.keys.Load().appendNonce(nil, realm, nil, start())
	c := &Client{User: "alice", Password: "secret"}
	if err := c.Accept([]byte(`Digest realm="` + realm + `", nonce="` + string(nonce) + `"`)); err != nil {
		t.Fatal(err)
	}
	value := again(c)
	if strings.Contains(string(value), "qop") {
		t.Fatalf("qop in %s", value)
	}
	for _, want := range []Outcome{OK, Replayed} {
		if got := s.VerifyValue(context.Background(), value, request(start())).Outcome; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestReplay(t *testing.T) {
	s := testServer(t, nil)
	c := &Client{User: "alice", Password: "secret"}
	first := answer(t, s, c, start())
	second, third := again(c), again(c)
	steps := []struct {
		value []byte
		want  Outcome
	}{{first, OK}, {third, OK}, {first, Replayed}, {third, Replayed}, {second, OK}, {second, Replayed}}
	for i, step := range steps {
		if got := s.VerifyValue(context.Background(), step.value, request(start())).Outcome; got != step.want {
			t.Errorf("step %d: got %v, want %v", i, got, step.want)
		}
	}
	// Somebody without the password uses up nothing.
	wrong := answer(t, s, &Client{User: "alice", Password: "x"}, start())
	for range 2 {
		if got := s.VerifyValue(context.Background(), wrong, request(start())).Outcome; got != WrongPassword {
			t.Errorf("got %v", got)
		}
	}
}

// Every node with the ring takes every other node's challenges, through a
// rotation of keys as well.
func TestKeysAreShared(t *testing.T) {
	secret := func(c byte) []byte { return bytes.Repeat([]byte{c}, 32) }
	ring := func(current Key, previous ...Key) *Keys {
		k, err := NewKeys(current, previous...)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	old, next := Key{ID: 1, Secret: secret('a')}, Key{ID: 2, Secret: secret('b')}
	a := testServer(t, func(c *Config) { c.Keys = ring(old) })
	b := testServer(t, func(c *Config) { c.Keys = ring(next, old) })
	verify := func(s *Server, value []byte, want Outcome) {
		t.Helper()
		if got := s.VerifyValue(context.Background(), value, request(start())).Outcome; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	alice := func() *Client { return &Client{User: "alice", Password: "secret"} }
	verify(b, answer(t, a, alice(), start()), OK)
	fromB := answer(t, b, alice(), start())
	verify(a, fromB, Stale)
	a.SetKeys(ring(old, next))
	verify(a, fromB, OK)
	b.SetKeys(ring(next))
	verify(b, answer(t, a, alice(), start()), Stale)

	same := Key{ID: 1, Secret: secret('c')}
	if _, err := NewKeys(old, same); err == nil {
		t.Error("two keys with one id")
	}
	if _, err := NewKeys(Key{Secret: []byte("short")}); err == nil {
		t.Error("short secret")
	}
}

func TestNewServer(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no keys":           {Credentials: users{}},
		"no credentials":    {Keys: RandomKeys()},
		"unknown algorithm": {Keys: RandomKeys(), Credentials: users{}, Algorithms: []Algorithm{9}},
	} {
		if _, err := NewServer(cfg, start()); err == nil {
			t.Error(name)
		}
	}
}

func TestStatus(t *testing.T) {
	plain := testServer(t, nil)
	strict := testServer(t, func(c *Config) { c.RefuseWrong, c.RefuseReplay = true, true })
	tests := []struct {
		outcome               Outcome
		origin, proxy, strict int
	}{
		{OK, 0, 0, 0},
		{NoCredentials, 401, 407, 401},
		{Stale, 401, 407, 401},
		{Replayed, 401, 407, 403},
		{WrongPassword, 401, 407, 403},
		{UnknownUser, 401, 407, 403},
		{WrongRealm, 401, 407, 401},
		{Unacceptable, 401, 407, 401},
		{WrongURI, 400, 400, 400},
		{Malformed, 400, 400, 400},
		{Unavailable, 503, 503, 503},
	}
	labels := map[string]bool{}
	for _, tt := range tests {
		if got := plain.Status(Origin, tt.outcome); got != tt.origin {
			t.Errorf("%v: origin %d", tt.outcome, got)
		}
		if got := plain.Status(Proxy, tt.outcome); got != tt.proxy {
			t.Errorf("%v: proxy %d", tt.outcome, got)
		}
		if got := strict.Status(Origin, tt.outcome); got != tt.strict {
			t.Errorf("%v: strict %d", tt.outcome, got)
		}
		labels[tt.outcome.String()] = true
	}
	if len(labels) != len(tests) {
		t.Errorf("labels %v", labels)
	}
}

func TestSameResource(t *testing.T) {
	tests := []struct {
		uri, requestURI string
		want            bool
	}{
		{"sip:example.com", "sip:example.com", true},
		{"sip:example.com", "sip:example.com:5060", true},
		{"sips:example.com", "sips:example.com:5061", true},
		{"sips:example.com", "sip:example.com", false},
		{"sip:example.com:5070", "sip:example.com", false},
		{"SIP:bob@Example.COM", "sip:bob@example.com;user=phone", true},
		{"sip:b%6Fb@example.com", "sip:bob@example.com", true},
		{"sip:Bob@example.com", "sip:bob@example.com", false},
		{"sip:example.com", "sip:bob@example.com", false},
		{"sip:bob@example.com", "sip:bob@example.org", false},
		{"tel:+1-201-555-0123", "tel:+12015550123;phone-context=x", true},
		{"nonsense", "sip:bob@example.com", false},
		{"sip:bob@example.com", "nonsense", false},
		{"urn:service:sos", "urn:service:sos", true},
	}
	for _, tt := range tests {
		if got := SameResource([]byte(tt.uri), []byte(tt.requestURI)); got != tt.want {
			t.Errorf("%s %s: %v", tt.uri, tt.requestURI, got)
		}
	}
}

func TestUnavailableTellsWhy(t *testing.T) {
	s := testServer(t, nil)
	res := s.VerifyValue(context.Background(), answer(t, s, &Client{User: "ill"}, start()), request(start()))
	if !errors.Is(res.Err, errStore) {
		t.Errorf("error %v", res.Err)
	}
}

// TestAnswered: refused credentials prove an address when they answer the
// challenge that was sent there, and only then.
func TestAnswered(t *testing.T) {
	s := testServer(t, nil)
	here, there := []byte("here"), []byte("there")
	for _, c := range []struct {
		name           string
		made, now      []byte
		user, password string
		later          time.Duration
		want           Outcome
		answered       bool
	}{
		{"wrong password", here, here, "alice", "x", 0, WrongPassword, true},
		{"unknown user", here, here, "carol", "x", 0, UnknownUser, true},
		{"a challenge to somebody else", here, there, "alice", "x", 0, WrongPassword, false},
		{"a challenge to nobody in particular", nil, here, "alice", "x", 0, WrongPassword, false},
		{"nobody says where it comes from", here, nil, "alice", "x", 0, WrongPassword, false},
		{"good from anywhere", here, there, "alice", "secret", 0, OK, false},
		{"good", here, here, "alice", "secret", 0, OK, false},
		{"too old", here, here, "alice", "x", time.Hour, Stale, false},
	} {
		client := &Client{User: c.user, Password: c.password}
		x := &Exchange{Realm: realm, Origin: c.made, Now: start()}
		if err := client.Accept(s.AppendChallenge(nil, x, MD5, false)); err != nil {
			t.Fatal(err)
		}
		req := request(start().Add(c.later))
		req.Origin = c.now
		res := s.VerifyValue(context.Background(), again(client), req)
		if res.Outcome != c.want || res.Answered != c.answered {
			t.Errorf("%s: %v, answered %v", c.name, res.Outcome, res.Answered)
		}
	}
}

// TestAnsweredNotForged: a mark that was changed proves nothing, and the nonce
// stays good.
func TestAnsweredNotForged(t *testing.T) {
	s := testServer(t, nil)
	x := &Exchange{Realm: realm, Origin: []byte("here"), Now: start()}
	client := &Client{User: "alice", Password: "x"}
	if err := client.Accept(s.AppendChallenge(nil, x, MD5, false)); err != nil {
		t.Fatal(err)
	}
	value := string(again(client))
	at := strings.Index(value, `nonce="`) + len(`nonce="`) + nonceLen - 1
	other := byte('A')
	if value[at] == other {
		other = 'Q'
	}
	req := request(start())
	req.Origin = x.Origin
	if res := s.VerifyValue(context.Background(), []byte(value[:at]+string(other)+value[at+1:]), req); res.Outcome != WrongPassword || res.Answered {
		t.Errorf("%v, answered %v", res.Outcome, res.Answered)
	}
}
