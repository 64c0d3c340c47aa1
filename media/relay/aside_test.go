package relay_test

import (
	"testing"
	"time"

	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
)

const everyDigit = "0123456789*#ABCD"

// TestTakenDigits: all digits of a party, events and tones, reach the owner once
// and nobody else, until they are no longer taken.
func TestTakenDigits(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	only := relay.Selector{CallID: "call", Tag: "a"}
	for range 2 { // asked for again it goes on
		if err := g.TakeDTMF(t.Context(), only, true); err != nil {
			t.Fatal(err)
		}
	}
	ended := func(want dtmf.Event) {
		t.Helper()
		for range 2 {
			e := g.event()
			if e.Kind != relay.Digit || e.Tags[0] != "a" || e.Secret || e.Digit.Event != want {
				t.Fatalf("%+v", e)
			}
			if e.Digit.Ended {
				return
			}
		}
		t.Fatal("the digit has no end")
	}
	at := uint32(0)
	for i := range everyDigit {
		at += 2000
		for n := range uint16(6) {
			a.press(dtmf.Event(i), at, min(4, n+1)*160, n >= 3)
		}
		ended(dtmf.Event(i))
	}
	b.silent()
	var heard [][]byte
	for i := range everyDigit {
		for range a.speak(keyTone(dtmf.Event(i))) {
			heard = append(heard, b.receive())
		}
		ended(dtmf.Event(i))
	}
	if n := len(digitsIn(t, heard)); n > 0 {
		t.Errorf("%d tones passed", n)
	}
	if err := g.TakeDTMF(t.Context(), only, false); err != nil {
		t.Fatal(err)
	}
	a.press(5, 90000, 160, true)
	if p := b.receive(); p[12] != 5 {
		t.Errorf("%x", p)
	}
}

// TestTakenAndSecret: what is kept secret is told as secret.
func TestTakenAndSecret(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	only := relay.Selector{CallID: "call", Tag: "a"}
	secret := func(want bool) {
		t.Helper()
		if got, err := g.SecretDTMF(t.Context(), only); err != nil || got != want {
			t.Errorf("secret: %v, %v", got, err)
		}
	}
	if err := g.TakeDTMF(t.Context(), only, true); err != nil {
		t.Fatal(err)
	}
	secret(false)
	if err := g.BlockDTMF(t.Context(), only, true); err != nil {
		t.Fatal(err)
	}
	secret(true)
	a.press(5, 90000, 160, true)
	if e := g.event(); !e.Secret {
		t.Error("the digit is told as one that may pass")
	}
	b.silent()
	if err := g.BlockDTMF(t.Context(), only, false); err != nil {
		t.Fatal(err)
	}
	a.press(6, 95000, 160, true)
	if e := g.event(); e.Secret {
		t.Error("the digit is no secret any more")
	}
	b.silent()
}

// TestPressedElsewhere: what is done about a party's digits is done about those
// that it pressed by signalling.
func TestPressedElsewhere(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	only := relay.Selector{CallID: "call", Tag: "a"}
	press := func(digits string) {
		t.Helper()
		if err := g.PlayDTMF(t.Context(), relay.PlayDTMFRequest{Selector: only, Digits: digits, Duration: 40 * time.Millisecond, Pause: 40 * time.Millisecond, Pressed: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.BlockDTMF(t.Context(), only, true); err != nil {
		t.Fatal(err)
	}
	press("123")
	b.silent()
	if err := g.SecureDTMF(t.Context(), only, relay.DTMFSecurity{Trigger: &dtmf.Trigger{Start: "*", End: "#"}, Triggered: dtmf.Zero}); err != nil {
		t.Fatal(err)
	}
	press("1*45#7")
	if got := b.dialled(6); got != "1*0007" {
		t.Errorf("%d digits, not those wanted", len(got))
	}
}

// TestQueuedDigits: digits that are asked for one by one while no audio flows
// come one behind the other, none is cut and none is lost.
func TestQueuedDigits(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	for _, c := range everyDigit {
		if err := g.PlayDTMF(t.Context(), relay.PlayDTMFRequest{Selector: relay.Selector{CallID: "call", Tag: "a"}, Digits: string(c), Duration: 40 * time.Millisecond, Pause: 20 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.dialled(len(everyDigit)); got != everyDigit {
		t.Errorf("%d digits, not those wanted", len(got))
	}
	b.silent()
}

// dialled are the next so many digits that the party gets as events.
func (p *party) dialled(n int) (list string) {
	p.Helper()
	r := dtmf.NewReceiver(8000)
	for ends := 0; len(list) < n || ends < dtmf.EndPackets; {
		h, payload, _ := rtpwire.Parse(p.receive())
		e, err := dtmf.ParsePayload(payload)
		if err != nil || h.PayloadType != 101 {
			p.Fatalf("%+v %x", h, payload)
		}
		for _, d := range r.Packet(nil, h.Timestamp, e) {
			if d.Ended {
				c, _ := d.Event.Digit()
				list, ends = list+string(c), 0
			}
		}
		if e.End {
			ends++
		}
	}
	return list
}
