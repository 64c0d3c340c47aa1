package guard

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"pgregory.net/rapid"
)

// bannedFor says how long the source's ban lasts from now, 0 for none.
func bannedFor(g *Guard, now time.Time, src netip.AddrPort) time.Duration {
	for _, b := range g.Bans(now) {
		if b.Prefix.Contains(src.Addr()) {
			return b.Until.Sub(now)
		}
	}
	return 0
}

// TestBanDoubling drives one source through offences at any times and compares
// the bans with what the configuration says.
func TestBanDoubling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := small()
		cfg.Bans = Bans{First: time.Minute, Longest: 20 * time.Minute, Forget: time.Hour}
		g, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		src, now := from("203.0.113.7"), epoch
		id, _ := sourceKey(src.Addr())
		h := g.seed.source(id)
		var until time.Time
		strikes := 0
		for range 30 {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(90*time.Minute)).Draw(t, "gap")))
			g.offence(g.rules.Load(), now.UnixNano(), h, id, false, Flood)
			if !now.Before(until) {
				if now.Sub(until) >= time.Hour {
					strikes = 0
				}
				until = now.Add(min(time.Minute<<strikes, 20*time.Minute))
				strikes++
			}
			if got := bannedFor(g, now, src); got != until.Sub(now) {
				t.Fatalf("banned for %v, want %v", got, until.Sub(now))
			}
			for _, p := range []transport.Protocol{transport.UDP, transport.TLS} {
				if g.Source(now, src, p) || !g.Source(until, src, p) {
					t.Fatal("the ban does not hold, or not end")
				}
			}
		}
	})
}

func TestUnprovedBan(t *testing.T) {
	g := newGuard(t, small())
	src := from("203.0.113.7")
	id, _ := sourceKey(src.Addr())
	offend := func(now time.Time) { g.offence(g.rules.Load(), now.UnixNano(), g.seed.source(id), id, true, Scanner) }
	for i := range 5 {
		now := at(time.Duration(i) * time.Minute)
		offend(now)
		if got := bannedFor(g, now, src); got != 30*time.Second {
			t.Fatalf("ban %d of a source that may be forged lasts %v", i, got)
		}
		if !g.Source(now, src, transport.TCP) {
			t.Error("a connection is refused for what datagrams did")
		}
		passed := 0
		for ms := range 30000 {
			if g.Source(now.Add(time.Duration(ms)*time.Millisecond), src, transport.UDP) {
				passed++
			}
		}
		if passed != 29 {
			t.Errorf("%d datagrams passed in 30 s, want one a second", passed)
		}
	}
	// With a proof the next offence is banned for all and for long, even while
	// the short ban lasts.
	now := at(10 * time.Minute)
	offend(now)
	g.Proved(now, src, transport.UDP)
	offend(now)
	if got := bannedFor(g, now, src); got != 10*time.Minute || g.Source(now, src, transport.TCP) {
		t.Errorf("a source that proved its address is banned for %v", got)
	}
}

func TestManualBans(t *testing.T) {
	cfg := small()
	cfg.Tables.Prefixes = 2
	cfg.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	g := newGuard(t, cfg)
	p := netip.MustParsePrefix
	for _, prefix := range []string{"203.0.113.7/32", "2001:db8:1:2:3::/80", "198.51.100.0/24", "192.0.2.5/32"} {
		if err := g.Ban(epoch, p(prefix), time.Hour, Manual); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Ban(epoch, p("10.0.0.0/8"), time.Hour, Manual); !errors.Is(err, ErrFull) {
		t.Errorf("one more wide ban: %v", err)
	}
	var got []string
	for _, b := range g.Bans(epoch) {
		got = append(got, b.Prefix.String())
	}
	if want := []string{"192.0.2.5/32", "198.51.100.0/24", "203.0.113.7/32", "2001:db8:1:2::/64"}; !equal(got, want) {
		t.Errorf("bans %v, want %v", got, want)
	}
	for addr, want := range map[string]bool{"203.0.113.7": false, "203.0.113.8": true, "2001:db8:1:2::9": false, "2001:db8:1:3::9": true,
		"198.51.100.200": false, "192.0.2.5": false, "192.0.2.6": true} {
		if pass := g.Source(epoch, from(addr), transport.TCP); pass != want {
			t.Errorf("%s: pass %v", addr, pass)
		}
		if pass := g.Source(at(time.Hour), from(addr), transport.TCP); !pass {
			t.Errorf("%s: refused behind the end of the ban", addr)
		}
	}
	if g.SecondLook(epoch, from("203.0.113.7"), transport.TCP) {
		t.Error("an operator's ban leaves a way")
	}
	if err := g.Reload(cfg); err != nil || len(g.Bans(epoch)) != 4 {
		t.Errorf("after a reload %v, %v", g.Bans(epoch), err)
	}
	for prefix, want := range map[string]int{"2001:db8:1:2::77/128": 1, "198.51.0.0/16": 1, "10.0.0.0/8": 0, "203.0.113.7/32": 1} {
		if n, err := g.Unban(epoch, p(prefix)); err != nil || n != want {
			t.Errorf("unban %s: %d, %v; want %d", prefix, n, err, want)
		}
	}
	if left := g.Bans(epoch); len(left) != 1 || !g.Source(epoch, from("203.0.113.7"), transport.UDP) {
		t.Errorf("left %v", left)
	}
	for name, err := range map[string]error{
		"no prefix":    g.Ban(epoch, netip.Prefix{}, time.Hour, Manual),
		"no time":      g.Ban(epoch, p("203.0.113.7/32"), 0, Manual),
		"no reason":    g.Ban(epoch, p("203.0.113.7/32"), time.Hour, None),
		"wrong reason": g.Ban(epoch, p("203.0.113.7/32"), time.Hour, 200),
	} {
		if err == nil {
			t.Errorf("%s: banned", name)
		}
	}
	if _, err := g.Unban(epoch, netip.Prefix{}); err == nil {
		t.Error("unbanned nothing")
	}
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// TestBanTableFull fills a small table: a long ban is not lost to short ones.
func TestBanTableFull(t *testing.T) {
	b := newBanTable(ways)
	terms := Config{}.withDefaults()
	r, err := compile(terms, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := epoch.UnixNano()
	long := banned{id: 1, since: now, reason: Flood}
	if !b.add(1<<63|1, long, &r.bans) {
		t.Fatal("not banned")
	}
	for i := range uint64(1000) {
		b.add(1<<63|(i+2), banned{id: sourceID(i), since: now, reason: Flood, datagrams: true}, &r.bans)
	}
	if _, ok := b.active(1<<63|1, now); !ok || b.len() != 2*ways || b.evictions() == 0 {
		t.Errorf("active %v, %d entries, %d evicted", ok, b.len(), b.evictions())
	}
}
