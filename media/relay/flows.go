package relay

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/media/offload"
)

// flowTable finds the streams of flows in the kernel.
type flowTable struct {
	mu      sync.Mutex
	streams map[netip.AddrPort]*stream
	renewed time.Time
	down    bool          // the offloader said it is not there
	held    atomic.Bool   // no stream moves into the kernel
	figures []flowFigures // memory of the last walk, when nobody uses it
}

type flowFigures struct {
	local netip.AddrPort
	stats offload.Stats
}

// lend takes the memory for a walk; giveBack is for the next one.
func (t *flowTable) lend() []flowFigures {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.figures[:0]
	t.figures = nil
	return list
}

func (t *flowTable) giveBack(list []flowFigures) {
	t.mu.Lock()
	t.figures = list
	t.mu.Unlock()
}

func (t *flowTable) put(local netip.AddrPort, s *stream) {
	t.mu.Lock()
	if t.streams == nil {
		t.streams = map[netip.AddrPort]*stream{}
	}
	t.streams[local] = s
	t.mu.Unlock()
}

func (t *flowTable) drop(local netip.AddrPort) {
	t.mu.Lock()
	delete(t.streams, local)
	t.mu.Unlock()
}

func (t *flowTable) get(local netip.AddrPort) *stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.streams[local]
}

// collect takes the figures of all flows and extends their leases when it is
// time.
func (r *Relay) collect(now time.Time) {
	o := r.cfg.Offload
	if o == nil {
		return
	}
	list := r.flows.lend()
	// Streams are locked after the walk: one that is locked may be waiting for
	// the offloader.
	_ = o.Walk(func(local netip.AddrPort, s offload.Stats) { list = append(list, flowFigures{local, s}) })
	for _, f := range list {
		if st := r.flows.get(f.local); st != nil {
			s := st.leg.session
			s.mu.Lock()
			if !s.closed && st.kernel != nil && st.kernel.flow.Local == f.local {
				st.merge(f.stats)
			}
			s.mu.Unlock()
		}
	}
	r.flows.giveBack(list)
	if now.Sub(r.flows.renewed) < r.cfg.Renew {
		return
	}
	r.flows.renewed = now
	if err := o.Renew(); err != nil {
		r.log.Warn("leases of offloaded streams not renewed", "error", err)
	}
	err := o.Check()
	if err != nil && !r.flows.down {
		r.log.Warn("streams are relayed in user space", "error", err)
	}
	r.flows.down = err != nil
}
