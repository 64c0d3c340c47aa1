package relay

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/dtmf"
)

// PlayDTMFRequest makes it seem that a party presses keys.
type PlayDTMFRequest struct {
	Selector               // who seems to press them: those who hear that party hear them
	Digits   string        // 0 to 9, *, #, A to D; at most 64
	Duration time.Duration // of each; 0: 250 ms, at least 40 ms, at most 6 s
	Pause    time.Duration // behind each; 0: 100 ms
	Volume   uint8         // -dBm0; 0: 8
	// Pressed: the parties did press them, and said so elsewhere (SIP INFO).
	// What SecureDTMF does about their digits is done about these too.
	Pressed bool

	length *pressing // in place of Duration, when it is not known yet
	tone   float64   // Hz; in place of the digits there is a tone
}

const (
	maxDigits = 64  // of one request
	maxQueued = 256 // that wait behind others
)

func (q *PlayDTMFRequest) complete() ([]dtmf.Event, error) {
	if q.Duration == 0 {
		q.Duration = 250 * time.Millisecond
	}
	if q.Pause == 0 {
		q.Pause = 100 * time.Millisecond
	}
	if q.Volume == 0 {
		q.Volume = 8
	}
	if len(q.Digits) == 0 || len(q.Digits) > maxDigits || q.Duration < 40*time.Millisecond || q.Duration > 6*time.Second ||
		q.Pause < 0 || q.Pause > 5*time.Second || q.Volume > 63 {
		return nil, fmt.Errorf("%w: digits, lengths or volume out of range", ErrPlay)
	}
	var list []dtmf.Event
	for i := range len(q.Digits) {
		e, ok := dtmf.ParseDigit(q.Digits[i])
		if !ok {
			return nil, fmt.Errorf("%w: not a digit", ErrPlay)
		}
		list = append(list, e)
	}
	return list, nil
}

// PlayDTMF plays digits to those who hear the parties: as telephone events
// (RFC 4733) where they take them, else as tones. Where audio flows they take
// the place of its packets, otherwise they are a stream of their own; digits
// asked for meanwhile come behind. An error that wraps ErrPlay means that
// nobody can be played to.
func (r *Relay) PlayDTMF(ctx context.Context, req PlayDTMFRequest) error {
	list, err := req.complete()
	if err != nil {
		return err
	}
	now, played := r.now(), 0
	err = r.change(ctx, req.Selector, func(s *stream) {
		if keep := s.extra.keeps(); keep != nil && req.Pressed {
			played += s.playSecret(keep, &req, list, now)
			return
		}
		played += s.playKeys(&req, list, now)
	})
	if err == nil && played == 0 {
		err = ErrPlay
	}
	return err
}

// playKeys plays digits to all who hear the stream, and returns to how many.
func (s *stream) playKeys(req *PlayDTMFRequest, list []dtmf.Event, now time.Time) (played int) {
	sess := s.leg.session
	for i := range s.routes {
		t := s.routes[i].to
		switch j := s.routes[i].inject; {
		case t.leg.subscriber, j != nil && len(j.queue)+len(list) > maxQueued:
			continue
		case s.routes[i].injects(s, req, list, now):
			sess.wake(s.routes[i].inject.due)
		default:
			p := t.keys(req.settled(), list, now)
			if p == nil {
				continue
			}
			t.playing = p
			sess.wake(now)
		}
		played++
		sess.r.pacer.add(sess)
	}
	return played
}

// keys prepares digits for a party; nil: it takes none.
func (s *stream) keys(req *PlayDTMFRequest, list []dtmf.Event, now time.Time) *playing {
	p, err := s.prepare(&PlayRequest{Source: tones{req, list}, Repeat: 1}, now)
	if err != nil {
		return nil
	}
	clock := int(p.units) * int(time.Second/p.ptime)
	for _, c := range s.codecs {
		if strings.EqualFold(c.Name, "telephone-event") && int(c.ClockRate) == clock && req.tone == 0 {
			p.digits, p.pt, p.header.PayloadType = true, c.PayloadType, c.PayloadType
			p.frames = eventFrames(req, list, p.units, p.ptime)
			p.header.Marker = true
		}
	}
	p.keys = true
	return p.behind(s.playing)
}

// behind puts digits behind others that are being played; nil: too many are.
func (p *playing) behind(before *playing) *playing {
	if before == nil || !before.keys || before.digits != p.digits || before.pt != p.pt || before.ptime != p.ptime {
		return p
	}
	had, ok := before.frames.(framed)
	more, also := p.frames.(framed)
	switch {
	case !ok || !also:
		return p
	case time.Duration(len(had)-before.next+len(more))*p.ptime > maxQueued*250*time.Millisecond:
		return nil
	}
	had = had[min(before.next, len(had)):]
	before.frames, before.next = append(had[:len(had):len(had)], more...), 0
	return before
}

// framed are payloads in order.
type framed [][]byte

func (f framed) Frame(i int) ([]byte, bool) {
	if i < 0 || i >= len(f) {
		return nil, false
	}
	return f[i], true
}

// eventFrames are the payloads of telephone events; empty ones are pauses.
func eventFrames(req *PlayDTMFRequest, list []dtmf.Event, units uint32, ptime time.Duration) (out framed) {
	for _, e := range list {
		var s dtmf.Sender
		s.Begin(e, req.Volume, 0)
		for n := req.Duration / ptime; n > 1; n-- {
			out = append(out, s.Grow(units).Payload.Append(nil))
		}
		end := s.End(units)
		for ok := true; ok; end, ok = s.Repeat() {
			out = append(out, end.Payload.Append(nil))
		}
		for n := max(1, req.Pause/ptime); n > 0; n-- {
			out = append(out, nil)
		}
	}
	return append(out, nil)
}

// digit gives the packet of an event the timestamp of its beginning: the time
// moves on with the frames, the timestamp with the events.
func (p *playing) digit(frame []byte) {
	p.elapsed += p.units
	if p.header.Marker = len(frame) > 0 && !p.down; p.header.Marker {
		p.header.Timestamp += p.elapsed
		p.elapsed = 0
	}
	p.down = len(frame) > 0
}

// tones are digits as audio.
type tones struct {
	req  *PlayDTMFRequest
	list []dtmf.Event
}

// Duration implements Source.
func (t tones) Duration() time.Duration {
	return time.Duration(len(t.list)) * (t.req.Duration + t.req.Pause)
}

// Frames implements Source.
func (t tones) Frames(c codec.Codec, ptime time.Duration) (Frames, error) {
	e, err := c.Encoder(codec.Params{Fmtp: c.Fmtp, Ptime: ptime, Channels: 1})
	if err != nil {
		return nil, err
	}
	samples := func(d time.Duration) int { return int(int64(d) * int64(c.SampleRate) / int64(time.Second)) }
	g := dtmf.NewGenerator(c.SampleRate)
	var pcm []int16
	for _, d := range t.list {
		if g.Start(d, t.req.Volume); t.req.tone > 0 {
			g.StartTone(t.req.tone, t.req.Volume)
		}
		pcm = g.Append(pcm, samples(t.req.Duration))
		pcm = append(pcm, make([]int16, samples(t.req.Pause))...)
	}
	var out framed
	for n := samples(ptime); len(pcm) >= n; pcm = pcm[n:] {
		b, err := e.Encode(nil, pcm[:n])
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}
