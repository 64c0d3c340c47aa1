package dispatch

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Target is the address of a proxy, or the one that a pair of them shares.
type Target struct {
	// Addr is where it takes SIP over UDP, and what its Record-Route names.
	Addr netip.AddrPort
	// Weight is its share of new work relative to the others; zero is 1.
	Weight int
	// Chassis names what it stands in, for [Chassis].
	Chassis string
	// Draining means it gets nothing new but keeps its dialogs and running
	// transactions.
	Draining bool
}

// Scope says which targets new work goes to.
type Scope uint8

const (
	// Any is all targets.
	Any Scope = iota
	// Chassis is those in our own chassis, and the others only while none of
	// ours can take anything.
	Chassis
)

// Defaults and limits of Config.
const (
	DefaultInterval  = time.Second
	DefaultMisses    = 3
	DefaultSuccesses = 2
	DefaultSlowStart = 30 * time.Second
	DefaultMoveAfter = 4 * time.Second
	DefaultLinger    = 4 * time.Hour
	// MaxTargets is the greatest number of targets.
	MaxTargets = 1 << 10
	// MaxBusy is the longest time that a target can ask to be spared for.
	MaxBusy = time.Minute

	maxWeight = 1 << 16
)

// Config says how a Pool works. The zero value of each field is its default.
type Config struct {
	// Secret keeps strangers from choosing Call-IDs that all fall to one target.
	// Nodes that share targets share it too.
	Secret []byte
	// Scope says which targets new work goes to, Chassis which are ours.
	Scope   Scope
	Chassis string
	// Interval is the time between two probes of a target, give or take a tenth.
	// Negative means no probes: all targets are up until [Pool.Result] or
	// [Pool.Unreachable] say otherwise.
	Interval time.Duration
	// Misses is how many probes in a row go unanswered before a target is down,
	// Successes how many are answered before it is up again.
	Misses, Successes int
	// SlowStart is how long the share of a target grows that has come up;
	// negative gives it all at once.
	SlowStart time.Duration
	// MoveAfter is how long a target must have been down for the retransmission
	// of a request to leave it; negative leaves it at once.
	MoveAfter time.Duration
	// Linger is how long a target that Set does not name any more goes on serving
	// its dialogs; negative removes it at once.
	Linger time.Duration
	// Ring makes what chooses between the members of a set, of which names and
	// weights are given: cluster/ring for one, in two lines. Nil is the same
	// method, built in.
	Ring func(secret []byte, names []string, weights []float64) (Ring, error)
	// Random is a source of random numbers for the times of probes, so that many
	// nodes don't ask at the same moment; nil uses math/rand/v2.
	Random func() uint64
	// Observe, if not nil, is told of every change of a target's state. It is
	// called without locks held, in the order of the changes of one call, by the
	// goroutine that made the change, and must not block.
	Observe func(Event)
}

// Ring chooses one of several. It is used by many goroutines at once, and
// should leave alone what a change does not concern.
type Ring interface {
	// Pick is the index of the member that key belongs to.
	Pick(key []byte) int
}

// Event is a change of a target.
type Event struct {
	// At is the latest time that the pool has been told, zero if none.
	At       time.Time
	Addr     netip.AddrPort
	From, To State
}

// What Set and New refuse.
var (
	ErrTooMany   = errors.New("too many targets")
	ErrAddress   = errors.New("target needs an address and a port")
	ErrDuplicate = errors.New("target is there twice")
	ErrWeight    = errors.New("weight is out of range")
	ErrUnknown   = errors.New("no such target")
)

func (c *Config) setDefaults() {
	setDefault(&c.Interval, DefaultInterval)
	setDefault(&c.SlowStart, DefaultSlowStart)
	setDefault(&c.MoveAfter, DefaultMoveAfter)
	setDefault(&c.Linger, DefaultLinger)
	if c.Misses <= 0 {
		c.Misses = DefaultMisses
	}
	if c.Successes <= 0 {
		c.Successes = DefaultSuccesses
	}
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// checked returns the targets in the form that the pool keeps.
func checked(targets []Target) ([]Target, error) {
	if len(targets) > MaxTargets {
		return nil, fmt.Errorf("dispatch: %w: %d, at most %d", ErrTooMany, len(targets), MaxTargets)
	}
	list := make([]Target, len(targets))
	seen := make(map[netip.AddrPort]struct{}, len(targets))
	for i, t := range targets {
		t.Addr = unmap(t.Addr)
		if a := t.Addr.Addr(); !a.IsValid() || a.IsUnspecified() || a.Zone() != "" || t.Addr.Port() == 0 {
			return nil, fmt.Errorf("dispatch: target %d: %w, not %v", i, ErrAddress, t.Addr)
		}
		if _, twice := seen[t.Addr]; twice {
			return nil, fmt.Errorf("dispatch: %v: %w", t.Addr, ErrDuplicate)
		}
		seen[t.Addr] = struct{}{}
		if t.Weight == 0 {
			t.Weight = 1
		}
		if t.Weight < 0 || t.Weight > maxWeight {
			return nil, fmt.Errorf("dispatch: %v: %w: %d", t.Addr, ErrWeight, t.Weight)
		}
		list[i] = t
	}
	return list, nil
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
