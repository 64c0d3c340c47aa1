package guard

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawAddr draws addresses that are close together, so that prefixes nest.
func drawAddr(t *rapid.T) netip.Addr {
	if rapid.Bool().Draw(t, "v6") {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], 0x20010db8<<32|rapid.Uint64Range(0, 7).Draw(t, "net")<<29)
		binary.BigEndian.PutUint64(b[8:], rapid.SampledFrom([]uint64{0, 1, 2, 1 << 63, ^uint64(0)}).Draw(t, "host"))
		return netip.AddrFrom16(b)
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], rapid.SampledFrom([]uint32{0, 1, 2, 3, 0xcb007100, 0xcb0071ff, 0xcb007180, 0xffffffff, 0xfffffffe}).Draw(t, "v4"))
	return netip.AddrFrom4(b)
}

func drawPrefix(t *rapid.T) netip.Prefix {
	a := drawAddr(t)
	return netip.PrefixFrom(a, rapid.IntRange(0, a.BitLen()).Draw(t, "bits")).Masked()
}

// TestPrefixProperty compares the runs with a look at every prefix.
func TestPrefixProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		action := map[netip.Prefix]prefixAction{}
		var allow, deny []netip.Prefix
		for range rapid.IntRange(0, 12).Draw(t, "prefixes") {
			p := drawPrefix(t)
			if action[p] != prefixNone {
				continue
			}
			if rapid.Bool().Draw(t, "allow") {
				action[p], allow = prefixAllow, append(allow, p)
			} else {
				action[p], deny = prefixDeny, append(deny, p)
			}
		}
		var bans []Ban
		for range rapid.IntRange(0, 5).Draw(t, "bans") {
			p := drawPrefix(t)
			bans = append(bans, Ban{Prefix: p, Until: epoch.Add(time.Duration(rapid.IntRange(-2, 2).Draw(t, "until")) * time.Hour)})
		}
		got, err := newPrefixes(allow, deny, bans)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			a := drawAddr(t)
			want, bits := prefixNone, -1
			for p, act := range action {
				if p.Contains(a) && p.Bits() > bits {
					want, bits = act, p.Bits()
				}
			}
			if got.allowed(a) != (want == prefixAllow) {
				t.Fatalf("%v: allowed %v", a, got.allowed(a))
			}
			for _, b := range bans {
				if b.Prefix.Contains(a) && epoch.Before(b.Until) {
					want = prefixBan
				}
			}
			for _, a := range []netip.Addr{a, netip.AddrFrom16(a.As16())} {
				if act := got.lookup(a, epoch.UnixNano()); act != want {
					t.Fatalf("%v: %d, want %d; allow %v deny %v bans %v", a, act, want, allow, deny, bans)
				}
			}
		}
	})
}

func TestPrefixErrors(t *testing.T) {
	p := netip.MustParsePrefix
	for name, cfg := range map[string]Config{
		"both":        {Allow: []netip.Prefix{p("192.0.2.0/24")}, Deny: []netip.Prefix{p("192.0.2.1/24")}},
		"both mapped": {Allow: []netip.Prefix{p("192.0.2.0/24")}, Deny: []netip.Prefix{p("::ffff:192.0.2.0/120")}},
		"half mapped": {Allow: []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr("::ffff:1.2.3.4"), 60)}},
		"zero":        {Deny: []netip.Prefix{{}}},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: made", name)
		}
	}
}

func TestSourceKey(t *testing.T) {
	for a, want := range map[string]string{
		"203.0.113.7":            "203.0.113.7/32",
		"::ffff:203.0.113.7":     "203.0.113.7/32",
		"64:ff9b::203.0.113.7":   "203.0.113.7/32",
		"64:ff9b:1::203.0.113.7": "64:ff9b:1::/64",
		"2001:db8:1:2:3:4:5:6":   "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::":    "2001:db8:1:2::/64",
		"fe80::1%eth0":           "fe80::/64",
		"::1":                    "::/64",
		"255.255.255.255":        "255.255.255.255/32",
		"0.0.0.0":                "",
		"::":                     "",
	} {
		id, ok := sourceKey(netip.MustParseAddr(a))
		if !ok && want == "" {
			continue
		}
		if got := id.prefix(); !ok || got.String() != want {
			t.Errorf("%s: %v, %v; want %s", a, got, ok, want)
		}
	}
	if _, ok := sourceKey(netip.Addr{}); ok {
		t.Error("no address names a source")
	}
}
