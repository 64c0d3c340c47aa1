package transcode_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/transcode"
)

func written(t testing.TB, s transcode.State) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// moved is a state on its way to another process.
func moved(t testing.TB, s transcode.State) (to transcode.State) {
	t.Helper()
	if err := json.Unmarshal([]byte(written(t, s)), &to); err != nil {
		t.Fatal(err)
	}
	return to
}

// leaving is a packet that is sent.
type leaving struct {
	at       time.Duration
	seq      uint16
	ts, ssrc uint32
	mark     bool
}

// relayed runs arrivals until the end through transcoders that make gives; at handOver
// the next goes on. Negative: none does.
func relayed(t *testing.T, n *network, end, handOver time.Duration, make func() *transcode.Transcoder) (sent []leaving) {
	t.Helper()
	tr, out, handed := make(), transcode.Packets{}, handOver < 0
	take := func(at time.Duration) {
		for p := range out.All() {
			h, _, _ := rtpwire.Parse(p)
			sent = append(sent, leaving{at, h.Sequence, h.Timestamp, h.SSRC, h.Marker})
		}
		out.Reset()
	}
	until := func(at time.Duration) {
		if !handed && handOver <= at {
			handed = true
			for next := tr.Next(); !next.IsZero() && next.Sub(epoch) < handOver; next = tr.Next() {
				tr.Advance(&out, next)
				take(next.Sub(epoch))
			}
			old, now := tr, epoch.Add(handOver)
			tr = make()
			tr.Import(moved(t, old.Export()), 0, now)
			if is, was := written(t, tr.Export()), written(t, old.Export()); is != was {
				t.Errorf("at %v: is\n%s\nwas\n%s", handOver, is, was)
			}
			for _, p := range old.Waiting() {
				_ = tr.Push(&out, p, now)
			}
			take(handOver)
		}
		for next := tr.Next(); !next.IsZero() && next.Sub(epoch) <= at; next = tr.Next() {
			tr.Advance(&out, next)
			take(next.Sub(epoch))
		}
	}
	for _, a := range n.arrivals {
		until(a.at)
		_ = tr.Push(&out, a.packet, epoch.Add(a.at))
		take(a.at)
	}
	until(end)
	return sent
}

// TestFillingGoesOn: whoever takes over a stream, at any moment, sends the very
// packets at the very times that the one before would have sent, also when the
// source says nothing from there on.
func TestFillingGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		to        codec.Codec
		ptime     time.Duration
		noise     *codec.NoiseModel
		described bool
	}{
		"silence":                    {codec.PCMU(), 0, nil, false},
		"noise, decoded":             {codec.G722(), 0, &codec.NoiseModel{Level: 40}, false},
		"packets of 30 ms":           {codec.PCMU(), 30 * time.Millisecond, nil, false},
		"of another sampling rate":   {codec.L16(44100, 1), 0, nil, false},
		"noise, as the source said":  {codec.PCMU(), 0, nil, true},
		"the same, packets of 30 ms": {codec.G722(), 30 * time.Millisecond, nil, true},
	} {
		for _, buffer := range []transcode.Jitter{{}, jitterBuffer} {
			t.Run(fmt.Sprint(name, ", buffer ", buffer.Max), func(t *testing.T) {
				make := func() *transcode.Transcoder {
					return transcoder(t, codec.PCMA(), c.to, func(cfg *transcode.Config) {
						cfg.Jitter, cfg.Output.Ptime, cfg.SSRC = buffer, c.ptime, 7
						cfg.Pauses = transcode.Pauses{After: 15 * time.Millisecond, Noise: c.noise}
					})
				}
				s, n, at := newSender(t, 8, codec.PCMA()), newNetwork(1), time.Duration(0)
				for range 2 {
					for range 10 {
						n.send(s.packet(frame), at, 0, 0)
						at += frame
					}
					if c.described {
						n.send(cn(s, 40), at, 0, 0)
					}
					s.ts += 4000
					at += 500 * time.Millisecond
				}
				end := at + 3*frame
				want := relayed(t, n, end, -1, make)
				if ptime := max(frame, c.ptime); len(want) < int(at/ptime)-2 {
					t.Fatalf("%d packets", len(want))
				}
				// What stands for loss at the beginning of a pause behind a buffer is made
				// in pieces of the source's length, and after a hand-over in packets.
				same := func(a, b leaving) bool { return a == b }
				if buffer.Max > 0 && c.ptime > 0 && !c.described {
					same = func(a, b leaving) bool {
						near := (a.at - b.at).Abs() <= frame
						a.at = b.at
						return near && a == b
					}
				}
				for over := time.Duration(0); over < end; over += 13 * time.Millisecond {
					got := relayed(t, n, end, over, make)
					i := 0
					for i < min(len(got), len(want)) && same(got[i], want[i]) {
						i++
					}
					if i < len(want) && want[i].at <= at || i < len(got) && got[i].at <= at {
						t.Errorf("handed over at %v: %d packets, want %d; from %d on\n%+v\n%+v", over, len(got), len(want), i, got[i:min(i+3, len(got))], want[i:min(i+3, len(want))])
					}
				}
			})
		}
	}
}

// paused is the state of a stream in the middle of a pause, after a second of
// filling, and the time then.
func paused(t *testing.T, buffer transcode.Jitter) (s transcode.State, now time.Time) {
	t.Helper()
	tr := filling(t, buffer)
	n, from := newNetwork(1), newSender(t, 8, codec.PCMA())
	for i := range 10 {
		n.send(from.packet(frame), time.Duration(i)*frame, 0, 0)
	}
	r := newReceiver(t, codec.PCMU(), 8000)
	n.run(t, tr, r)
	var out transcode.Packets
	for now = epoch; now.Before(epoch.Add(1200 * time.Millisecond)); now = tr.Next() {
		tr.Advance(&out, now)
	}
	return tr.Export(), now
}

func filling(t *testing.T, buffer transcode.Jitter) *transcode.Transcoder {
	t.Helper()
	return transcoder(t, codec.PCMA(), codec.PCMU(), func(c *transcode.Config) {
		c.Jitter, c.Pauses.After = buffer, 10*time.Millisecond
	})
}

// TestFillingHandedLate: what was not made for a moment is made at once, of more a
// second at most, and the stream is where it would be. A clock that was set
// meanwhile does not keep anybody waiting.
func TestFillingHandedLate(t *testing.T) {
	for _, buffer := range []transcode.Jitter{{}, jitterBuffer} {
		for late, c := range map[time.Duration]struct{ least, most int }{
			0:                      {0, 1},
			200 * time.Millisecond: {10, 11},
			10 * time.Second:       {0, 51},
			25 * time.Hour:         {0, 0},
			-25 * time.Hour:        {0, 1},
		} {
			s, now := paused(t, buffer)
			now = now.Add(late)
			tr, out := filling(t, buffer), transcode.Packets{}
			tr.Import(moved(t, s), 0, now)
			if wait := tr.Next().Sub(now); wait > frame {
				t.Errorf("%v late: waits for %v", late, wait)
			}
			tr.Advance(&out, now)
			if n := out.Len(); n < c.least || n > c.most {
				t.Errorf("buffer of %v, %v late: %d packets", buffer.Max, late, n)
			}
			if next := tr.Next(); late > time.Hour { // whoever says nothing for so long is gone
				if !next.IsZero() {
					t.Errorf("buffer of %v, %v late: goes on in %v", buffer.Max, late, next.Sub(now))
				}
			} else if wait := next.Sub(now); wait <= 0 || wait > frame {
				t.Errorf("buffer of %v, %v late: goes on in %v", buffer.Max, late, wait)
			}
			if late != 10*time.Second {
				continue
			}
			for now := now; out.Len() < 60; now = tr.Next() {
				tr.Advance(&out, now)
			}
			r := newReceiver(t, codec.PCMU(), 8000)
			r.take(&out)
			for i, h := range r.headers {
				if h.Sequence != s.Sequence+uint16(i) {
					t.Errorf("packet %d has the number %d, not %d", i, h.Sequence, s.Sequence+uint16(i))
				}
			}
			if ahead := r.headers[0].Timestamp - s.Timestamp; ahead < 79000 || ahead > 80000 || !r.headers[0].Marker {
				t.Errorf("buffer of %v: %d units of 10 s are left out, %+v", buffer.Max, ahead, r.headers[0])
			}
		}
	}
}

// TestFillingNotHanded: nothing is due after a state of a former version, one that
// is not up to date, or one that no stream can have, nor where pauses are not
// filled; the source is heard.
func TestFillingNotHanded(t *testing.T) {
	for name, change := range map[string]func(*transcode.State){
		"a former version": func(s *transcode.State) { s.Fill, s.Playout = nil, nil },
		"not up to date":   func(*transcode.State) {},
		"not filled":       func(*transcode.State) {},
		"no rate":          func(s *transcode.State) { s.Fill.Rate = 0 },
		"a high rate":      func(s *transcode.State) { s.Fill.Rate = 1 << 40 },
		"no frame":         func(s *transcode.State) { s.Fill.Frame = 0 },
		"a long frame":     func(s *transcode.State) { s.Fill.Frame = 1 << 40 },
		"less than made":   func(s *transcode.State) { s.Fill.Made = -1 },
		"much made":        func(s *transcode.State) { s.Fill.Made = 1 << 60 },
		"much begun":       func(s *transcode.State) { s.Fill.Begun = 1 << 40 },
		"no noise":         func(s *transcode.State) { s.Fill.Noise = []byte{200} },
		"no source":        func(s *transcode.State) { s.Begun = false },
		"no clock":         func(s *transcode.State) { s.SourceClock = 0 },
	} {
		for _, buffer := range []transcode.Jitter{{}, jitterBuffer} {
			s, now := paused(t, buffer)
			change(&s)
			tr, skip := filling(t, buffer), uint16(0)
			switch name {
			case "not up to date":
				skip = 100
			case "not filled":
				tr = transcoder(t, codec.PCMA(), codec.PCMU(), func(c *transcode.Config) { c.Jitter = buffer })
			}
			tr.Import(moved(t, s), skip, now)
			if next := tr.Next(); !next.IsZero() {
				t.Errorf("%s, buffer of %v: something is due in %v", name, buffer.Max, next.Sub(now))
			}
			from, out := newSender(t, 8, codec.PCMA()), transcode.Packets{}
			from.seq, from.ts = s.SourceSequence, s.SourceTimestamp
			for range 10 {
				_ = tr.Push(&out, from.packet(frame), now)
				tr.Advance(&out, now)
				now = now.Add(frame)
			}
			if out.Len() < 7 {
				t.Errorf("%s, buffer of %v: %d packets of 10", name, buffer.Max, out.Len())
			}
		}
	}
	for name, p := range map[string]transcode.Playout{
		"delay": {Delay: 1 << 60}, "base": {Base: -1 << 62}, "never": {}, "far ahead": {At: epoch.Add(20 * time.Hour)},
	} {
		s, now := paused(t, jitterBuffer)
		if p.At.IsZero() && name != "never" {
			p.At = s.Playout.At
		}
		p.Stamp, s.Playout, s.Fill = s.Playout.Stamp, &p, nil
		tr, from, out := filling(t, jitterBuffer), newSender(t, 8, codec.PCMA()), transcode.Packets{}
		tr.Import(moved(t, s), 0, now)
		from.seq, from.ts = s.SourceSequence, s.SourceTimestamp
		_ = tr.Push(&out, from.packet(frame), now)
		if wait := tr.Next().Sub(now); wait < 0 || wait > jitterBuffer.Max {
			t.Errorf("%s: waits for %v", name, wait)
		}
	}
}
