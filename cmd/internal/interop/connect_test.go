//go:build interop

package interop

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// TestConnectedCalls: parties of two calls are connected while they speak, in
// the kernel before and after: every packet is heard once, by the one or the
// other. The relay is killed and goes on; the end of either call ends both.
func TestConnectedCalls(t *testing.T) {
	const ns, near, far = "c5connect", "10.77.25.0", "10.77.25.1"
	inside := link(t, ns, netip.MustParsePrefix(near+"/31"), netip.MustParsePrefix(far+"/31"))
	states := t.TempDir()
	n := &relayNode{ip: far, host: far, inside: inside, near: near}
	n.configure(t, "state: "+states, pinnedOffload(t, ns+"1", "connect"))
	n.run(t)
	c := n.client(t)
	call := func(id, x, y string) (p, q *rtpParty) {
		p, q = newRTPParty(t, near), newRTPParty(t, near)
		q.to = mediaAddr(t, ordered(t, c, "command", "offer", "call-id", id, "from-tag", x, "sdp", p.sdp()).Str("sdp"))
		p.to = mediaAddr(t, ordered(t, c, "command", "answer", "call-id", id, "from-tag", x, "to-tag", y, "sdp", q.sdp()).Str("sdp"))
		return p, q
	}
	a, b := call("one", "a", "b")
	x, d := call("two", "c", "d")
	calls := []*rtpCall{{id: "one", c: c, a: a, b: b}, {id: "two", c: c, a: x, b: d}}
	stop := talkOn(calls)
	defer stop()
	eventually(t, time.Minute, func() error { return n.stored(states, 2, true) })
	stop()
	joined := []*rtpCall{{id: "one", c: c, a: a, b: d}}
	stop = talkOn(joined)
	defer stop()
	time.Sleep(300 * time.Millisecond)
	ordered(t, c, "command", "connect", "call-id", "one", "from-tag", "a", "to-call-id", "two", "to-tag", "d")
	goOn(t, joined)
	eventually(t, time.Minute, func() error {
		if !kernelized(ordered(t, c, "command", "query", "call-id", "two")) {
			return fmt.Errorf("not in the kernel")
		}
		return n.stored(states, 2, false)
	})
	n.kill()
	time.Sleep(time.Second)
	n.run(t)
	goOn(t, joined)
	stop()
	whole := func(from, before, after *rtpParty) error {
		p, _ := before.heardOf(from)
		q, _ := after.heardOf(from)
		if len(p)+len(q) != from.sent || len(q) == 0 {
			return fmt.Errorf("%d packets sent, %d heard by the one and %d by the other", from.sent, len(p), len(q))
		}
		return nil
	}
	eventually(t, 10*time.Second, func() error { return whole(a, b, d) })
	if err := whole(d, x, a); err != nil {
		t.Error(err)
	}
	heard, _ := d.heardOf(a)
	t.Logf("%d packets of a sent, none lost, %d of them after it was connected", a.sent, len(heard))
	c = n.client(t)
	ordered(t, c, "command", "delete", "call-id", "two", "delete-delay", 0)
	if list, _ := ordered(t, c, "command", "list").Value("calls"); len(list.(ng.List)) != 0 {
		t.Errorf("%v", list)
	}
	var totals relay.Totals
	if err := n.admin("/media/totals", &totals); err != nil || totals.Sessions != 0 {
		t.Errorf("%d sessions, %v", totals.Sessions, err)
	}
}
