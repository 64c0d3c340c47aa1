package token_test

import (
	"fmt"
	"net/netip"

	"github.com/class5-go/class5/sip/token"
)

func Example() {
	ring, err := token.New(token.Key{ID: 1, Secret: []byte("32 octets that only our pair has")})
	if err != nil {
		fmt.Println(err)
		return
	}
	flow := token.Flow{
		Transport: token.UDP,
		Remote:    netip.MustParseAddrPort("192.0.2.7:5060"),
	}

	// A REGISTER came over flow: the way back goes into its Path.
	user := ring.Seal(nil, token.Path, flow, nil)
	fmt.Printf("Path: <sip:%s@10.0.0.1:5060;lr>\n", user)

	// An INVITE for the subscriber comes back with that URI as its Route.
	back, err := ring.Open(user, token.Path, nil)
	fmt.Println(back.Remote, err)

	user[20] ^= 1
	_, err = ring.Open(user, token.Path, nil)
	fmt.Println(err)
	// Output:
	// Path: <sip:ESIAwAACBxPEiKAPuhLVbqRR8g@10.0.0.1:5060;lr>
	// 192.0.2.7:5060 <nil>
	// token: signature does not hold
}
