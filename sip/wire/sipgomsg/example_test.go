package sipgomsg_test

import (
	"fmt"

	"github.com/class5-go/class5/sip/wire"
	"github.com/class5-go/class5/sip/wire/sipgomsg"
)

// A message comes in, wire decides about it, code written for sipgo's types handles it.
func Example() {
	datagram := []byte("OPTIONS sip:bob@example.com SIP/2.0\r\n" +
		"v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n" +
		"f: <sip:alice@example.com>;TAG=1\r\nt: <sip:bob@example.com>\r\n" +
		"i: c1\r\nCSeq: 1 OPTIONS\r\nl: 0\r\n\r\n")
	var m wire.Message
	if err := m.Parse(datagram, nil); err != nil {
		fmt.Println(err)
		return
	}
	req, err := sipgomsg.Request(&m)
	if err != nil {
		fmt.Println(err)
		return
	}
	tag, _ := req.From().Params.Get("tag")
	fmt.Println(req.Method, req.From().Address.User, tag)
	// Output: OPTIONS alice 1
}
