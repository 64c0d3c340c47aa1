//go:build interop

package interop

import (
	"fmt"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"
)

// figures are what the media relay says of a call.
type figures struct {
	Legs []struct {
		Streams []struct {
			Direction string            `json:"direction"`
			Codec     string            `json:"codec"`
			Received  flowFigures       `json:"received"`
			Sent      flowFigures       `json:"sent"`
			Dropped   map[string]uint64 `json:"dropped"`
		} `json:"streams"`
	} `json:"legs"`
}

type flowFigures struct {
	Packets uint64  `json:"packets"`
	Lost    uint64  `json:"lost"`
	MOS     float64 `json:"mos"`
}

func (f figures) String() string {
	var b strings.Builder
	for i, leg := range f.Legs {
		s := leg.Streams[0]
		fmt.Fprintf(&b, "side %d: %s %s, %d packets in, %d out, %d lost, MOS %.2f, dropped %v; ",
			i, s.Codec, s.Direction, s.Received.Packets, s.Sent.Packets, s.Received.Lost, s.Received.MOS, s.Dropped)
	}
	return b.String()
}

// media reads the figures of a running call.
func (c *carrier) media(t *testing.T, callID string) figures {
	t.Helper()
	var f figures
	if code := c.api(t, "GET", "/api/v1/active-calls/media?call_id="+url.QueryEscape(callID), nil, &f); code != 200 || len(f.Legs) != 2 {
		t.Fatalf("media of call %s: status %d, %v", callID, code, f)
	}
	return f
}

// directions are those that offerer and answerer of the call said last.
func (f figures) directions() string {
	var d []string
	for _, leg := range f.Legs {
		d = append(d, leg.Streams[0].Direction)
	}
	return strings.Join(d, " ")
}

// sent is the direction in the description of the last message of an INVITE
// with that beginning that the platform sent over a transport.
func (c *carrier) sent(t *testing.T, callID, transport, begins string) string {
	t.Helper()
	var ladder struct {
		Items []struct{ Node, Protocol, From, Data string } `json:"items"`
	}
	if code := c.api(t, "GET", "/api/v1/active-calls/ladder?call_id="+url.QueryEscape(callID), nil, &ladder); code != 200 {
		t.Fatalf("ladder: status %d", code)
	}
	last := ""
	for _, m := range ladder.Items {
		if m.Protocol == transport && strings.HasPrefix(m.Data, begins) && strings.Contains(m.Data, " INVITE\r\n") && m.From == fmt.Sprintf("127.0.0.1:%d", c.sip) {
			last = m.Data
		}
	}
	for _, d := range []string{"sendrecv", "sendonly", "recvonly", "inactive"} {
		if strings.Contains(last, "a="+d+"\r\n") {
			return d
		}
	}
	return "no direction in " + last
}

// call connects two phones and returns the Call-ID and the moment of the
// answer.
func (b *baresip) call(number string, to *baresip) (string, time.Time) {
	b.t.Helper()
	b.do("dial", number)
	if to != nil {
		to.await("CALL_INCOMING", "")
		b.await("CALL_RINGING", "")
		to.do("accept", "")
		to.await("CALL_ESTABLISHED", "")
	}
	e := b.await("CALL_ESTABLISHED", "")
	return e.ID, e.at
}

// hangUp ends the call of two phones and returns when the other one knew.
func (b *baresip) hangUp(other *baresip) time.Time {
	b.t.Helper()
	b.do("hangup", "")
	b.await("CALL_CLOSED", "")
	if other == nil {
		return time.Now()
	}
	return other.await("CALL_CLOSED", "").at
}

// hears holds a phone's recording against the tone of the other.
func (b *baresip) hears(from *baresip) {
	b.t.Helper()
	heard, sent := middle(b.recording("dec"), 400*time.Millisecond), middle(from.recording("enc"), 400*time.Millisecond)
	if len(heard) < 4000 {
		b.t.Errorf("%s heard %d samples of %s", b.name, len(heard), from.name)
	}
	right, wrong := share(heard, from.tone), share(heard, b.tone)
	if right < 0.97 || wrong > 0.01 {
		b.t.Errorf("%s hears %.3f of %v Hz and %.3f of its own", b.name, right, from.tone, wrong)
	}
	if d := level(heard) - level(sent); math.Abs(d) > 0.5 {
		b.t.Errorf("%s hears %s %.1f dB too loud", b.name, from.name, d)
	}
	b.t.Logf("%s heard %.1f s of %s: %.4f of the power at %v Hz, %.2f dBFS (sent %.2f)",
		b.name, float64(len(heard))/8000, from.name, right, from.tone, level(heard), level(sent))
}

// billed waits for the record of a call and checks time and media.
func (c *carrier) billed(t *testing.T, callID string, real time.Duration) {
	t.Helper()
	var list struct {
		Items []record `json:"items"`
	}
	eventually(t, patience, func() error {
		if code := c.api(t, "GET", "/api/v1/calls?call_id="+url.QueryEscape(callID), nil, &list); code != 200 || len(list.Items) != 1 {
			return fmt.Errorf("status %d, %d records of call %s", code, len(list.Items), callID)
		}
		return nil
	})
	r := list.Items[0]
	if d := time.Duration(r.DurationMS)*time.Millisecond - real; r.Status != "ok" || r.Evidence != "" || d.Abs() > 400*time.Millisecond {
		t.Errorf("record %+v of a call of %v", r, real)
	}
	var full struct {
		Media figures `json:"media"`
	}
	if code := c.api(t, "GET", fmt.Sprintf("/api/v1/calls/%d", r.ID), nil, &full); code != 200 || len(full.Media.Legs) != 2 {
		t.Fatalf("call %d: status %d, %v", r.ID, code, full.Media)
	}
	for i, leg := range full.Media.Legs {
		other := full.Media.Legs[1-i].Streams[0]
		s := leg.Streams[0]
		if s.Received.Packets == 0 || s.Sent.Packets == 0 || s.Received.Lost != 0 || s.Received.MOS < 4 {
			t.Errorf("side %d: %+v", i, s)
		}
		// What a phone still sends when it was just put on hold goes nowhere.
		if s.Sent.Packets+other.Dropped["closed"] != other.Received.Packets {
			t.Errorf("%d packets sent to side %d, %d received from the other (dropped %v)", s.Sent.Packets, i, other.Received.Packets, other.Dropped)
		}
	}
	t.Logf("call of %v: record of %d ms, %v", real.Round(time.Millisecond), r.DurationMS, full.Media)
}

// TestBaresip: two foreign phones, one on UDP and one on TCP.
func TestBaresip(t *testing.T) {
	c := newCarrier(t).run(t, "--demo")
	alice := newBaresip(t, c, c.alice, "udp", 440)
	bob := newBaresip(t, c, c.bob, "tcp", 1000)
	t.Run("talk, keys, caller hangs up", func(t *testing.T) { talk(t, c, alice, bob, c.bob.number) })
	t.Run("hold, resume, callee hangs up", func(t *testing.T) { hold(t, c, alice, bob, c.bob.number, "UDP", "TCP") })
	t.Run("the other way", func(t *testing.T) { hold(t, c, bob, alice, c.alice.number, "TCP", "UDP") })
	t.Run("test number", func(t *testing.T) { echoed(t, c, alice) })
}

// talk is a call with audio and keys (RFC 4733) both ways.
func talk(t *testing.T, c *carrier, caller, callee *baresip, number string) {
	id, answered := caller.call(number, callee)
	for _, key := range []string{"5", "#", "0"} {
		caller.do("sndcode", key)
		callee.await("CALL_DTMF_START", key)
		callee.await("CALL_DTMF_END", "")
		time.Sleep(200 * time.Millisecond)
		callee.do("sndcode", key)
		caller.await("CALL_DTMF_START", key)
		caller.await("CALL_DTMF_END", "")
		time.Sleep(200 * time.Millisecond)
	}
	time.Sleep(2 * time.Second)
	ended := caller.hangUp(callee)
	c.billed(t, id, ended.Sub(answered))
	caller.hears(callee)
	callee.hears(caller)
}

// hold is a call that the caller holds and resumes and the callee ends. It
// returns the moments of resumption and end.
func hold(t *testing.T, c *carrier, caller, callee *baresip, number, here, there string) (resumed, ended time.Time) {
	id, answered := caller.call(number, callee)
	time.Sleep(2 * time.Second)
	caller.do("hold", "")
	eventually(t, patience, func() error {
		if d := c.media(t, id).directions(); d != "sendonly recvonly" {
			return fmt.Errorf("on hold: %s", d)
		}
		return nil
	})
	time.Sleep(500 * time.Millisecond)
	if d := c.sent(t, id, there, "INVITE"); d != "sendonly" {
		t.Errorf("the offer of hold reached the other phone as %s", d)
	}
	if d := c.sent(t, id, here, "SIP/2.0 200"); d != "recvonly" {
		t.Errorf("the answer to hold came back as %s", d)
	}
	before := c.media(t, id)
	time.Sleep(500 * time.Millisecond)
	quiet := c.media(t, id)
	if n := quiet.Legs[1].Streams[0].Received.Packets - before.Legs[1].Streams[0].Received.Packets; n > 1 {
		t.Errorf("%d packets from a phone that only receives", n)
	}
	caller.do("resume", "")
	resumed = time.Now()
	eventually(t, patience, func() error {
		now := c.media(t, id)
		if d := now.directions(); d != "sendrecv sendrecv" {
			return fmt.Errorf("resumed: %s", d)
		}
		for i := range now.Legs {
			if n := now.Legs[i].Streams[0].Received.Packets - quiet.Legs[i].Streams[0].Received.Packets; n < 40 {
				return fmt.Errorf("%d packets from side %d since", n, i)
			}
		}
		return nil
	})
	if d := c.sent(t, id, there, "INVITE"); d != "sendrecv" {
		t.Errorf("the offer to resume reached the other phone as %s", d)
	}
	ended = callee.hangUp(caller)
	c.billed(t, id, ended.Sub(answered))
	caller.hears(callee)
	callee.hears(caller)
	return resumed, ended
}

// echoed is a call to the test number: an announcement, then oneself.
func echoed(t *testing.T, c *carrier, caller *baresip) {
	id, answered := caller.call("9999", nil)
	time.Sleep(9 * time.Second)
	ended := caller.hangUp(nil)
	heard, sent := caller.recording("dec"), caller.recording("enc")
	if len(heard) < 8*8000 {
		t.Fatalf("%d samples heard", len(heard))
	}
	speech, echo := heard[4000:4*8000], heard[len(heard)-2*8000:len(heard)-1600]
	if level(speech) < -40 || share(speech, caller.tone) > 0.2 {
		t.Errorf("no announcement: %.1f dBFS, %.2f of it the caller's tone", level(speech), share(speech, caller.tone))
	}
	d := level(echo) - level(middle(sent, time.Second))
	if s := share(echo, caller.tone); s < 0.97 || math.Abs(d) > 0.5 {
		t.Errorf("echo: %.3f is the caller's tone, %.1f dB louder", s, d)
	}
	c.billed(t, id, ended.Sub(answered))
}
