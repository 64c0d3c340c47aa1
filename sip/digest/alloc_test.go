//go:build !race

package digest

import (
	"context"
	"testing"
)

// The race detector makes pools forget on purpose, so this runs without it.
func TestVerifyAllocatesNothing(t *testing.T) {
	for _, a := range []Algorithm{MD5, SHA256, SHA512256} {
		s := benchServer(t, a)
		c := Client{User: "alice", Password: "secret"}
		answer(t, s, &c, start())
		m := register(t, "Authorization: "+string(c.AppendAuthorization(nil, "REGISTER", []byte("sip:example.com"), nil)))
		var dst []byte
		n := testing.AllocsPerRun(100, func() {
			res := s.Verify(context.Background(), m, &Exchange{Role: Origin, Realm: realm, Now: start()})
			dst, _ = s.AppendResponse(dst[:0], m, &Exchange{Role: Origin, Realm: realm, Now: start()}, res.Outcome, "tag")
		})
		if n >= 1 {
			t.Errorf("%v: %v allocations", a, n)
		}
	}
}
