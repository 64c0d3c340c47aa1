package transport_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// A session made at one node is resumed at another that has the same secret,
// also when it is the next period there already, and not for ever.
func TestTicketsAreShared(t *testing.T) {
	secret, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	var shift atomic.Int64 // of the clock of the second node
	l, client := secure(t)
	client.ServerName = "127.0.0.1"
	client.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	node := func(now func() time.Time, secrets ...[]byte) (*transport.Endpoint, *transport.TicketKeys) {
		keys, err := transport.NewTicketKeys(time.Hour, secrets...)
		if err != nil {
			t.Fatal(err)
		}
		l := l
		l.Tickets = keys
		cfg := listeners(l)
		cfg.Now = now
		e, _ := serve(t, cfg, newEcho())
		return e, keys
	}
	resumes := func(e *transport.Endpoint) bool {
		c := dialTLS(t, e, client)
		_, _ = io.WriteString(c, message("1", 0)) // the ticket comes with the answer
		readN(t, c, message("1", 0))
		return c.ConnectionState().DidResume
	}
	one, _ := node(time.Now, secret)
	two, keys := node(func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }, secret)
	stranger, _ := node(time.Now, other)

	fresh := func() {
		client.ClientSessionCache = tls.NewLRUClientSessionCache(8)
		if resumes(one) {
			t.Error("resumed nothing")
		}
	}
	fresh()
	if !resumes(two) {
		t.Error("session not resumed at the other node")
	}
	fresh()
	if resumes(stranger) {
		t.Error("resumed with another secret")
	}
	for _, tc := range []struct {
		shift time.Duration
		want  bool
	}{{time.Hour, true}, {-time.Hour, true}, {3 * time.Hour, false}} {
		fresh()
		shift.Store(int64(tc.shift))
		if resumes(two) != tc.want {
			t.Errorf("clock ahead by %v: resumed %v", tc.shift, !tc.want)
		}
	}
	shift.Store(0)
	fresh()
	if err := keys.SetSecrets(other, secret); err != nil || !resumes(two) {
		t.Errorf("old secret after a change: %v", err)
	}
	if !resumes(stranger) {
		t.Error("new secret not used")
	}
}

func TestTicketKeysRefuse(t *testing.T) {
	good := make([]byte, 32)
	for name, make := range map[string]func() error{
		"no secret":    func() error { _, err := transport.NewTicketKeys(0); return err },
		"short secret": func() error { _, err := transport.NewTicketKeys(0, good[:31]); return err },
		"short period": func() error { _, err := transport.NewTicketKeys(time.Second, good); return err },
		"second short": func() error { _, err := transport.NewTicketKeys(0, good, nil); return err },
	} {
		if make() == nil {
			t.Errorf("%s accepted", name)
		}
	}
}
