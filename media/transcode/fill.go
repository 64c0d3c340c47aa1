package transcode

import (
	"time"

	"github.com/class5-go/class5/media/codec"
)

const (
	// mostOverdue is how much of a pause is made at once when nobody came to fill
	// it; the rest is left out.
	mostOverdue = time.Second
	// mostSet is by how much a clock may have been set that a jitter buffer goes on
	// by, and mostDelay the delay in it.
	mostSet, mostDelay = time.Minute, time.Minute
	mostRate           = 192000 // Hz
)

// Fill is what a Transcoder makes while its source says nothing, or is about to.
type Fill struct {
	On    bool      // a pause is being filled
	Due   time.Time // when; else, when a packet of the source is missed. Not behind a jitter buffer
	Until time.Time // for how long, when it is On
	// Noise is the source's description of the pause, as in RFC 3389; nil: it said
	// nothing.
	Noise  []byte        `json:",omitempty"`
	Length time.Duration // of the source's packets
	Rate   int           // Hz, of the samples of what follows, per channel:
	Frame  int           // those of a packet
	Made   int           // since the source spoke
	Begun  int           // of a packet that is not complete
	Behind int64         // by how much the output is later than the source, in its clock
}

// Playout is the clock of a jitter buffer.
type Playout struct {
	Stamp  uint32        // a timestamp of the source
	At     time.Time     // when its sample would be played without delay
	Delay  time.Duration // added to each
	Base   time.Duration // what of it the source's clock is off
	Paused bool          // nothing is made any more until the source speaks
}

// exportFill is nil when nothing is due.
func (t *Transcoder) exportFill() *Fill {
	d, p := &t.pause, &t.pcm
	waits := t.jitter.begun && t.fills() && p.frame > 0
	if !p.noiseOn && p.made == 0 && d.due.IsZero() && !waits {
		return nil
	}
	f := &Fill{On: p.noiseOn, Due: d.due, Length: d.length, Rate: p.rate, Frame: p.frame, Made: p.made, Begun: p.waiting(), Behind: d.behind}
	if f.On {
		f.Due, f.Until = p.noiseDue, p.noiseEnd
		if !d.filling {
			f.Noise = p.described.Append(nil)
		}
	}
	return f
}

func (t *Transcoder) exportPlayout() *Playout {
	j := &t.jitter
	if !j.begun {
		return nil
	}
	return &Playout{Stamp: j.stamp, At: j.origin, Delay: j.delay, Base: j.base, Paused: j.paused}
}

// importFill goes on with what is due. What cannot be is as if there had been
// nothing.
func (t *Transcoder) importFill(f *Fill, now time.Time) {
	d, p := &t.pause, &t.pcm
	if f == nil || f.Rate <= 0 || f.Rate > mostRate || f.Made < 0 || f.Made > int(fillLimit/time.Second)*f.Rate ||
		f.Frame < 0 || f.Frame > f.Rate || f.Begun < 0 || f.Begun > f.Rate || f.Length < 0 || f.Length > time.Second {
		return
	}
	noise, err := codec.ParseNoise(f.Noise)
	if described := f.Noise != nil; described && (err != nil || p.out.Noise != 0) || !described && !t.fills() && (f.On || !f.Due.IsZero()) {
		return // it is not wanted here
	}
	ours := func(n int) int { return int(int64(n) * int64(p.rate) / int64(f.Rate)) }
	if p.frame == 0 {
		p.frame = ours(f.Frame)
	}
	if f.On && p.frame == 0 {
		return
	}
	p.made, d.length, d.behind = ours(f.Made), f.Length, f.Behind
	if !f.On {
		p.addMono(make([]int16, ours(f.Begun)))
		if d.carried = t.cfg.Jitter.Max > 0 && t.fills() && p.frame > 0; !d.carried {
			d.due = soon(f.Due, now, d.length+t.cfg.Pauses.After)
		}
		return
	}
	t.state.SourceTimestamp -= uint32(int64(f.Made) * int64(t.state.SourceClock) / int64(f.Rate))
	t.startFilling(now)
	if f.Noise != nil {
		p.described, d.filling = noise, false
		p.noise.Set(noise)
	}
	d.rings = false // what rang is not here
	p.addMono(p.noise.Append(nil, ours(f.Begun)))
	p.noiseEnd, p.noiseDue = soon(f.Until, now, fillLimit), soon(f.Due, now, t.frameTime())
}

// importPlayout goes on with the clock of a jitter buffer. Without, it begins with
// the next packet.
func (t *Transcoder) importPlayout(s *Playout, now time.Time) {
	if s == nil || t.cfg.Jitter.Max == 0 || s.Delay.Abs() > mostDelay || s.Base.Abs() > mostDelay || s.At.Sub(now).Abs() > 365*24*time.Hour {
		return
	}
	j := jitter{begun: true, origin: now.Add(s.At.Sub(now)), stamp: s.Stamp, delay: s.Delay, base: s.Base, paused: s.Paused}
	fills := !j.paused && (t.pcm.noiseOn || t.pause.carried)
	missing := j.due(t.state.SourceTimestamp+t.madeTicks(), t.state.SourceClock)
	switch wait := missing.Sub(now); {
	case wait <= t.cfg.Jitter.Max+mostOverdue && (!t.pcm.noiseOn || wait >= -mostSet):
	case fills: // somebody set the clock: what is missing is missing now
		j.origin, missing = j.origin.Add(-wait), now
	default:
		return
	}
	if t.jitter = j; fills {
		t.jitter.next = missing
	}
}

// soon is a time of another process by the clock of this one, at most so far ahead.
func soon(at, now time.Time, most time.Duration) time.Time {
	if at.IsZero() {
		return at
	}
	return now.Add(min(at.Sub(now), most))
}

// leaveOut moves the output on behind what was not made for too long.
func (t *Transcoder) leaveOut(out *Packets, late time.Duration) (by time.Duration) {
	if late <= mostOverdue {
		return 0
	}
	by = late.Truncate(t.frameTime())
	n := int(int64(by) * int64(t.pcm.rate) / int64(time.Second))
	t.jump(out, n)
	t.pcm.made += n
	t.mark = true
	return by
}
