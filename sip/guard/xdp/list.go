package xdp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/class5-go/class5/sip/guard"
)

// Mode is how a list works.
type Mode uint8

// The modes.
const (
	Plain   Mode = iota // not at all: List.Why says why
	Generic             // in the network stack, behind the driver
	Driver              // in the driver
)

// String is the name in lower case.
func (m Mode) String() string {
	switch m {
	case Driver:
		return "driver"
	case Generic:
		return "generic"
	}
	return "plain"
}

// Config says where and for what a list drops.
type Config struct {
	// Interface is the name of the network interface.
	Interface string
	// Ports are the local ports that banned sources must not reach, 1 to 64.
	Ports []uint16
	// Entries bounds the prefixes of each family, 65536.
	Entries int
	// GenericOnly leaves the driver alone even where it could do it.
	GenericOnly bool
}

const (
	mostPorts      = 64
	mostEntries    = 1 << 22
	defaultEntries = 1 << 16
)

var (
	// ErrFull means that a list had no room for all bans.
	ErrFull = errors.New("xdp: more bans than entries")
	// ErrGone means that a list's interface is not there any more.
	ErrGone = errors.New("xdp: the interface has gone")
)

// Drop is how many packets of a prefix have been dropped since it was listed.
type Drop struct {
	Prefix  netip.Prefix
	Packets uint64
}

// kernel is what a list needs of the system.
type kernel interface {
	mode() Mode
	add(netip.Prefix) error
	// remove ends the drops of a prefix and says how many there were.
	remove(netip.Prefix) (uint64, error)
	drops(netip.Prefix) (uint64, error)
	// gone tells that the interface is not there any more.
	gone() bool
	close() error
}

// List is a drop list on one interface. Its methods may be called from many
// goroutines.
type List struct {
	cfg    Config
	attach func(Config) (kernel, error)

	mu     sync.Mutex
	why    error
	kernel kernel // nil in plain mode
	lost   bool   // the interface has gone, and may come back
	listed map[netip.Prefix]struct{}
	count  [2]int // by family
	gone   uint64 // drops of prefixes that are no longer listed
}

// Open attaches a list. It fails only when cfg is wrong; where the kernel
// refuses, the list is plain. Close it in the end.
func Open(cfg Config) (*List, error) {
	if cfg.Entries == 0 {
		cfg.Entries = defaultEntries
	}
	switch {
	case cfg.Interface == "":
		return nil, errors.New("xdp: no interface")
	case len(cfg.Ports) == 0 || len(cfg.Ports) > mostPorts || slices.Contains(cfg.Ports, 0):
		return nil, fmt.Errorf("xdp: ports %v; 1 to %d are needed, none of them 0", cfg.Ports, mostPorts)
	case cfg.Entries < 0 || cfg.Entries > mostEntries:
		return nil, fmt.Errorf("xdp: %d entries", cfg.Entries)
	}
	l := &List{cfg: cfg, attach: attach, listed: map[netip.Prefix]struct{}{}}
	l.kernel, l.why = attach(cfg)
	return l, nil
}

// Mode is how the list works.
func (l *List) Mode() Mode {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kernel == nil {
		return Plain
	}
	return l.kernel.mode()
}

// Why is what the kernel said when it refused, or wraps ErrGone; nil unless the
// list is plain.
func (l *List) Why() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.why
}

// Sync makes the list hold these bans and no others, but for those on datagrams
// alone. It is given what guard.Guard.Bans returns. Where there is no room for
// all, it lists the first ones and returns ErrFull. In plain mode it does
// nothing, unless the interface went away and has come back by its name.
func (l *List) Sync(bans []guard.Ban) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.look()
	if l.kernel == nil {
		return nil
	}
	want := make(map[netip.Prefix]struct{}, len(bans))
	for _, b := range bans {
		if !b.Datagrams && b.Prefix.IsValid() {
			want[b.Prefix.Masked()] = struct{}{}
		}
	}
	var errs []error
	for p := range l.listed {
		if _, ok := want[p]; !ok {
			errs = append(errs, l.remove(p))
		}
	}
	for _, b := range bans {
		p := b.Prefix.Masked()
		if _, ok := want[p]; ok {
			errs = append(errs, l.add(p))
		}
	}
	return errors.Join(compact(errs)...)
}

// look follows the interface, which a driver, a bond or an operator may take
// away and make anew.
func (l *List) look() {
	if l.kernel != nil && l.kernel.gone() {
		_ = l.detach() // there is nothing that it could be detached from
		l.listed, l.lost, l.why = map[netip.Prefix]struct{}{}, true, ErrGone
	}
	if !l.lost {
		return
	}
	k, err := l.attach(l.cfg)
	if err != nil {
		l.why = fmt.Errorf("%w: %w", ErrGone, err)
		return
	}
	l.kernel, l.lost, l.why = k, false, nil
}

// compact leaves one error of each text.
func compact(errs []error) []error {
	var out []error
	for _, err := range errs {
		if err != nil && !slices.ContainsFunc(out, func(o error) bool { return o.Error() == err.Error() }) {
			out = append(out, err)
		}
	}
	return out
}

func family(p netip.Prefix) int {
	if p.Addr().Is4() {
		return 0
	}
	return 1
}

func (l *List) add(p netip.Prefix) error {
	if _, ok := l.listed[p]; ok {
		return nil
	}
	f := family(p)
	if l.count[f] >= l.cfg.Entries {
		return ErrFull
	}
	if err := l.kernel.add(p); err != nil {
		return err
	}
	l.listed[p] = struct{}{}
	l.count[f]++
	return nil
}

func (l *List) remove(p netip.Prefix) error {
	n, err := l.kernel.remove(p)
	if err != nil {
		return err
	}
	l.gone += n
	delete(l.listed, p)
	l.count[family(p)]--
	return nil
}

// Drops lists what is dropped now, ordered by prefix.
func (l *List) Drops() ([]Drop, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Drop, 0, len(l.listed))
	for p := range l.listed {
		n, err := l.kernel.drops(p)
		if err != nil {
			return nil, err
		}
		list = append(list, Drop{p, n})
	}
	slices.SortFunc(list, func(a, b Drop) int {
		if c := a.Prefix.Addr().Compare(b.Prefix.Addr()); c != 0 {
			return c
		}
		return a.Prefix.Bits() - b.Prefix.Bits()
	})
	return list, nil
}

// Dropped counts the packets dropped since Open, those of prefixes that are no
// longer listed included.
func (l *List) Dropped() (uint64, error) {
	list, err := l.Drops()
	l.mu.Lock()
	n := l.gone
	l.mu.Unlock()
	for _, d := range list {
		n += d.Packets
	}
	return n, err
}

// Close detaches the list. It is plain afterwards.
func (l *List) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = false
	if l.kernel == nil {
		return nil
	}
	return l.detach()
}

// detach keeps the count of what was dropped and closes the rest.
func (l *List) detach() error {
	for p := range l.listed {
		if n, err := l.kernel.drops(p); err == nil {
			l.gone += n
		}
	}
	err := l.kernel.close()
	l.kernel, l.listed, l.count = nil, nil, [2]int{}
	return err
}
