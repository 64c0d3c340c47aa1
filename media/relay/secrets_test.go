package relay_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"net"
	"testing"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
)

// press is an event packet of the party.
func (p *party) press(e dtmf.Event, at uint32, duration uint16, end bool) {
	p.Helper()
	p.seq++
	h := rtpwire.Header{PayloadType: 101, Sequence: p.seq, Timestamp: at, SSRC: p.ssrc}
	p.raw(p.rtp, p.to, dtmf.Payload{Event: e, Duration: duration, End: end, Volume: 10}.Append(h.Append(nil)))
}

// speak sends audio in PCMA, packets of 20 ms.
func (p *party) speak(pcm []int16) (n int) {
	p.Helper()
	found, _ := codec.Default().Lookup("PCMA", 8000)
	e, err := found.Encoder(codec.Params{})
	if err != nil {
		p.Fatal(err)
	}
	for ; len(pcm) >= 160; pcm = pcm[160:] {
		p.seq++
		h := rtpwire.Header{PayloadType: 8, Sequence: p.seq, Timestamp: 160 * uint32(p.seq), SSRC: p.ssrc}
		b, err := e.Encode(h.Append(nil), pcm[:160])
		if err != nil {
			p.Fatal(err)
		}
		p.raw(p.rtp, p.to, b)
		n++
	}
	return n
}

// digitsIn are what a detector hears in packets of PCMA.
func digitsIn(t *testing.T, packets [][]byte) (list []dtmf.Event) {
	t.Helper()
	found, _ := codec.Default().Lookup("PCMA", 8000)
	d, err := found.Decoder(codec.Params{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := dtmf.NewDetector(8000)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		pcm, err := d.Decode(nil, p[12:])
		if err != nil {
			t.Fatal(err)
		}
		for _, digit := range x.Audio(nil, pcm) {
			if !digit.Ended {
				list = append(list, digit.Event)
			}
		}
	}
	return list
}

// keyTone is 100 ms of a digit between 100 ms of silence.
func keyTone(e dtmf.Event) []int16 {
	g := dtmf.NewGenerator(8000)
	g.Start(e, 8)
	return append(g.Append(make([]int16, 800), 800), make([]int16, 1600)...)
}

// TestSecretDigits: in every mode nobody learns the digit 5, as an event or as
// a tone, and a tap does not either.
func TestSecretDigits(t *testing.T) {
	for mode := dtmf.Drop; mode <= dtmf.Replace; mode++ {
		t.Run(mode.String(), func(t *testing.T) {
			g := newRig(t, func(c *relay.Config) { c.Events = []relay.EventKind{relay.Digit} })
			a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
			g.connect(a, b)
			x := &tapped{}
			only := relay.Selector{CallID: "call", Tag: "a"}
			if _, err := g.Attach(t.Context(), only, x); err != nil {
				t.Fatal(err)
			}
			if err := g.SecureDTMF(t.Context(), only, relay.DTMFSecurity{Blocking: dtmf.Blocking{Mode: mode, Digit: dtmf.Pound}}); err != nil {
				t.Fatal(err)
			}
			var got [][]byte
			for range a.speak(keyTone(5)) {
				got = append(got, b.receive())
			}
			heard := digitsIn(t, got)
			switch {
			case mode <= dtmf.Sine && len(heard) > 0, mode == dtmf.Zero && (len(heard) != 1 || heard[0] != 0),
				mode == dtmf.Replace && (len(heard) != 1 || heard[0] != dtmf.Pound), mode == dtmf.Random && (len(heard) != 1 || heard[0] == 5):
				t.Errorf("%d digits heard", len(heard))
			}
			if e := g.event(); e.Digit.Event != 5 {
				t.Error("the tone is no event of the relay")
			}
			a.press(5, 90000, 160, false)
			if mode == dtmf.Drop {
				b.silent()
			} else {
				p := b.receive()
				events := p[1]&0x7f == 101
				if events == (mode <= dtmf.Sine) || events && p[12] == 5 || !events && len(p) != 172 {
					t.Errorf("%x", p)
				}
			}
			x.mu.Lock()
			defer x.mu.Unlock()
			for _, p := range x.packets {
				if p[1]&0x7f == 101 && p[12] == 5 {
					t.Error("the tap got the digit")
				}
			}
		})
	}
}

// TestTriggeredSecrets: what is dialled between * and # is secret.
func TestTriggeredSecrets(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	err := g.SecureDTMF(t.Context(), relay.Selector{CallID: "call", Tag: "a"},
		relay.DTMFSecurity{Trigger: &dtmf.Trigger{Start: "*", End: "#"}, Triggered: dtmf.Zero})
	if err != nil {
		t.Fatal(err)
	}
	at := uint32(0)
	dial := func(e, want dtmf.Event) {
		t.Helper()
		at += 2000
		a.press(e, at, 800, true)
		if p := b.receive(); dtmf.Event(p[12]) != want {
			t.Errorf("not what is wanted")
		}
	}
	dial(1, 1)
	dial(dtmf.Star, dtmf.Star)
	dial(4, 0)
	dial(dtmf.Pound, 0)
	dial(7, 7)
}

// TestNoKeyStreamTwice: both legs have the same keys, and what passes is
// changed on the way: nothing leaves under a source and number that the sender
// used with other contents.
func TestNoKeyStreamTwice(t *testing.T) {
	for name, change := range map[string]func(g *rig) error{
		"silence": func(g *rig) error { return g.SilenceMedia(g.Context(), relay.Selector{CallID: "call", Tag: "a"}, true) },
		"digits": func(g *rig) error {
			return g.SecureDTMF(g.Context(), relay.Selector{CallID: "call", Tag: "a"}, relay.DTMFSecurity{Blocking: dtmf.Blocking{Mode: dtmf.Zero}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
			ka, kb := key(1), key(2)
			g.offer(a, b, relay.OfferRequest{SDP: withCrypto(a.sdp(), "1", ka)})
			g.answer(a, b, relay.AnswerRequest{SDP: withCrypto(b.sdp(), "1", kb)})
			outA, outB := sealer(t, ka), sealer(t, kb)
			sent := map[uint64][]byte{}
			pass := func(from, to *party, b []byte, rtcp bool) []byte {
				t.Helper()
				c, at, in := from.rtp, from.to, to.rtp
				if rtcp {
					c, at, in = from.rtcp, next(from.to), to.rtcp
				}
				sent[stamp(b, rtcp)] = bytes.Clone(b)
				from.raw(c, at, b)
				buf := make([]byte, 1500)
				_ = in.SetReadDeadline(time.Now().Add(5 * time.Second))
				n, err := in.Read(buf)
				if err != nil {
					t.Fatal(err)
				}
				got := buf[:n]
				if was, ok := sent[stamp(got, rtcp)]; ok && !bytes.Equal(was, got) {
					t.Errorf("the same key stream over two contents: %x and %x", was, got)
				}
				return got
			}
			talk := func() (toB, toA []byte) {
				toB = pass(a, b, seal(g, outA, a.audio(8, 0x21), false), false)
				toA = pass(b, a, seal(g, outB, b.audio(8, 0x31), false), false)
				for _, x := range []*party{a, b} {
					c, other := outA, b
					if x == b {
						c, other = outB, a
					}
					pass(x, other, seal(g, c, (&rtpwire.Report{SSRC: x.ssrc, CNAME: "x",
						Receptions: []rtpwire.Reception{{SSRC: other.ssrc}}}).Append(nil), true), true)
				}
				return toB, toA
			}
			if p, _ := talk(); binary.BigEndian.Uint32(p[8:]) != a.ssrc {
				t.Errorf("a stream that nothing is done to: %x", p)
			}
			if err := change(g); err != nil {
				t.Fatal(err)
			}
			in := sealer(t, ka)
			for range 5 {
				p, back := talk()
				if binary.BigEndian.Uint32(p[8:]) == a.ssrc || binary.BigEndian.Uint32(back[8:]) == b.ssrc {
					t.Errorf("sources keep their names: %x, %x", p[:12], back[:12])
				}
				if _, err := in.Unprotect(p); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// stamp tells key streams apart: source and number.
func stamp(b []byte, rtcp bool) uint64 {
	if rtcp {
		return 1<<63 | uint64(binary.BigEndian.Uint32(b[4:]))<<31 | uint64(binary.BigEndian.Uint32(b[len(b)-14:])&0x7fffffff)
	}
	return uint64(binary.BigEndian.Uint32(b[8:]))<<16 | uint64(binary.BigEndian.Uint16(b[2:]))
}

// TestPlayDTMF: events where they are understood, tones where not.
func TestPlayDTMF(t *testing.T) {
	for name, plain := range map[string]bool{"events": false, "tones": true} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
			g.offer(a, b, relay.OfferRequest{})
			answer := b.sdp()
			if plain {
				answer = bytes.Replace(answer, []byte(" 0 101"), nil, 1)
			}
			g.answer(a, b, relay.AnswerRequest{SDP: answer})
			by := relay.Selector{CallID: "call", Tag: "a"}
			if err := g.PlayDTMF(t.Context(), relay.PlayDTMFRequest{Selector: by, Digits: "19", Duration: 100 * time.Millisecond}); err != nil {
				t.Fatal(err)
			}
			var heard []dtmf.Event
			if plain {
				var got [][]byte
				for range 20 {
					got = append(got, b.receive())
				}
				heard = digitsIn(t, got)
			} else {
				r := dtmf.NewReceiver(8000)
				for range 2 * 7 { // four that grow, three times the end
					p := b.receive()
					h, payload, _ := rtpwire.Parse(p)
					x, err := dtmf.ParsePayload(payload)
					if err != nil || h.PayloadType != 101 {
						t.Fatalf("%x: %v", p, err)
					}
					for _, d := range r.Packet(nil, h.Timestamp, x) {
						if d.Ended {
							heard = append(heard, d.Event)
							if d.Duration != 100*time.Millisecond {
								t.Errorf("%v", d.Duration)
							}
						}
					}
				}
			}
			if len(heard) != 2 || heard[0] != 1 || heard[1] != 9 {
				t.Errorf("%d digits", len(heard))
			}
			for _, bad := range []string{"", "x", string(make([]byte, 65))} {
				if err := g.PlayDTMF(t.Context(), relay.PlayDTMFRequest{Selector: by, Digits: bad}); err == nil {
					t.Errorf("%q is played", bad)
				}
			}
		})
	}
}

// TestDTMFLog: a digit is reported once it has ended, to who asked.
func TestDTMFLog(t *testing.T) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.offer(a, b, relay.OfferRequest{DTMFLog: conn.LocalAddr().(*net.UDPAddr).AddrPort()})
	g.answer(a, b, relay.AnswerRequest{})
	a.press(5, 1000, 160, false)
	a.press(5, 1000, 800, true)
	buf := make([]byte, 1500)
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		CallID    string `json:"callid"`
		SourceTag string `json:"source_tag"`
		Tags      []string
		SourceIP  string `json:"source_ip"`
		Event     int
		Duration  int
	}
	if err := json.Unmarshal(buf[:n], &got); err != nil || got.CallID != "call" || got.SourceTag != "a" || len(got.Tags) != 2 ||
		got.SourceIP != "127.0.0.2" || got.Event != 5 || got.Duration != 100 {
		t.Errorf("%s: %v", buf[:n], err)
	}
}

// TestDigitsLater: what is pressed is not heard at once, and is pressed again
// later as the mode says.
func TestDigitsLater(t *testing.T) {
	for mode, want := range map[dtmf.Mode]dtmf.Event{dtmf.Off: 5, dtmf.Zero: 0, dtmf.Replace: 9} {
		g := newRig(t)
		a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
		g.connect(a, b)
		delay := 150 * time.Millisecond
		how := relay.DTMFSecurity{Blocking: dtmf.Blocking{Mode: mode, Digit: 9}, Delay: delay}
		if err := g.SecureDTMF(t.Context(), relay.Selector{CallID: "call", Tag: "a"}, how); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		a.speak(make([]int16, 160))
		for n := range 3 {
			a.press(5, 320, uint16(160*(n+1)), n == 2)
		}
		for {
			h, payload := b.heardRTP()
			if h.PayloadType != 101 {
				continue
			}
			p, err := dtmf.ParsePayload(payload)
			if err != nil || p.Event != want {
				t.Fatalf("%v: %+v %v", mode, p, err)
			}
			if since := time.Since(began); since < delay-60*time.Millisecond {
				t.Errorf("%v: after %v", mode, since)
			}
			if p.End {
				break
			}
		}
	}
}

// TestHeldDigitLater: a key that is held is pressed again while it still is, as
// long as it was, in the places of the stream that are so much later.
func TestHeldDigitLater(t *testing.T) {
	const packets, late = 10, 3
	for _, mode := range []dtmf.Mode{dtmf.Off, dtmf.Sine} {
		g := newRig(t)
		a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
		g.connect(a, b)
		g.clock.stop()
		how := relay.DTMFSecurity{Blocking: dtmf.Blocking{Mode: mode}, Delay: late * 20 * time.Millisecond}
		if err := g.SecureDTMF(t.Context(), relay.Selector{CallID: "call", Tag: "a"}, how); err != nil {
			t.Fatal(err)
		}
		a.speak(make([]int16, 160))
		b.heardRTP()
		start := 160 * uint32(a.seq+1)
		for n := range packets + late + 2 {
			if n < packets {
				a.press(5, start, uint16(160*(n+1)), n == packets-1)
			} else {
				a.speak(make([]int16, 160))
			}
			h, payload := b.heardRTP()
			again := n >= late && n < packets+late
			if mode == dtmf.Sine {
				loud := bytes.Count(payload, []byte{codec.SilenceA}) < len(payload)
				if h.PayloadType != 8 || h.Timestamp != start+160*uint32(n) || loud != again {
					t.Errorf("packet %d: %+v %x", n, h, payload)
				}
				continue
			}
			ends := n == packets+late
			if !again && !ends {
				if h.PayloadType != 8 || h.Timestamp != start+160*uint32(n) {
					t.Errorf("packet %d: %+v %x", n, h, payload)
				}
				continue
			}
			p, err := dtmf.ParsePayload(payload)
			if err != nil || h.PayloadType != 101 || h.Timestamp != start+160*late || h.Marker != (n == late) || p.Event != 5 || p.End != ends ||
				p.Duration != uint16(160*(n-late+1)) {
				t.Errorf("packet %d: %+v %x", n, h, payload)
			}
			for range 2 * min(1, max(0, n-packets-late+1)) { // the end is said three times
				b.heardRTP()
			}
		}
	}
}

// TestDelayMedia: what is held back can be said of a call that runs.
func TestDelayMedia(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	g.talk(a, b)
	by := relay.Selector{CallID: "call", Tag: "a"}
	if err := g.DelayMedia(t.Context(), by, time.Minute); err != nil {
		t.Fatal(err)
	}
	p := a.send()
	b.silent()
	if err := g.DelayMedia(t.Context(), by, 0); err != nil {
		t.Fatal(err)
	}
	b.gets(p)
	g.talk(a, b)
}
