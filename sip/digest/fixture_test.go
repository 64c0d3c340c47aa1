package digest

import (
	"context"
	"errors"
	"testing"
	"time"
)

const realm = "example.com"

// start is a time of no meaning.
func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// users is a Credentials of clear text passwords, for tests.
type users map[string]string

var errStore = errors.New("store down")

func (u users) HA1(_ context.Context, dst, user []byte, realm string, a Algorithm) ([]byte, error) {
	password, ok := u[string(user)]
	switch {
	case !ok:
		return dst, ErrUnknownUser
	case password == "broken":
		return dst, errStore
	case password == "odd":
		return append(dst, 1, 2, 3), nil
	}
	return append(dst, HA1(a, string(user), realm, password)...), nil
}

func testServer(t testing.TB, change func(*Config)) *Server {
	t.Helper()
	cfg := Config{
		Keys:        RandomKeys(),
		Credentials: users{"alice": "secret", `a"b`: "secret", "ill": "broken", "odd": "odd"},
	}
	if change != nil {
		change(&cfg)
	}
	s, err := NewServer(cfg, start())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func request(now time.Time) *Request {
	return &Request{Realm: realm, Method: []byte("INVITE"), URI: []byte("sip:bob@example.com"), Body: []byte("v=0"), Now: now}
}

// answer takes a challenge of s and gives credentials for request.
func answer(t testing.TB, s *Server, c *Client, now time.Time) []byte {
	t.Helper()
	var values [][]byte
	for _, a := range s.cfg.Algorithms {
		values = append(values, s.AppendChallenge(nil, &Exchange{Realm: realm, Now: now}, a, false))
	}
	if err := c.Accept(values...); err != nil {
		t.Fatal(err)
	}
	return again(c)
}

// again gives credentials for another request under the same challenge.
func again(c *Client) []byte {
	r := request(time.Time{})
	return c.AppendAuthorization(nil, string(r.Method), r.URI, r.Body)
}
