package xdp

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// packet builds a frame. Every field is a header as octets.
func packet(parts ...[]byte) []byte {
	b := make([]byte, 12, 128) // two hardware addresses
	for _, p := range parts {
		b = append(b, p...)
	}
	for len(b) < 64 {
		b = append(b, 0)
	}
	return b
}

func ether(kind uint16) []byte { return binary.BigEndian.AppendUint16(nil, kind) }

func tag(next uint16) []byte { return append([]byte{0, 7}, ether(next)...) }

// ip4 is an IPv4 header with words of options, and what is behind it.
func ip4(src string, protocol byte, options int, fragment uint16, behind []byte) []byte {
	b := make([]byte, 20+4*options)
	b[0] = 4<<4 | byte(5+options)
	binary.BigEndian.PutUint16(b[6:], fragment)
	b[8], b[9] = 64, protocol
	a := netip.MustParseAddr(src).As4()
	copy(b[12:], a[:])
	return slices.Concat(b, behind)
}

func ip6(src string, next byte, behind []byte) []byte {
	b := make([]byte, 40)
	b[0], b[6], b[7] = 6<<4, next, 64
	a := netip.MustParseAddr(src).As16()
	copy(b[8:], a[:])
	return slices.Concat(b, behind)
}

func toPort(dst uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte{0x9c, 0x40}, dst)
}

// TestProgram runs the program in the kernel on single packets. Where the
// kernel does not take it, a list must be plain and say why.
func TestProgram(t *testing.T) {
	ports := []uint16{5060, 5061, 50000}
	a, err := load(ports, 16)
	if err != nil {
		refused(t, err)
		return
	}
	defer a.close()
	for _, p := range []string{"203.0.113.7/32", "198.51.100.0/24", "2001:db8:1:2::/64", "2001:db8:ff00::/40"} {
		if err := a.add(netip.MustParsePrefix(p)); err != nil {
			t.Fatal(err)
		}
	}
	const bad, good, udp, tcp = "203.0.113.7", "203.0.113.8", 17, 6
	sip := toPort(5060)
	for _, c := range []struct {
		name string
		data []byte
		drop bool
	}{
		{"banned over UDP", packet(ether(0x0800), ip4(bad, udp, 0, 0, sip)), true},
		{"banned over TCP", packet(ether(0x0800), ip4(bad, tcp, 0, 0, toPort(5061))), true},
		{"banned to a port above 32767", packet(ether(0x0800), ip4(bad, tcp, 0, 0, toPort(50000))), true},
		{"banned over SCTP", packet(ether(0x0800), ip4(bad, 132, 0, 0, sip)), false},
		{"banned, ICMP", packet(ether(0x0800), ip4(bad, 1, 0, 0, sip)), false},
		{"banned to another port", packet(ether(0x0800), ip4(bad, udp, 0, 0, toPort(22))), false},
		{"another source", packet(ether(0x0800), ip4(good, udp, 0, 0, sip)), false},
		{"in a banned prefix", packet(ether(0x0800), ip4("198.51.100.200", udp, 0, 0, sip)), true},
		{"beside a banned prefix", packet(ether(0x0800), ip4("198.51.101.1", udp, 0, 0, sip)), false},
		{"with options", packet(ether(0x0800), ip4(bad, udp, 10, 0, sip)), true},
		{"with options, another port", packet(ether(0x0800), ip4(bad, udp, 3, 0, toPort(53))), false},
		{"first fragment", packet(ether(0x0800), ip4(bad, udp, 0, 0x2000, sip)), true},
		{"further fragment", packet(ether(0x0800), ip4(bad, udp, 0, 0x2010, sip)), false},
		{"in a VLAN", packet(ether(0x8100), tag(0x0800), ip4(bad, udp, 0, 0, sip)), true},
		{"in two VLANs", packet(ether(0x88a8), tag(0x8100), tag(0x0800), ip4(bad, udp, 0, 0, sip)), true},
		{"in three VLANs", packet(ether(0x88a8), tag(0x8100), tag(0x8100), tag(0x0800), ip4(bad, udp, 0, 0, sip)), false},
		{"another source in a VLAN", packet(ether(0x8100), tag(0x0800), ip4(good, udp, 0, 0, sip)), false},
		{"IPv6 over UDP", packet(ether(0x86dd), ip6("2001:db8:1:2:aaaa::7", udp, sip)), true},
		{"IPv6 over TCP in a VLAN", packet(ether(0x8100), tag(0x86dd), ip6("2001:db8:1:2::1", tcp, sip)), true},
		{"IPv6 in a banned prefix", packet(ether(0x86dd), ip6("2001:db8:ff12:3::9", udp, sip)), true},
		{"IPv6 of the next /64", packet(ether(0x86dd), ip6("2001:db8:1:3::7", udp, sip)), false},
		{"IPv6 to another port", packet(ether(0x86dd), ip6("2001:db8:1:2::7", udp, toPort(53))), false},
		{"IPv6 with an extension header", packet(ether(0x86dd), ip6("2001:db8:1:2::7", 0, sip)), false},
		{"ARP", packet(ether(0x0806), ip4(bad, udp, 0, 0, sip)), false},
		{"wrong version", packet(ether(0x0800), append([]byte{6<<4 | 5}, ip4(bad, udp, 0, 0, sip)[1:]...)), false},
		{"header too short", packet(ether(0x0800), append([]byte{4<<4 | 4}, ip4(bad, udp, 0, 0, sip)[1:]...)), false},
		{"wrong version in IPv6", packet(ether(0x86dd), append([]byte{4 << 4}, ip6("2001:db8:1:2::7", udp, sip)[1:]...)), false},
		{"cut in the IPv4 header", packet(ether(0x0800), ip4(bad, udp, 0, 0, sip))[:30], false},
		{"cut in front of the ports", packet(ether(0x0800), ip4(bad, udp, 0, 0, sip))[:36], false},
		{"cut in the IPv6 header", packet(ether(0x86dd), ip6("2001:db8:1:2::7", udp, sip))[:50], false},
		{"cut in the tag", packet(ether(0x8100))[:16], false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := a.program.Test(c.data)
			if err != nil {
				t.Fatal(err)
			}
			want := uint32(actionPass)
			if c.drop {
				want = actionDrop
			}
			if got != want {
				t.Errorf("returns %d, want %d", got, want)
			}
		})
	}
	for p, want := range map[string]uint64{"203.0.113.7/32": 7, "198.51.100.0/24": 1, "2001:db8:1:2::/64": 2, "2001:db8:ff00::/40": 1} {
		if n, err := a.drops(netip.MustParsePrefix(p)); err != nil || n < want {
			t.Errorf("%d drops of %s, %v; want %d", n, p, err, want)
		}
	}
	if n, err := a.remove(netip.MustParsePrefix("203.0.113.7/32")); err != nil || n < 7 {
		t.Errorf("removed with %d drops, %v", n, err)
	}
	if got, _, err := a.program.Test(packet(ether(0x0800), ip4(bad, udp, 0, 0, sip))); err != nil || got != actionPass {
		t.Errorf("returns %d, %v after the end of the ban", got, err)
	}
}

func refused(t *testing.T, cause error) {
	t.Helper()
	l, err := Open(Config{Interface: "lo", Ports: []uint16{5060}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Mode() != Plain || l.Why() == nil || !strings.Contains(cause.Error(), "xdp: ") {
		t.Errorf("mode %v because of %v, after %v", l.Mode(), l.Why(), cause)
	}
}

// TestEveryPort asks for the most ports there can be.
func TestEveryPort(t *testing.T) {
	ports := make([]uint16, mostPorts)
	for i := range ports {
		ports[i] = uint16(65535 - i*1000)
	}
	a, err := load(ports, 4)
	if err != nil {
		refused(t, err)
		return
	}
	defer a.close()
	if err := a.add(netip.MustParsePrefix("203.0.113.7/32")); err != nil {
		t.Fatal(err)
	}
	for _, port := range ports {
		if got, _, err := a.program.Test(packet(ether(0x0800), ip4("203.0.113.7", 17, 0, 0, toPort(port)))); err != nil || got != actionDrop {
			t.Errorf("port %d: %d, %v", port, got, err)
		}
	}
}

// TestLoopback attaches to a real interface, or is told why not.
func TestLoopback(t *testing.T) {
	for _, generic := range []bool{false, true} {
		l, err := Open(Config{Interface: "lo", Ports: []uint16{9}, Entries: 4, GenericOnly: generic})
		if err != nil {
			t.Fatal(err)
		}
		if plain := l.Mode() == Plain; plain != (l.Why() != nil) {
			t.Errorf("mode %v, why %v", l.Mode(), l.Why())
		}
		if err := l.Sync(bans("203.0.113.7/32", "2001:db8:1:2::/64")); err != nil {
			t.Error(err)
		}
		if drops, err := l.Drops(); err != nil || l.Mode() != Plain && len(drops) != 2 {
			t.Errorf("%v, %v", drops, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if l.Mode() != Plain {
			t.Errorf("mode %v after Close", l.Mode())
		}
	}
}
