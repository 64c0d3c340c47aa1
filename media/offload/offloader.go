package offload

import "net/netip"

// Offloader forwards flows, or not. Flows are named by the local address and
// port that their packets are sent to, IPv4-mapped addresses being IPv4.
// Methods may be called from many goroutines; none waits for the network.
type Offloader interface {
	// Install begins a flow, or replaces what is known of one but for its
	// counters, and gives it a new lease. Where another stream begins at a port,
	// Remove comes first. What was found at the start and not claimed begins anew.
	Install(Flow) error
	// Release sends all packets of a flow to user space, until Install.
	Release(local netip.AddrPort) error
	// Remove ends a flow and returns its last figures.
	Remove(local netip.AddrPort) (Stats, error)
	// Figures returns those of one flow; Walk is cheaper for many.
	Figures(local netip.AddrPort) (Stats, error)
	// Walk calls visit with the figures of the flows, installed, claimed or found,
	// that have changed since the last one, and now and then of all. visit must
	// not call the Offloader.
	Walk(visit func(local netip.AddrPort, s Stats)) error
	// List returns all flows in no order, those found at the start included.
	List() []Flow
	// Claim makes flows found at the start ones that Renew extends.
	Claim(locals ...netip.AddrPort) error
	// Renew extends the leases of all flows installed or claimed, and ends the
	// others whose lease is over.
	Renew() error
	// Check finds out whether flows are still forwarded: nil, or an
	// *Unavailable. What has only lost its attachment is attached again.
	Check() error
	// Close leaves the flows as they are, to be found by the next process.
	Close() error
}

// Off is an Offloader that forwards nothing.
type Off struct {
	// Why is what Install and Check return; nil stands for ReasonOff.
	Why error
}

var _ Offloader = Off{}

func (o Off) why() error {
	if o.Why == nil {
		return &Unavailable{Reason: ReasonOff}
	}
	return o.Why
}

// Install returns the reason.
func (o Off) Install(Flow) error { return o.why() }

// Release returns ErrUnknown.
func (o Off) Release(netip.AddrPort) error { return ErrUnknown }

// Remove returns ErrUnknown.
func (o Off) Remove(netip.AddrPort) (Stats, error) { return Stats{}, ErrUnknown }

// Figures returns ErrUnknown.
func (o Off) Figures(netip.AddrPort) (Stats, error) { return Stats{}, ErrUnknown }

// Walk visits nothing.
func (o Off) Walk(func(netip.AddrPort, Stats)) error { return nil }

// List returns nothing.
func (o Off) List() []Flow { return nil }

// Claim returns ErrUnknown unless locals is empty.
func (o Off) Claim(locals ...netip.AddrPort) error {
	if len(locals) > 0 {
		return ErrUnknown
	}
	return nil
}

// Renew does nothing.
func (o Off) Renew() error { return nil }

// Check returns the reason.
func (o Off) Check() error { return o.why() }

// Close does nothing.
func (o Off) Close() error { return nil }
