package sipgen

import "github.com/class5-go/class5/sip/transport"

// outlet carries what the operations of a lane send.
type outlet interface {
	// send puts one message of a slot in line. What cannot be sent is lost in
	// time.
	send(slot int, msg []byte)
	flush()
}

// datagrams is the outlet of a lane that is one UDP socket for all its slots.
type datagrams struct {
	out  *transport.Outbox
	flow transport.Flow
}

func (d *datagrams) send(_ int, msg []byte) { _ = d.out.Send(d.flow, msg) }
func (d *datagrams) flush()                 { d.out.Flush() }

// carrier is where a lane sends now; out is that of the goroutine that asks.
func (l *Lane) carrier(out *transport.Outbox) outlet {
	if l.streams != nil {
		return l.streams
	}
	l.udp.out, l.udp.flow.Remote = out, l.run.cfg.Target
	return &l.udp
}
