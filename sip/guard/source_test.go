package guard

import (
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

func TestSource(t *testing.T) {
	cfg := small()
	cfg.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	cfg.Deny = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("192.0.2.9/32")}
	g := newGuard(t, cfg)
	for addr, want := range map[string]int{"203.0.113.7": 500, "2001:db8::7": 500, "192.0.2.1": 1000, "198.51.100.1": 0, "192.0.2.9": 0, "0.0.0.0": 0} {
		n := 0
		for range 1000 {
			if g.Source(epoch, from(addr), tcp) {
				n++
			}
		}
		if n != want {
			t.Errorf("%s: %d of 1000 pass, want %d", addr, n, want)
		}
	}
	if g.Source(epoch, from("2001:db8::ffff:1"), tcp) {
		t.Error("another address of the same /64 has a bucket of its own")
	}
	if !g.Source(epoch, from("203.0.113.7"), udp) {
		t.Error("datagrams and connections share a bucket")
	}
	if !g.Source(at(10*time.Millisecond), from("203.0.113.7"), tcp) {
		t.Error("the bucket does not fill again")
	}
	if pass, status, _ := g.Request(epoch, netip.AddrPort{}, udp, parse(t, inviteText)); pass || status != 0 {
		t.Error("a request from nowhere passes")
	}
	for range 3000 {
		if pass, _, _ := g.Request(epoch, from("192.0.2.1"), udp, parse(t, inviteText, "Example Phone", "sipvicious")); !pass {
			t.Fatal("a trusted source is limited")
		}
	}
}

func TestMethodAndUserBuckets(t *testing.T) {
	g := newGuard(t, small())
	count := func(src netip.AddrPort, m *wire.Message, n int) (passed int) {
		for range n {
			if request(g, epoch, src, udp, m) == "pass" {
				passed++
			}
		}
		return passed
	}
	invite := parse(t, inviteText)
	if n := count(from("203.0.113.7"), invite, 100); n != 30 {
		t.Errorf("%d calls of one user, want the burst of 30", n)
	}
	if n := count(from("203.0.113.8"), invite, 100); n != 0 {
		t.Errorf("%d calls of the same user from elsewhere", n)
	}
	other := parse(t, inviteText, "sip:alice@example.com", "sip:carol@example.com")
	if n := count(from("203.0.113.9"), other, 20); n != 20 {
		t.Errorf("%d of 20 calls of another user", n)
	}
	if n := count(from("203.0.113.7"), other, 10); n != 0 {
		t.Errorf("%d calls when the source has none left", n)
	}
	if n := count(from("203.0.113.7"), parse(t, inviteText, "INVITE", "OPTIONS", "alice", "erin"), 100); n != 20 {
		t.Errorf("%d OPTIONS, want the burst of 20", n)
	}
	for name, m := range map[string]*wire.Message{
		"ACK":    parse(t, inviteText, "INVITE", "ACK"),
		"CANCEL": parse(t, inviteText, "INVITE", "CANCEL"),
		"BYE":    parse(t, inviteText, "INVITE", "BYE", "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=1"),
	} {
		if n := count(from("203.0.113.7"), m, 1000); n != 1000 {
			t.Errorf("%d of 1000 %s", n, name)
		}
	}
	// The user is known at home, where neither who claims to be the user nor who
	// forges the address has emptied this bucket.
	home := from("198.51.100.7")
	g.Result(epoch, home, []byte("alice@example.com"), true)
	if n := count(home, invite, 100); n != 30 {
		t.Errorf("%d calls from home, want 30", n)
	}
	s := g.Stats(epoch)
	if s.Refused[MethodRate] == 0 || s.Refused[UserRate] == 0 {
		t.Errorf("%+v", s.Refused)
	}
}

// TestForgedSource floods with the address of a phone and with scanner's words.
func TestForgedSource(t *testing.T) {
	g, phone := newGuard(t, small()), from("203.0.113.7")
	g.Result(epoch, phone, []byte("alice@example.com"), true)
	g.Proved(epoch, phone, udp)
	scanner := parse(t, inviteText, "Example Phone", "sipvicious")
	now := epoch
	for i := range 20000 {
		now = at(time.Duration(i) * 100 * time.Microsecond)
		if g.Source(now, phone, udp) {
			g.Request(now, phone, udp, scanner)
		}
	}
	if bans := g.Bans(now); len(bans) != 0 {
		t.Fatalf("forged datagrams banned the phone: %v", bans)
	}
	if !g.Source(now, phone, tcp) {
		t.Error("its connections are refused")
	}
	if g.Source(now, phone, udp) {
		t.Error("the bucket has room")
	}
	if !g.SecondLook(now, phone, udp) || !g.Dialog(now, phone, udp) {
		t.Error("its calls are refused")
	}
	if now = now.Add(time.Second); !g.Source(now, phone, udp) {
		t.Error("refused a second after the flood")
	}
	// The same against somebody unknown ends by itself, and connections go on.
	unknown := from("203.0.113.8")
	for i := range 20000 {
		now = now.Add(100 * time.Microsecond)
		if g.Source(now, unknown, udp) {
			g.Request(now, unknown, udp, scanner)
		}
		_ = i
	}
	if left := bannedFor(g, now, unknown); left == 0 || left > 30*time.Second || !g.Source(now, unknown, tcp) {
		t.Errorf("banned for %v", left)
	}
	if g.SecondLook(now, unknown, udp) {
		t.Error("who proved nothing is looked at again")
	}
	// The trickle lets it log in, and that ends the ban.
	g.Result(now, unknown, []byte("bob@example.com"), true)
	if bannedFor(g, now, unknown) != 0 {
		t.Error("still banned after a success")
	}
}

func TestSecondLooksAreBounded(t *testing.T) {
	cfg := small()
	cfg.Limits.SecondLooks = Rate{Count: 100, Burst: 100}
	cfg.Limits.Dialog = Rate{Count: 10}
	g, n, d := newGuard(t, cfg), 0, 0
	for i := range 1000 {
		g.Proved(epoch, numbered(i), udp)
		if g.SecondLook(epoch, numbered(i), udp) {
			n++
		}
		if g.Dialog(epoch, numbered(1), udp) {
			d++
		}
	}
	if n != 100 || d != 10 {
		t.Errorf("%d second looks, %d dialogs", n, d)
	}
	cfg = small()
	cfg.Deny = []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}
	if newGuard(t, cfg).SecondLook(epoch, from("203.0.113.7"), tcp) {
		t.Error("a denied source is looked at again")
	}
}

// TestMillionSources floods from a million forged sources with everything that
// leaves a trace.
func TestMillionSources(t *testing.T) {
	g := newGuard(t, Config{})
	phone := from("203.0.113.7")
	user := []byte("alice@example.com")
	register, scanner := parse(t, registerText), parse(t, registerText, "Example Phone", "friendly-scanner")
	g.Result(epoch, phone, user, true)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, memory := heap(), g.Memory()
	const sources = 1_000_000
	for i := range sources {
		now := at(time.Duration(i) * 10 * time.Microsecond)
		src := numbered(i)
		if i%2 == 0 {
			src = netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}), 5060)
		}
		if g.Source(now, src, udp) {
			switch i % 4 {
			case 0:
				g.Request(now, src, udp, register)
			case 1:
				g.Request(now, src, udp, scanner)
			case 2:
				g.Malformed(now, src, udp, wire.ReasonVia, 400)
			case 3:
				g.Result(now, src, user, false)
			}
		}
		if i%20000 == 0 { // the phone at 5 messages a second
			if !g.Source(now, phone, udp) {
				t.Fatalf("the phone is refused after %d sources", i)
			}
			if pass, status, _ := g.Request(now, phone, udp, register); !pass {
				t.Fatalf("the phone's REGISTER is refused with %d after %d sources", status, i)
			}
		}
	}
	if after := heap(); after > before+1<<20 {
		t.Errorf("the heap grew from %d to %d", before, after)
	}
	if g.Memory() != memory {
		t.Errorf("the tables grew from %d to %d", memory, g.Memory())
	}
	t.Logf("tables %d KiB, heap %d KiB before", memory>>10, before>>10)
	runtime.KeepAlive(g)
}

func TestMemoryIsWhatIsConfigured(t *testing.T) {
	for _, n := range []int{1, 1000, 1 << 16} {
		g := newGuard(t, Config{Tables: Tables{Sources: n, Methods: n, Users: n, Bans: n, Standing: n, Targets: n, Known: n}})
		if m := g.Memory(); m < 150*n || m > 600*(n+16) {
			t.Errorf("%d entries each take %d octets", n, m)
		}
		for _, table := range g.Stats(epoch).Tables {
			if table.Size < n || table.Size > 2*n+16 || table.Used != 0 || table.Evicted != 0 {
				t.Errorf("%d entries wanted: %+v", n, table)
			}
		}
	}
}

func TestReload(t *testing.T) {
	g, src := newGuard(t, small()), from("203.0.113.7")
	if err := g.Ban(epoch, netip.MustParsePrefix("203.0.113.9/32"), time.Hour, Manual); err != nil {
		t.Fatal(err)
	}
	for g.Source(epoch, src, udp) {
	}
	cfg := small()
	cfg.Tables.Bans = 1 << 12
	if err := g.Reload(cfg); !errors.Is(err, ErrTables) {
		t.Errorf("other tables: %v", err)
	}
	cfg = small()
	cfg.Bans.Unproved = time.Minute
	if err := g.Reload(cfg); err == nil {
		t.Error("a minute for forged sources is taken")
	}
	if g.Source(epoch, src, udp) || g.Source(epoch, from("203.0.113.9"), udp) {
		t.Error("buckets or bans are lost")
	}
	cfg = small()
	cfg.Allow = []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}
	if err := g.Reload(cfg); err != nil || !g.Source(epoch, src, udp) || g.Source(epoch, from("203.0.113.9"), udp) {
		t.Errorf("not in force: %v", err)
	}
}

func TestConfigErrors(t *testing.T) {
	for name, set := range map[string]func(*Config){
		"rate":        func(c *Config) { c.Limits.User = Rate{Count: 1, Per: -1} },
		"rule":        func(c *Config) { c.Traps.User = Rule{Reply, 200, ""} },
		"action":      func(c *Config) { c.Auth.Refused = Rule{Action: 9} },
		"table":       func(c *Config) { c.Tables.Users = -1 },
		"large table": func(c *Config) { c.Tables.Known = 1 << 40 },
		"unproved":    func(c *Config) { c.Bans.Unproved = 31 * time.Second },
		"longest":     func(c *Config) { c.Bans.Longest = time.Minute },
		"time":        func(c *Config) { c.Auth.Known = -time.Hour },
		"failures":    func(c *Config) { c.Auth.SourceFailures = -1 },
		"sources":     func(c *Config) { c.Auth.UserSources = 41 },
		"check":       func(c *Config) { c.Policy.Checks = map[Check]Rule{99: {Action: Drop}} },
		"check rule":  func(c *Config) { c.Policy.Checks = map[Check]Rule{Branch: {Reply, 100, ""}} },
		"malformed":   func(c *Config) { c.Policy.Malformed = map[wire.Reason]Rule{wire.ReasonNUL: {Reply, 700, ""}} },
	} {
		cfg := small()
		set(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: made", name)
		}
	}
}

// TestConcurrently lets the race detector look at everything at once.
func TestConcurrently(t *testing.T) {
	g := newGuard(t, small())
	text := []string{registerText, inviteText}
	var wg sync.WaitGroup
	for w := range 4 {
		m := parse(t, text[w%2])
		wg.Go(func() {
			for i := range 500 {
				now, src := at(time.Duration(i)*time.Millisecond), numbered(i%50)
				p := transport.Protocol(i%5 + 1)
				g.Source(now, src, p)
				g.SecondLook(now, src, p)
				g.Dialog(now, src, p)
				g.Request(now, src, p, m)
				g.Malformed(now, src, p, wire.ReasonVia, 400)
				g.Proved(now, src, p)
				g.Result(now, src, []byte("alice@example.com"), i%9 == 0)
			}
		})
	}
	for i := range 20 {
		if err := g.Reload(small()); err != nil {
			t.Error(err)
		}
		_ = g.Ban(epoch, netip.PrefixFrom(numbered(i).Addr(), 24+i%9), time.Hour, Manual)
		g.Bans(epoch)
		g.Stats(epoch)
		_, _ = g.Unban(epoch, netip.PrefixFrom(numbered(i).Addr(), 16))
	}
	wg.Wait()
}
