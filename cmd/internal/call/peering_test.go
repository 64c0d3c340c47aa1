package call

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/routing"
	"github.com/class5-go/class5/sip/wire"
)

// networks are a foreign network that takes numbers of the United Kingdom, and
// what sends from the phone's address.
type networks struct{ here string }

func (n *networks) PeerAt(context.Context, netip.Addr) (string, error) {
	if n.here == "down" {
		return "", directory.ErrUnavailable
	}
	return n.here, nil
}

func (n *networks) Peer(_ context.Context, number, from string) (routing.Peer, error) {
	if number[:2] == "44" && from != "uk" {
		return routing.Peer{Name: "uk", Gateway: "192.0.2.99:5070"}, nil
	}
	return routing.Peer{}, routing.ErrNotFound
}

func (w *world) peered(here string) {
	n := &networks{here}
	w.core.Peering, w.core.Router.Peers = n, n
	w.core.Outside = func([]byte) string { return "<sip:" + edgeAddr.String() + ";lr>" }
}

// TestToPeer: a number that nobody here has goes out by an edge, and its events
// say to which network; so does what a callee sends on.
func TestToPeer(t *testing.T) {
	w := newWorld(t)
	w.peered("")
	inv := find(t, w.dial("c1", "+44-20-1234", "offer"), wire.INVITE, 0)
	if string(inv.RequestURI()) != "sip:+44201234@192.0.2.99:5070" || inv.to.Remote != edgeAddr || string(inv.Body()) != "relayed offer" {
		t.Fatalf("sent to %v\n%s", inv.to.Remote, inv.Bytes())
	}
	w.answer(inv, 200, "b", "answer")
	x := &talk{w: w, callID: "c1", cseq: 10, route: route(t, find(t, w.take(), 0, 200))}
	x.ack("b", 2, "")
	w.advance(5 * time.Second)
	x.caller("BYE", "")
	w.answer(find(t, w.take(), wire.BYE, 0), 200, "b", "")
	w.advance(40 * time.Second)
	if k := w.kinds(); k != "start stop" {
		t.Fatalf("events: %s", k)
	}
	if e := w.events[1]; e.Callee.Peer != "uk" || e.Callee.Number != "44201234" || e.Callee.Account != "" || e.Caller.Account != "101" || e.Caller.Peer != "" {
		t.Errorf("stop %+v", e)
	}
	w.ended()

	w = newWorld(t)
	w.peered("")
	w.register("bob", "sip:bob@192.0.2.20:5070")
	w.moved(find(t, w.dial("c2", "bob", "offer"), wire.INVITE, 0), "sip:+44201234@example.com")
	next := find(t, w.take(), wire.INVITE, 0)
	w.answer(next, 200, "p", "answer")
	if k := w.kinds(); k != "forward start start" {
		t.Fatalf("events: %s", k)
	}
	if e := w.events[1]; e.Callee.Peer != "uk" || e.Caller.Account != "102" || string(next.RequestURI()) != "sip:+44201234@192.0.2.99:5070" {
		t.Errorf("forward %+v", e)
	}

	w = newWorld(t)
	w.peered("")
	w.users["alice"].Lock = routing.LockForeign
	if out := w.dial("c3", "+44201234", "offer"); out[0].Status() != 403 {
		t.Errorf("locked for foreign calls: %d", out[0].Status())
	}
	w.users["alice"].Lock, w.core.Outside = 0, nil
	if out := w.dial("c4", "+44201234", "offer"); out[0].Status() != 503 {
		t.Errorf("no way out: %d", out[0].Status())
	}
	w.peered("")
	w.core.Router.Emergency = func(uri []byte) bool { return strings.Contains(string(uri), "44999") }
	if inv := find(t, w.dial("c6", "44999", "offer"), wire.INVITE, 0); string(inv.RequestURI()) != "sip:44999@192.0.2.99:5070" {
		t.Errorf("an emergency number goes to %s", inv.RequestURI())
	}
	sos := func(callID, urn string) []*sent {
		return w.authorised("alice", request{
			method: "INVITE", uri: urn, from: alice, to: "<urn:service:sos>", callID: callID, cseq: 1, body: "offer",
			fields: []string{"Contact: <sip:alice@" + phone.String() + ">", "Record-Route: <sip:a@" + edgeAddr.String() + ";lr>"},
		})
	}
	if out := sos("c7", "urn:service:sos"); out[0].Status() != 404 || !strings.Contains(string(out[0].Bytes()), "404 Emergency Service Not Configured") {
		t.Errorf("a service without a number:\n%s", out[0].Bytes())
	}
	w.core.Router.Services = routing.Services{"sos": "44999"}
	w.users["alice"].Locked = true
	if inv := find(t, sos("c8", "urn:service:sos.police"), wire.INVITE, 0); string(inv.RequestURI()) != "sip:44999@192.0.2.99:5070" || header(inv, wire.HdrTo) != "<urn:service:sos>" {
		t.Errorf("an emergency service is called by\n%s", inv.Bytes())
	}
	if e := w.events[len(w.events)-1]; e.Callee.Dialled != "urn:service:sos" || e.Code != 404 {
		t.Errorf("the refused call is recorded as %+v", e)
	}
	if out := sos("c9", "urn:service:counseling"); out[0].Status() != 416 {
		t.Errorf("another service: %d", out[0].Status())
	}
	w.users["alice"].Locked = false
	if out := w.dial("c5", "+33201234", "offer"); out[0].Status() != 404 {
		t.Errorf("a number that no network takes: %d", out[0].Status())
	}
}

// TestFromPeer: what a foreign network sends needs no password; it is the
// network's call, and goes to another network only by a rule.
func TestFromPeer(t *testing.T) {
	call := func(w *world, from, to string) []*sent {
		w.receive(w.compose(request{
			method: "INVITE", uri: "sip:" + to + "@example.com", from: from, to: "<sip:" + to + "@example.com>", callID: "p1", cseq: 1, body: "offer",
			fields: []string{"Contact: <sip:x@" + phone.String() + ">"},
		}))
		return w.take()
	}
	for _, c := range []struct {
		name, here, from, to string
		status               int // 0: it goes on
		want                 billing.Endpoint
	}{
		{"to a subscriber", "uk", "<sip:+44201234@gw.example.net>;tag=x", "bob", 0, billing.Endpoint{Peer: "uk", User: "+44201234", Domain: "gw.example.net", Number: "44201234"}},
		{"under our own name", "uk", "<sip:alice@example.com>;tag=x", "bob", 0, billing.Endpoint{Peer: "uk", User: "alice", Domain: "example.com", Number: "alice"}},
		{"without a number", "uk", "<sip:anonymous@anonymous.invalid>;tag=x", "4930101", 0, billing.Endpoint{Peer: "uk", User: "anonymous", Domain: "anonymous.invalid", Number: "anonymous"}},
		{"to another network", "fr", "<sip:+33@x.example>;tag=x", "+44201234", 0, billing.Endpoint{Peer: "fr", User: "+33", Domain: "x.example", Number: "33"}},
		{"back to itself", "uk", "<sip:+44201234@gw.example.net>;tag=x", "+44201234", 404, billing.Endpoint{Peer: "uk", User: "+44201234", Domain: "gw.example.net", Number: "44201234"}},
		{"from nobody", "", "<sip:+44201234@gw.example.net>;tag=x", "bob", 403, billing.Endpoint{}},
		{"while nobody knows", "down", "<sip:+44201234@gw.example.net>;tag=x", "bob", 503, billing.Endpoint{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.register("bob", "sip:bob@192.0.2.20:5070")
			w.take()
			w.peered(c.here)
			out := call(w, c.from, c.to)
			if c.status != 0 {
				find(t, out, 0, c.status)
				if c.want.Peer != "" && (len(w.events) != 1 || w.events[0].Caller != c.want) {
					t.Errorf("events %+v", w.events)
				}
				return
			}
			w.answer(find(t, out, wire.INVITE, 0), 200, "b", "answer")
			if k := w.kinds(); k != "start" || w.events[0].Caller != c.want {
				t.Errorf("events %s: %+v", k, w.events)
			}
		})
	}
}
