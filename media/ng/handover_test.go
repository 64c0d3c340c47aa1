package ng

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// counting numbers the commands it carries out.
func counting() Handler {
	var mu sync.Mutex
	n := 0
	return HandlerFunc(func(context.Context, *Request) (Dict, error) {
		mu.Lock()
		defer mu.Unlock()
		n++
		return Of("count", n), nil
	})
}

// TestHandover: what was answered before is answered alike by the next server,
// also when it still comes to the one before, until it has been forgotten.
func TestHandover(t *testing.T) {
	now := time.Now()
	clock := WithClock(func() time.Time { return now })
	first, second := NewServer(counting(), Config{}, clock), NewServer(counting(), Config{CacheFor: 20 * time.Second}, clock)
	at := netip.MustParseAddrPort("192.0.2.1:4000")
	ask := func(s *Server, cookie string) string {
		return string(s.Answer(t.Context(), []byte(cookie+" d7:command5:querye"), at, true))
	}
	want := ask(first, "a")
	now = now.Add(5 * time.Second)
	ask(first, "b")
	replies, resume := first.Pause()
	late := make(chan string)
	go func() { late <- ask(first, "c") }() // before or behind the resume
	second.Remember(replies)
	if len(replies) != 2 || replies[0].Cookie != "a" || replies[0].Client != "192.0.2.1" {
		t.Fatalf("%+v", replies)
	}
	resume(func(ctx context.Context, b []byte, from netip.AddrPort, cookie bool) ([]byte, error) {
		return second.Answer(ctx, b, from, cookie), nil
	})
	if got := <-late; got != "c d5:counti1e6:result2:oke" {
		t.Errorf("what waited was answered %q", got)
	}
	for name, s := range map[string]*Server{"first": first, "second": second} {
		if got := ask(s, "a"); got != want {
			t.Errorf("%s: %q, at first %q", name, got, want)
		}
		if got := ask(s, "c"); got != "c d5:counti1e6:result2:oke" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := string(first.Answer(t.Context(), []byte("d7:command5:querye"), at, false)); got != "d5:counti2e6:result2:oke" {
		t.Errorf("without cookie %q", got)
	}
	if s := second.Stats(); s.Repeated != 4 || s.Requests != 2 {
		t.Errorf("%+v", s)
	}
	now = now.Add(21 * time.Second) // less than the first would have kept b for
	if got := ask(second, "b"); got != "b d5:counti3e6:result2:oke" {
		t.Errorf("not forgotten: %q", got)
	}
}

// TestHandoverFails: the server goes on when nobody took over, and tells clients
// when who took over is gone.
func TestHandoverFails(t *testing.T) {
	s := NewServer(counting(), Config{})
	at := netip.MustParseAddrPort("192.0.2.1:4000")
	_, resume := s.Pause()
	resume(nil)
	if got := string(s.Answer(t.Context(), []byte("a d7:command5:querye"), at, true)); got != "a d5:counti1e6:result2:oke" {
		t.Errorf("%q", got)
	}
	_, resume = s.Pause()
	resume(func(context.Context, []byte, netip.AddrPort, bool) ([]byte, error) { return nil, errors.New("gone") })
	for message, want := range map[string]string{
		"b d7:command5:querye":    "b d6:result5:error12:error-reason4:gonee",
		`c {"command":"query"}`:   `c {"result":"error","error-reason":"gone"}`,
		"d nonsense":              "",
		"d7:command5:query1:xi0e": "",
	} {
		if got := string(s.Answer(t.Context(), []byte(message), at, true)); got != want {
			t.Errorf("%q was answered %q", message, got)
		}
	}
}
