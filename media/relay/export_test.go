package relay

import (
	"time"

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
	return &r.sessions[callID].legs[0].streams[0].media
}
