package bridge

import (
	"strings"
	"time"
)

// routes says what becomes of each payload type that may come from a party.
// branch: the sender is a branch of the receiver, so that the receiver is the
// one whose wishes (accept) count.
func (w *work) routes(fl *Flow, f, t *stream, branch bool) {
	if !isRTP(f.Proto) || !isRTP(t.Proto) {
		fl.Verbatim = true
		return
	}
	r := router{w: w, f: f, t: t, in: f.Codecs.Said, out: t.Codecs.Said}
	if len(r.in) == 0 {
		r.in = f.Codecs.Told // early media: it may send what it was offered
	}
	if len(r.out) == 0 {
		r.out = t.Codecs.Told
	}
	r.engaged = f.Codecs.Transcode || t.Codecs.Transcode || f.Repack > 0 || t.Repack > 0 || w.accepts(r.in) || w.accepts(r.out)
	m := &mapping{w: w, said: r.in, offerer: r.out, accepted: find(r.out, func(c *format) bool { return c.Accept && !c.companion() })}
	if !r.engaged && !m.direct() && w.bridges(r.in, r.out) {
		r.engaged = true
	}
	m.engaged = r.engaged
	r.m = m
	_ = branch
	r.run(fl)
}

func (w *work) accepts(list []format) bool {
	return find(list, func(f *format) bool { return f.Accept }) != nil
}

// router fills the payload table of one flow.
type router struct {
	w       *work
	f, t    *stream
	in, out []format // what may come, and what the receiver takes
	engaged bool
	m       *mapping
}

func (r *router) run(fl *Flow) {
	plain := true
	for i := range r.in {
		p := r.payload(&r.in[i])
		plain = plain && (p.Action == Pass || p.Action == Event || p.Action == Noise) && p.From.PayloadType == p.To.PayloadType && !p.Detect && p.Ptime == 0
		fl.Payloads = append(fl.Payloads, p)
	}
	fl.Unknown = !r.engaged
	fl.Verbatim = plain && !r.engaged || plain && !fl.Inject
}

func (r *router) payload(c *format) Payload {
	p := Payload{From: c.codec(), To: c.codec()}
	if c.companion() {
		r.companion(&p, c)
		return p
	}
	t := r.m.target(c)
	if t == nil {
		if r.engaged {
			p.Action = Drop
		}
		return p
	}
	p.To = t.codec()
	if t.same(c) && !r.w.codes(c) { // it can only pass, as long as its packets are
		r.beside(&p, c)
		return p
	}
	p.Ptime = r.ptime()
	if !t.same(c) || p.Ptime > 0 || r.t.Codecs.Force && r.w.codes(c) {
		p.Action = Transcode
		r.bitrate(&p)
		if p.Ptime == 0 {
			p.Ptime = r.wished()
		}
	}
	r.beside(&p, c)
	return p
}

// ptime is the packet length enforced towards the receiver. Once packets are
// cut anew in one direction, they are in the other: to the length that the
// receiver was told.
func (r *router) ptime() time.Duration {
	switch {
	case r.t.Repack > 0:
		return r.t.Repack
	case r.f.Repack > 0 && r.t.Announced > 0:
		return r.t.Announced
	case r.f.Repack > 0 && r.t.Ptime > 0:
		return r.t.Ptime
	case r.f.Repack > 0:
		return 20 * time.Millisecond
	}
	return 0
}

// wished is the packet length of what is made for the receiver: what it asked
// for, else what it was told of the other party, else what goes without saying
// (RFC 3551 section 4.2). The sender's packets do not decide, who was asked for
// nothing and may change its mind.
func (r *router) wished() time.Duration {
	d := 20 * time.Millisecond
	switch {
	case r.t.Ptime > 0:
		d = r.t.Ptime
	case r.t.Announced > 0:
		d = r.t.Announced
	}
	if r.t.MaxPtime > 0 {
		d = min(d, r.t.MaxPtime)
	}
	return d
}

// bitrate applies the codec options that were set for the receiver.
func (r *router) bitrate(p *Payload) {
	if p.Ptime == 0 && p.To.Ptime > 0 {
		p.Ptime = p.To.Ptime
	}
	for _, s := range r.t.Codecs.Set {
		q := parseSpec(s)
		if strings.EqualFold(q.name, p.To.Name) && q.rate == p.To.ClockRate && q.channels == p.To.Channels {
			p.To.Bitrate, p.To.Options = q.bitrate, q.options
			if q.ptime > 0 && p.Ptime == 0 {
				p.Ptime = time.Duration(q.ptime) * time.Millisecond
			}
		}
	}
}

// beside adds the companions of the receiver.
func (r *router) beside(p *Payload, c *format) {
	of := func(list []format, kind string, clock uint32) *format {
		return find(list, func(f *format) bool { return strings.EqualFold(f.Name, kind) && f.ClockRate == clock })
	}
	if e := of(r.out, eventName, p.To.ClockRate); e != nil {
		k := e.codec()
		p.Event = &k
		p.Detect = r.engaged && of(r.in, eventName, c.ClockRate) == nil || r.f.Codecs.Detect
	}
	if n := of(r.out, noiseName, p.To.ClockRate); n != nil {
		k := n.codec()
		p.Noise = &k
	}
}

// companion routes telephone-event and comfort noise: to the receiver's own
// format of the clock that the audio beside it gets, else into the audio.
func (r *router) companion(p *Payload, c *format) {
	kind, audio := eventName, EventToAudio
	p.Action = Event
	if c.noise() {
		kind, audio, p.Action = noiseName, NoiseToAudio, Noise
	}
	clock := c.ClockRate
	var main *format
	for i := range r.in {
		if f := &r.in[i]; !f.companion() && f.ClockRate == c.ClockRate {
			if t := r.m.target(f); t != nil {
				main, clock = t, t.ClockRate
				break
			}
		}
	}
	if e := find(r.out, func(f *format) bool { return strings.EqualFold(f.Name, kind) && f.ClockRate == clock }); e != nil {
		p.To = e.codec()
		return
	}
	if r.engaged && main != nil {
		p.Action, p.To = audio, main.codec()
		return
	}
	if r.engaged {
		p.Action = Drop
	}
}
