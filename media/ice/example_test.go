package ice_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/class5-go/class5/media/ice"
)

// Two agents, whose datagrams are carried by hand: a phone that offers, and a
// lite relay.
func Example() {
	now := time.Now()
	phone, relay := ice.New(ice.Config{Controlling: true}), ice.New(ice.Config{Lite: true})
	at := map[netip.AddrPort]*ice.Agent{}
	for name, a := range map[string]*ice.Agent{"192.0.2.1:4000": phone, "198.51.100.1:30000": relay} {
		socket := netip.MustParseAddrPort(name)
		at[socket] = a
		if _, err := a.AddStream(ice.Credentials{}, []ice.Local{{Component: 1, Base: socket}}); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(relay.Candidates(0)[0].Priority)

	// What the descriptions say.
	for a, peer := range map[*ice.Agent]*ice.Agent{phone: relay, relay: phone} {
		_, err := a.SetRemote(0, ice.Remote{Credentials: peer.Credentials(0), Candidates: peer.Candidates(0), Lite: peer == relay}, now)
		if err != nil {
			fmt.Println(err)
		}
	}
	for range 10 {
		if t := phone.Deadline(); t.After(now) {
			now = t
		}
		queue := append([]ice.Datagram{}, phone.Advance(now).Datagrams...)
		for len(queue) > 0 {
			d := queue[0]
			queue = append(queue[1:], at[d.Remote].Handle(d.Data, d.Remote, d.Local, now).Datagrams...)
		}
	}
	path, ok := relay.Path(0, 1)
	fmt.Println(relay.State(0), path.Remote, ok)
	// Output:
	// 2130706431
	// completed 192.0.2.1:4000 true
}
