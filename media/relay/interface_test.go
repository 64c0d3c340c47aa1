package relay_test

import (
	"net/netip"
	"testing"

	"github.com/class5-go/class5/media/relay"
)

func TestParseInterface(t *testing.T) {
	for text, want := range map[string]relay.Interface{
		"192.0.2.1":                        {Addr: netip.MustParseAddr("192.0.2.1")},
		"in/192.0.2.1":                     {Name: "in", Addr: netip.MustParseAddr("192.0.2.1")},
		"out/10.0.0.1!203.0.113.5":         {Name: "out", Addr: netip.MustParseAddr("10.0.0.1"), Advertised: netip.MustParseAddr("203.0.113.5")},
		"six/2001:db8::1!2001:db8::2":      {Name: "six", Addr: netip.MustParseAddr("2001:db8::1"), Advertised: netip.MustParseAddr("2001:db8::2")},
		"192.168.0.1!203.0.113.5":          {Addr: netip.MustParseAddr("192.168.0.1"), Advertised: netip.MustParseAddr("203.0.113.5")},
		"a/b/192.0.2.1":                    {},
		"in/host.example":                  {},
		"in/192.0.2.1!":                    {},
		"":                                 {},
		"in/192.0.2.1!203.0.113.5!1.2.3.4": {},
	} {
		got, err := relay.ParseInterface(text)
		if (err == nil) != want.Addr.IsValid() || got != want || err == nil && got.String() != text {
			t.Errorf("%q: %+v, %v, again %q", text, got, err, got)
		}
	}
}

// TestNamedInterfaces: directions, aliases, turns over the addresses of one
// name, and over all.
func TestNamedInterfaces(t *testing.T) {
	g := newRig(t, func(c *relay.Config) {
		c.Interfaces = nil
		for _, s := range []string{"in/127.0.0.1", "out/127.0.1.1", "out/127.0.1.2", "out/::1", "rest/127.0.2.1"} {
			i, err := relay.ParseInterface(s)
			if err != nil {
				t.Fatal(err)
			}
			c.Interfaces = append(c.Interfaces, i)
		}
		c.Aliases = map[string]string{"public": "out"}
	})
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	use := func(id, from, to string, family relay.Family) [2]string {
		g.offer(a, b, relay.OfferRequest{CallID: id, FromInterface: from, ToInterface: to, ToFamily: family})
		rep, err := g.Query(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return [2]string{rep.Legs[0].Streams[0].Local.Addr().String(), rep.Legs[1].Streams[0].Local.Addr().String()}
	}
	seen := map[[2]string]int{}
	for _, id := range []string{"1", "2", "3", "4"} {
		seen[use(id, "in", "public", relay.IPv4)]++
	}
	if len(seen) != 2 || seen[[2]string{"127.0.0.1", "127.0.1.1"}] != 2 || seen[[2]string{"127.0.0.1", "127.0.1.2"}] != 2 {
		t.Errorf("%v", seen)
	}
	if got := use("5", "", "", relay.AnyFamily); got != [2]string{"127.0.0.1", "127.0.0.1"} {
		t.Errorf("no name: %v", got)
	}
	if got := use("6", "in", "out", relay.IPv6); got[1] != "::1" {
		t.Errorf("family: %v", got)
	}
	clear(seen)
	for _, id := range []string{"11", "12", "13", "14"} {
		seen[[2]string{"", use(id, "in", relay.RoundRobin, relay.IPv4)[1]}]++
	}
	if len(seen) != 4 {
		t.Errorf("%v", seen)
	}
	g.answer(a, b, relay.AnswerRequest{CallID: "1"})
}

// TestTurnsPassFullInterfaces: an address without ports is left out.
func TestTurnsPassFullInterfaces(t *testing.T) {
	g := newRig(t, func(c *relay.Config) {
		c.PortMin, c.PortMax = 21100, 21103
		c.Interfaces = []relay.Interface{{Name: "x", Addr: relayAddr}, {Name: "y", Addr: netip.MustParseAddr("127.0.3.1")}, {Name: "y", Addr: netip.MustParseAddr("127.0.3.2")}}
	})
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.offer(a, b, relay.OfferRequest{CallID: "1", FromInterface: "y", ToInterface: "y"})
	g.offer(a, b, relay.OfferRequest{CallID: "2", FromInterface: "y", ToInterface: "y"})
	if _, err := g.Offer(t.Context(), relay.OfferRequest{CallID: "3", FromTag: "a", SDP: a.sdp(), FromInterface: "y"}); err != relay.ErrPorts {
		t.Errorf("%v", err)
	}
}

// TestFreeBind: ports of an address that this host does not have yet.
func TestFreeBind(t *testing.T) {
	for _, s := range []string{"192.0.2.77", "2001:db8::77"} {
		for free, ok := range map[bool]bool{true: true, false: false} {
			g := newRig(t, func(c *relay.Config) {
				c.Interfaces, c.FreeBind = []relay.Interface{{Addr: netip.MustParseAddr(s)}}, free
			})
			a := g.party("a", "127.0.0.2")
			_, err := g.Offer(t.Context(), relay.OfferRequest{CallID: "1", FromTag: "a", SDP: a.sdpAt(netip.AddrPortFrom(netip.MustParseAddr(s), 9), "")})
			if (err == nil) != ok {
				t.Errorf("%s, %v: %v", s, free, err)
			}
		}
	}
}
