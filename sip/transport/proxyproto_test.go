package transport

import (
	"bufio"
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/pires/go-proxyproto"
)

// proxyHeader makes a header of version 2.
func proxyHeader(command, family byte, addresses string) string {
	return proxySignature + string([]byte{command, family, byte(len(addresses) >> 8), byte(len(addresses))}) + addresses
}

const proxyIPv4 = "\xc0\x00\x02\x01\xcb\x00\x71\x07\x13\xc4\x13\xc5"

func TestReadProxy(t *testing.T) {
	ipv6 := "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01" + "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x02" + "\x13\xc4\x13\xc5"
	for _, tc := range []struct {
		name, in string
		text     bool
		src, dst string
		ok       bool
	}{
		{"IPv4", proxyHeader(0x21, 0x11, proxyIPv4), false, "192.0.2.1:5060", "203.0.113.7:5061", true},
		{"IPv6", proxyHeader(0x21, 0x21, ipv6), false, "[2001:db8::1]:5060", "[2001:db8::2]:5061", true},
		{"extensions", proxyHeader(0x21, 0x11, proxyIPv4+"\x04\x00\x01x"), false, "192.0.2.1:5060", "203.0.113.7:5061", true},
		{"local", proxyHeader(0x20, 0, ""), false, "", "", true},
		{"unspecified", proxyHeader(0x21, 0, "any"), false, "", "", true},
		{"short", proxyHeader(0x21, 0x11, proxyIPv4[1:]), false, "", "", false},
		{"datagram", proxyHeader(0x21, 0x12, proxyIPv4), false, "", "", false},
		{"command", proxyHeader(0x22, 0x11, proxyIPv4), false, "", "", false},
		{"version", proxyHeader(0x11, 0x11, proxyIPv4), false, "", "", false},
		{"too long", proxyHeader(0x21, 0x11, proxyIPv4+strings.Repeat("x", proxyRest)), false, "", "", false},
		{"text", "PROXY TCP4 192.0.2.1 203.0.113.7 5060 5061\r\n", true, "192.0.2.1:5060", "203.0.113.7:5061", true},
		{"text, IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 5060 5061\r\n", true, "[2001:db8::1]:5060", "[2001:db8::2]:5061", true},
		{"text, unknown", "PROXY UNKNOWN\r\n", true, "", "", true},
		{"text, family", "PROXY TCP4 2001:db8::1 2001:db8::2 5060 5061\r\n", true, "", "", false},
		{"text, port", "PROXY TCP4 192.0.2.1 203.0.113.7 5060 65536\r\n", true, "", "", false},
		{"text, fields", "PROXY TCP4 192.0.2.1 203.0.113.7 5060\r\n", true, "", "", false},
		{"text, endless", "PROXY TCP4 " + strings.Repeat("1", 200), true, "", "", false},
		{"text not wanted", "PROXY TCP4 192.0.2.1 203.0.113.7 5060 5061\r\n", false, "", "", false},
		{"SIP", "OPTIONS sip:a SIP/2.0\r\n", true, "", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := bytes.NewReader([]byte(tc.in + "behind"))
			src, dst, err := readProxy(iotest.OneByteReader(r), tc.text)
			if (err == nil) != tc.ok || tc.src == "" == src.IsValid() || tc.src != "" && (src.String() != tc.src || dst.String() != tc.dst) {
				t.Errorf("%s, %s, %v", src, dst, err)
			}
			if tc.ok && r.Len() != len("behind") {
				t.Errorf("%d bytes left", r.Len())
			}
		})
	}
}

// FuzzReadProxy compares what is announced with what another implementation
// reads, wherever ours accepts: it is the stricter one.
func FuzzReadProxy(f *testing.F) {
	f.Add([]byte(proxyHeader(0x21, 0x11, proxyIPv4)))
	f.Add([]byte(proxyHeader(0x20, 0, "")))
	f.Add([]byte("PROXY TCP4 192.0.2.1 203.0.113.7 5060 5061\r\n"))
	f.Add([]byte("PROXY UNKNOWN\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		src, dst, err := readProxy(r, true)
		if len(b)-r.Len() > proxyHead+proxyRest {
			t.Fatalf("%d bytes read", len(b)-r.Len())
		}
		if err != nil || !src.IsValid() {
			return
		}
		h, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return // for an extension, of which nothing is used here
		}
		for _, a := range []struct {
			ours   netip.AddrPort
			theirs net.Addr
		}{{src, h.SourceAddr}, {dst, h.DestinationAddr}} {
			if got := a.theirs.(*net.TCPAddr).AddrPort(); got.Port() != a.ours.Port() || got.Addr().Unmap() != a.ours.Addr() {
				t.Errorf("%s, but %s elsewhere", a.ours, got)
			}
		}
	})
}
