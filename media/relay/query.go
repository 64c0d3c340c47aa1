package relay

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/class5-go/class5/media/rtpstat"
)

// Query returns the present figures of a session. Unknown sessions:
// ErrUnknownCall.
func (r *Relay) Query(ctx context.Context, callID string) (Report, error) {
	if err := ctx.Err(); err != nil {
		return Report{}, err
	}
	s, err := r.lookup(callID)
	if err != nil {
		return Report{}, err
	}
	defer s.mu.Unlock()
	s.refresh()
	return s.report(), nil
}

// Totals are the figures of a relay since its start, for metrics.
type Totals struct {
	Uptime        time.Duration `json:"uptime"`
	Sessions      int           `json:"sessions"` // now
	Created       uint64        `json:"created"`
	Rejected      uint64        `json:"rejected"` // by a limit of sessions, load or source
	MediaTimeouts uint64        `json:"media_timeouts"`
	Released      uint64        `json:"released"` // by the relay itself
	Packets       uint64        `json:"packets"`  // received
	Bytes         uint64        `json:"bytes"`    // received
	Forwarded     uint64        `json:"forwarded"`
	Kernel        uint64        `json:"kernel"` // of forwarded: by the kernel
	KernelBytes   uint64        `json:"kernel_bytes"`
	SendErrors    uint64        `json:"send_errors"` // forwarded, but refused by the kernel
	Transcoded    uint64        `json:"transcoded"`  // received, and worked on by a coder
	Handshakes    uint64        `json:"handshakes"`  // of DTLS, complete
	BadHandshakes uint64        `json:"bad_handshakes"`
	// Of the store: writes that failed, how often all was written again, sessions
	// that wait to be written, how long ago all was, sessions taken over from it,
	// and those that were not.
	StoreErrors   uint64        `json:"store_errors"`
	StoreRewrites uint64        `json:"store_rewrites"`
	StoreWaiting  int           `json:"store_waiting"`
	StoreLag      time.Duration `json:"store_lag"`
	Restored      uint64        `json:"restored"`
	Unrestored    uint64        `json:"unrestored"`

	Ended      Endings    `json:"ended"`
	MOS        MOSTotals  `json:"mos"`
	Rates      Rates      `json:"rates"`
	LastMinute LastMinute `json:"last_minute"`

	Rounds    uint64            `json:"rounds"`     // wake-ups of the loops
	Dropped   map[string]uint64 `json:"dropped"`    // by cause; all causes present
	PortsFree map[string]int    `json:"ports_free"` // pairs, by bound address
}

// Totals returns the figures since the start.
func (r *Relay) Totals() Totals {
	c := r.group.Counters()
	t := Totals{
		Sessions: r.Count(), Created: r.stats.created.Load(),
		MediaTimeouts: r.stats.mediaTimeouts.Load(), Released: r.stats.released.Load(),
		Packets: r.stats.packets.Load(), Bytes: r.stats.bytes.Load(), Forwarded: r.stats.forwarded.Load(),
		Kernel: r.stats.kernel.Load(), KernelBytes: r.stats.kernelBytes.Load(), Rejected: r.stats.rejected.Load(), SendErrors: c.SendErrors, Rounds: c.Rounds,
		Transcoded: r.stats.transcoded.Load(), Handshakes: r.stats.handshakes.Load(), BadHandshakes: r.stats.handshakesFailed.Load(),
		StoreErrors: r.stats.storeErrors.Load(), StoreRewrites: r.stats.storeRewrites.Load(),
		Restored: r.stats.restored.Load(), Unrestored: r.stats.unrestored.Load(),
		Uptime: r.now().Sub(r.base), Dropped: make(map[string]uint64, drops), PortsFree: map[string]int{},
	}
	t.StoreWaiting, t.StoreLag = r.behind.waiting()
	for i := range r.stats.dropped {
		t.Dropped[Drop(i).String()] = r.stats.dropped[i].Load()
	}
	r.sums(&t)
	now := r.now()
	for _, i := range r.ifaces.list {
		t.PortsFree[i.Addr.String()] = i.ports.available(now)
	}
	return t
}

func (s *session) report() Report {
	rep := Report{CallID: s.id, Created: s.created, Answered: s.answered, Held: s.held,
		Legs: make([]LegReport, 0, len(s.legs)+len(s.gone))}
	for _, l := range s.legs {
		rep.Legs = append(rep.Legs, l.report(s.r))
	}
	rep.Legs = append(rep.Legs, s.gone...)
	return rep
}

func (l *leg) report(r *Relay) LegReport {
	rep := LegReport{Tags: slices.Clone(l.tags), ViaBranch: l.branch, Label: l.label, Connected: l.connected(), Subscriber: l.subscriber}
	for _, s := range l.streams {
		if s == nil {
			continue
		}
		rep.Streams = append(rep.Streams, s.report(r))
		rep.Mixed = append(rep.Mixed, s.mixing.sources()...)
		for i := range s.routes {
			if tag := s.routes[i].to.leg.tag(); tag != "" && !slices.Contains(rep.HeardBy, tag) {
				rep.HeardBy = append(rep.HeardBy, tag)
			}
		}
	}
	return rep
}

// tag is what the leg is called now.
func (l *leg) tag() string {
	if len(l.tags) == 0 {
		return ""
	}
	return l.tags[len(l.tags)-1]
}

func (s *stream) report(r *Relay) StreamReport {
	rep := StreamReport{
		Index: s.index, Kind: s.kind, Protocol: s.proto,
		Local: s.advertised(), Signalled: s.media.latch.Signalled(), Remote: s.media.latch.Remote(), Locked: s.media.latch.Locked(),
		Direction: s.direction.String(), Rejected: s.off, Mux: s.mux,
		Received: s.flow(r), Sent: s.sent.flow(), ReceivedRTCP: s.rtcpIn.flow(), SentRTCP: s.rtcpOut.flow(),
		Dropped: dropMap(&s.dropped),
		Quality: s.quality.export(r.base), RoundTrip: s.reports.rtt,
		Path: Path{Kernel: s.kernel != nil && s.kernel.active, Why: s.why},
	}
	if rep.Signalled == (netip.AddrPort{}) {
		rep.Direction = "" // the party has said nothing yet
	}
	if c := s.clock(rep.Received.PayloadType); c != nil && rep.Received.Packets > 0 {
		rep.Codec, rep.ClockRate = c.name, c.rate
	}
	if h := s.carrier.shield; h.keyed() && h.in != nil {
		rep.Suite = h.in.Suite().String()
	}
	rep.Transcoded = slices.ContainsFunc(s.routes, func(r route) bool { return r.coder != nil })
	return rep
}

func (c counter) flow() Flow { return Flow{Packets: c.packets, Bytes: c.bytes} }

// flow is what was received, with its quality.
func (s *stream) flow(r *Relay) Flow {
	n := s.snapshot()
	f := Flow{
		Packets: n.Packets + s.otherIn.packets, Bytes: n.Bytes + s.otherIn.bytes,
		Expected: n.Expected, Lost: n.Lost, Duplicates: n.Duplicates, Reordered: n.Reordered,
		Jitter: n.Jitter, JitterMean: n.JitterMean, JitterMax: n.JitterMax,
		SSRC: n.SSRC, Sources: n.Sources, PayloadType: n.PayloadType,
	}
	if n.Packets == 0 {
		return f
	}
	f.Last = r.base.Add(n.Last)
	if s.kind == "audio" {
		f.MOS = rtpstat.MOS(rtpstat.Quality{Loss: n.LossRatio(), Jitter: n.JitterMean, Packet: s.packetTime(),
			Codec: s.impairment(n.PayloadType)})
	}
	return f
}
