package directory

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// FuzzPeering: what is let in comes back from its columns as it was, and routing
// over it never panics.
func FuzzPeering(f *testing.F) {
	f.Add("gw.example.net:5070;transport=tcp", "44,4420", "192.0.2.0/24,2001:db8::/32", "4420123", "192.0.2.9")
	f.Add("", "", "0.0.0.0/0", "", "::1")
	f.Add("a b", "+44", "192.0.2.1/24", "44", "x")
	f.Fuzz(func(t *testing.T, gateway, prefixes, networks, number, from string) {
		p := Peering{Gateway: gateway, Transit: true}
		if prefixes != "" {
			p.Prefixes = strings.Split(prefixes, ",")
		}
		for text := range strings.SplitSeq(networks, ",") {
			if n, err := netip.ParsePrefix(text); err == nil {
				p.Networks = append(p.Networks, n)
			}
		}
		a, b, err := p.texts()
		if err != nil {
			return
		}
		row := peerRow{Peer: Peer{ID: 1, Name: "p"}, GatewayText: p.Gateway, PrefixText: a, NetworkText: b, TransitFlag: 1}
		if got := row.value().Peering; !reflect.DeepEqual(got, p) {
			t.Fatalf("%+v, was %+v", got, p)
		}
		way := newPeering([]peerRow{row})
		if to, ok := way.to(number, ""); ok && to.Gateway != gateway {
			t.Errorf("%s leads to %+v", number, to)
		}
		if addr, err := netip.ParseAddr(from); err == nil && way.at(addr) == "" && containsAny(p.Networks, addr) {
			t.Errorf("%s is nobody's", from)
		}
	})
}

func containsAny(list []netip.Prefix, a netip.Addr) bool {
	for _, n := range list {
		if n.Contains(a) {
			return true
		}
	}
	return false
}
