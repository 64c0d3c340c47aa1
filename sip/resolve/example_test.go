package resolve_test

import (
	"context"
	"fmt"

	"github.com/class5-go/class5/sip/resolve"
	"github.com/class5-go/class5/sip/resolve/dnstest"
	"github.com/class5-go/class5/sip/wire"
)

// A client asks for the servers of a URI and tries them in this order. Instead
// of the zones, a program gives a [resolve.Client].
func Example() {
	zones, err := dnstest.Parse(`
example.com.           NAPTR 10 50 "s" "SIP+D2U" "" _sip._udp.example.com.
_sip._udp.example.com. SRV   10 1 5060 a.example.com.
_sip._udp.example.com. SRV   20 1 5060 b.example.com.
a.example.com.         A     192.0.2.1
b.example.com.         A     192.0.2.2
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := resolve.New(resolve.Config{Exchange: zones})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	uri, _ := wire.ParseURI([]byte("sip:bob@example.com"))
	q, err := resolve.URI(uri)
	if err != nil {
		fmt.Println(err)
		return
	}
	targets, err := r.Targets(context.Background(), q)
	for _, t := range targets {
		fmt.Println(t)
	}
	fmt.Println(err)
	// Output:
	// UDP 192.0.2.1:5060 (example.com)
	// UDP 192.0.2.2:5060 (example.com)
	// <nil>
}
