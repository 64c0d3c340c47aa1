package transcode_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/class5-go/class5/internal/sweep"
	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/transcode"
)

const frame = 20 * time.Millisecond

// TestPausesAreFilled: a receiver without comfort noise hears silence, or
// noise, where the source sends nothing, in an unbroken stream.
func TestPausesAreFilled(t *testing.T) {
	for name, test := range map[string]struct {
		from, to codec.Codec
		rate     int
		ptime    time.Duration
		noise    *codec.NoiseModel
	}{
		"silence, converted":      {codec.PCMA(), codec.PCMU(), 8000, 0, nil},
		"silence, decoded":        {codec.PCMA(), codec.G722(), 16000, 0, nil},
		"silence, packets of 30":  {codec.PCMA(), codec.PCMU(), 8000, 30 * time.Millisecond, nil},
		"noise":                   {codec.PCMA(), codec.PCMU(), 8000, 0, &codec.NoiseModel{Level: 40}},
		"noise, in wide band":     {codec.PCMA(), codec.G722(), 16000, 0, &codec.NoiseModel{Level: 40}},
		"noise, packets of 30 ms": {codec.PCMA(), codec.PCMU(), 8000, 30 * time.Millisecond, &codec.NoiseModel{Level: 40}},
	} {
		for _, buffer := range []transcode.Jitter{{}, jitterBuffer} {
			t.Run(fmt.Sprint(name, ", buffer ", buffer.Max), func(t *testing.T) {
				tr := transcoder(t, test.from, test.to, func(c *transcode.Config) {
					c.Output.Ptime, c.Pauses, c.Jitter = test.ptime, transcode.Pauses{After: 10 * time.Millisecond, Noise: test.noise}, buffer
				})
				s, r, n := newSender(t, 8, test.from), newReceiver(t, test.to, test.rate), newNetwork(1)
				at := time.Duration(0)
				for range 4 {
					for range 15 {
						n.send(s.packet(frame), at, 0, 0)
						at += frame
					}
					s.ts += 8000
					at += time.Second
				}
				n.send(s.packet(frame), at, 0, 0)
				n.run(t, tr, r)
				ptime := max(frame, test.ptime)
				r.continuous(uint32(ptime * 8 / time.Millisecond))
				if want := int(at / ptime); len(r.headers) < want-1 || len(r.headers) > want+4 {
					t.Errorf("%d packets in the time of %d", len(r.headers), want)
				}
				middle := r.pcm[test.rate*8/10 : test.rate] // the first pause is from 300 ms to 1,300 ms
				if q := quietest(middle, len(middle)); test.noise == nil && q > -70 || test.noise != nil && (q < -45 || q > -35) {
					t.Errorf("%.0f dB in the pause", q)
				}
				// Behind a buffer a pause is taken for loss first.
				if c := tr.Stats().Concealed; buffer.Max == 0 && c != 0 || int(c) > 4*test.rate/10 {
					t.Errorf("%+v", tr.Stats())
				}
			})
		}
	}
}

var jitterBuffer = transcode.Jitter{Min: 40 * time.Millisecond, Max: 200 * time.Millisecond}

// TestTenMinutesOfPauses: a source that says nothing half of the time, by a clock
// that is not ours, over a network with jitter: the stream has no gap, keeps to
// the wall clock and has no click.
func TestTenMinutesOfPauses(t *testing.T) {
	long := 10 * time.Minute
	short := long * time.Duration(sweep.Of(1, 5)) / 5
	for _, buffer := range []transcode.Jitter{{}, jitterBuffer} {
		for _, c := range []struct {
			to       codec.Codec
			ppm      float64
			standing bool // timestamps stand still in pauses
			length   time.Duration
		}{
			{codec.PCMU(), 0, false, long},
			{codec.PCMU(), 200, false, long},
			{codec.L16(16000, 1), -200, false, short},
			{codec.PCMU(), 0, true, short},
		} {
			if c.standing && buffer.Max == 0 {
				continue // only a buffer tells a source that stands still from one that is late
			}
			t.Run(fmt.Sprint(c.to.Name, " buffer ", buffer.Max, ", ppm ", c.ppm, ", standing ", c.standing), func(t *testing.T) {
				tr := transcoder(t, codec.PCMA(), c.to, func(cfg *transcode.Config) {
					cfg.Jitter, cfg.Pauses = buffer, transcode.Pauses{After: 60 * time.Millisecond}
				})
				s, r, n := newSender(t, 8, codec.PCMA()), newReceiver(t, c.to, c.to.SampleRate), newNetwork(7)
				s.tone = 250 // 32 samples: packets begin and end with nothing
				step := time.Duration(20e6 * (1 + c.ppm/1e6))
				at, spoken := time.Duration(0), 0
				for at < c.length {
					for range 20 + int(80*n.random()) {
						n.send(s.packet(frame), at, 15*time.Millisecond, 0)
						at += step
						spoken++
					}
					quiet := 6 + int(120*n.random()) // shorter ones are no pauses without a buffer
					if !c.standing {
						s.ts += uint32(quiet * 160)
					}
					at += time.Duration(quiet) * step
				}
				n.send(s.packet(frame), at, 0, 0)
				times := n.run(t, tr, r)
				r.continuous(uint32(c.to.ClockRate / 50))
				last := len(times) - 1
				drift := times[last] - times[0] - time.Duration(last)*frame
				if math.Abs(drift.Seconds()) > 0.25 {
					t.Errorf("drift of %v, %+v", drift, tr.Stats())
				}
				if want := int(at / frame); math.Abs(float64(len(times)-want)) > 15 {
					t.Errorf("%d packets in the time of %d", len(times), want)
				}
				if d := tr.Stats().Delay; buffer.Max > 0 && d > 120*time.Millisecond {
					t.Errorf("delay of %v", d)
				}
				slope := 8000 * 2 * math.Pi * 250 / float64(c.to.SampleRate)
				if most := steepest(r.pcm[c.to.SampleRate/10:]); most > 1.5*slope+400 {
					t.Errorf("a step of %.0f, the tone has %.0f; %+v", most, slope, tr.Stats())
				}
				loud := 0
				for i := 0; i+c.to.SampleRate/50 <= len(r.pcm); i += c.to.SampleRate / 50 {
					if quietest(r.pcm[i:i+c.to.SampleRate/50], c.to.SampleRate/50) > -20 {
						loud++
					}
				}
				if loud < spoken-5 { // a buffer still has some at the end
					t.Errorf("only %d packets of %d spoken are heard", loud, spoken)
				}
				t.Logf("%d packets of %d spoken, drift %v, %+v", loud, spoken, drift, tr.Stats())
			})
		}
	}
}

// TestTakeOverInPause: what was filled is not filled again by who goes on.
func TestTakeOverInPause(t *testing.T) {
	for _, buffer := range []transcode.Jitter{{}, jitterBuffer} {
		change := func(cfg *transcode.Config) {
			cfg.Jitter, cfg.Pauses = buffer, transcode.Pauses{After: 10 * time.Millisecond}
		}
		tr := transcoder(t, codec.PCMA(), codec.PCMU(), change)
		s, r := newSender(t, 8, codec.PCMA()), newReceiver(t, codec.PCMU(), 8000)
		var out transcode.Packets
		now := epoch
		for range 10 {
			_ = tr.Push(&out, s.packet(frame), now)
			now = now.Add(frame)
		}
		for end := now.Add(time.Second); ; tr.Advance(&out, now) {
			next := tr.Next()
			if next.IsZero() || next.After(end) {
				now = end
				break
			}
			now = next
		}
		again := transcoder(t, codec.PCMA(), codec.PCMU(), change)
		again.Import(tr.Export(), 0, now)
		s.ts += 8000
		_ = again.Push(&out, s.packet(frame), now)
		for next := again.Next(); out.Len() == 0 || !next.IsZero() && next.Before(now.Add(3*frame)); next = again.Next() {
			again.Advance(&out, next)
		}
		r.take(&out)
		first, last := r.headers[0], r.headers[len(r.headers)-1]
		if span := time.Duration(last.Timestamp-first.Timestamp) * time.Second / 8000; span < 1180*time.Millisecond || span > 1400*time.Millisecond {
			t.Errorf("buffer of %v: the stream says %v of 1.2 s", buffer.Max, span)
		}
	}
}

// TestSourceChangesInPause: another source begins while a pause is filled: the
// stream goes on as long as the time that passed, and nothing of the source is lost.
func TestSourceChangesInPause(t *testing.T) {
	for _, buffer := range []transcode.Jitter{{}, jitterBuffer} {
		tr := transcoder(t, codec.PCMA(), codec.PCMU(), func(cfg *transcode.Config) {
			cfg.Jitter, cfg.Pauses = buffer, transcode.Pauses{After: 10 * time.Millisecond}
		})
		r, n := newReceiver(t, codec.PCMU(), 8000), newNetwork(7)
		at := time.Duration(0)
		for i := range 2 {
			s := newSender(t, 8, codec.PCMA())
			s.ssrc = uint32(100 + i)
			for range 20 {
				n.send(s.packet(frame), at, 0, 0)
				at += frame
			}
			at += 3 * time.Second
		}
		n.run(t, tr, r)
		loud := 0
		for i := 0; i+160 <= len(r.pcm); i += 160 {
			if quietest(r.pcm[i:i+160], 160) > -30 {
				loud++
			}
		}
		// Behind a buffer the end still waits to be played, and each pause begins with
		// what would stand for loss.
		if waits := int(buffer.Min / frame); loud < 40-waits || loud > 40+2*5 {
			t.Errorf("buffer of %v: %d of 40 packets were heard", buffer.Max, loud)
		}
		first, last := r.headers[0], r.headers[len(r.headers)-1]
		if span := time.Duration(last.Timestamp-first.Timestamp) * time.Second / 8000; (span - (at - 3*time.Second)).Abs() > 100*time.Millisecond {
			t.Errorf("buffer of %v: the stream says %v of %v", buffer.Max, span, at-3*time.Second)
		}
	}
}

// TestLateIsNoPause: packets that are late lose nothing, and what they make
// later is caught up in the next pause.
func TestLateIsNoPause(t *testing.T) {
	tr := transcoder(t, codec.PCMA(), codec.PCMU(), func(c *transcode.Config) { c.Pauses.After = 10 * time.Millisecond })
	s, r, n := newSender(t, 8, codec.PCMA()), newReceiver(t, codec.PCMU(), 8000), newNetwork(1)
	at := time.Duration(0)
	for i := range 30 {
		late := time.Duration(0)
		if i == 10 {
			late = 75 * time.Millisecond // three packets are missed until then
		}
		n.send(s.packet(frame), at+late, 0, 0)
		at += frame
		if late > 0 {
			at += late
		}
	}
	s.ts += 8000
	at += time.Second
	n.send(s.packet(frame), at, 0, 0)
	n.run(t, tr, r)
	r.continuous(160)
	loud := 0
	for i := 0; i+160 <= len(r.pcm); i += 160 {
		if quietest(r.pcm[i:i+160], 160) > -30 {
			loud++
		}
	}
	if loud != 31 {
		t.Errorf("%d of 31 packets were heard", loud)
	}
	if want := 31 + 50; len(r.headers) < want-1 || len(r.headers) > want+5 {
		t.Errorf("%d packets, want some %d", len(r.headers), want)
	}
}

// TestPausesLeftAlone: nothing is filled where the receiver knows comfort
// noise, where nobody listens, and where nothing was asked for.
func TestPausesLeftAlone(t *testing.T) {
	for name, change := range map[string]func(*transcode.Config){
		"not asked for":          func(c *transcode.Config) { c.Pauses.After = 0 },
		"the receiver has noise": func(c *transcode.Config) { c.Output.Noise = 13 },
		"nobody listens":         func(*transcode.Config) {},
	} {
		t.Run(name, func(t *testing.T) {
			tr := transcoder(t, codec.PCMA(), codec.PCMU(), func(c *transcode.Config) {
				c.Pauses.After = 10 * time.Millisecond
				change(c)
			})
			s := newSender(t, 8, codec.PCMA())
			var out transcode.Packets
			_ = tr.Push(&out, s.packet(frame), epoch)
			if name == "nobody listens" {
				if tr.Next().IsZero() {
					t.Error("nothing would be filled")
				}
				tr.Rest()
			}
			if next := tr.Next(); !next.IsZero() {
				t.Errorf("something is due at %v", next)
			}
			tr.Advance(&out, epoch.Add(time.Second))
			if out.Len() != 1 {
				t.Errorf("%d packets", out.Len())
			}
		})
	}
	if _, err := transcode.New(transcode.Config{Inputs: []transcode.Input{{PayloadType: 8, Codec: codec.PCMA()}},
		Output: transcode.Output{Codec: codec.PCMU()}, Pauses: transcode.Pauses{After: -1}}); err == nil {
		t.Error("negative times are taken")
	}
}
