package resolve

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/class5-go/class5/sip/resolve/dnstest"
)

const twoServers = `
example.com. SOA ns. root. 1 3600 600 86400 60
_sip._udp.example.com. 60 SRV 10 1 5060 a.example.com.
_sip._udp.example.com. 60 SRV 20 1 5060 b.example.com.
a.example.com. 60 A 192.0.2.1
b.example.com. 60 A 192.0.2.2
`

var (
	serverA = Target{Protocol: 1, Addr: udp("192.0.2.1:5060").Addr, Name: "example.com"}
	serverB = Target{Protocol: 1, Addr: udp("192.0.2.2:5060").Addr, Name: "example.com"}
)

// bed is a cache with its clock in a bubble of synctest.
type bed struct {
	*Cache
	t     *testing.T
	zones *dnstest.Zones
	q     Question
	known atomic.Int32
}

func newBed(t *testing.T, zones string, change ...func(*CacheConfig)) *bed {
	b := &bed{t: t, zones: parse(t, zones), q: question(t, "sip:example.com")}
	r := newResolver(t, b.zones, func(c *Config) { c.NoIPv6 = true })
	b.Cache = newCache(t, r, append(change, func(c *CacheConfig) { c.Wake = func() { b.known.Add(1) } })...)
	return b
}

func (b *bed) pick(branch string) (Target, State) {
	return b.Pick(time.Now(), []byte(branch), b.q, true)
}

// want picks and compares.
func (b *bed) want(when, branch string, t Target, s State) {
	b.t.Helper()
	if got, state := b.pick(branch); got != t || state != s {
		b.t.Errorf("%s: %v with state %d, want %v with %d", when, got, state, t, s)
	}
}

// warm asks once so that the answer is known.
func (b *bed) warm() {
	b.t.Helper()
	b.want("unknown", "warm", Target{}, Pending)
	synctest.Wait()
	if b.known.Load() != 1 {
		b.t.Fatalf("told %d times", b.known.Load())
	}
}

// TestSecondWithinFourSeconds: with nothing but the retransmissions of RFC 3261
// the second SRV target gets the request after 3.5 s, and new requests at once.
func TestSecondWithinFourSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, twoServers)
		b.warm()
		begun := time.Now()
		second := time.Duration(-1)
		t1 := 500 * time.Millisecond
		for wait := t1; second < 0; wait *= 2 {
			if got, s := b.pick("z9hG4bK1"); s != Ready {
				t.Fatalf("state %d", s)
			} else if got == serverB {
				second = time.Since(begun)
			}
			time.Sleep(wait)
		}
		if second != 3500*time.Millisecond {
			t.Errorf("the second target got it after %v", second)
		}
		b.want("another transaction", "z9hG4bK2", serverB, Ready)
		if d := b.Dead().List(time.Now()); len(d) != 1 || d[0].Addr != serverA.Addr || b.Stats(time.Now()).Silent != 1 {
			t.Errorf("dead: %+v", d)
		}
	})
}

// TestTransactionStays: an answered transaction, its CANCEL and its ACK stay with
// their target whatever becomes of it.
func TestTransactionStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, twoServers)
		b.warm()
		b.want("new", "z9hG4bK1", serverA, Ready)
		b.Answered(time.Now(), []byte("z9hG4bK1"))
		b.want("other", "z9hG4bK2", serverA, Ready)
		if !b.Fail(time.Now(), []byte("z9hG4bK2")) || b.Fail(time.Now(), []byte("z9hG4bK1")) || b.Fail(time.Now(), []byte("unknown")) {
			t.Error("Fail reports it wrongly")
		}
		b.want("the one that failed", "z9hG4bK2", serverB, Ready)
		b.want("a new one", "z9hG4bK3", serverB, Ready)
		time.Sleep(10 * time.Second)
		b.want("INVITE again", "z9hG4bK1", serverA, Ready)
		for _, branch := range []string{"z9hG4bK1", "unknown"} {
			got, s := b.Pick(time.Now(), []byte(branch), b.q, false)
			if branch == "unknown" && got != serverB || branch != "unknown" && got != serverA || s != Ready {
				t.Errorf("CANCEL of %s: %v, %d", branch, got, s)
			}
		}
		// A CANCEL or an ACK that comes again tells nothing.
		time.Sleep(10 * time.Second)
		if got, _ := b.Pick(time.Now(), []byte("unknown"), b.q, false); got != serverB || len(b.Dead().List(time.Now())) != 1 {
			t.Errorf("ACK again: %v", got)
		}
	})
}

// TestRetryAfter: a 503 sends others elsewhere for its time.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, twoServers)
		b.warm()
		b.want("new", "z9hG4bK1", serverA, Ready)
		b.Refused(time.Now(), []byte("z9hG4bK1"), 20*time.Second)
		if got, _ := b.Pick(time.Now(), []byte("z9hG4bK1"), b.q, false); got != serverA {
			t.Errorf("the ACK goes to %v", got)
		}
		time.Sleep(19 * time.Second)
		b.want("before its end", "z9hG4bK2", serverB, Ready)
		time.Sleep(time.Second)
		b.want("the first afterwards", "z9hG4bK3", serverA, Ready)
		b.want("while that one has no answer", "z9hG4bK4", serverB, Ready)
		b.Answered(time.Now(), []byte("z9hG4bK3"))
		b.want("when it has", "z9hG4bK5", serverA, Ready)
	})
}

// TestAllDead: then the target is tried that failed first.
func TestAllDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, twoServers)
		b.warm()
		b.want("new", "z9hG4bK1", serverA, Ready)
		b.Fail(time.Now(), []byte("z9hG4bK1"))
		time.Sleep(time.Second)
		b.want("the second", "z9hG4bK1", serverB, Ready)
		b.Fail(time.Now(), []byte("z9hG4bK1"))
		b.want("none left", "z9hG4bK1", serverA, Ready)
		b.Answered(time.Now(), []byte("z9hG4bK1"))
		b.want("it lives", "z9hG4bK2", serverA, Ready)
	})
}

// TestTwoNodes: with the same secret two nodes choose alike.
func TestTwoNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zones := "a.example.com. A 192.0.2.1\nb.example.com. A 192.0.2.2\n" +
			"_sip._udp.example.com. SRV 1 1 5060 a.example.com.\n_sip._udp.example.com. SRV 1 1 5060 b.example.com."
		one, two := newBed(t, zones), newBed(t, zones)
		other := newBed(t, zones, func(c *CacheConfig) { c.Secret = []byte("another secret of a node") })
		one.warm()
		two.warm()
		other.warm()
		differ := 0
		for i := range 200 {
			branch := fmt.Sprintf("z9hG4bK%d", i)
			want, _ := one.pick(branch)
			two.want("the other node", branch, want, Ready)
			if got, _ := other.pick(branch); got != want {
				differ++
			}
		}
		if differ < 50 || differ > 150 {
			t.Errorf("another secret changes %d of 200", differ)
		}
	})
}

// TestRenewal: an answer in use is renewed before it ends, so that nobody waits.
func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, twoServers)
		b.warm()
		queries := b.zones.Asked("", 0)
		for i := range 120 {
			if _, s := b.pick(fmt.Sprint(i)); s != Ready {
				t.Fatalf("state %d after %d s", s, i)
			}
			synctest.Wait()
			time.Sleep(time.Second)
		}
		if n := b.zones.Asked("", 0) - queries; n < queries || n > 3*queries {
			t.Errorf("%d queries to begin with, %d in two minutes", queries, n)
		}
		time.Sleep(2 * time.Minute)
		b.want("not in use for long", "later", Target{}, Pending)
	})
}

// TestStale: while the DNS is away old answers are used on, but not for ever, and
// not when the DNS says that there is nothing.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, twoServers)
		b.warm()
		b.zones.Script("", 0, dnstest.Fault{Rcode: dns.RcodeServerFailure})
		time.Sleep(2 * time.Minute)
		b.want("ended", "1", Target{}, Pending)
		synctest.Wait()
		b.want("stale", "1", serverA, Ready)
		if b.Stats(time.Now()).Stale != 1 {
			t.Errorf("%+v", b.Stats(time.Now()))
		}
		time.Sleep(time.Hour)
		b.want("too old", "2", Target{}, Pending)
		synctest.Wait()
		b.want("too old", "2", Target{}, 503)
		b.zones.Script("", 0)
		time.Sleep(2 * time.Second)
		b.want("back", "3", Target{}, Pending)
		synctest.Wait()
		b.want("back", "3", serverA, Ready)
		if err := b.zones.Replace("example.com. SOA ns. root. 1 3600 600 86400 60"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		b.want("gone", "4", Target{}, Pending)
		synctest.Wait()
		b.want("gone", "4", Target{}, 404)
	})
}

// TestNoLookup: what needs none is answered at once.
func TestNoLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, twoServers)
		for uri, want := range map[string]State{
			"sip:192.0.2.9": Ready, "sip:239.1.1.1": 403, "sip:[2001:db8::1]": 480, "sip:192.0.2.9;transport=ws": 480, "sips:example.com;transport=udp": 480,
		} {
			if _, s := b.Pick(time.Now(), []byte("x"), question(t, uri), true); s != want {
				t.Errorf("%s: %d, want %d", uri, s, want)
			}
		}
		if n := b.zones.Asked("", 0); n != 0 {
			t.Errorf("%d queries", n)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	m := newMemory(64)
	store := func(k uint64, at int64) {
		p := m.lock(k)
		defer p.mu.Unlock()
		p.store(transaction{key: k, first: time.Unix(at, 0)})
	}
	for i := range uint64(1000) {
		store(mix(i), int64(i+1))
	}
	kept := 0
	for i := range uint64(1000) {
		p := m.lock(mix(i))
		if p.find(mix(i)) != nil {
			kept++
			if i < 500 {
				t.Errorf("number %d is kept", i)
			}
		}
		p.mu.Unlock()
	}
	if kept != 64 {
		t.Errorf("%d of 64 places", kept)
	}
}

// TestPickAllocs: Pick allocates nothing.
func TestPickAllocs(t *testing.T) {
	if raceEnabled {
		return
	}
	z := parse(t, twoServers)
	r := newResolver(t, z)
	told := make(chan struct{}, 1)
	c := newCache(t, r, func(c *CacheConfig) { c.Wake = func() { told <- struct{}{} } })
	q := question(t, "sip:example.com")
	now := time.Now()
	branch := []byte("z9hG4bK0000")
	if _, s := c.Pick(now, branch, q, true); s != Pending {
		t.Fatal(s)
	}
	<-told
	n := 0
	if avg := testing.AllocsPerRun(500, func() {
		n++
		branch[10], branch[9] = byte(n), byte(n>>8)
		if _, s := c.Pick(now, branch, q, true); s != Ready {
			t.Error(s)
		}
		c.Answered(now, branch)
	}); avg != 0 {
		t.Errorf("%v allocations", avg)
	}
}

func BenchmarkPick(b *testing.B) {
	r := newResolver(b, parse(b, twoServers))
	told := make(chan struct{}, 1)
	c := newCache(b, r, func(c *CacheConfig) { c.Wake = func() { told <- struct{}{} } })
	q := question(b, "sip:example.com")
	now := time.Now()
	branch := []byte("z9hG4bK00000000")
	c.Pick(now, branch, q, true)
	<-told
	n := uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		n++
		branch[8], branch[9], branch[10], branch[11] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
		c.Pick(now, branch, q, true)
	}
}
