package relay

import (
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/internal/udploop"
)

// SetPortable chooses the goroutine-per-socket implementation.
func SetPortable(c *Config, on bool) { c.portable = on }

// Sweep looks for time-outs as of now.
func (r *Relay) Sweep(now time.Time) { r.sweep(now) }

// PortPool is the book-keeping of ports.
type PortPool = portPool

// NewPortPool makes one.
var NewPortPool = newPortPool

// Take takes a pair.
func (p *portPool) Take(now time.Time) (uint16, bool) { return p.take(now) }

// Release puts a pair to rest.
func (p *portPool) Release(port uint16, now time.Time) { p.release(port, now) }

// Available counts the free pairs.
func (p *portPool) Available(now time.Time) int { return p.available(now) }

// FirstPort is the RTP port facing the offerer.
func FirstPort(r *Relay, callID string) udploop.Handler {
	return r.sessions[callID].legs[0].streams[0].media.out
}

// Apply opens a session if need be and makes a plan effective in it, as
// signalling does. build asks for the ports it wants.
func (r *Relay) Apply(callID string, build func(bridge.Ports) bridge.Plan) error {
	s, err := r.open(callID, r.cfg.Interfaces[0].Addr)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	p := build(&binder{s: s})
	s.early = false
	for i := range p.Legs {
		l := s.ensure(p.Legs[i].ID)
		l.early, l.answered = false, true
	}
	s.apply(&p, nil, r.now())
	return nil
}

// MapSSRC makes packets of the first leg's first stream leave under another
// SSRC.
func (r *Relay) MapSSRC(callID string, from, to uint32) {
	s, _ := r.lookup(callID)
	defer s.mu.Unlock()
	st := s.legs[0].streams[0]
	st.routes[0].ssrc.set(from, to)
	for _, l := range s.legs {
		for _, st := range l.streams {
			st.settle()
		}
	}
}

// Generate makes the relay write the RTCP of all legs.
func (r *Relay) Generate(callID string) {
	s, _ := r.lookup(callID)
	defer s.mu.Unlock()
	for _, l := range s.legs {
		l.generate = true
	}
	s.chooseReports()
	for _, l := range s.legs {
		for _, st := range l.streams {
			st.settle()
		}
	}
}

// WaitHalfway replaces the time that handshakes under way are waited for.
func (r *Relay) WaitHalfway(d time.Duration) { r.halfway = d }

// Shaking tells whether a handshake is under way in which a party has spoken.
func (r *Relay) Shaking() bool { return r.shaking() }

// HandshakesHeld tells whether none begins.
func (r *Relay) HandshakesHeld() bool { return r.noHandshakes.Load() }
