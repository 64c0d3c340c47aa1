package guard

import (
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// busy is a guard with lists, trap users, bans and an attack going on, so that
// nothing is passed over.
func busy(tb testing.TB) *Guard {
	cfg := small()
	cfg.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	cfg.Deny = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
	cfg.Traps.Users = []string{"100", "admin"}
	g := newGuard(tb, cfg)
	for i := range 200 {
		g.Result(epoch, numbered(i), []byte("victim@example.com"), false)
	}
	if err := g.Ban(epoch, netip.MustParsePrefix("198.18.0.1/32"), time.Hour, Manual); err != nil {
		tb.Fatal(err)
	}
	return g
}

func TestNoAllocation(t *testing.T) {
	if raceEnabled {
		return
	}
	g := busy(t)
	messages := []*wire.Message{parse(t, registerText), parse(t, inviteText), registerOf(t, "victim"),
		parse(t, registerText, "Example Phone", "friendly-scanner")}
	user := []byte("alice@example.com")
	now := epoch
	n := testing.AllocsPerRun(500, func() {
		now = now.Add(time.Millisecond)
		for i, src := range [...]netip.AddrPort{from("203.0.113.7"), from("2a00::7"), from("192.0.2.1"), from("198.18.0.1"), from("198.51.100.9")} {
			g.Source(now, src, transport.UDP)
			g.SecondLook(now, src, transport.TLS)
			g.Dialog(now, src, transport.UDP)
			g.Malformed(now, src, transport.UDP, wire.ReasonBareLF, 400)
			g.Proved(now, src, transport.UDP)
			g.Result(now, src, user, i == 0)
			for _, m := range messages {
				g.Request(now, src, transport.UDP, m)
			}
		}
	})
	if n != 0 {
		t.Errorf("a round allocates %v times", n)
	}
}

// BenchmarkCheck is all that an ordinary request costs.
func BenchmarkCheck(b *testing.B) {
	src := from("203.0.113.7")
	bench := func(g *Guard, m *wire.Message) func(*testing.B) {
		return func(b *testing.B) {
			now := epoch
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(time.Second)
				if !g.Source(now, src, transport.UDP) {
					b.Fatal("refused")
				}
				if pass, status, _ := g.Request(now, src, transport.UDP, m); !pass {
					b.Fatal(status)
				}
			}
		}
	}
	b.Run("REGISTER", bench(newGuard(b, Config{}), parse(b, registerText)))
	b.Run("INVITE", bench(newGuard(b, Config{}), parse(b, inviteText)))
	b.Run("BYE", bench(newGuard(b, Config{}), parse(b, inviteText, "INVITE", "BYE", "bob@example.com>", "bob@example.com>;tag=8")))
	b.Run("lists", bench(busy(b), parse(b, inviteText)))
}

func BenchmarkSource(b *testing.B) {
	g := newGuard(b, Config{})
	b.Run("pass", func(b *testing.B) {
		now := epoch
		src := from("203.0.113.7")
		b.ReportAllocs()
		for b.Loop() {
			now = now.Add(time.Second)
			g.Source(now, src, transport.UDP)
		}
	})
	b.Run("spoofed", func(b *testing.B) {
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			i++
			g.Source(epoch, numbered(i), transport.UDP)
		}
	})
	b.Run("banned", func(b *testing.B) {
		src := from("203.0.113.9")
		if err := g.Ban(epoch, netip.PrefixFrom(src.Addr(), 32), time.Hour, Manual); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			g.Source(epoch, src, transport.UDP)
		}
	})
}
