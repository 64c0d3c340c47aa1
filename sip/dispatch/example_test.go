package dispatch_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/class5-go/class5/cluster/ring"
	"github.com/class5-go/class5/sip/dispatch"
	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/wire"
)

// The ring of package cluster/ring takes the place of the built-in one.
func Example() {
	pool, err := dispatch.New(dispatch.Config{
		Scope:   dispatch.Chassis,
		Chassis: "a",
		Ring: func(secret []byte, names []string, weights []float64) (dispatch.Ring, error) {
			return ring.New(secret, names, weights)
		},
		Observe: func(e dispatch.Event) { fmt.Println(e.Addr, "is", e.To) },
	},
		dispatch.Target{Addr: netip.MustParseAddrPort("10.0.0.1:5060"), Chassis: "a"},
		dispatch.Target{Addr: netip.MustParseAddrPort("10.0.1.1:5060"), Chassis: "b"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Now()
	invite := relay.Query{CallID: []byte("a84b4c76e66710"), Branch: []byte("z9hG4bK776asdhds"), Method: wire.INVITE, At: now}
	fmt.Println(pool.Pick(invite))

	// The first one refuses what is sent to it: the next call leaves the chassis,
	// the CANCEL of this one does not.
	pool.Unreachable(now, netip.MustParseAddrPort("10.0.0.1:5060"))
	pool.Unreachable(now.Add(time.Second), netip.MustParseAddrPort("10.0.0.1:5060"))
	cancel := invite
	cancel.Method = wire.CANCEL
	fmt.Println(pool.Pick(cancel))
	fmt.Println(pool.Pick(relay.Query{CallID: []byte("another"), Branch: []byte("z9hG4bKanother"), Method: wire.INVITE, At: now}))
	// Output:
	// 10.0.0.1:5060 is up
	// 10.0.1.1:5060 is up
	// 10.0.0.1:5060 true
	// 10.0.0.1:5060 is down
	// 10.0.0.1:5060 true
	// 10.0.1.1:5060 true
}
