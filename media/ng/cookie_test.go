package ng

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestCookieOfTheCaller: two clients with the same cookie are answered alike,
// and the command is carried out once.
func TestCookieOfTheCaller(t *testing.T) {
	h := &relays{}
	_, urls := serve(t, h, Config{})
	for name, url := range urls {
		before := h.count.Load()
		var first int64
		for i := range 3 {
			// A client of its own each time: nothing is remembered here.
			reply, err := client(t, ClientConfig{URL: url, Timeout: 5 * time.Second}).DoCookie(t.Context(), "derived-"+name, Of("command", "offer"))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			n, _ := reply.Int("count")
			if i == 0 {
				first = n
			}
			if n != first {
				t.Errorf("%s: answer %d, at first %d", name, n, first)
			}
		}
		if got := h.count.Load() - before; got != 1 {
			t.Errorf("%s: carried out %d times", name, got)
		}
	}
	for _, bad := range []string{"", "a b", "a\n", "a\r", strings.Repeat("x", 256)} {
		if _, err := client(t, ClientConfig{URL: urls["udp"]}).DoCookie(t.Context(), bad, Of("command", "ping")); !errors.Is(err, ErrCookie) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestCookieInUse: a second request with a cookie does not take the answer to
// the first away, and the cookie is free when that is over.
func TestCookieInUse(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	h := HandlerFunc(func(context.Context, *Request) (Dict, error) {
		close(asked)
		<-answer
		return Dict{}, nil
	})
	_, urls := serve(t, h, Config{})
	c := client(t, ClientConfig{URL: urls["tcp"], Timeout: 5 * time.Second})
	done := make(chan error, 1)
	go func() {
		_, err := c.DoCookie(t.Context(), "one", Of("command", "offer"))
		done <- err
	}()
	<-asked
	if _, err := c.DoCookie(t.Context(), "one", Of("command", "offer")); !errors.Is(err, ErrCookie) {
		t.Errorf("the second: %v", err)
	}
	close(answer)
	if err := <-done; err != nil {
		t.Errorf("the first: %v", err)
	}
	if _, err := c.DoCookie(t.Context(), "one", Of("command", "offer")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
