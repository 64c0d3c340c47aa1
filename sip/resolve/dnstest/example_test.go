package dnstest_test

import (
	"context"
	"fmt"

	"github.com/miekg/dns"

	"github.com/class5-go/class5/sip/resolve/dnstest"
)

func Example() {
	zones, err := dnstest.Parse(`
example.com.           SOA ns. root. 1 3600 600 86400 30
_sip._udp.example.com. SRV 10 60 5060 a.example.com.
a.example.com.         A   192.0.2.1
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	zones.Script("a.example.com.", dns.TypeA, dnstest.Fault{Rcode: dns.RcodeServerFailure, Times: 1})
	for range 2 {
		m, err := zones.Exchange(context.Background(), new(dns.Msg).SetQuestion("a.example.com.", dns.TypeA))
		fmt.Println(dns.RcodeToString[m.Rcode], len(m.Answer), err)
	}
	fmt.Println(zones.Asked("a.example.com.", dns.TypeA))
	// Output:
	// SERVFAIL 0 <nil>
	// NOERROR 1 <nil>
	// 2
}
