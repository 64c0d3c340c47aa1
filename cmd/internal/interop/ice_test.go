//go:build interop

package interop

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ice"
	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/sdp"
)

// since is the time of a packet that tshark gave in its first field.
func since(t *testing.T, row string) time.Time {
	t.Helper()
	word, _, _ := strings.Cut(row, "\t")
	seconds, err := strconv.ParseFloat(word, 64)
	if err != nil {
		t.Fatalf("%q: %v", row, err)
	}
	return time.UnixMicro(int64(seconds * 1e6))
}

// TestTrickledThenVanished: Chromium's offer has no candidate. What it gathers
// later reaches the relay as fragments, by which the relay checks before
// Chromium has an answer. Then Chromium is killed in the middle of the call:
// when its consent has expired the relay says so, and sends it nothing more
// although the other party goes on.
func TestTrickledThenVanished(t *testing.T) {
	// Not beside others: Chromium talks from the addresses of their links too,
	// which go away with them.
	n, browser := newWebRTC(t, "c5trickle", "10.77.33.0", "10.77.33.1")
	c := n.client(t)
	w := newCapture(t, "udp and host "+n.ip)
	plain := newRTPParty(t, "127.0.0.1")
	said := browser.sdp("offered", "trickle chrome 1000")
	if strings.Contains(said, "a=candidate:") || !strings.Contains(said, "a=ice-options:trickle") {
		t.Fatalf("the browser offers\n%s", said)
	}
	reply := ordered(t, c, "command", "offer", "call-id", "trickle", "from-tag", "a", "sdp", said, "transport-protocol", "RTP/AVP", "ICE", "remove",
		"rtcp-mux", ng.List{"demux"}, "codec", ng.Of("mask", ng.List{"all"}, "transcode", ng.List{"PCMA"}), "replace", ng.List{"origin"}, "bundle", ng.List{"accept"})
	plain.to = mediaAddr(t, reply.Str("sdp"))
	reply = ordered(t, c, "command", "answer", "call-id", "trickle", "from-tag", "a", "to-tag", "b", "sdp", plain.sdp(), "bundle", ng.List{"accept"})
	fragment := browser.sdp("gathered", "gathered chrome")
	d, err := sdp.Parse([]byte("v=0\r\n"+fragment), nil)
	if err != nil {
		t.Fatal(err)
	}
	var candidates []netip.AddrPort
	for _, a := range d.Media(0).Candidates(64) {
		if a.UDP() {
			candidates = append(candidates, a.Addr)
		}
	}
	if len(candidates) == 0 {
		t.Fatalf("the browser trickles\n%s", fragment)
	}
	time.Sleep(300 * time.Millisecond) // in which nothing is known to check
	trickled := time.Now()
	if b := ordered(t, c, "command", "offer", "call-id", "trickle", "from-tag", "a", "sdp", fragment, "flags", ng.List{"fragment"}); b.Str("sdp") != "" || b.Str("warning") != "" {
		t.Errorf("the fragment is answered %v", b)
	}
	time.Sleep(500 * time.Millisecond) // in which only the relay can check
	accepted := time.Now()
	browser.ask("accepted", "accept chrome %s", packed(reply.Str("sdp")))
	go plain.tone(440, 40*time.Second)
	time.Sleep(2 * time.Second)
	first := browser.stats("chrome")
	time.Sleep(time.Second)
	second := browser.stats("chrome")
	if second.State != "connected" || second.Sent-first.Sent < 30 || second.Received-first.Received < 30 {
		t.Errorf("the browser says %+v, then %+v", first, second)
	}
	browser.ask("vanished", "vanish")
	vanished := time.Now()
	eventually(t, ice.ConsentTimeout+5*time.Second, func() error {
		if !strings.Contains(n.output(), `"event":"consent_lost"`) {
			return fmt.Errorf("the relay does not miss the browser's consent after %v", time.Since(vanished).Round(time.Second))
		}
		return nil
	})
	reported := time.Now()
	time.Sleep(2 * time.Second)
	w.end(t)
	checks := w.dissect(t, &carrier{}, "stun.type == 0x0001 and ip.src == "+n.ip, "frame.time_epoch", "ip.dst", "udp.dstport")
	switch {
	case len(checks) == 0:
		t.Fatal("the relay checks nothing")
	case since(t, checks[0]).Before(trickled) || since(t, checks[0]).After(accepted):
		t.Errorf("the relay checks first at %v; fragment at %v, answer at %v", since(t, checks[0]), trickled, accepted)
	}
	// All are at the address of the relay: the browser's are told by its ports.
	ports := ""
	for _, a := range candidates {
		ports += fmt.Sprintf(" or udp.dstport == %d", a.Port())
	}
	to := "(" + strings.TrimPrefix(ports, " or ") + ")"
	if early := w.dissect(t, &carrier{}, "stun.type == 0x0001 and "+strings.ReplaceAll(to, "dstport", "srcport"), "frame.time_epoch"); len(early) == 0 || since(t, early[0]).Before(accepted) {
		t.Error("the browser's own checks are not seen, or came before it had an answer")
	}
	media := w.dissect(t, &carrier{}, to+" and not stun and not dtls", "frame.time_epoch")
	if len(media) < 100 {
		t.Fatalf("%d packets of media to the browser", len(media))
	}
	last := since(t, media[len(media)-1])
	if last.Before(vanished.Add(20*time.Second)) || last.After(reported.Add(100*time.Millisecond)) || last.After(vanished.Add(ice.ConsentTimeout+time.Second)) {
		t.Errorf("the last packet goes to the browser %v after it vanished, %v after that was reported", last.Sub(vanished), last.Sub(reported))
	}
	t.Logf("first check %v after the fragment; the last of %d packets %v after the browser vanished", since(t, checks[0]).Sub(trickled).Round(time.Millisecond), len(media), last.Sub(vanished).Round(time.Millisecond))
}

// anew has a party send as another source, counted from here.
func (p *rtpParty) anew() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ssrc++
	p.sent = 0
}

// TestFullICE: our relay and rtpengine, both full agents, check each other, in
// either role, with a port for RTCP and without. All that the parties beyond
// them send afterwards arrives.
func TestFullICE(t *testing.T) {
	t.Parallel() // it waits for most of its time
	n, f := newRelayNode(t), newForeignRelay(t)
	ours, theirs := n.client(t), f.client(t)
	w := newCapture(t, "udp and host "+n.ip+" and host "+f.ip)
	var parties []*rtpParty
	var calls []*rtpCall
	for i, c := range []struct {
		first, second *ng.Client
		mux           ng.List
	}{{ours, theirs, nil}, {theirs, ours, nil}, {ours, theirs, ng.List{"offer", "require"}}, {theirs, ours, ng.List{"offer", "require"}}} {
		id := fmt.Sprintf("ice-%d", i)
		a, b := newRTPParty(t, "127.0.0.1"), newRTPParty(t, "127.0.0.1")
		offer := ordered(t, c.first, "command", "offer", "call-id", id, "from-tag", "a", "sdp", a.sdp(), "ICE", "force", "rtcp-mux", c.mux, "replace", ng.List{"origin"}).Str("sdp")
		if !strings.Contains(offer, "a=candidate:") || strings.Contains(offer, "a=ice-lite") || strings.Contains(offer, "a=rtcp-mux") != (c.mux != nil) {
			t.Fatalf("%s offers\n%s", id, offer)
		}
		b.to = mediaAddr(t, ordered(t, c.second, "command", "offer", "call-id", id, "from-tag", "a", "sdp", offer, "ICE", "remove", "rtcp-mux", ng.List{"demux"}, "replace", ng.List{"origin"}).Str("sdp"))
		answer := ordered(t, c.second, "command", "answer", "call-id", id, "from-tag", "a", "to-tag", "b", "sdp", b.sdp()).Str("sdp")
		if !strings.Contains(answer, "a=candidate:") {
			t.Fatalf("%s answers\n%s", id, answer)
		}
		a.to = mediaAddr(t, ordered(t, c.first, "command", "answer", "call-id", id, "from-tag", "a", "to-tag", "b", "sdp", answer).Str("sdp"))
		parties = append(parties, a, b)
		calls = append(calls, &rtpCall{id: id, c: ours, a: a, b: b})
	}
	talkRTP(2*time.Second, parties...)
	for _, p := range parties {
		p.anew()
	}
	talkRTP(6*time.Second, parties...) // consent is asked for within 6 s
	for _, call := range calls {
		eventually(t, patience, func() error { return call.heardOver(200) })
	}
	w.end(t)
	for name, filter := range map[string]string{
		"checks as controlling": "stun.type == 0x0001 and stun.att.type == 0x802a", "checks as controlled": "stun.type == 0x0001 and stun.att.type == 0x8029",
		"nominations": "stun.type == 0x0001 and stun.att.type == 0x0025", "answers": "stun.type == 0x0101", "media": "rtp",
	} {
		for _, from := range []string{n.ip, f.ip} {
			if rows := w.dissect(t, &carrier{}, filter+" and ip.src == "+from, "frame.number"); len(rows) < 2 {
				t.Errorf("%d %s from %s (ours is %s)", len(rows), name, from, n.ip)
			}
		}
	}
	if late := w.dissect(t, &carrier{}, "stun.type == 0x0101 and frame.time_relative > 4 and ip.src == "+f.ip, "frame.number"); len(late) < len(calls) {
		t.Errorf("rtpengine answers %d checks of consent in %d calls", len(late), len(calls))
	}
	securelyFormed(t, w, n.ip)
}

// heardOver: each party has heard all that the other sent as its last source, so
// many packets at least.
func (call *rtpCall) heardOver(least int) error {
	for _, d := range [][2]*rtpParty{{call.a, call.b}, {call.b, call.a}} {
		if heard, _ := d[0].heardOf(d[1]); len(heard) != d[1].sent || d[1].sent < least {
			return fmt.Errorf("%s: %d packets sent, %d heard", call.id, d[1].sent, len(heard))
		}
	}
	return nil
}
