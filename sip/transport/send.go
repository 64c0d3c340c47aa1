package transport

import (
	"errors"
	"net/netip"
)

// check finds the listener of a flow to send on, and says why there is none
// and how to count that.
func (e *Endpoint) check(flow *Flow, size int) (*listener, error) {
	if int(flow.Listener) >= len(e.listeners) || !flow.Protocol.valid() {
		return nil, ErrNoListener
	}
	l := e.listeners[flow.Listener]
	if e.closed.Load() {
		return l, ErrClosed
	}
	if flow.Protocol != UDP {
		return l, nil
	}
	local, remote := l.info.Addr.Addr(), flow.Remote.Addr()
	if len(l.udp) == 0 || flow.Remote.Port() == 0 || !sameFamily(local, remote) {
		return l, ErrNoListener
	}
	if size > datagramMax(remote) {
		return l, ErrTooLarge
	}
	return l, nil
}

// refuse counts a message that check would not let pass.
func (l *listener) refuse(err error) {
	switch {
	case errors.Is(err, ErrNoListener):
		l.counters.drop(DropAddress)
	case errors.Is(err, ErrTooLarge):
		l.counters.drop(DropTooLarge)
	case errors.Is(err, ErrFlowGone):
		l.counters.drop(DropFlowGone)
	}
}

// datagramMax is the longest UDP payload: 65,535 less the UDP header, and for
// IPv4 less the IP header, which there counts in.
func datagramMax(a netip.Addr) int {
	if a.Is4() {
		return 65535 - 8 - 20
	}
	return 65535 - 8
}

// Send sends one message from any goroutine, over flow, of which Local may be
// zero. Many messages go out cheaper through an [Outbox].
func (e *Endpoint) Send(flow Flow, msg []byte) error {
	o := e.outboxes.Get().(*Outbox)
	defer e.outboxes.Put(o)
	err := o.Send(flow, msg)
	if e := o.flush(); err == nil {
		err = e
	}
	return err
}

// Alive reports whether a message for flow could be sent now: for a stream,
// whether its connection is open.
func (e *Endpoint) Alive(flow Flow) bool {
	if _, err := e.check(&flow, 0); err != nil {
		return false
	}
	return flow.Protocol == UDP || e.conns.find(&flow) != nil
}
