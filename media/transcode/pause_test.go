package transcode_test

import (
	"testing"
	"time"

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
		t.Run(name, func(t *testing.T) {
			tr := transcoder(t, test.from, test.to, func(c *transcode.Config) {
				c.Output.Ptime, c.Pauses = test.ptime, transcode.Pauses{After: 10 * time.Millisecond, Noise: test.noise}
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
			if tr.Stats().Concealed != 0 {
				t.Errorf("%+v", tr.Stats())
			}
		})
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
