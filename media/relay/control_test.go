package relay_test

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/sdp"
)

// tapped collects what a tap gets.
type tapped struct {
	mu      sync.Mutex
	packets [][]byte
	info    relay.TapInfo
}

func (x *tapped) last() []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.packets[len(x.packets)-1]
}

func (x *tapped) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.packets)
}

func (x *tapped) RTP(of *relay.TapInfo, p []byte, _ time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.packets, x.info = append(x.packets, bytes.Clone(p)), *of
}

func withEvents(p *bridge.Plan) {
	for i := range p.Legs {
		m := &p.Legs[i].Media[0]
		m.Codecs = append(m.Codecs, bridge.Codec{Codec: sdp.Codec{PayloadType: 101, Name: "telephone-event", ClockRate: 8000, Channels: 1}})
	}
}

func TestBlockAndTap(t *testing.T) {
	g := newRig(t, func(c *relay.Config) { c.Events = []relay.EventKind{relay.Digit} })
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.plan(planned{a, b, withEvents})
	ctx, all, onlyA := t.Context(), relay.Selector{CallID: "call"}, relay.Selector{CallID: "call", Tag: "a"}
	x := &tapped{}
	detach, err := g.Attach(ctx, onlyA, x)
	if err != nil {
		t.Fatal(err)
	}
	sent := a.send()
	b.gets(sent)
	a.gets(b.send())
	if x.count() != 1 || !bytes.Equal(x.packets[0], sent) || x.info.CallID != "call" || x.info.Remote != a.addr || x.info.Local != a.to {
		t.Errorf("%+v", x)
	}
	if err := g.BlockDTMF(ctx, onlyA, true); err != nil {
		t.Fatal(err)
	}
	event := dtmf.Payload{Event: 5, Duration: 160}.Append(rtpwire.Header{PayloadType: 101, Sequence: 900, SSRC: a.ssrc}.Append(nil))
	a.raw(a.rtp, a.to, event)
	b.silent()
	if e := g.event(); e.Kind != relay.Digit || e.Digit.Event != 5 || e.Digit.Ended || x.count() != 1 {
		t.Errorf("%v, %d packets at the tap", e.Kind, x.count())
	}
	if s := fmt.Sprintf("%+v", relay.Event{Digit: dtmf.Digit{Event: 5}}); bytes.Contains([]byte(s), []byte("Event:5")) {
		t.Errorf("the digit is printed: %s", s)
	}
	a.send()
	if got := b.receive(); len(got) != len(sent) { // audio is late meanwhile
		t.Errorf("%x", got)
	}

	if err := g.SilenceMedia(ctx, all, true); err != nil {
		t.Fatal(err)
	}
	a.raw(a.rtp, a.to, a.audio(8, 1))
	if got := b.receive(); !bytes.Equal(got[12:], bytes.Repeat([]byte{codec.SilenceA}, 160)) {
		t.Errorf("%x", got)
	}
	if err := g.BlockMedia(ctx, onlyA, true); err != nil {
		t.Fatal(err)
	}
	a.send()
	b.silent()
	for _, undo := range []error{g.BlockMedia(ctx, all, false), g.SilenceMedia(ctx, all, false), g.BlockDTMF(ctx, all, false)} {
		if undo != nil {
			t.Fatal(undo)
		}
	}
	detach()
	n := x.count()
	g.talk(a, b)
	a.raw(a.rtp, a.to, event)
	b.gets(event)
	if x.count() != n || g.stream("a").Dropped["blocked"] != 2 {
		t.Errorf("%d packets, %+v", x.count(), g.stream("a"))
	}
	if err := g.BlockMedia(ctx, relay.Selector{CallID: "call", Tag: "nobody"}, true); !errors.Is(err, relay.ErrUnknownCall) {
		t.Errorf("%v", err)
	}
}

// tone is a source whose frames hold their number.
type tone int

func (n tone) Duration() time.Duration { return time.Duration(n) * 20 * time.Millisecond }
func (n tone) Frames(c codec.Codec, ptime time.Duration) (relay.Frames, error) {
	if c.Name != "PCMA" || ptime != 20*time.Millisecond {
		return nil, errors.New("not this one")
	}
	return n, nil
}
func (n tone) Frame(i int) ([]byte, bool) { return bytes.Repeat([]byte{byte(i)}, 160), i < int(n) }

func TestPlay(t *testing.T) {
	g := newRig(t, func(c *relay.Config) { c.Events = []relay.EventKind{relay.Played} })
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.plan(planned{a: a, b: b})
	g.talk(a, b)
	d, err := g.Play(t.Context(), relay.PlayRequest{Selector: relay.Selector{CallID: "call", Tag: "b"}, Source: tone(4), Repeat: 2, Start: 20 * time.Millisecond})
	if err != nil || d != 80*time.Millisecond {
		t.Fatalf("%v, %v", d, err)
	}
	a.send() // b hears the announcement instead
	var first rtpwire.Header
	var began time.Time
	late := uint32(0) // frames for which the machine had no time
	for i, want := range []byte{1, 2, 3, 0, 1, 2, 3} {
		h, payload, ok := rtpwire.Parse(b.receive())
		if i == 0 {
			first, began = h, time.Now()
		}
		for h.Timestamp != first.Timestamp+160*(uint32(i)+late) && time.Since(began) > time.Duration(i+int(late))*20*time.Millisecond {
			late++
		}
		if !ok || payload[0] != want || h.Sequence != first.Sequence+uint16(i) || h.Timestamp != first.Timestamp+160*(uint32(i)+late) || h.SSRC == a.ssrc ||
			h.Marker != (i == 0) || h.PayloadType != 8 {
			t.Fatalf("packet %d: %+v %x", i, h, payload[:1])
		}
	}
	if e := g.event(); e.Kind != relay.Played {
		t.Errorf("%+v", e)
	}
	g.talk(a, b)
	if _, err := g.Play(t.Context(), relay.PlayRequest{Selector: relay.Selector{CallID: "call"}, Source: tone(1000), Repeat: -1}); err != nil {
		t.Fatal(err)
	}
	b.receive()
	if err := g.StopPlay(t.Context(), relay.Selector{CallID: "call"}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(30 * time.Millisecond)
	buf := make([]byte, 2000)
	_ = b.rtp.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	for {
		if _, _, err := b.rtp.ReadFromUDPAddrPort(buf); err != nil {
			break
		}
	}
	b.gets(a.send())
}
