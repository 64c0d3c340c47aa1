package transcode_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/transcode"
)

type path struct {
	name     string
	from, to codec.Codec
	more     func(*transcode.Config)
}

func paths() []path {
	opus := codec.Opus(codec.OpusComplexity)
	return []path{
		{"PCMA-PCMU", codec.PCMA(), codec.PCMU(), nil},
		{"PCMA-PCMU-30ms", codec.PCMA(), codec.PCMU(), func(c *transcode.Config) { c.Output.Ptime = 30 * time.Millisecond }},
		{"PCMA-PCMU-buffered", codec.PCMA(), codec.PCMU(), func(c *transcode.Config) {
			c.Jitter = transcode.Jitter{Min: 20 * time.Millisecond, Max: 100 * time.Millisecond}
		}},
		{"PCMA-PCMU-detect", codec.PCMA(), codec.PCMU(), func(c *transcode.Config) { c.Detect = true }},
		{"G722-PCMA", codec.G722(), codec.PCMA(), nil},
		{"PCMA-G722", codec.PCMA(), codec.G722(), nil},
		{"opus-PCMA", opus, codec.PCMA(), nil},
		{"PCMA-opus", codec.PCMA(), opus, nil},
	}
}

// stream gives a function that transcodes one packet after the other.
func stream(t testing.TB, p path) func() {
	t.Helper()
	tr := transcoder(t, p.from, p.to, p.more)
	s := newSender(t, 8, p.from)
	var packets [][]byte
	for range 50 {
		packets = append(packets, s.packet(20*time.Millisecond))
	}
	var out transcode.Packets
	h, _, _ := rtpwire.Parse(packets[0])
	i, now := 0, epoch
	return func() {
		b := packets[i%50]
		seq, ts := h.Sequence+uint16(i), h.Timestamp+uint32(i*p.from.ClockRate/50)
		b[2], b[3], b[4], b[5], b[6], b[7] = byte(seq>>8), byte(seq), byte(ts>>24), byte(ts>>16), byte(ts>>8), byte(ts)
		i++
		now = now.Add(20 * time.Millisecond)
		out.Reset()
		if err := tr.Push(&out, b, now); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPushAllocs(t *testing.T) {
	for _, p := range paths() {
		step := stream(t, p)
		for range 200 {
			step()
		}
		if n := testing.AllocsPerRun(500, step); n > 0 {
			t.Errorf("%s: %v allocations", p.name, n)
		}
	}
}

func BenchmarkPush(b *testing.B) {
	for _, p := range paths() {
		b.Run(p.name, func(b *testing.B) {
			step := stream(b, p)
			for range 100 {
				step()
			}
			b.ReportAllocs()
			for b.Loop() {
				step()
			}
		})
	}
}

// FuzzPush: whatever arrives, no panic, and what leaves is RTP with our SSRC
// and increasing sequence numbers.
func FuzzPush(f *testing.F) {
	f.Add([]byte{8, 0, 0, 160, 1, 2, 3}, uint8(0))
	f.Add([]byte{101, 0, 0, 4, 5, 0x0a, 1, 0, 8, 1, 1, 10, 1, 2, 3, 13, 1, 1, 1, 40}, uint8(1))
	f.Add([]byte{96, 3, 1, 20, 0x08, 1, 2, 3, 4, 5}, uint8(2))
	f.Fuzz(func(t *testing.T, script []byte, kind uint8) {
		cfg := transcode.Config{
			Inputs: []transcode.Input{{PayloadType: 8, Codec: codec.PCMA()}, {PayloadType: 96, Codec: codec.Opus(0)},
				{PayloadType: 101, Codec: codec.TelephoneEvent(8000)}, {PayloadType: 13, Codec: codec.CN(8000)}},
			Output: transcode.Output{PayloadType: 0, Codec: []codec.Codec{codec.PCMU(), codec.G722(), codec.L16(48000, 2)}[kind%3]},
			SSRC:   7,
		}
		if kind&4 != 0 {
			cfg.Jitter = transcode.Jitter{Min: 20 * time.Millisecond, Max: 100 * time.Millisecond}
		}
		if kind&8 != 0 {
			cfg.Output.Event, cfg.Output.Noise = 97, 98
		}
		if kind&16 != 0 {
			cfg.Detect, cfg.Silence = true, 60
		}
		if kind&32 != 0 {
			cfg.Pauses = transcode.Pauses{After: 10 * time.Millisecond}
		}
		tr, err := transcode.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		var out transcode.Packets
		seq, ts, now := uint16(0), uint32(0), epoch
		for len(script) >= 4 {
			seq, ts, now = seq+uint16(int8(script[1])), ts+uint32(int32(int8(script[2]))*80), now.Add(time.Duration(script[2])*time.Millisecond)
			n := min(int(script[3]), len(script)-4)
			b := rtpwire.Header{PayloadType: script[0], Sequence: seq, Timestamp: ts, SSRC: 1}.Append(nil)
			_ = tr.Push(&out, append(b, script[4:4+n]...), now)
			tr.Advance(&out, now.Add(time.Duration(script[1])*time.Millisecond))
			script = script[4+n:]
			if out.Len() > 100000 {
				t.Fatal(fmt.Sprint(out.Len(), " packets"))
			}
		}
		for p := range out.All() {
			if h, _, ok := rtpwire.Parse(p); !ok || h.SSRC != 7 {
				t.Fatalf("%x", p)
			}
		}
	})
}
