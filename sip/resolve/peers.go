package resolve

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Dialer opens connections to peers without making the caller wait. [Streams]
// is one.
type Dialer interface {
	// Stream returns the open connection of a listener to a target. Without one
	// it is opened in the background, and the state is Pending; a status says
	// that the last attempt failed.
	Stream(now time.Time, listener uint8, target Target) (transport.Flow, State)
}

// PeersConfig is for [NewPeers].
type PeersConfig struct {
	// Cache finds targets; needed.
	Cache *Cache
	// Listeners describes the sockets by their index, as Endpoint.Listeners does.
	Listeners []transport.ListenerInfo
	// Dial opens connections; without it only UDP is used.
	Dial Dialer
}

// Peers finds the flow for requests that an edge sends to servers other than its
// proxies. Its Resolve method is made for package relay.
type Peers struct {
	cfg PeersConfig
}

// NewPeers makes Peers.
func NewPeers(cfg PeersConfig) *Peers { return &Peers{cfg: cfg} }

// attempts is how many targets one call of Resolve tries.
const attempts = 4

// Resolve returns the flow to send m on, whose next hop is next: status 0, or 1
// when that is not known yet and m should be brought again, or the status of a
// response. The parameter sock of next names the listener by its index; without
// it, or if that one does not fit the target, it is the first that is not
// internal and has the target's transport and family of addresses.
func (p *Peers) Resolve(m *wire.Message, next wire.URI, now time.Time) (transport.Flow, int) {
	q, err := URI(next)
	if err != nil {
		return transport.Flow{}, int(status(err))
	}
	var buf [192]byte
	via, ok := m.TopVia()
	if !ok {
		return transport.Flow{}, 400
	}
	key := BranchKey(buf[:0], via)
	expect := m.Method() != wire.ACK && m.Method() != wire.CANCEL
	state := State(503)
	for range attempts {
		target, s := p.cfg.Cache.Pick(now, key, q, expect)
		if s != Ready {
			return transport.Flow{}, int(s)
		}
		var flow transport.Flow
		if flow, state = p.flow(now, target, next); !state.Failed() {
			return flow, int(state)
		}
		if !expect || !p.cfg.Cache.Fail(now, key) {
			break
		}
	}
	return transport.Flow{}, int(state)
}

// BranchKey appends the key by which Resolve knows the transaction of a request
// with this topmost Via: the proxy's, below the edge's own in a response.
func BranchKey(dst []byte, via wire.Via) []byte {
	dst = append(dst, via.Branch()...)
	dst = append(dst, ' ')
	dst = append(dst, via.Host...)
	return strconv.AppendUint(append(dst, ':'), uint64(via.Port), 10)
}

// Heard takes a response as it came from a peer: below the edge's own Via stands
// that of the proxy, whose transaction it answers. A response to something else
// changes nothing.
func (p *Peers) Heard(m *wire.Message, now time.Time) {
	vias := m.Values(wire.HdrVia)
	for range 2 {
		if !vias.Next() {
			return
		}
	}
	via, err := wire.ParseVia(vias.Value())
	if err != nil {
		return
	}
	var buf [192]byte
	key := BranchKey(buf[:0], via)
	if m.Status() == 503 {
		p.cfg.Cache.Refused(now, key, retryAfter(m))
		return
	}
	p.cfg.Cache.Answered(now, key)
}

// retryAfter reads the seconds of a Retry-After, in front of its comment and
// parameters; 0 when there are none.
func retryAfter(m *wire.Message) time.Duration {
	h, _ := m.First(wire.HdrRetryAfter)
	s := 0
	for _, c := range h.Value {
		if c < '0' || c > '9' || s > 1e6 {
			break
		}
		s = s*10 + int(c-'0')
	}
	return time.Duration(s) * time.Second
}

// flow makes the flow to a target.
func (p *Peers) flow(now time.Time, t Target, next wire.URI) (transport.Flow, State) {
	i, ok := p.listener(t, next)
	if !ok {
		return transport.Flow{}, status(ErrTransport)
	}
	switch {
	case t.Protocol == transport.UDP:
		return transport.Flow{Protocol: transport.UDP, Listener: i, Local: p.cfg.Listeners[i].Addr, Remote: t.Addr}, Ready
	case p.cfg.Dial == nil:
		return transport.Flow{}, status(ErrTransport)
	}
	return p.cfg.Dial.Stream(now, i, t)
}

func (p *Peers) listener(t Target, next wire.URI) (uint8, bool) {
	if v, ok := next.Params.Get("sock"); ok {
		if i, ok := index(v); ok && p.fits(i, t) {
			return i, true
		}
	}
	for i := range p.cfg.Listeners {
		if p.fits(uint8(i), t) {
			return uint8(i), true
		}
	}
	return 0, false
}

func index(v []byte) (uint8, bool) {
	if len(v) == 0 || len(v) > 3 {
		return 0, false
	}
	n := 0
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return uint8(n), n < 256
}

func (p *Peers) fits(i uint8, t Target) bool {
	if int(i) >= len(p.cfg.Listeners) {
		return false
	}
	l := &p.cfg.Listeners[i]
	return !l.Internal && l.Protocol == t.Protocol && sameFamily(l.Addr.Addr(), t.Addr.Addr())
}

func sameFamily(a, b netip.Addr) bool { return a.Unmap().Is4() == b.Is4() }
