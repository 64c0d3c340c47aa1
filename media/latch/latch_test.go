package latch_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/media/latch"
	"pgregory.net/rapid"
)

func ap(s string) netip.AddrPort {
	if s == "" {
		return netip.AddrPort{}
	}
	return netip.MustParseAddrPort(s)
}

func loopback(a netip.AddrPort) bool { return a.Addr().IsLoopback() }

// step is a packet from an address, or signalling when signal is set.
type step struct {
	after  time.Duration // since the step before
	signal *latch.Signal
	from   string
	want   latch.Verdict
	remote string
	locked bool
}

func TestScripts(t *testing.T) {
	party := latch.Signal{Addr: ap("192.0.2.1:4000"), Source: netip.MustParseAddr("203.0.113.9")}
	moved := latch.Signal{Addr: ap("192.0.2.7:4000"), Source: party.Source}
	silent, mute := party, party
	silent.Silent, mute.Mute = true, true
	denied := latch.Signal{Addr: ap("127.0.0.1:5060")}
	sec := time.Second
	for name, s := range map[string]struct {
		mode  latch.Mode
		steps []step
	}{
		"before signalling nobody": {latch.Heuristic, []step{{0, nil, "192.0.2.1:4000", latch.Waiting, "", false}}},
		"exact locks at once": {latch.Heuristic, []step{
			{0, &party, "192.0.2.1:4000", latch.Learned, "192.0.2.1:4000", true},
			{0, nil, "192.0.2.1:4000", latch.Admitted, "192.0.2.1:4000", true},
			{sec, nil, "192.0.2.1:4002", latch.Foreign, "192.0.2.1:4000", true},
			{sec, nil, "203.0.113.9:4000", latch.Foreign, "192.0.2.1:4000", true},
			{9 * sec, nil, "198.51.100.66:1", latch.Foreign, "192.0.2.1:4000", true},
		}},
		"NAT, first of equals wins, exact may improve": {latch.Heuristic, []step{
			{0, &party, "203.0.113.9:61000", latch.Learned, "203.0.113.9:61000", false},
			{sec, nil, "203.0.113.9:61001", latch.Foreign, "203.0.113.9:61000", false},
			{0, nil, "192.0.2.1:5000", latch.Foreign, "203.0.113.9:61000", false},
			{0, nil, "192.0.2.1:4000", latch.Learned, "192.0.2.1:4000", true},
		}},
		"NAT locks after the window": {latch.Heuristic, []step{
			{0, &party, "203.0.113.9:61000", latch.Learned, "203.0.113.9:61000", false},
			{3 * sec, nil, "192.0.2.1:4000", latch.Foreign, "203.0.113.9:61000", true},
			{0, nil, "203.0.113.9:61000", latch.Admitted, "203.0.113.9:61000", true},
		}},
		"stranger waits": {latch.Heuristic, []step{
			{0, &party, "198.51.100.66:1", latch.Waiting, "192.0.2.1:4000", false},
			{2999 * time.Millisecond, nil, "198.51.100.66:1", latch.Waiting, "192.0.2.1:4000", false},
			{time.Millisecond, nil, "198.51.100.66:1", latch.Learned, "198.51.100.66:1", false},
			{sec, nil, "198.51.100.67:1", latch.Foreign, "198.51.100.66:1", false},
			{9 * sec, nil, "203.0.113.9:7", latch.Learned, "203.0.113.9:7", false},
			{sec, nil, "198.51.100.66:1", latch.Foreign, "203.0.113.9:7", false},
			{3 * sec, nil, "198.51.100.66:1", latch.Foreign, "203.0.113.9:7", true},
		}},
		"asymmetric": {latch.Asymmetric, []step{
			{0, &party, "198.51.100.66:1", latch.Admitted, "192.0.2.1:4000", false},
			{sec / 2, nil, "198.51.100.67:1", latch.Foreign, "192.0.2.1:4000", false},
			{0, nil, "192.0.2.1:4000", latch.Admitted, "192.0.2.1:4000", false},
			{0, nil, "198.51.100.66:1", latch.Admitted, "192.0.2.1:4000", false},
			{sec, nil, "198.51.100.67:1", latch.Admitted, "192.0.2.1:4000", false},
			{0, nil, "198.51.100.66:1", latch.Foreign, "192.0.2.1:4000", false},
			{0, nil, "127.0.0.1:5060", latch.Denied, "192.0.2.1:4000", false},
			{0, &moved, "198.51.100.66:1", latch.Admitted, "192.0.2.7:4000", false},
		}},
		"repeated signalling gives the party its time again": {latch.Heuristic, []step{
			{0, &party, "198.51.100.66:1", latch.Waiting, "192.0.2.1:4000", false},
			{2 * sec, &party, "198.51.100.66:1", latch.Waiting, "192.0.2.1:4000", false},
			{2 * sec, nil, "198.51.100.66:1", latch.Waiting, "192.0.2.1:4000", false},
		}},
		"stranger never, when the party is silent": {latch.Heuristic, []step{
			{0, &silent, "198.51.100.66:1", latch.Waiting, "192.0.2.1:4000", false},
			{9 * sec, nil, "198.51.100.66:1", latch.Waiting, "192.0.2.1:4000", false},
			{0, nil, "192.0.2.1:4000", latch.Learned, "192.0.2.1:4000", true},
		}},
		"repeated signalling opens nothing": {latch.Heuristic, []step{
			{0, &party, "203.0.113.9:61000", latch.Learned, "203.0.113.9:61000", false},
			{4 * sec, nil, "203.0.113.9:61000", latch.Admitted, "203.0.113.9:61000", true},
			{0, &silent, "203.0.113.9:61001", latch.Foreign, "203.0.113.9:61000", true},
		}},
		"another address opens": {latch.Heuristic, []step{
			{0, &party, "192.0.2.1:4000", latch.Learned, "192.0.2.1:4000", true},
			{sec, &moved, "192.0.2.1:4000", latch.Waiting, "192.0.2.7:4000", false},
			{0, nil, "192.0.2.7:4000", latch.Learned, "192.0.2.7:4000", true},
		}},
		"mute keeps what was learned": {latch.Heuristic, []step{
			{0, &party, "203.0.113.9:61000", latch.Learned, "203.0.113.9:61000", false},
			{4 * sec, &mute, "203.0.113.9:61000", latch.Admitted, "", true},
			{sec, &party, "198.51.100.66:1", latch.Foreign, "203.0.113.9:61000", true},
		}},
		"denied": {latch.Heuristic, []step{
			{0, &denied, "127.0.0.1:5060", latch.Denied, "", false},
			{4 * sec, nil, "127.0.0.1:99", latch.Denied, "", false},
			{0, nil, "198.51.100.66:1", latch.Learned, "198.51.100.66:1", false},
		}},
		"off": {latch.Off, []step{
			{0, &party, "203.0.113.9:61000", latch.Foreign, "192.0.2.1:4000", false},
			{9 * sec, nil, "192.0.2.1:4001", latch.Foreign, "192.0.2.1:4000", false},
			{0, nil, "192.0.2.1:4000", latch.Learned, "192.0.2.1:4000", true},
		}},
		"immediate": {latch.Immediate, []step{
			{0, &party, "198.51.100.66:1", latch.Learned, "198.51.100.66:1", true},
			{0, nil, "192.0.2.1:4000", latch.Foreign, "198.51.100.66:1", true},
		}},
		"delayed": {latch.Delayed, []step{
			{0, &party, "198.51.100.66:1", latch.Admitted, "192.0.2.1:4000", false},
			{2 * sec, nil, "198.51.100.67:1", latch.Admitted, "192.0.2.1:4000", false},
			{sec, nil, "198.51.100.67:2", latch.Learned, "198.51.100.67:2", true},
			{0, nil, "198.51.100.67:1", latch.Foreign, "198.51.100.67:2", true},
		}},
		"delayed, but where it said": {latch.Delayed, []step{
			{0, &party, "192.0.2.1:4000", latch.Learned, "192.0.2.1:4000", true},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l, now := latch.New(s.mode, loopback), time.Unix(1000, 0)
			for i, st := range s.steps {
				now = now.Add(st.after)
				if st.signal != nil {
					l.Signal(*st.signal, now)
				}
				got := l.Admit(ap(st.from), now)
				if got != st.want || l.Remote() != ap(st.remote) || l.Locked() != st.locked {
					t.Fatalf("step %d: verdict %d, remote %v, locked %v; want %+v", i, got, l.Remote(), l.Locked(), st)
				}
			}
		})
	}
}

func TestFollow(t *testing.T) {
	now := time.Unix(1000, 0)
	l := latch.New(latch.Heuristic, loopback)
	s := latch.Signal{Addr: ap("192.168.1.5:4001"), Silent: true}
	l.Signal(s, now)
	l.Follow(ap("127.0.0.1:9"))
	if l.Remote() != s.Addr {
		t.Errorf("followed to a denied address: %v", l.Remote())
	}
	l.Follow(ap("203.0.113.9:61001"))
	if l.Remote() != ap("203.0.113.9:61001") || l.Signal(s, now) {
		t.Errorf("remote %v", l.Remote())
	}
	if v := l.Admit(ap("203.0.113.9:777"), now); v != latch.Learned {
		t.Errorf("verdict %d", v)
	}
	l.Follow(ap("203.0.113.9:1"))
	if l.Remote() != ap("203.0.113.9:777") || l.Signalled() != s.Addr {
		t.Errorf("remote %v, signalled %v", l.Remote(), l.Signalled())
	}
}

// TestInvariants lets parties and attackers send at random.
func TestInvariants(t *testing.T) {
	hosts := []string{"192.0.2.1", "192.0.2.2", "203.0.113.9", "198.51.100.66", "198.51.100.67", "127.0.0.1"}
	addr := rapid.Custom(func(t *rapid.T) netip.AddrPort {
		return netip.AddrPortFrom(netip.MustParseAddr(rapid.SampledFrom(hosts).Draw(t, "host")), rapid.Uint16Range(0, 2).Draw(t, "port"))
	})
	rapid.Check(t, func(t *rapid.T) {
		l, now := latch.New(latch.Heuristic, loopback), time.Unix(1000, 0)
		var s latch.Signal
		var opened time.Time
		ok := map[netip.AddrPort]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 2500).Draw(t, "ms")) * time.Millisecond)
			before, locked := l.Remote(), l.Locked()
			if rapid.IntRange(0, 9).Draw(t, "what") == 0 {
				s = latch.Signal{Addr: addr.Draw(t, "addr"), Source: addr.Draw(t, "source").Addr(), Silent: rapid.Bool().Draw(t, "silent")}
				if l.Signal(s, now) {
					opened = now
					clear(ok)
					ok[s.Addr] = true
				}
			} else {
				from := addr.Draw(t, "from")
				v := l.Admit(from, now)
				stranger := from.Addr() != s.Addr.Addr() && from.Addr() != s.Source
				if v.Ok() && stranger && (!before.IsValid() || before != from) && now.Sub(opened) < latch.Window {
					t.Fatalf("stranger %v admitted %v after signalling", from, now.Sub(opened))
				}
				if locked && l.Remote() != before {
					t.Fatal("moved while locked")
				}
				if v.Ok() {
					ok[from] = true
				}
				if v.Ok() && l.Remote() != from {
					t.Fatalf("admitted %v, remote %v", from, l.Remote())
				}
			}
			if r := l.Remote(); r.IsValid() && (!ok[r] || loopback(r) || r.Port() == 0) {
				t.Fatalf("would send to %v", r)
			}
		}
	})
}

func TestRoam(t *testing.T) {
	now, home, away := time.Unix(1000, 0), ap("192.0.2.1:4000"), ap("203.0.113.9:7")
	l := latch.New(latch.Heuristic, loopback)
	if l.Signal(latch.Signal{Addr: home}, now); l.Roam(away, now.Add(time.Minute)) {
		t.Error("nobody was heard yet")
	}
	l.Admit(home, now)
	now = now.Add(latch.Silence - 1)
	if l.Roam(away, now) || l.Admit(away, now) != latch.Foreign {
		t.Error("the old source was heard just now")
	}
	now = now.Add(1)
	if l.Roam(ap("127.0.0.1:4000"), now) || !l.Roam(away, now) || l.Remote() != away || !l.Locked() {
		t.Errorf("remote %v", l.Remote())
	}
	if l.Admit(home, now) != latch.Foreign || l.Roam(home, now) {
		t.Error("the new source is the one that is heard now")
	}
}

func TestFixAndRestart(t *testing.T) {
	now, chosen := time.Unix(1000, 0), ap("203.0.113.9:7")
	l := latch.New(latch.Heuristic, loopback)
	if l.Fix(ap("127.0.0.1:1"), now) || !l.Fix(chosen, now) || l.Remote() != chosen || !l.Locked() {
		t.Errorf("remote %v", l.Remote())
	}
	l.Restart(ap("127.0.0.1:1"), now)
	if l.Admit(ap("192.0.2.1:4000"), now) != latch.Foreign {
		t.Error("restarted towards a denied address")
	}
	l.Restart(ap("198.51.100.1:9"), now)
	if l.Remote() != ap("198.51.100.1:9") || l.Locked() || l.Admit(chosen, now) != latch.Waiting || l.Admit(ap("198.51.100.1:10"), now) != latch.Learned {
		t.Errorf("remote %v", l.Remote())
	}
}

func BenchmarkAdmit(b *testing.B) {
	l, now, from := latch.New(latch.Heuristic, loopback), time.Unix(1000, 0), ap("192.0.2.1:4000")
	l.Signal(latch.Signal{Addr: from}, now)
	b.ReportAllocs()
	for b.Loop() {
		if !l.Admit(from, now).Ok() {
			b.Fatal("refused")
		}
	}
}

func TestMove(t *testing.T) {
	now := time.Unix(1000, 0)
	l := latch.New(latch.Heuristic, loopback)
	l.Signal(latch.Signal{Addr: ap("192.0.2.1:4000")}, now)
	if l.Move(ap("198.51.100.66:1"), now) {
		t.Error("a party that was not heard moves")
	}
	l.Admit(ap("192.0.2.1:4000"), now)
	if l.Move(ap("127.0.0.1:9"), now) || !l.Move(ap("198.51.100.66:1"), now) {
		t.Error("moves wrongly")
	}
	if l.Remote() != ap("198.51.100.66:1") || !l.Locked() || l.Admit(ap("192.0.2.1:4000"), now).Ok() {
		t.Errorf("at %v", l.Remote())
	}
}
