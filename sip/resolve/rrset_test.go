package resolve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/class5-go/class5/sip/resolve/dnstest"
)

// TestTTL: records are used for their time, within the bounds.
func TestTTL(t *testing.T) {
	for _, c := range []struct {
		name, record string
		used         time.Duration // the last moment without a new query
	}{
		{"as it says", "x.example. 60 A 192.0.2.1", 59 * time.Second},
		{"too short", "x.example. 0 A 192.0.2.1", 4 * time.Second},
		{"too long", "x.example. 604800 A 192.0.2.1", time.Hour - time.Second},
		{"the shorter of alias and address", "x.example. 30 CNAME y.example.\ny.example. 600 A 192.0.2.1", 29 * time.Second},
		{"none, with SOA", "example. 40 SOA ns. root. 1 3600 600 86400 20", 19 * time.Second},
		{"none, its SOA is shorter", "example. 15 SOA ns. root. 1 3600 600 86400 20", 14 * time.Second},
		{"none, its SOA is too long", "example. 86400 SOA ns. root. 1 3600 600 86400 86400", 5*time.Minute - time.Second},
		{"none, without SOA", "y.example. A 192.0.2.1", 4 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			z := parse(t, c.record)
			r := newResolver(t, z, func(c *Config) { c.NoIPv6 = true })
			q := question(t, "sip:x.example:5060")
			_, first := r.Locate(t.Context(), q)
			time.Sleep(c.used)
			_, second := r.Locate(t.Context(), q)
			if n := z.Asked("x.example", dns.TypeA); n != 1 || (first == nil) != (second == nil) {
				t.Errorf("%s: asked %d times within the time, %v, %v", c.name, n, first, second)
			}
			time.Sleep(time.Second)
			_, _ = r.Locate(t.Context(), q)
			if n := z.Asked("x.example", dns.TypeA); n != 2 {
				t.Errorf("%s: asked %d times after the time", c.name, n)
			}
		})
	}
}

// TestSingleFlight: many who ask at once cost one query, and whoever gives up
// does not end it for the others.
func TestSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := parse(t, "x.example. A 192.0.2.1")
		z.Script("", 0, dnstest.Fault{Delay: 2 * time.Second})
		r := newResolver(t, z, func(c *Config) { c.NoIPv6, c.Lookups = true, 40 })
		q := question(t, "sip:x.example:5060")
		var wg sync.WaitGroup
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := r.Locate(ctx, q); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the impatient one gets %v", err)
			}
		})
		for range 30 {
			wg.Go(func() {
				if _, err := r.Locate(t.Context(), q); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := z.Asked("", 0); n != 1 {
			t.Errorf("%d queries", n)
		}
	})
}

// TestAliases: servers may follow aliases or leave that to us, up to 8 steps.
func TestAliases(t *testing.T) {
	chain := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "c%d.example. CNAME c%d.example.\n", i, i+1)
		}
		return b.String() + fmt.Sprintf("c%d.example. A 192.0.2.1\n", n)
	}
	for _, c := range []struct {
		steps int
		bare  bool
		want  string
	}{
		{1, true, "UDP 192.0.2.1:5060"}, {1, false, "UDP 192.0.2.1:5060"},
		{8, true, "UDP 192.0.2.1:5060"}, {8, false, "UDP 192.0.2.1:5060"},
		{9, true, ""}, {9, false, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			z := parse(t, chain(c.steps))
			z.Bare(c.bare)
			r := newResolver(t, z, func(c *Config) { c.NoIPv6 = true })
			got, err := r.Targets(t.Context(), question(t, "sip:c0.example:5060"))
			if show(got) != c.want || (c.want == "") != errors.Is(err, ErrNotFound) {
				t.Errorf("%d steps, bare %v: %s, %v", c.steps, c.bare, show(got), err)
			}
		})
	}
}

// TestBounds: a flood of names neither fills memory nor waits in a line.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := parse(t, "example. SOA ns. root. 1 3600 600 86400 300")
		r := newResolver(t, z, func(c *Config) { c.RRsets = 100 })
		for i := range 500 {
			_, _ = r.Locate(t.Context(), question(t, fmt.Sprintf("sip:x%d.example:5060", i)))
		}
		if n := r.sets.len(); n > 100 {
			t.Errorf("%d RRsets are kept", n)
		}
		z.Script("", 0, dnstest.Fault{Lose: true})
		c := newCache(t, r, func(c *CacheConfig) { c.Questions = 50 })
		states := make(map[State]int)
		for i := range 200 {
			_, s := c.Pick(time.Now(), []byte("z9hG4bK"), question(t, fmt.Sprintf("sip:y%d.example:5060", i)), true)
			states[s]++
		}
		if states[Pending] != 64 || states[503] != 136 || c.Stats(time.Now()).Questions > 50 || c.Stats(time.Now()).Shed != 136 {
			t.Errorf("%v, %+v", states, c.Stats(time.Now()))
		}
	})
}

func TestClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := parse(t, "x.example. A 192.0.2.1")
		z.Script("", 0, dnstest.Fault{Lose: true})
		r := newResolver(t, z)
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := r.Locate(t.Context(), question(t, "sip:x.example")); err == nil {
				t.Error("no error from a lookup that was given up")
			}
		})
		synctest.Wait()
		begun := time.Now()
		_ = r.Close()
		wg.Wait()
		if time.Since(begun) != 0 {
			t.Error("Close waited for the DNS")
		}
		if _, err := r.Locate(t.Context(), question(t, "sip:x.example")); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		c := newCache(t, r)
		if _, s := c.Pick(time.Now(), []byte("a"), question(t, "sip:x.example"), true); s != 503 {
			t.Errorf("Pick says %d", s)
		}
	})
}
