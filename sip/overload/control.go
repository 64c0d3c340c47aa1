package overload

import (
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/internal/rendezvous"
	"github.com/class5-go/class5/sip/wire"
)

// Limits of a Control.
const (
	// MaxTargets is the number of targets that a Control knows at once. A target
	// beyond is not restricted until another has been idle for ten minutes.
	MaxTargets = 1 << 10
	// MaxValidity is the longest time that a restriction holds without being
	// renewed.
	MaxValidity = time.Minute
	// DefaultValidity is how long a restriction holds that does not say.
	DefaultValidity = 500 * time.Millisecond

	idleTarget = 10 * time.Minute
)

// ControlConfig says how a Control works. The zero value of each field is its
// default.
type ControlConfig struct {
	// Local is the load of this process, which restricts what goes to every
	// target; nil is none.
	Local *Local
	// Random gives the numbers that single requests are chosen by; nil takes every
	// request in its turn, which comes nearest to the share demanded.
	Random func() uint64
	// Rate offers RFC 7415 too; see [OfferRate] for who can't read that.
	Rate bool
}

// Control is the sending side: it heeds what servers say of their load
// (RFC 7339, RFC 7415). All methods may be called by many goroutines; Admit and
// Response do not allocate once a target is known.
type Control struct {
	cfg     ControlConfig
	start   time.Time
	targets atomic.Pointer[map[netip.AddrPort]*target]
	memory  rendezvous.Memory
	seed    uint64

	mu sync.Mutex // for changes of targets
}

// NewControl makes a Control. now is any time that is not after those that its
// methods are given.
func NewControl(now time.Time, cfg ControlConfig) (*Control, error) {
	if now.IsZero() {
		return nil, errors.New("overload: a control needs to know what time it is")
	}
	c := &Control{cfg: cfg, start: now, seed: rendezvous.Seed([]byte("overload"))}
	c.targets.Store(&map[netip.AddrPort]*target{})
	return c, nil
}

// Admit reports whether a request of class may be sent to a target, and counts
// it. It is to be asked once for each request: a retransmission counts as
// another one, see [Control.AdmitTransaction].
func (c *Control) Admit(now time.Time, addr netip.AddrPort, class Class) bool {
	t := c.target(now, addr)
	if t == nil || int(class) >= Classes {
		return true
	}
	at := now.Sub(c.start)
	n := t.asked[class].Add(1)
	local := c.cfg.Local.Loss()
	if at >= time.Duration(t.look.Load()) || int32(local) != t.local.Load() {
		t.decide(at, local)
	}
	if !t.restricted.Load() || class == ClassEmergency && !t.rated() {
		return true
	}
	if t.sheds(class, c.draw(n)) || !t.conforms(at, class) {
		t.refused[class].Add(1)
		return false
	}
	return true
}

// Offer is what to add to the Via of a request.
func (c *Control) Offer() string {
	if c.cfg.Rate {
		return OfferRate
	}
	return Offer
}

// AdmitTransaction is Admit for a request that may have been asked about
// before: branch names its transaction. Of what must not be done twice, it gives
// the same answer again, so that nobody is refused what the target is working
// on. It remembers the last 65,536 such requests or so.
func (c *Control) AdmitTransaction(now time.Time, addr netip.AddrPort, class Class, branch []byte) bool {
	if class != ClassInvite && class != ClassSubscribe {
		return c.Admit(now, addr, class)
	}
	const admitted, refused = 1, 2
	h := rendezvous.Hash(c.seed, branch)
	switch c.memory.Find(h) {
	case admitted:
		return true
	case refused:
		return false
	}
	answer := uint16(refused)
	if c.Admit(now, addr, class) {
		answer = admitted
	}
	c.memory.Put(h, answer, now)
	return answer == admitted
}

// draw is a number for the n-th request of a class: the multiples of the golden
// ratio, which lie evenly between 0 and 1 however many there are, and in no
// order that a client could fall in step with.
func (c *Control) draw(n uint64) uint64 {
	if c.cfg.Random != nil {
		return c.cfg.Random()
	}
	return n * 0x9e3779b97f4a7c15
}

// Response takes what a target says of its load: via is the parameters of the
// topmost Via, our own, in a response that came from it. What does not make
// sense, is not from us, or is older than what is known, is ignored.
func (c *Control) Response(now time.Time, addr netip.AddrPort, via wire.Params) {
	s, ok := parseSignal(via)
	if !ok {
		return
	}
	if t := c.target(now, addr); t != nil {
		t.hear(now.Sub(c.start), s, c.cfg.Local.Loss())
	}
}

// target finds or makes the state of a target, nil when there are too many.
func (c *Control) target(now time.Time, addr netip.AddrPort) *target {
	if t, ok := (*c.targets.Load())[addr]; ok {
		return t
	}
	return c.newTarget(now, addr)
}

func (c *Control) newTarget(now time.Time, addr netip.AddrPort) *target {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := *c.targets.Load()
	if t, ok := old[addr]; ok {
		return t
	}
	if len(old) >= MaxTargets && !c.anyIdle(now, old) {
		return nil
	}
	at := now.Sub(c.start)
	next := make(map[netip.AddrPort]*target, len(old)+1)
	for a, t := range old {
		if len(old) < MaxTargets || !t.idle(at) {
			next[a] = t
		}
	}
	t := new(target)
	t.decide(at, c.cfg.Local.Loss())
	next[addr] = t
	c.targets.Store(&next)
	return t
}

func (c *Control) anyIdle(now time.Time, all map[netip.AddrPort]*target) bool {
	for _, t := range all {
		if t.idle(now.Sub(c.start)) {
			return true
		}
	}
	return false
}

// Status is what a Control knows of a target.
type Status struct {
	Addr netip.AddrPort
	// Algorithm is how it is restricted: AlgorithmNone, or by what Value says:
	// percent to be refused, or requests per second to be sent. What Local adds
	// is not in it.
	Algorithm Algorithm
	Value     int
	// Until is when the restriction ends.
	Until time.Time
	// Asked and Refused count requests by Class.
	Asked, Refused [Classes]uint64
}

// Targets is the status of all targets, in no order.
func (c *Control) Targets(now time.Time) []Status {
	all := *c.targets.Load()
	list := make([]Status, 0, len(all))
	for addr, t := range all {
		s := t.status(now.Sub(c.start), c.start)
		s.Addr = addr
		list = append(list, s)
	}
	return list
}
