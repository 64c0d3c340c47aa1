package record

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/class5-go/class5/media/rtpwire"
)

// slowSink takes its time for what it is given first, and counts what is no
// silence.
type slowSink struct {
	begun, let chan struct{}
	first      bool
	loud       int
}

func (s *slowSink) WritePCM(pcm []int16) error {
	if !s.first {
		s.first = true
		close(s.begun)
		<-s.let
	}
	for _, x := range pcm {
		if x != 0 {
			s.loud++
		}
	}
	return nil
}

func (s *slowSink) Close() error { return nil }

type loudDecoder struct{}

func (loudDecoder) Decode(dst []int16, _ []byte) ([]int16, error) {
	for range 160 {
		dst = append(dst, 1000)
	}
	return dst, nil
}

// TestSlowSinkKeepsAudio: what is said while the writer is held up for seconds
// has its place in the recording when it goes on.
func TestSlowSinkKeepsAudio(t *testing.T) {
	start := time.Now()
	var at atomic.Int64
	sink := &slowSink{begun: make(chan struct{}), let: make(chan struct{})}
	r := newRecorder(Config{}, newSlowDisk(t, 1<<30), []Option{WithClock(func() time.Time { return start.Add(time.Duration(at.Load())) })})
	rec, err := r.Start(Spec{CallID: "x", Sinks: []Sink{sink}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rec.AddStream(Stream{Payloads: []Payload{{Type: 8, Clock: 8000, New: func() Decoder { return loudDecoder{} }}}}); err != nil {
		t.Fatal(err)
	}
	const packets = 400 // eight seconds
	for n := range packets {
		now := time.Duration(n) * 20 * time.Millisecond
		at.Store(int64(now))
		if !rec.Packet(0, a, b, rtpwire.Header{PayloadType: 8, Sequence: uint16(n), Timestamp: uint32(n * 160)}.Append(nil), start.Add(now)) {
			t.Fatalf("packet %d was not taken", n)
		}
		if n == 100 {
			<-sink.begun
		}
	}
	close(sink.let)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if rep := rec.Report(); !rep.Complete || rep.Packets != packets {
		t.Errorf("%+v", rep)
	}
	if want := packets * 160; sink.loud < want-160 || sink.loud > want {
		t.Errorf("%d samples of %d", sink.loud, want)
	}
}
