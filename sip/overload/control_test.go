package overload

import (
	"fmt"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/wire"
	"pgregory.net/rapid"
)

var (
	start  = time.Unix(1700000000, 0)
	server = netip.MustParseAddrPort("10.0.0.1:5060")
)

func newControl(tb testing.TB, cfg ControlConfig) *Control {
	tb.Helper()
	c, err := NewControl(start, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// offer asks for mix[class] requests of each class in every millisecond and
// returns what was admitted of each.
func offer(c *Control, from time.Time, ms int, mix [Classes]int) (asked, admitted [Classes]int) {
	for i := range ms {
		now := from.Add(time.Duration(i) * time.Millisecond)
		for class, n := range mix {
			for range n {
				asked[class]++
				if c.Admit(now, server, Class(class)) {
					admitted[class]++
				}
			}
		}
	}
	return asked, admitted
}

func sum(n [Classes]int) (total int) {
	for _, v := range n {
		total += v
	}
	return total
}

func loss(percent int) wire.Params {
	return wire.Params(fmt.Appendf(nil, `;branch=z9hG4bKx;oc=%d;oc-algo="loss";oc-validity=60000`, percent))
}

// TestHalf: a server that asks for half gets half, all dialogs and emergencies
// among it.
func TestHalf(t *testing.T) {
	c := newControl(t, ControlConfig{})
	mix := [Classes]int{ClassOptions: 1, ClassRegister: 2, ClassSubscribe: 1, ClassInvite: 4, ClassRefresh: 2, ClassDialog: 3, ClassEmergency: 1}
	if asked, admitted := offer(c, start, 1000, mix); asked != admitted {
		t.Fatalf("%v of %v without any demand", admitted, asked)
	}
	c.Response(start.Add(time.Second), server, loss(50))
	asked, admitted := offer(c, start.Add(time.Second), 5000, mix)
	if got, want := sum(admitted), sum(asked)/2; math.Abs(float64(got-want)) > 0.01*float64(want) {
		t.Errorf("%d of %d are sent, want %d", got, sum(asked), want)
	}
	for class, want := range [Classes]float64{0, 0, 0, 0.25, 1, 1, 1} {
		if got := float64(admitted[class]) / float64(asked[class]); math.Abs(got-want) > 0.01 {
			t.Errorf("%v: %.3f are sent, want %.2f", Class(class), got, want)
		}
	}
	s := c.Targets(start.Add(2 * time.Second))
	if len(s) != 1 || s[0].Addr != server || s[0].Algorithm != AlgorithmLoss || s[0].Value != 50 ||
		!s[0].Until.Equal(start.Add(61*time.Second)) || s[0].Refused[ClassOptions] != 5000 || s[0].Asked[ClassDialog] != 18000 {
		t.Errorf("%+v", s)
	}
}

// TestShares holds for every mix and demand: as much is shed as demanded, if it
// can be, and nothing is while something less dear is not.
func TestShares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var mix [Classes]float64
		total, sheddable := 0.0, 0.0
		for class := range mix {
			mix[class] = float64(rapid.IntRange(0, 1000).Draw(t, "n"))
			total += mix[class]
			if Class(class) < ClassDialog {
				sheddable += mix[class]
			}
		}
		demand := float64(rapid.IntRange(0, 100).Draw(t, "loss")) / 100
		part, shed := shares(demand, mix), 0.0
		for class, p := range part {
			if p < 0 || p > 1 {
				t.Fatalf("%v: %v", Class(class), p)
			}
			shed += p * mix[class]
			if total >= sampleSize && class > 0 && p > 0 && demand < 1 && part[class-1] < 1 {
				t.Fatalf("%v is shed before all of %v: %v", Class(class), Class(class-1), part)
			}
		}
		if part[ClassEmergency] != 0 || part[ClassDialog] > 0 && demand < 1 {
			t.Fatalf("%v", part)
		}
		want := min(demand*total, sheddable)
		if demand == 1 {
			want = sheddable + mix[ClassDialog]
		}
		if total >= sampleSize && math.Abs(shed-want) > 1e-6*total {
			t.Fatalf("%v of %v are shed, want %v", shed, total, want)
		}
	})
}

func TestExtremes(t *testing.T) {
	mix := [Classes]int{1, 1, 1, 1, 1, 1, 1}
	for percent, want := range map[int][Classes]int{
		0:   {1000, 1000, 1000, 1000, 1000, 1000, 1000},
		99:  {0, 0, 0, 0, 0, 1000, 1000},
		100: {0, 0, 0, 0, 0, 0, 1000},
	} {
		c := newControl(t, ControlConfig{})
		offer(c, start, 10, mix)
		c.Response(start.Add(time.Second), server, loss(percent))
		if _, got := offer(c, start.Add(time.Second), 1000, mix); got != want {
			t.Errorf("%d %%: %v", percent, got)
		}
	}
}

// TestWithoutMix: before anything is known of the mix, all but dialogs and
// emergencies are treated alike.
func TestWithoutMix(t *testing.T) {
	c := newControl(t, ControlConfig{})
	c.Response(start, server, loss(50))
	admitted := 0
	for i := range 6 {
		if c.Admit(start, server, ClassInvite) {
			admitted++
		}
		if !c.Admit(start, server, ClassDialog) {
			t.Errorf("dialog %d is refused", i)
		}
	}
	if admitted != 3 {
		t.Errorf("%d of 6", admitted)
	}
}

func TestValidity(t *testing.T) {
	refuses := func(c *Control, at time.Duration) bool {
		return !c.Admit(start.Add(at), server, ClassOptions)
	}
	for name, s := range map[string]struct {
		via  string
		want time.Duration
	}{
		"given":      {`;oc=100;oc-algo="loss";oc-validity=3000`, 3 * time.Second},
		"not given":  {`;oc=100`, DefaultValidity},
		"long":       {`;oc=100;oc-validity=999999999`, MaxValidity},
		"over again": {`;oc=100;oc-validity=0`, 0},
		"rate":       {`;oc=0;oc-algo="rate";oc-validity=700`, 700 * time.Millisecond},
	} {
		c := newControl(t, ControlConfig{})
		c.Response(start, server, wire.Params(s.via))
		if s.want > 0 && !refuses(c, s.want-time.Millisecond) || refuses(c, s.want) {
			t.Errorf("%s: does not end after %v", name, s.want)
		}
	}
	c := newControl(t, ControlConfig{})
	c.Response(start, server, loss(100))
	c.Response(start.Add(time.Second), server, wire.Params(";oc=10;oc-validity=0"))
	if refuses(c, time.Second) {
		t.Error("validity 0 does not end it")
	}
	// Renewed before it ends, it goes on.
	for i := range 10 {
		at := time.Duration(i) * 400 * time.Millisecond
		c.Response(start.Add(at), server, wire.Params(";oc=100"))
		if !refuses(c, at+450*time.Millisecond) {
			t.Errorf("ended after %v", at)
		}
	}
	if refuses(c, 10*time.Second) {
		t.Error("never ends")
	}
}

func TestSequence(t *testing.T) {
	c := newControl(t, ControlConfig{})
	say := func(at time.Duration, value int, seq string) int {
		c.Response(start.Add(at), server, wire.Params(fmt.Appendf(nil, `;oc=%d;oc-seq=%s;oc-validity=60000`, value, seq)))
		return c.Targets(start.Add(at))[0].Value
	}
	for i, s := range []struct {
		value int
		seq   string
		want  int
	}{
		{40, "1700000000.5", 40},
		{30, "1700000000.49999", 40}, // older
		{20, "1700000000.50000", 20}, // the same number
		{10, "1699999999.9", 20},
		{15, "1700000001", 15},
		{25, "1700000000.99999", 15},
		{35, "1700000001.00001", 35},
		{45, "1700000002.000001", 35}, // malformed
		{45, "1700000002.", 35},
		{45, "-1.0", 35},
		{45, "9999999999999.0", 35},
	} {
		if got := say(time.Duration(i)*time.Millisecond, s.value, s.seq); got != s.want {
			t.Errorf("%d: %d after %s, want %d", i, got, s.seq, s.want)
		}
	}
	if got := say(2*time.Minute, 55, "1.0"); got != 55 {
		t.Errorf("a server that counts anew is not heard: %d", got)
	}
}

func TestNonsense(t *testing.T) {
	for _, via := range []string{
		"", ";branch=z9hG4bK", Offer, ";oc", ";oc=", ";oc=101", ";oc=-1", ";oc=x", ";oc=1000000000000000",
		`;oc=50;oc-algo="other"`, `;oc=50;oc-algo`, ";oc=50;oc-validity=x", ";oc=50;oc-validity", ";oc=50;oc-seq",
	} {
		c := newControl(t, ControlConfig{})
		c.Response(start, server, wire.Params(via))
		if got := c.Targets(start); len(got) > 0 {
			t.Errorf("%q: %+v", via, got)
		}
	}
	if c := newControl(t, ControlConfig{}); !c.Admit(start, server, Class(200)) {
		t.Error("a class that is none")
	}
	if _, err := NewControl(time.Time{}, ControlConfig{}); err == nil {
		t.Error("no time")
	}
}

// TestRate: no more than the rate, and the dearer classes fill it first.
func TestRate(t *testing.T) {
	via := wire.Params(`;oc=200;oc-algo="rate";oc-validity=60000`)
	for name, s := range map[string]struct {
		mix  [Classes]int
		want [Classes]int // in 10 s, give or take 2 %
	}{
		"only options":           {[Classes]int{ClassOptions: 1}, [Classes]int{ClassOptions: 2000}},
		"calls before pings":     {[Classes]int{ClassOptions: 5, ClassInvite: 1}, [Classes]int{ClassInvite: 2000}},
		"refresh before calls":   {[Classes]int{ClassInvite: 3, ClassRefresh: 3}, [Classes]int{ClassRefresh: 2000}},
		"dialogs are not held":   {[Classes]int{ClassInvite: 1, ClassDialog: 1}, [Classes]int{ClassDialog: 10000}},
		"emergencies neither":    {[Classes]int{ClassRegister: 1, ClassEmergency: 1}, [Classes]int{ClassEmergency: 10000}},
		"everything in disarray": {[Classes]int{1, 1, 1, 1, 1, 0, 0}, [Classes]int{ClassRefresh: 2000}},
	} {
		c := newControl(t, ControlConfig{})
		c.Response(start, server, via)
		_, got := offer(c, start, 10000, s.mix)
		for class := range got {
			if d := got[class] - s.want[class]; d < -s.want[class]/50-8 || d > s.want[class]/50+8 {
				t.Errorf("%s: %v: %d in 10 s, want %d", name, Class(class), got[class], s.want[class])
			}
		}
	}
}

// TestLocal: what this process can do restricts what goes to every target, and
// the stricter of both counts.
func TestLocalCounts(t *testing.T) {
	l := NewLocal(LocalConfig{})
	c := newControl(t, ControlConfig{Local: l})
	mix := [Classes]int{ClassInvite: 1}
	overloaded := func(percent int) {
		l.mu.Lock()
		l.admit = 1 - float64(percent)/100
		l.loss.Store(int32(percent))
		l.mu.Unlock()
	}
	at := start
	for _, s := range []struct{ local, told, want int }{{0, 0, 1000}, {40, 0, 600}, {40, 20, 600}, {40, 70, 300}, {0, 70, 300}, {0, 0, 1000}} {
		overloaded(s.local)
		c.Response(at, server, loss(s.told))
		offer(c, at, 100, mix)
		_, got := offer(c, at, 1000, mix)
		if d := got[ClassInvite] - s.want; d < -10 || d > 10 {
			t.Errorf("%+v: %d of 1000", s, got[ClassInvite])
		}
		at = at.Add(2 * time.Second)
	}
}

// TestTransaction: who has been admitted is never refused when it asks again.
func TestTransaction(t *testing.T) {
	c := newControl(t, ControlConfig{})
	c.Response(start, server, loss(50))
	first := map[int]bool{}
	refused := 0
	for i := range 1000 {
		first[i] = c.AdmitTransaction(start, server, ClassInvite, fmt.Append(nil, i))
		if !first[i] {
			refused++
		}
	}
	if refused < 490 || refused > 510 {
		t.Errorf("%d of 1000 refused", refused)
	}
	for _, percent := range []int{100, 0} {
		c.Response(start, server, loss(percent))
		for i := range 1000 {
			if got := c.AdmitTransaction(start, server, ClassInvite, fmt.Append(nil, i)); got != first[i] {
				t.Fatalf("%d was answered %v, and %v when asked again", i, first[i], got)
			}
		}
	}
	if !c.AdmitTransaction(start, server, ClassRegister, []byte("r")) {
		t.Error("REGISTER without a demand")
	}
}

// TestRandom: numbers may come from outside.
func TestRandom(t *testing.T) {
	n := uint64(0)
	c := newControl(t, ControlConfig{Random: func() uint64 { n += 1 << 62; return n - 1 }})
	c.Response(start, server, loss(50))
	if _, got := offer(c, start, 100, [Classes]int{ClassInvite: 10}); got[ClassInvite] != 500 {
		t.Errorf("%v", got)
	}
}

// TestTargetsAreBounded: strangers beyond the limit are not restricted, and cost
// nothing; those that are idle make room.
func TestTargetsAreBounded(t *testing.T) {
	c := newControl(t, ControlConfig{})
	addr := func(i int) netip.AddrPort { return netip.AddrPortFrom(server.Addr(), uint16(i+1)) }
	for i := range MaxTargets + 100 {
		c.Response(start, addr(i), loss(100))
	}
	if n := len(c.Targets(start)); n != MaxTargets {
		t.Errorf("%d targets", n)
	}
	if c.Admit(start, addr(0), ClassInvite) || !c.Admit(start, addr(MaxTargets+1), ClassInvite) {
		t.Error("the first is not restricted, or one beyond the limit is")
	}
	later := start.Add(MaxValidity + idleTarget)
	c.Response(later, addr(MaxTargets+1), loss(100))
	if c.Admit(later, addr(MaxTargets+1), ClassInvite) || len(c.Targets(later)) != 1 {
		t.Errorf("no room was made: %d", len(c.Targets(later)))
	}
}
