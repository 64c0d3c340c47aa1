package wire

import (
	"net/netip"
	"testing"
)

// TestViaReceivedShortWay: a Via that Parse has read is completed as one is of
// which nothing is known.
func TestViaReceivedShortWay(t *testing.T) {
	sources := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.7:40112"), netip.MustParseAddrPort("[2001:db8::7]:5060")}
	for _, text := range []string{
		"SIP/2.0/UDP 192.0.2.7", "SIP/2.0/UDP 192.0.2.7:5060", "SIP/2.0/UDP 192.0.2.7:05060;rport", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKa",
		"SIP/2.0/UDP 10.0.0.1;rport", "SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bKa", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;rport;alias",
		"SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;RPort", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;rport=5060;alias", "SIP/2.0/UDP 10.0.0.1;rport=",
		"SIP/2.0/UDP 10.0.0.1;received=192.0.2.1;rport", "SIP/2.0/UDP 10.0.0.1;rport;Received=192.0.2.1;x", "SIP/2.0/UDP\t10.0.0.1;rport",
		"SIP/2.0/UDP  10.0.0.1;rport", "SIP / 2.0 / UDP 10.0.0.1 : 5060;rport", "SIP/2.0/UDP 10.0.0.1 ;rport", "SIP/2.0/UDP 10.0.0.1; rport ; x = y",
		"SIP/2.0/UDP 10.0.0.1;x=\"a b;rport\";rport", "SIP/2.0/UDP 10.0.0.1;rport=\"a;b\";x", "SIP/2.0/UDP 10.0.0.1\r\n ;rport", "SIP/2.0/UDP 10.0.0.1;rport;x=\"\\\x01\"",
		"SIP/2.0/TLS [2001:db8::7]:5061;rport;branch=z9hG4bKa", "SIP/2.0/UDP phone.example.com:5060;rports;branch=z9hG4bKa", "SIP/2.0/UDP 10.0.0.1;rport;x=\xc3\xa4",
	} {
		msg := []byte("OPTIONS sip:a@b SIP/2.0\r\nVia: " + text + "\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n")
		var m Message
		_ = m.Parse(msg, nil) // some are at fault, behind the Via or in it
		v, ok := m.TopVia()
		if !ok {
			continue
		}
		plain := v
		plain.branch, plain.rport, plain.seen, plain.known = nil, 0, 0, false
		for _, src := range sources {
			got, want := AppendViaReceived(nil, v, src), AppendViaReceived(nil, plain, src)
			if string(got) != string(want) {
				t.Errorf("%q from %v:\n%q, want\n%q", text, src, got, want)
			}
		}
		if _, has := plain.RPort(); v.HasRPort() != has || plain.HasRPort() != has {
			t.Errorf("%q: HasRPort %v and %v, want %v", text, v.HasRPort(), plain.HasRPort(), has)
		}
		if has := plain.Params.Has("received"); v.HasReceived() != has || plain.HasReceived() != has {
			t.Errorf("%q: HasReceived %v and %v, want %v", text, v.HasReceived(), plain.HasReceived(), has)
		}
	}
}
