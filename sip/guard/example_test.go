package guard_test

import (
	"fmt"
	"log"
	"net/netip"
	"time"

	"github.com/class5-go/class5/sip/guard"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

func Example() {
	g, err := guard.New(guard.Config{
		Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/28")}, // peers
		Traps: guard.Traps{Users: []string{"100", "admin"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	src := netip.MustParseAddrPort("203.0.113.7:5060")
	datagram := []byte("OPTIONS sip:100@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.7;branch=z9hG4bK1\r\n" +
		"From: <sip:100@example.com>;tag=1\r\nTo: <sip:100@example.com>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n" +
		"User-Agent: Friendly-Scanner\r\n\r\n")
	for i := range 3 {
		if !g.Source(now, src, transport.UDP) {
			fmt.Println(i, "dropped unread")
			continue
		}
		var m wire.Message
		if err := m.Parse(datagram, nil); err != nil {
			log.Fatal(err)
		}
		pass, status, _ := g.Request(now, src, transport.UDP, &m)
		fmt.Println(i, "pass:", pass, "status:", status)
	}
	for _, b := range g.Bans(now) {
		fmt.Println(b.Prefix, b.Reason, b.Until.Sub(now))
	}
	// Output:
	// 0 pass: false status: 0
	// 1 dropped unread
	// 2 dropped unread
	// 203.0.113.7/32 scanner 30s
}

// A sanity table as it stands in a configuration file.
func ExampleParsePolicy() {
	policy, err := guard.ParsePolicy(map[string]string{
		"missing_contact": "pass",
		"from_tag":        "400 Missing From Tag",
		"bare_lf":         "drop",
	})
	fmt.Println(policy.Checks[guard.FromTag], policy.Malformed[wire.ReasonBareLF], err)
	// Output: 400 Missing From Tag drop <nil>
}
