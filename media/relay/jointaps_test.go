package relay_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/record"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/wav"
)

// TestRecordingsOfConnectedCalls: recordings of two calls, audio of one that is
// forwarded and taps go on when parties of both are connected, in the same files,
// with those who are heard now; each is ended under the name of its call.
func TestRecordingsOfConnectedCalls(t *testing.T) {
	dir := t.TempDir()
	rec, err := record.New(record.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rec.Close() })
	p := newPairs(t, func(c *relay.Config) { c.Recorder = rec })
	start := func(q relay.RecordRequest) *record.Recording {
		t.Helper()
		x, err := p.Record(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	all := record.Spec{WAV: true, PCAP: true, Mix: record.Stereo}
	one := start(relay.RecordRequest{Selector: relay.Selector{CallID: "one"}, Spec: all})
	two := start(relay.RecordRequest{Selector: relay.Selector{CallID: "two"}, Spec: all})
	sink := heard{make(chan int, 1), make(chan struct{})}
	forwarded := start(relay.RecordRequest{Selector: relay.Selector{CallID: "two", Tag: "ccc"}, Forwarding: true, Spec: record.Spec{Sinks: []record.Sink{sink}}})
	tap := &tapped{}
	detach, err := p.Attach(t.Context(), relay.Selector{CallID: "two", Tag: "dddd"}, tap)
	if err != nil {
		t.Fatal(err)
	}
	say := func(x *party, pt byte) {
		t.Helper()
		x.raw(x.rtp, x.to, x.audio(8, pt))
	}
	everybody := func() {
		for _, x := range []*party{p.a, p.b, p.c, p.d} {
			say(x, codec.SilenceA)
		}
	}
	everybody()
	before := []uint64{one.Report().Packets, two.Report().Packets, forwarded.Report().Packets}
	if !slices.Equal(before, []uint64{2, 2, 1}) {
		t.Fatalf("%v", before)
	}
	if err := p.Connect(t.Context(), relay.ConnectRequest{CallID: "one", FromTag: "a", ToCallID: "two", ToTag: "dddd"}); err != nil {
		t.Fatal(err)
	}
	loud := byte(0x2a)
	for range 10 {
		say(p.a, codec.SilenceA)
		say(p.b, loud)
		say(p.c, loud)
		say(p.d, codec.SilenceA)
	}
	if got := []uint64{one.Report().Packets, two.Report().Packets, forwarded.Report().Packets}; !slices.Equal(got, []uint64{22, 22, 11}) {
		t.Errorf("%v packets: of a and dddd, the same, of ccc", got)
	}
	if n := tap.count(); n != 11 || tap.info.CallID != "two" {
		t.Errorf("%d packets at the tap, %+v", n, tap.info)
	}
	detach()
	say(p.d, codec.SilenceA)
	if n := tap.count(); n != 11 {
		t.Error("the tap was taken off")
	}
	// Others are connected in what is one call now.
	if err := p.Connect(t.Context(), relay.ConnectRequest{CallID: "two", FromTag: "bb", ToTag: "dddd"}); err != nil {
		t.Fatal(err)
	}
	say(p.a, loud)
	say(p.b, codec.SilenceA)
	say(p.d, codec.SilenceA)
	if got := []uint64{one.Report().Packets, two.Report().Packets}; !slices.Equal(got, []uint64{25, 25}) {
		t.Errorf("%v packets", got)
	}
	if err := p.StopForwarding(t.Context(), relay.Selector{CallID: "two"}); err != nil {
		t.Error(err)
	}
	<-sink.closed
	if err := p.StopRecording(t.Context(), "two"); err != nil {
		t.Error(err)
	}
	if err := p.StopRecording(t.Context(), "two"); err != relay.ErrRecord {
		t.Errorf("%v", err)
	}
	<-two.Done()
	say(p.b, codec.SilenceA)
	p.delete(relay.DeleteRequest{CallID: "two"})
	<-one.Done()
	for name, x := range map[string]*record.Recording{"one": one, "two": two} {
		r, other := x.Report(), map[string]string{"one": "two", "two": "one"}[name]
		if !r.Complete || len(r.Files) != 3 || len(r.Joins) != 1 || r.Joins[0].CallID != other || r.Undecoded > 0 {
			t.Errorf("%s: %+v", name, r)
		}
		for _, f := range r.Files {
			b, err := os.ReadFile(filepath.Join(dir, f.Name))
			if err != nil {
				t.Fatal(err)
			}
			switch f.Kind {
			case "meta":
				var m struct {
					CallID string `json:"call_id"`
					Joins  []struct {
						CallID string `json:"call_id"`
					}
					Streams []struct {
						Tag     string
						CallID  string `json:"call_id"`
						Channel int
					}
				}
				if err := json.Unmarshal(b, &m); err != nil {
					t.Fatal(err)
				}
				if m.CallID != name || len(m.Joins) != 1 || m.Joins[0].CallID != other || len(m.Streams) < 3 || m.Streams[0].CallID != "" || m.Streams[2].CallID != other {
					t.Errorf("%s", b)
				}
				// Who comes later is opposite of whom it talks to.
				if m.Streams[2].Channel != map[string]int{"one": 1, "two": 0}[name] {
					t.Errorf("%s: channels of %+v", name, m.Streams)
				}
			case "stereo":
				a, err := wav.Decode(bytes.NewReader(b))
				if err != nil || a.Channels != 2 || a.Frames() == 0 {
					t.Fatalf("%d frames, %v", a.Frames(), err)
				}
				if loudest := max(slices.Max(a.Samples), -slices.Min(a.Samples)); loudest > 100 {
					t.Errorf("%s has those whom nobody hears, at %d", name, loudest)
				}
			}
		}
	}
}

// TestSubscriptionOfConnectedCalls: who gets copies of a party goes on getting
// them when it is connected to another call, also in another codec, under the
// same SSRC and with the numbers that follow.
func TestSubscriptionOfConnectedCalls(t *testing.T) {
	for name, only := range map[string]string{"as they are": "AVP 8 0 101", "in another codec": "AVP 0"} {
		t.Run(name, func(t *testing.T) {
			p := newPairs(t)
			s := p.party("sssss", "127.0.0.6")
			s.lines = "a=recvonly\r\n"
			x, err := p.Subscribe(t.Context(), relay.SubscribeRequest{CallID: "two", Tags: []string{"dddd"}})
			if err != nil {
				t.Fatal(err)
			}
			s.heard(x.SDP)
			if err := p.SubscribeAnswer(t.Context(), relay.SubscribeAnswerRequest{CallID: "two", ToTag: x.ToTag, SDP: []byte(strings.Replace(string(s.sdp()), "AVP 8 0 101", only, 1)),
				Options: bridge.Options{AllowTranscoding: true}}); err != nil {
				t.Fatal(err)
			}
			var last rtpwire.Header
			hears := func(n int) {
				t.Helper()
				for range n {
					p.d.raw(p.d.rtp, p.d.to, p.d.audio(8, codec.SilenceA))
					h, _, ok := rtpwire.Parse(s.receive())
					if !ok || last.SSRC != 0 && (h.SSRC != last.SSRC || h.Sequence != last.Sequence+1 || h.Timestamp != last.Timestamp+160) {
						t.Errorf("%+v after %+v", h, last)
					}
					last = h
				}
			}
			hears(5)
			if err := p.Connect(t.Context(), relay.ConnectRequest{CallID: "one", FromTag: "a", ToCallID: "two", ToTag: "dddd"}); err != nil {
				t.Fatal(err)
			}
			hears(5)
			if err := p.Unsubscribe(t.Context(), "one", x.ToTag); err != nil {
				t.Error(err)
			}
			p.d.send()
			s.silent()
		})
	}
}
