package relay

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/internal/udploop"
)

// bindAttempts is how many pairs are tried when others use ports of the range.
const bindAttempts = 64

// socketSet is the ports of one generation of a stream: a pair at each
// address, the preferred one first.
type socketSet struct {
	session    *session
	leg        bridge.LegID
	media      int
	generation int
	kind       string
	tos        int
	pairs      []*pair
	stream     *stream // nil until a plan names the set
}

// pair is the ports at one address.
type pair struct {
	iface          *iface
	media, control port
}

// port is one socket, facing one party.
type port struct {
	set    *socketSet
	rtcp   bool
	socket *udploop.Socket
}

var _ udploop.Handler = (*port)(nil)

// tos is the DiffServ code point of RFC 4594: EF for audio, AF41 for video.
func tos(kind string) int {
	if kind == "video" {
		return 136
	}
	return 184
}

// bind adds a pair of ports at an address to the set.
func (x *socketSet) bind(in *iface) error {
	p := &pair{iface: in}
	p.media, p.control = port{set: x}, port{set: x, rtcp: true}
	for range bindAttempts {
		now := x.session.r.now()
		n, ok := in.ports.take(now)
		if !ok {
			return ErrPorts
		}
		err := p.listen(x.session.loop, n, x.tos)
		if err == nil {
			x.pairs = append(x.pairs, p)
			return nil
		}
		in.ports.release(n, now)
		if !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EACCES) {
			return fmt.Errorf("%w: %w", ErrPorts, err)
		}
	}
	return ErrPorts
}

func (p *pair) listen(loop *udploop.Loop, n uint16, tos int) (err error) {
	p.media.socket, err = loop.Listen(netip.AddrPortFrom(p.iface.Addr, n), tos, &p.media)
	if err != nil {
		return err
	}
	p.control.socket, err = loop.Listen(netip.AddrPortFrom(p.iface.Addr, n+1), tos, &p.control)
	if err != nil {
		p.media.socket.Close()
	}
	return err
}

func (p *pair) close(now time.Time) {
	n := p.media.socket.LocalAddr().Port()
	p.media.socket.Close()
	p.control.socket.Close()
	p.iface.ports.release(n, now)
}

// advertised is where a party sends to.
func (p *pair) advertised() netip.AddrPort {
	return netip.AddrPortFrom(p.iface.advertised(), p.media.socket.LocalAddr().Port())
}

func (x *socketSet) close(now time.Time) {
	for _, p := range x.pairs {
		p.close(now)
	}
	x.stream = nil
}

// has tells whether the set has ports at an interface.
func (x *socketSet) has(in *iface) bool {
	for _, p := range x.pairs {
		if p.iface == in {
			return true
		}
	}
	return false
}

// speaks tells whether the set has ports of an address family.
func (x *socketSet) speaks(f Family) bool {
	for _, p := range x.pairs {
		if fits(f, p.iface) {
			return true
		}
	}
	return false
}

// local describes the set to the offer/answer engine.
func (x *socketSet) local() bridge.Local {
	l := bridge.Local{Generation: x.generation, Addrs: make([]bridge.LocalAddr, len(x.pairs))}
	for i, p := range x.pairs {
		a := p.advertised()
		l.Addrs[i] = bridge.LocalAddr{Addr: a.Addr(), RTP: a.Port(), RTCP: a.Port() + 1, Foundation: p.iface.foundation}
	}
	return l
}

// at finds the socket with a bound address.
func (x *socketSet) at(base netip.AddrPort) *port {
	for _, p := range x.pairs {
		for _, q := range [...]*port{&p.media, &p.control} {
			if q.socket.LocalAddr() == base {
				return q
			}
		}
	}
	return nil
}
