package offload

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/media/rtpstat"
	"github.com/class5-go/class5/media/rtpwire"
)

// TestSequence has the program and rtpstat count the same streams: losses,
// duplicates, late packets, jumps, wraps.
func TestSequence(t *testing.T) {
	needRoot(t)
	f := flowAB(false)
	l := load(t, 2)
	l.install(f, loop)
	rapid.Check(t, func(rt *rapid.T) {
		if _, err := l.Remove(f.Local); err != nil {
			rt.Fatal(err)
		}
		l.install(f, loop)
		l.memory.reset(l.flows[f.Local].slot)
		var user rtpstat.Receiver
		seq := rapid.Uint16().Draw(rt, "first")
		n := rapid.IntRange(1, 120).Draw(rt, "packets")
		for i := range n {
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0:
				seq += uint16(rapid.IntRange(2, 200).Draw(rt, "lost"))
			case 1:
				seq -= uint16(rapid.IntRange(0, 140).Draw(rt, "late"))
			case 2:
				seq = rapid.Uint16().Draw(rt, "jump")
			default:
				seq++
			}
			p := rtp{pt: 8, seq: seq, ts: uint32(i) * 160, ssrc: 9}.packet(8)
			if code, _ := l.once(frame(f.Source, f.Local, p)); code != redirect {
				rt.Fatalf("returns %d", code)
			}
			h, _, _ := rtpwire.Parse(p)
			user.Packet(h, len(p), 8000, time.Duration(i)*20*time.Millisecond)
		}
		got, want := l.figures(f.Local), user.Snapshot()
		if got.Received.Packets != uint64(n) || got.Expected != want.Expected || got.Lost != want.Lost ||
			got.Duplicates != want.Duplicates || got.Reordered != want.Reordered || got.Sources != 1 {
			rt.Fatalf("the program %+v\nrtpstat %+v", got, want)
		}
	})
}
