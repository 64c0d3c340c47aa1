package registrar_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"

	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/wire"
)

// phone is a REGISTER as a phone behind our edge sends it. The nth has its
// own CSeq, of ten digits so that all have one length.
func phone(n int) []byte {
	return fmt.Appendf(nil, "REGISTER sip:example.com SIP/2.0\r\n"+
		"Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK0123456789abcdef\r\n"+
		"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-524287-1---d8754z;rport=61234;received=198.51.100.7\r\n"+
		"Max-Forwards: 69\r\nFrom: \"Alice\" <sip:alice@example.com>;tag=a73kszlfl\r\nTo: \"Alice\" <sip:alice@example.com>\r\n"+
		"Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.1\r\nCSeq: %d REGISTER\r\n"+
		"Path: <sip:AQEBwKgAARPEAAAAAAAAAAAAAAAAAAAA@10.0.0.1;lr;ob>\r\n"+
		"Contact: <sip:alice@192.0.2.1:5060;transport=udp>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>\";reg-id=1;expires=3600\r\n"+
		"User-Agent: Example Phone T46S 66.86.0.15\r\nSupported: path, outbound, gruu\r\nContent-Length: 0\r\n\r\n", 1000000000+n)
}

// BenchmarkRefresh is all a proxy does for a REGISTER after authentication:
// parse, refresh the binding in memory, write the 200.
func BenchmarkRefresh(b *testing.B) {
	bench := newBench(b, registrar.Config{})
	texts := make([][]byte, 1<<12)
	for i := range texts {
		texts[i] = phone(i)
	}
	var m wire.Message
	var out []byte
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i == len(texts) {
			i = 0
			if _, err := registrar.RemoveAll(context.Background(), bench.store, alice, bench.now); err != nil {
				b.Fatal(err)
			}
		}
		if err := m.Parse(texts[i], nil); err != nil {
			b.Fatal(err)
		}
		i++
		res := bench.reg.Register(context.Background(), &registrar.Request{
			Message: &m, Now: bench.now, Source: netip.MustParseAddrPort("198.51.100.7:61234"), Transport: "UDP", Edge: "lb1",
		})
		var err error
		if out, err = res.AppendResponse(out[:0], &m, "tag"); err != nil || res.Status != 200 {
			b.Fatal(res.Status, res.Reason, err)
		}
	}
}
