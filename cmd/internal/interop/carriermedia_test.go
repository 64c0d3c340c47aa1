//go:build interop

package interop

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
)

// foreignRelay is Debian's rtpengine in user space, on an address of its own.
type foreignRelay struct {
	*process
	ip                  string
	udp, tcp, http, cli int
	args                []string // further ones
}

func newForeignRelay(t *testing.T, args ...string) *foreignRelay {
	t.Helper()
	p := freePorts(t, 4)
	f := &foreignRelay{ip: loopbackOfItsOwn(), udp: p, tcp: p + 1, http: p + 2, cli: p + 3, args: args}
	f.run(t)
	return f
}

func (f *foreignRelay) run(t *testing.T) {
	t.Helper()
	listen := func(option string, port int) string { return fmt.Sprintf("--%s=127.0.0.1:%d", option, port) }
	f.process = start(t, t.TempDir(), "rtpengine", append([]string{"--config-file=none", "--foreground", "--table=-1", "--log-stderr", "--log-level=4", "--interface=" + f.ip,
		listen("listen-ng", f.udp), listen("listen-tcp-ng", f.tcp), listen("listen-http", f.http), "--port-min=30000", "--port-max=31000", "--num-threads=2"}, f.args...)...)
	p := f.process
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("rtpengine:\n%s", tail(p.output()))
		}
	})
	answers(t, f.process, f.client(t))
}

func (f *foreignRelay) client(t *testing.T) *ng.Client {
	t.Helper()
	return ngClient(t, fmt.Sprintf("udp://127.0.0.1:%d", f.udp))
}

// sessionsOf is how many calls have ended at a relay.
func sessionsOf(t *testing.T, c *ng.Client) int {
	t.Helper()
	all, _ := ordered(t, c, "command", "statistics").Dict("statistics")
	totals, _ := all.Dict("totalstatistics")
	n, _ := totals.Int("managedsessions")
	return int(n)
}

// TestCarrierWithRTPEngine and TestCarrierWithRelay: calls of phones whose media
// a relay elsewhere has, driven over each transport: audio and keys both ways,
// figures in the record.
func TestCarrierWithRTPEngine(t *testing.T) {
	f := newForeignRelay(t)
	for _, to := range []string{fmt.Sprintf("udp://127.0.0.1:%d", f.udp), fmt.Sprintf("http://127.0.0.1:%d/ng", f.http), fmt.Sprintf("ws://127.0.0.1:%d/ng", f.http)} {
		t.Run(to[:strings.Index(to, ":")], func(t *testing.T) { relayedElsewhere(t, to, f.ip, f.client(t)) })
	}
}

func TestCarrierWithRelay(t *testing.T) {
	n := newRelayNode(t)
	for _, to := range []string{fmt.Sprintf("tcp://127.0.0.1:%d", n.tcp), fmt.Sprintf("http://127.0.0.1:%d/ng", n.http)} {
		t.Run(to[:strings.Index(to, ":")], func(t *testing.T) { relayedElsewhere(t, to, n.ip, n.client(t)) })
	}
}

func relayedElsewhere(t *testing.T, to, ip string, relay *ng.Client) {
	c := newCarrier(t).run(t, "--demo", "--media-relays", to)
	alice := newBaresip(t, c, c.alice, "udp", 440)
	bob := newBaresip(t, c, c.bob, "tcp", 1000)
	w := newCapture(t, "udp and host "+ip)
	before := sessionsOf(t, relay)
	id, answered := alice.call(c.bob.number, bob)
	alice.do("sndcode", "5")
	bob.await("CALL_DTMF_START", "5")
	bob.await("CALL_DTMF_END", "")
	time.Sleep(3 * time.Second)
	ended := alice.hangUp(bob)
	if now := sessionsOf(t, relay); now != before+1 {
		t.Errorf("the relay had %d calls", now-before)
	}
	alice.hears(bob)
	bob.hears(alice)
	w.end(t)
	sent := len(w.dissect(t, c, "rtp and ip.dst == "+ip, "frame.number"))
	f := c.recorded(t, id, ended.Sub(answered))
	var packets uint64
	for _, leg := range f.Legs {
		packets += leg.Streams[0].Received.Packets
	}
	if sent < 200 || int(packets) > sent || int(packets) < sent-20 { // a phone sends until it hears of the end
		t.Errorf("the record has %d packets, the capture %d", packets, sent)
	}
	t.Logf("call of %v over %s: %d packets in the record, %d in the capture", ended.Sub(answered).Round(time.Millisecond), to, packets, sent)
}

// recorded waits for the record of a call and returns its figures.
func (c *carrier) recorded(t *testing.T, callID string, real time.Duration) figures {
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
	if d := time.Duration(r.DurationMS)*time.Millisecond - real; r.Status != "ok" || d.Abs() > 400*time.Millisecond {
		t.Errorf("record %+v of a call of %v", r, real)
	}
	var full struct {
		Media figures `json:"media"`
	}
	if code := c.api(t, "GET", fmt.Sprintf("/api/v1/calls/%d", r.ID), nil, &full); code != 200 || len(full.Media.Legs) != 2 {
		t.Fatalf("call %d: status %d, %v", r.ID, code, full.Media)
	}
	return full.Media
}

// TestRelayGone: of two relays rtpengine is killed; calls then go to ours, none
// fails, and when rtpengine is back it gets calls again.
func TestRelayGone(t *testing.T) {
	f, n := newForeignRelay(t), newRelayNode(t)
	to := fmt.Sprintf("udp://127.0.0.1:%d,udp://127.0.0.1:%d", f.udp, n.udp)
	c := newCarrier(t).run(t, "--demo", "--media-relays", to)
	p := c.registerPairs(t, 10)
	const calls = 20
	load := func() { c.sipp(t, p.dir, 30*time.Second, p.dial(t, calls, 10, 500*time.Millisecond)...) }
	ours, theirs := n.client(t), f.client(t)
	load()
	a, b := sessionsOf(t, theirs), sessionsOf(t, ours)
	if a == 0 || b == 0 || a+b != calls {
		t.Errorf("of %d calls rtpengine had %d, our relay %d", calls, a, b)
	}
	f.kill()
	load()
	if now := sessionsOf(t, ours); now-b != calls {
		t.Errorf("without rtpengine our relay had %d of %d calls", now-b, calls)
	}
	f.run(t)
	theirs = f.client(t)
	eventually(t, 15*time.Second, func() error {
		text := fetch(t, fmt.Sprintf("http://127.0.0.1:%d/metrics", c.adm))
		if !strings.Contains(text, fmt.Sprintf("media_relay_up{url=\"udp://127.0.0.1:%d\"} 1\n", f.udp)) {
			return fmt.Errorf("rtpengine is not in use again: %.300s", text[max(0, strings.Index(text, "media_relay_up")):])
		}
		return nil
	})
	load()
	back := sessionsOf(t, theirs)
	if back == 0 {
		t.Error("rtpengine gets no calls again")
	}
	t.Logf("%d calls: rtpengine %d, ours %d; killed: ours %d; back: rtpengine %d", calls, a, b, calls, back)
}
