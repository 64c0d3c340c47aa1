package relay

import (
	"fmt"
	"strings"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/transcode"
)

// coder works on the payloads of one route.
type coder struct {
	*transcode.Transcoder
	key    string  // what it was made for
	named  bool    // it has the source's SSRC
	failed uint64  // packets it did not take
	mixes  *mixing // what it mixes in; nil: nothing
	clock  int     // Hz, of the timestamps it makes
	makes  string  // the codec, for figures
	// waiting are packets that waited in the process before.
	waiting [][]byte
}

// can tells the offer/answer engine which codecs are at hand.
func (r *Relay) can(c bridge.Codec) (decode, encode bool) {
	found, ok := r.cfg.Codecs.Find(format(c))
	if !ok {
		return false, false
	}
	return found.NewDecoder != nil || found.Kind != codec.Audio, found.NewEncoder != nil || found.Kind != codec.Audio
}

func format(c bridge.Codec) codec.Format {
	f := codec.Format{Name: c.Name, ClockRate: int(c.ClockRate), Channels: max(c.Channels, 1), Fmtp: c.Fmtp}
	if strings.EqualFold(f.Name, "opus") {
		f.Channels = 2 // always (RFC 7587 section 7), but not everybody writes it
	}
	return f
}

// find is the codec of a negotiated format.
func (r *Relay) find(c bridge.Codec) (codec.Codec, bool) {
	return r.cfg.Codecs.Find(format(c))
}

// equip gives a route what works on its payloads: the coder of the route
// before when it does the same, so that a re-offer is not heard. into: it mixes
// more in.
func (s *session) equip(f *bridge.Flow, r *route, before *route, into *mixing) error {
	cfg, key, ok := s.r.coding(f, into)
	if !ok {
		return nil
	}
	if r.table == nil {
		r.list(f)
	}
	r.assign(f, &cfg)
	// Other contents under the SSRC of the source are for those alone who get
	// them in the clear: the keys may be the source's too.
	same := r.to.leg.subscriber && !r.to.secure
	if before != nil && before.coder != nil && before.coder.named == same {
		if before.coder.key == key && before.coder.mixes == into {
			r.coder = before.coder
			return nil
		}
		cfg.SSRC = before.coder.Export().SSRC
	}
	cfg.SourceSSRC = same && cfg.SSRC == 0
	t, err := transcode.New(cfg)
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	r.coder = &coder{Transcoder: t, key: key, named: same, clock: cfg.Output.Codec.ClockRate, mixes: into,
		makes: named(cfg.Output.Codec.Name, cfg.Output.Codec.ClockRate, cfg.Output.Codec.Channels)}
	if from := r.coder.follows(before); from != nil {
		t.Import(from.Export(), 0, s.r.now())
		s.wake(t.Next())
	}
	return nil
}

// follows is the coder whose stream goes on when something begins or ceases to
// be mixed in; nil: there is none.
func (c *coder) follows(before *route) *coder {
	from := (*coder)(nil)
	switch {
	case before != nil && before.coder != nil && before.coder.mixes != c.mixes:
		from = before.coder
	case (before == nil || before.coder == nil) && c.mixes != nil:
		from = c.mixes.alone
	}
	if from == nil || from.clock != c.clock || from.named != c.named {
		return nil
	}
	return from
}

// coding is the configuration of a flow that needs a coder; key tells it from
// others.
func (r *Relay) coding(f *bridge.Flow, into *mixing) (cfg transcode.Config, key string, ok bool) {
	target := coderTarget(f, r.cfg.Silence > 0)
	if target == nil && into != nil {
		target = r.mixTarget(f)
	}
	if target == nil {
		return cfg, "", false
	}
	out, found := r.find(target.To)
	if !found {
		return cfg, "", false
	}
	cfg.Output = transcode.Output{PayloadType: target.To.PayloadType, Codec: out, Ptime: target.Ptime}
	if target.Event != nil {
		cfg.Output.Event = target.Event.PayloadType
	}
	if target.Noise != nil {
		cfg.Output.Noise = target.Noise.PayloadType
	}
	cfg.Detect, cfg.Jitter = target.Detect, transcode.Jitter{Max: r.cfg.JitterBuffer}
	cfg.Pauses, cfg.Silence = r.cfg.Pauses, r.cfg.Silence
	if into != nil && out.CanTranscode() {
		cfg.Mix = into
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%+v|%v|%v|%v|", target.To, target.Ptime, cfg.Output.Event, cfg.Output.Noise)
	for i := range f.Payloads {
		p := &f.Payloads[i]
		in, found := r.find(p.From)
		if !found || p.Action == bridge.Drop {
			continue
		}
		if p.Action == bridge.Pass && p.To.PayloadType != target.To.PayloadType && (into == nil || in.Kind != codec.Audio || !in.CanTranscode()) {
			continue // another codec that needs no work
		}
		cfg.Inputs = append(cfg.Inputs, transcode.Input{PayloadType: p.From.PayloadType, Codec: in})
		fmt.Fprintf(&b, "%+v|", p.From)
	}
	return cfg, b.String(), true
}

// coderTarget is the payload whose receiving codec a coder makes; nil: none is
// needed. Tones and events become each other in a coder also where the audio
// itself passes, and so does silence become comfort noise (hush) of which only
// the receiver knows.
func coderTarget(f *bridge.Flow, hush bool) *bridge.Payload {
	var rendered *bridge.Payload
	for i := range f.Payloads {
		switch p := &f.Payloads[i]; p.Action {
		case bridge.Noise:
			hush = false
		case bridge.Transcode:
			return p
		case bridge.EventToAudio, bridge.NoiseToAudio:
			rendered = p
		}
	}
	for i := range f.Payloads {
		p := &f.Payloads[i]
		if p.Action == bridge.Pass && (p.Detect || hush && p.Noise != nil || rendered != nil && p.To.PayloadType == rendered.To.PayloadType) {
			return p
		}
	}
	return rendered
}

// mixTarget is the payload whose codec has to be made when something is mixed
// in that otherwise passes; nil: none can be.
func (r *Relay) mixTarget(f *bridge.Flow) *bridge.Payload {
	for i := range f.Payloads {
		p := &f.Payloads[i]
		if p.Action != bridge.Pass {
			continue
		}
		if found, ok := r.find(p.To); ok && found.Kind == codec.Audio && found.CanTranscode() {
			return p
		}
	}
	return nil
}

// code gives a packet to the coder and sends what comes out.
func (r *route) code(s *stream, b []byte, now time.Time, q sender) (Drop, bool) {
	r.catchUp(s, now, q)
	p := q.packets()
	s.leg.session.r.stats.transcoded.Add(1)
	err := r.coder.Push(p, b, now)
	r.flush(s, p, q)
	s.leg.session.wake(r.coder.Next())
	if err != nil {
		r.coder.failed++
		return DropPayload, false
	}
	return 0, true
}

// catchUp gives the coder what waited in the process before.
func (r *route) catchUp(s *stream, now time.Time, q sender) {
	for _, b := range r.coder.waiting {
		p := q.packets()
		if r.coder.Push(p, b, now) != nil {
			r.coder.failed++
		}
		r.flush(s, p, q)
	}
	r.coder.waiting = nil
}

// flush sends what a coder made.
func (r *route) flush(s *stream, p *transcode.Packets, q sender) {
	for i := range p.Len() {
		b := append(q.buffer()[:0], p.At(i)...)
		if cause, ok := r.put(s, b, q); !ok {
			s.dropped[cause]++
			s.leg.session.r.stats.dropped[cause].Add(1)
		}
	}
	for _, d := range p.Digits {
		if s.digits == nil { // else it was heard before the coder
			s.heardDigit(d, s.leg.session.r.now())
		}
	}
	p.Reset()
}

// packets lends the session's collector.
func (q sender) packets() *transcode.Packets {
	if q.session.made == nil {
		q.session.made = &transcode.Packets{}
	}
	return q.session.made
}

// due runs the coders of a stream whose time has come.
func (s *stream) due(now time.Time) {
	q := sender{session: s.leg.session}
	for i := range s.routes {
		r := &s.routes[i]
		if r.coder == nil {
			continue
		}
		r.catchUp(s, now, q)
		if !r.open || r.to.off || r.to.playing != nil {
			r.coder.Rest()
		}
		if r.coder.mixes != nil && !r.to.audible() {
			continue
		}
		if next := r.coder.Next(); !next.IsZero() && !next.After(now) {
			p := q.packets()
			r.coder.Advance(p, now)
			r.flush(s, p, q)
		}
	}
}
