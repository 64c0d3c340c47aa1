package relay_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/class5-go/class5/media/record"
	"github.com/class5-go/class5/media/relay"
)

// TestRecord: both parties are recorded, pauses are not, streams that come
// later are; the end of the call ends it.
func TestRecord(t *testing.T) {
	dir := t.TempDir()
	rec, err := record.New(record.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rec.Close() })
	g := newRig(t, func(c *relay.Config) { c.Recorder = rec })
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	g.talk(a, b)
	if err := g.StopRecording(t.Context(), "call"); err != relay.ErrRecord {
		t.Errorf("%v", err)
	}
	if _, err := g.Record(t.Context(), relay.RecordRequest{Selector: relay.Selector{CallID: "call"}, Spec: record.Spec{WAV: true, PCAP: true, Mix: record.Stereo}}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		a.raw(a.rtp, a.to, a.audio(8, 1))
		b.receive()
		b.raw(b.rtp, b.to, b.audio(8, 2))
		a.receive()
	}
	if err := g.PauseRecording(t.Context(), "call", true); err != nil {
		t.Fatal(err)
	}
	g.talk(a, b)
	if err := g.PauseRecording(t.Context(), "call", false); err != nil {
		t.Fatal(err)
	}
	g.talk(a, b)
	g.delete(relay.DeleteRequest{})
	e := g.event()
	if e.Kind != relay.RecordingDone || !e.Recording.Complete || e.Recording.Packets != 8 || e.Recording.Undecoded > 0 || len(e.Recording.Pauses) != 1 || e.CallID != "call" {
		t.Fatalf("%+v %+v", e, e.Recording)
	}
	for _, f := range e.Recording.Files {
		if info, err := os.Stat(filepath.Join(dir, f.Name)); err != nil || info.Size() < 44 {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

// heard is a sink that tells what it got.
type heard struct {
	samples chan int
	closed  chan struct{}
}

func (h heard) WritePCM(pcm []int16) error {
	select {
	case h.samples <- len(pcm):
	default:
	}
	return nil
}

func (h heard) Close() error { close(h.closed); return nil }

// TestForwarding: audio of one party goes to a sink, beside a recording whose
// end does not end it.
func TestForwarding(t *testing.T) {
	rec, err := record.New(record.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rec.Close() })
	g := newRig(t, func(c *relay.Config) { c.Recorder = rec })
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	g.talk(a, b)
	to := heard{make(chan int, 1), make(chan struct{})}
	by := relay.Selector{CallID: "call", Tag: "a"}
	if err := g.StopForwarding(t.Context(), by); err != relay.ErrRecord {
		t.Errorf("%v", err)
	}
	if _, err := g.Record(t.Context(), relay.RecordRequest{Selector: by, Forwarding: true, Spec: record.Spec{Sinks: []record.Sink{to}}}); err != nil {
		t.Fatal(err)
	}
	if err := g.PauseRecording(t.Context(), "call", true); err != relay.ErrRecord {
		t.Errorf("forwarding counts as a recording: %v", err)
	}
	if _, err := g.Record(t.Context(), relay.RecordRequest{Selector: relay.Selector{CallID: "call"}, Spec: record.Spec{PCAP: true}}); err != nil {
		t.Fatal(err)
	}
	if err := g.StopRecording(t.Context(), "call"); err != nil {
		t.Fatal(err)
	}
	g.eventually("audio at the sink", func() bool {
		a.raw(a.rtp, a.to, a.audio(8, 1))
		b.receive()
		select {
		case n := <-to.samples:
			return n > 0
		default:
			return false
		}
	})
	if err := g.StopForwarding(t.Context(), relay.Selector{CallID: "call", Tag: "b"}); err != relay.ErrRecord {
		t.Errorf("%v", err)
	}
	if err := g.StopForwarding(t.Context(), relay.Selector{CallID: "call"}); err != nil {
		t.Fatal(err)
	}
	<-to.closed
	g.talk(a, b)
}
