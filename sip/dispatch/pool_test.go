package dispatch

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/wire"
)

// clock is the time of a test.
type clock struct {
	*Pool
	tb  testing.TB
	now time.Time
}

func newPool(tb testing.TB, cfg Config, targets ...Target) *clock {
	tb.Helper()
	if cfg.Random == nil {
		cfg.Random = func() uint64 { return 1e8 } // of a second, which makes the interval exact
	}
	p, err := New(cfg, targets...)
	if err != nil {
		tb.Fatal(err)
	}
	return &clock{Pool: p, tb: tb, now: time.Unix(1700000000, 0)}
}

func (c *clock) set(targets ...Target) {
	c.tb.Helper()
	if err := c.Set(targets...); err != nil {
		c.tb.Fatal(err)
	}
}

// pass lets time pass, during which the targets in silent don't answer.
func (c *clock) pass(d time.Duration, silent ...netip.AddrPort) {
	for end := c.now.Add(d); c.now.Before(end); {
		c.now = c.now.Add(100 * time.Millisecond)
	probes:
		for _, probe := range c.Tick(c.now) {
			for _, s := range silent {
				if s == probe.Addr {
					continue probes
				}
			}
			c.Result(c.now, probe.Addr, true)
		}
	}
}

func (c *clock) pick(i int, m wire.Method) netip.AddrPort {
	c.tb.Helper()
	addr, ok := c.Pick(c.query(i, m))
	if !ok {
		c.tb.Fatalf("%v %d: no target", m, i)
	}
	return addr
}

func (c *clock) query(i int, m wire.Method) relay.Query {
	return relay.Query{
		CallID: fmt.Appendf(nil, "%d@192.0.2.7", i), Branch: fmt.Appendf(nil, "z9hG4bK%d", i), Method: m, At: c.now,
	}
}

func (c *clock) state(addr netip.AddrPort) State {
	for _, s := range c.List() {
		if s.Addr == addr {
			return s.State
		}
	}
	return StateUnknown
}

func numbered(n int) []Target {
	list := make([]Target, n)
	for i := range list {
		list[i].Addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i + 1)}), 5060)
	}
	return list
}

// shares counts where calls go.
func (c *clock) shares(from, to int) map[netip.AddrPort]int {
	got := map[netip.AddrPort]int{}
	for i := from; i < to; i++ {
		got[c.pick(i, wire.REGISTER)]++
	}
	return got
}

func TestDownAndUp(t *testing.T) {
	list := numbered(3)
	c, bad := newPool(t, Config{}, list...), list[1].Addr
	c.pass(5 * time.Second)
	for _, s := range c.List() {
		if s.State != StateUp {
			t.Fatalf("%+v", s)
		}
	}
	c.pass(2*time.Second, bad)
	if got := c.state(bad); got != StateUp {
		t.Errorf("after two seconds of silence: %v", got)
	}
	c.pass(2*time.Second, bad)
	if got := c.state(bad); got != StateDown || c.Health(bad) != relay.Down {
		t.Errorf("after four seconds of silence: %v, %v", got, c.Health(bad))
	}
	if n := c.shares(0, 1000)[bad]; n > 0 {
		t.Errorf("%d of 1000 calls go to the target that is down", n)
	}
	c.pass(time.Second)
	if got := c.state(bad); got != StateDown {
		t.Errorf("after one answer: %v", got)
	}
	c.pass(time.Second)
	if got := c.state(bad); got != StateSlowStart || c.Health(bad) != relay.Up {
		t.Errorf("after two answers: %v, %v", got, c.Health(bad))
	}
	c.pass(DefaultSlowStart)
	if got := c.state(bad); got != StateUp {
		t.Errorf("after the slow start: %v", got)
	}
}

// TestSlowStart: the share grows, and only the target that has come up takes.
func TestSlowStart(t *testing.T) {
	const calls = 4000
	list := numbered(4)
	c, late := newPool(t, Config{}, list...), list[2].Addr
	c.pass(time.Second)
	c.pass(5*time.Second, late)
	c.pass(2 * time.Second)
	where := make([]netip.AddrPort, calls)
	for i := range calls {
		where[i] = c.pick(i, wire.REGISTER)
	}
	last := 0
	for range 10 {
		n := 0
		for i := range calls {
			to := c.pick(i, wire.REGISTER)
			if to == late {
				n++
			}
			if to != where[i] && to != late {
				t.Fatalf("call %d moved from %v to %v", i, where[i], to)
			}
			where[i] = to
		}
		if n < last || last == 0 && n > calls/15 {
			t.Errorf("%d calls after %d", n, last)
		}
		last = n
		c.pass(DefaultSlowStart / 8)
	}
	if last < calls/4-calls/50 || last > calls/4+calls/50 {
		t.Errorf("%d of %d calls at last", last, calls)
	}
}

func TestNeverAnswered(t *testing.T) {
	list := numbered(2)
	c := newPool(t, Config{}, list...)
	c.pass(2*time.Second, list[0].Addr)
	if got := c.state(list[0].Addr); got != StateDown {
		t.Errorf("silent from the start: %v", got)
	}
	// The first answer is enough, and says what being up from the start does not.
	proven := func(addr netip.AddrPort) bool {
		return slices.ContainsFunc(c.List(), func(s Status) bool { return s.Addr == addr && s.Proven })
	}
	if proven(list[0].Addr) || !proven(list[1].Addr) {
		t.Errorf("%+v", c.List())
	}
	c.pass(time.Second)
	if got := c.state(list[0].Addr); got != StateSlowStart || !proven(list[0].Addr) {
		t.Errorf("after its first answer: %+v", c.List())
	}
	// One that joins has to show itself first.
	joined := append(list, Target{Addr: netip.MustParseAddrPort("[fd00::1]:5060")})
	c.set(joined...)
	if got := c.Health(joined[2].Addr); got != relay.Down {
		t.Errorf("just joined: %v", got)
	}
	c.pass(3 * time.Second)
	if got := c.Health(joined[2].Addr); got != relay.Up {
		t.Errorf("joined and answering: %v", got)
	}
}

func TestUnreachable(t *testing.T) {
	list := numbered(2)
	c, bad := newPool(t, Config{}, list...), list[0].Addr
	c.pass(5 * time.Second)
	for range 10 {
		c.Unreachable(c.now, bad)
	}
	if got := c.state(bad); got != StateUp {
		t.Errorf("after a burst: %v", got)
	}
	c.pass(300 * time.Millisecond)
	c.Unreachable(c.now, bad)
	if got := c.state(bad); got != StateUp {
		t.Errorf("with an answer between: %v", got)
	}
	c.now = c.now.Add(200 * time.Millisecond)
	c.Unreachable(c.now, bad)
	if got := c.state(bad); got != StateDown {
		t.Errorf("after two: %v", got)
	}
	c.Unreachable(c.now, netip.MustParseAddrPort("192.0.2.1:5060"))
	c.Result(c.now, netip.MustParseAddrPort("192.0.2.1:5060"), true)
}

func TestBusyAndDraining(t *testing.T) {
	list := numbered(2)
	a, b := list[0].Addr, list[1].Addr
	c := newPool(t, Config{}, list...)
	c.Busy(c.now, a, 10*time.Second)
	c.Busy(c.now, a, time.Second)
	if c.state(a) != StateBusy || c.Health(a) != relay.Up || c.shares(0, 200)[a] > 0 {
		t.Errorf("busy: %v, %v, %v", c.state(a), c.Health(a), c.shares(0, 200))
	}
	if err := c.Drain(c.now, b, true); err != nil {
		t.Fatal(err)
	}
	if c.state(b) != StateDraining || c.Health(b) != relay.Up || c.shares(0, 200)[b] > 0 {
		t.Errorf("one busy, one draining: %v, %v", c.state(b), c.shares(0, 200))
	}
	c.pass(11 * time.Second)
	if c.state(a) != StateUp {
		t.Errorf("busy no more: %v", c.state(a))
	}
	if err := c.Drain(c.now, a, true); err != nil {
		t.Fatal(err)
	}
	if got := c.shares(0, 200); got[a] == 0 || got[b] == 0 {
		t.Errorf("with nothing but draining targets: %v", got)
	}
	if err := c.Drain(c.now, b, false); err != nil {
		t.Fatal(err)
	}
	if got := c.shares(0, 200); got[a] > 0 {
		t.Errorf("with one that does not drain any more: %v", got)
	}
	c.Busy(c.now, b, 24*time.Hour)
	c.pass(MaxBusy)
	if got := c.state(b); got != StateUp {
		t.Errorf("busy for longer than it may be: %v", got)
	}
}

func TestAllDown(t *testing.T) {
	list := numbered(2)
	c := newPool(t, Config{}, list...)
	c.pass(time.Second)
	c.pass(5*time.Second, list[0].Addr, list[1].Addr)
	if addr, ok := c.Pick(c.query(1, wire.INVITE)); ok {
		t.Errorf("with all targets down: %v", addr)
	}
	// One that is set then is the only hope.
	third := numbered(3)[2]
	c.set(append(list, third)...)
	if got := c.pick(1, wire.INVITE); got != third.Addr {
		t.Errorf("%v", got)
	}
	c.set()
	if _, ok := newPool(t, Config{}).Pick(c.query(1, wire.INVITE)); ok {
		t.Error("a pool without targets has one")
	}
}

// TestChassis: work leaves the chassis only when it must, and comes back with
// the slow start of the first target there.
func TestChassis(t *testing.T) {
	list := numbered(4)
	for i := range list {
		list[i].Chassis = []string{"one", "two"}[i/2]
	}
	c := newPool(t, Config{Scope: Chassis, Chassis: "one"}, list...)
	ours := func() int {
		got := c.shares(0, 1000)
		return got[list[0].Addr] + got[list[1].Addr]
	}
	c.pass(time.Second)
	if n := ours(); n != 1000 {
		t.Errorf("%d of 1000 stay", n)
	}
	c.pass(5*time.Second, list[0].Addr)
	if n := ours(); n != 1000 {
		t.Errorf("with one of two down %d of 1000 stay", n)
	}
	c.Busy(c.now, list[1].Addr, 3*time.Second)
	if n := ours(); n != 0 {
		t.Errorf("with nobody left %d of 1000 stay", n)
	}
	c.pass(8*time.Second, list[0].Addr, list[1].Addr)
	if n := ours(); n != 0 {
		t.Errorf("with both down %d of 1000 stay", n)
	}
	c.pass(2*time.Second, list[1].Addr)
	if n := ours(); n < 1 || n > 100 {
		t.Errorf("at the begin of the slow start %d of 1000 are back", n)
	}
	c.pass(DefaultSlowStart/2, list[1].Addr)
	if n := ours(); n < 400 || n > 650 {
		t.Errorf("in the middle of the slow start %d of 1000 are back", n)
	}
	c.pass(DefaultSlowStart/2, list[1].Addr)
	if n := ours(); n != 1000 {
		t.Errorf("after the slow start %d of 1000 are back", n)
	}
}

// TestSetLosesNothing: what is not named any more keeps its dialogs for a while.
func TestSetLosesNothing(t *testing.T) {
	list := numbered(3)
	c := newPool(t, Config{Linger: time.Minute}, list...)
	gone := list[2].Addr
	c.set(list[:2]...)
	c.pass(time.Second)
	if c.state(gone) != StateDraining || c.Health(gone) != relay.Up || c.shares(0, 300)[gone] > 0 {
		t.Errorf("%v, %v", c.state(gone), c.Health(gone))
	}
	c.set(list...)
	if c.state(gone) != StateUp {
		t.Errorf("named again: %v", c.state(gone))
	}
	c.set(list[:2]...)
	c.pass(59 * time.Second)
	if c.Health(gone) != relay.Up {
		t.Error("removed too early")
	}
	c.pass(2 * time.Second)
	if c.Health(gone) != relay.Unknown || c.state(gone) != StateUnknown {
		t.Error("not removed")
	}
	if err := c.Remove(c.now, list[0].Addr); err != nil || c.Health(list[0].Addr) != relay.Unknown {
		t.Errorf("removed by hand: %v, %v", err, c.Health(list[0].Addr))
	}
	if err := c.Remove(c.now, list[0].Addr); !errors.Is(err, ErrUnknown) {
		t.Errorf("removed twice: %v", err)
	}
	if err := c.Drain(c.now, list[0].Addr, true); !errors.Is(err, ErrUnknown) {
		t.Errorf("drained a stranger: %v", err)
	}
}

// TestLeavingIsBounded: many changes leave no more than MaxTargets behind.
func TestLeavingIsBounded(t *testing.T) {
	c := newPool(t, Config{Interval: -1})
	for i := range 70 {
		list := numbered(1000)
		for j := range list {
			a := list[j].Addr.Addr().As4()
			a[1] = byte(i)
			list[j].Addr = netip.AddrPortFrom(netip.AddrFrom4(a), 5060)
		}
		c.set(list...)
		if n := len(c.List()); n > MaxTargets {
			t.Fatalf("%d targets", n)
		}
		for call := range 20 {
			invite := c.pick(call, wire.INVITE)
			if cancel := c.pick(call, wire.CANCEL); cancel != invite {
				t.Fatalf("set %d: INVITE to %v, CANCEL to %v", i, invite, cancel)
			}
			if c.Health(invite) != relay.Up {
				t.Fatalf("set %d: %v is %v", i, invite, c.Health(invite))
			}
		}
	}
}

// TestDrainUnderLoad: one pair more, one drained: no more than their shares
// move.
func TestDrainUnderLoad(t *testing.T) {
	const calls = 10000
	for n := 2; n <= 6; n++ {
		list := numbered(n + 1)
		c := newPool(t, Config{SlowStart: -1}, list[:n]...)
		places := func() []netip.AddrPort {
			where := make([]netip.AddrPort, calls)
			for i := range where {
				where[i] = c.pick(i, wire.REGISTER)
			}
			return where
		}
		moved := func(a, b []netip.AddrPort) (n int) {
			for i := range a {
				if a[i] != b[i] {
					n++
				}
			}
			return n
		}
		before := places()
		c.set(list...)
		c.pass(3 * time.Second)
		more := places()
		if got, limit := moved(before, more), calls/(n+1)+calls/50; got == 0 || got > limit {
			t.Errorf("%d targets and one more: %d of %d moved, at most %d should", n, got, calls, limit)
		}
		if err := c.Drain(c.now, list[0].Addr, true); err != nil {
			t.Fatal(err)
		}
		if got, limit := moved(more, places()), calls/(n+1)+calls/50; got == 0 || got > limit {
			t.Errorf("one of %d drained: %d of %d moved, at most %d should", n+1, got, calls, limit)
		}
	}
}

func TestRefused(t *testing.T) {
	good := numbered(1)[0]
	c := newPool(t, Config{}, good)
	for _, s := range []struct {
		name string
		list []Target
		want error
	}{
		{"no port", []Target{{Addr: netip.MustParseAddrPort("10.0.0.1:0")}}, ErrAddress},
		{"no address", []Target{{}}, ErrAddress},
		{"any address", []Target{{Addr: netip.MustParseAddrPort("[::]:5060")}}, ErrAddress},
		{"a zone", []Target{{Addr: netip.MustParseAddrPort("[fe80::1%eth0]:5060")}}, ErrAddress},
		{"twice", []Target{good, {Addr: netip.MustParseAddrPort("[::ffff:10.0.0.1]:5060")}}, ErrDuplicate},
		{"negative weight", []Target{{Addr: good.Addr, Weight: -1}}, ErrWeight},
		{"too many", numbered(MaxTargets + 1), ErrTooMany},
	} {
		if err := c.Set(s.list...); !errors.Is(err, s.want) {
			t.Errorf("%s: %v", s.name, err)
		}
		if _, err := New(Config{}, s.list...); !errors.Is(err, s.want) {
			t.Errorf("%s: New says %v", s.name, err)
		}
	}
	if len(c.List()) != 1 || c.Health(good.Addr) != relay.Up {
		t.Error("the pool changed on an error")
	}
}

// TestRingRefuses: a change that the Ring does not take is undone.
func TestRingRefuses(t *testing.T) {
	list := numbered(3)
	refused := errors.New("three are too many")
	c := newPool(t, Config{Ring: func(_ []byte, names []string, weights []float64) (Ring, error) {
		if len(names) > 2 {
			return nil, refused
		}
		return newBuiltin(1, names, weights), nil
	}}, list[:2]...)
	if err := c.Drain(c.now, list[0].Addr, true); err != nil {
		t.Fatal(err)
	}
	wider := append([]Target(nil), list...)
	wider[1].Weight = 7
	c.pass(2 * time.Second)
	c.set(wider...) // one drains, one is not proven: one ring of one
	c.pass(3 * time.Second)
	if err := c.Drain(c.now, list[0].Addr, false); !errors.Is(err, refused) {
		t.Fatalf("%v", err)
	}
	if got := c.List(); len(got) != 3 || got[0].State != StateDraining || got[1].Weight != 7 {
		t.Errorf("%+v", got)
	}
	if err := c.Remove(c.now, list[0].Addr); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Ring: c.cfg.Ring}, list...); !errors.Is(err, refused) {
		t.Errorf("New: %v", err)
	}
	if got := c.List(); len(got) != 2 || got[0].Weight != 7 {
		t.Errorf("%+v", got)
	}
}

// TestEvents: every change of a state is told once, with its time.
func TestEvents(t *testing.T) {
	var got []Event
	list := numbered(2)
	a, b := list[0].Addr, list[1].Addr
	c := newPool(t, Config{Observe: func(e Event) { got = append(got, e) }}, list...)
	expect := func(want ...Event) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%+v, want %+v", got, want)
		}
		for i := range want {
			want[i].At = got[i].At
			if got[i] != want[i] || i > 0 && got[i].At.Before(got[i-1].At) {
				t.Errorf("%+v, want %+v", got[i], want[i])
			}
		}
		got = nil
	}
	expect(Event{Addr: a, To: StateUp}, Event{Addr: b, To: StateUp})
	c.pass(time.Second)
	c.pass(5*time.Second, a)
	expect(Event{Addr: a, From: StateUp, To: StateDown})
	c.pass(40 * time.Second)
	expect(Event{Addr: a, From: StateDown, To: StateSlowStart}, Event{Addr: a, From: StateSlowStart, To: StateUp})
	c.Busy(c.now, b, time.Second)
	c.pass(2 * time.Second)
	expect(Event{Addr: b, From: StateUp, To: StateBusy}, Event{Addr: b, From: StateBusy, To: StateUp})
	if err := c.Drain(c.now, b, true); err != nil {
		t.Fatal(err)
	}
	if err := c.Remove(c.now, b); err != nil {
		t.Fatal(err)
	}
	expect(Event{Addr: b, From: StateUp, To: StateDraining}, Event{Addr: b, From: StateDraining})
}
