package relay

import (
	"context"
	"slices"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/mix"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/transcode"
)

// fadeOut is how long what is mixed may take to end.
const fadeOut = 200 * time.Millisecond

// InjectRequest names a party whose audio is heard by another one beside what
// that hears anyway.
type InjectRequest struct {
	CallID, ToTag string // who hears it
	SourceTag     string // who is heard
	// SourceCallID is the session of the source, if it is another one. The two
	// become one then, see [Relay.Connect].
	SourceCallID string
}

// Inject mixes the audio of one party into what another one hears. The other
// way, and what others hear, stay as they are. It lasts until StopInject, or until
// one of the two leaves the session; another process that goes on with it mixes
// on. A party that is there but has no audio
// that could be mixed, or is heard already: an error of Offer.
func (r *Relay) Inject(ctx context.Context, req InjectRequest) error {
	return r.injecting(ctx, req, (*bridge.Session).Inject)
}

// StopInject ends what Inject began; sessions that were joined for it stay so.
func (r *Relay) StopInject(ctx context.Context, req InjectRequest) error {
	return r.injecting(ctx, req, (*bridge.Session).StopInject)
}

func (r *Relay) injecting(ctx context.Context, req InjectRequest, do func(s *bridge.Session, source, to string) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := r.joined(ctx, req.CallID, req.SourceCallID, func(b *bridge.Session) error { return do(b, req.SourceTag, req.ToTag) })
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.refit(r.now())
	s.save()
	return nil
}

// refit makes effective what changed beside offers and answers. What an
// unanswered offer says is not believed because of it.
func (s *session) refit(now time.Time) {
	hold := (*leg).connected
	if !s.bridge.Pending() {
		hold = nil
	}
	p := s.bridge.Plan()
	s.apply(&p, hold, now)
}

// mixing is what a party hears beside the other one. It is what the coder of
// its stream mixes in.
type mixing struct {
	mixer  *mix.Mixer // nil until the rate is known
	inputs []*mixed
	coder  *coder // that mixes; nil: none does yet
	// alone is the coder when it makes a stream for want of one to mix into.
	alone *coder
	ends  time.Time // nothing is mixed in any more, it fades; zero: it goes on
}

// mixed is the audio of one party on its way into a mixer.
type mixed struct {
	from, to *stream
	in       *mix.Input
	decoder  *transcode.Transcoder // to samples in network order
	key      string                // what it was made for
	pcm      []int16
}

var _ transcode.Mixer = (*mixing)(nil)

// Mix implements transcode.Mixer.
func (m *mixing) Mix(frame []int16, channels int) {
	if m.mixer != nil {
		m.mixer.Mix(frame, channels)
	}
}

// Sounds implements transcode.Mixer.
func (m *mixing) Sounds() bool { return m.mixer != nil && m.mixer.Sounds() }

// planMixes finds the streams that hear more than one, before their coders are
// made.
func (s *session) planMixes(p *bridge.Plan, now time.Time) {
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st == nil {
				continue
			}
			wanted := false
			for i := range p.Mixes {
				wanted = wanted || p.Mixes[i].To == l.id && p.Mixes[i].ToMedia == st.index
			}
			switch m := st.mixing; {
			case wanted && m == nil:
				st.mixing = &mixing{}
				s.r.pacer.add(s)
			case wanted:
				m.ends = time.Time{}
			case m != nil && !m.Sounds():
				m.close()
				st.mixing = nil
			case m != nil && m.ends.IsZero():
				m.ends = now.Add(fadeOut)
			}
		}
	}
}

// connectMixes gives the streams their sources, when their coders are there.
func (s *session) connectMixes(p *bridge.Plan, now time.Time) {
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st == nil || st.mixing == nil {
				continue
			}
			m := st.mixing
			if m.coder = st.mixer(); m.coder == nil {
				m.close()
				continue
			}
			if rate := m.coder.Rate(); m.mixer == nil || m.mixer.Rate() != rate {
				m.close()
				m.mixer = mix.New(rate)
			}
			s.connectInputs(p, st)
			s.wake(now)
		}
	}
}

// connectInputs makes the inputs those of the plan.
func (s *session) connectInputs(p *bridge.Plan, to *stream) {
	m := to.mixing
	before := m.inputs
	m.inputs = nil
	for i := range p.Mixes {
		q := &p.Mixes[i]
		if q.To != to.leg.id || q.ToMedia != to.index {
			continue
		}
		other := s.leg(q.From)
		if other == nil || other.stream(q.FromMedia) == nil {
			continue
		}
		x, err := other.stream(q.FromMedia).feed(to, m.mixer, before)
		if err != nil {
			s.r.log.Warn("audio of a party cannot be mixed", "error", err)
			continue
		}
		m.inputs = append(m.inputs, x)
	}
	for _, x := range before {
		if !slices.Contains(m.inputs, x) {
			x.close()
		}
	}
}

// feed leads the audio of a stream into a mixer, as before if it is the same.
func (s *stream) feed(to *stream, m *mix.Mixer, before []*mixed) (*mixed, error) {
	r := s.leg.session.r
	cfg := transcode.Config{Output: transcode.Output{Codec: codec.L16(m.Rate(), 1)}}
	key := ""
	for _, c := range s.codecs {
		if found, ok := r.find(c); ok && (found.Kind != codec.Audio || found.NewDecoder != nil && found.CanTranscode()) {
			cfg.Inputs = append(cfg.Inputs, transcode.Input{PayloadType: c.PayloadType, Codec: found})
			key += found.String() + found.Fmtp + "|" + string(rune(c.PayloadType))
		}
	}
	for _, x := range before {
		if x.from == s && x.key == key {
			return x, nil
		}
	}
	t, err := transcode.New(cfg)
	if err != nil {
		return nil, err
	}
	x := &mixed{from: s, to: to, in: m.Input(), decoder: t, key: key}
	s.feeds = append(s.feeds, x)
	return x, nil
}

// close ends an input; it fades.
func (x *mixed) close() {
	x.in.Close()
	x.from.feeds = slices.DeleteFunc(x.from.feeds, func(o *mixed) bool { return o == x })
}

// close ends all inputs.
func (m *mixing) close() {
	for _, x := range m.inputs {
		x.close()
	}
	m.inputs = nil
}

// mixer is the coder that mixes into what the party hears: that of the stream
// of the other one, else one that makes a stream of its own; nil: the party has
// no codec for that.
func (s *stream) mixer() *coder {
	m := s.mixing
	if r := s.mixedRoute(); r != nil {
		m.alone = nil
		return r.coder
	}
	if s.fed() {
		m.alone = nil
		return nil
	}
	if m.alone != nil {
		return m.alone
	}
	for _, c := range s.codecs {
		found, ok := s.leg.session.r.find(c)
		if !ok || found.Kind != codec.Audio || !found.CanTranscode() {
			continue
		}
		t, err := transcode.New(transcode.Config{Mix: m, Inputs: []transcode.Input{{PayloadType: c.PayloadType, Codec: found}},
			Output: transcode.Output{PayloadType: c.PayloadType, Codec: found, Ptime: found.FitPtime(s.ptime)}})
		if err == nil {
			m.alone = &coder{Transcoder: t, clock: found.ClockRate}
		}
		return m.alone
	}
	return nil
}

// fed tells whether the party hears another one, whose stream may not be taken
// for one that is to be made.
func (s *stream) fed() bool {
	for _, l := range s.leg.session.legs {
		for _, st := range l.streams {
			if st != nil && st.routeTo(s) != nil && (l.id == s.leg.peer || s.leg.subscriber) {
				return true
			}
		}
	}
	return false
}

// mixedRoute is the route into which is mixed.
func (s *stream) mixedRoute() *route {
	for _, l := range s.leg.session.legs {
		for _, st := range l.streams {
			if st == nil {
				continue
			}
			if r := st.routeTo(s); r != nil && r.coder != nil && r.coder.mixes == s.mixing {
				return r
			}
		}
	}
	return nil
}

// mixesInto tells whether the flow is the one that is mixed into: what the
// partner sends, or the first of a subscriber.
func (s *session) mixesInto(f *bridge.Flow, p *bridge.Plan) bool {
	to := s.leg(f.To)
	if to == nil {
		return false
	}
	if t := to.stream(f.ToMedia); t == nil || t.mixing == nil {
		return false
	}
	if to.peer != 0 {
		return to.peer == f.From
	}
	for i := range p.Flows {
		if q := &p.Flows[i]; q.To == f.To && q.ToMedia == f.ToMedia {
			return q.From == f.From && q.FromMedia == f.FromMedia
		}
	}
	return false
}

// mixes gives a packet of the party to those whom it is mixed in for.
func (s *stream) mixes(b []byte, now time.Time) {
	out := sender{session: s.leg.session}.packets()
	for _, x := range s.feeds {
		_ = x.decoder.Push(out, b, now) // what it cannot take is silence
		x.flush(out, now)
	}
}

// flush takes the samples that the decoder made.
func (x *mixed) flush(out *transcode.Packets, now time.Time) {
	for b := range out.All() {
		_, payload, ok := rtpwire.Parse(b)
		if !ok {
			continue
		}
		x.pcm = x.pcm[:0]
		for i := 0; i+1 < len(payload); i += 2 {
			x.pcm = append(x.pcm, int16(uint16(payload[i])<<8|uint16(payload[i+1])))
		}
		x.in.Write(x.pcm, now)
	}
	out.Reset()
	s := x.to.leg.session
	s.wake(x.decoder.Next())
	if m := x.to.mixing; m != nil && m.coder != nil && x.to.audible() {
		s.wake(m.coder.Next())
	}
}

// audible tells whether the party can be sent what is mixed in for it.
func (s *stream) audible() bool {
	return !s.off && s.playing == nil && !s.muted && s.direction.Receives()
}

// mixDue does what is due of what is mixed.
func (s *stream) mixDue(now time.Time) {
	out := sender{session: s.leg.session}.packets()
	for _, x := range s.feeds {
		if next := x.decoder.Next(); !next.IsZero() && !next.After(now) {
			x.decoder.Advance(out, now)
			x.flush(out, now)
		}
	}
	m := s.mixing
	if m == nil {
		return
	}
	if c := m.alone; c != nil && s.audible() {
		if next := c.Next(); !next.IsZero() && !next.After(now) {
			c.Advance(out, now)
			q := sender{session: s.leg.session}
			for b := range out.All() {
				if cause, ok := s.emit(rtpwire.KindRTP, append(q.buffer()[:0], b...), q); !ok {
					s.dropped[cause]++
					s.leg.session.r.stats.dropped[cause].Add(1)
				}
			}
			out.Reset()
		}
	}
	if !m.ends.IsZero() && (!m.Sounds() || !m.ends.After(now)) {
		m.mixer = nil // it fell silent
		s.leg.session.refit(now)
	}
}

// mixDeadline is when mixDue has something to do; zero: never.
func (s *stream) mixDeadline() (first time.Time) {
	add := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, x := range s.feeds {
		add(x.decoder.Next())
	}
	if m := s.mixing; m != nil {
		add(m.ends)
		if m.alone != nil && s.audible() {
			add(m.alone.Next())
		}
	}
	return first
}

// endFades ends at once what is about to fall silent: a state has no fades.
func (s *session) endFades() {
	some := false
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st != nil && st.mixing != nil && !st.mixing.ends.IsZero() {
				st.mixing.mixer, some = nil, true
			}
		}
	}
	if some {
		s.refit(s.r.now())
	}
}

// sources names those who are mixed in.
func (m *mixing) sources() (tags []string) {
	if m == nil {
		return nil
	}
	for _, x := range m.inputs {
		if n := len(x.from.leg.tags); n > 0 {
			tags = append(tags, x.from.leg.tags[n-1])
		}
	}
	return tags
}
