package xdp_test

import (
	"fmt"
	"log"
	"time"

	"github.com/class5-go/class5/sip/guard"
	"github.com/class5-go/class5/sip/guard/xdp"
)

func Example() {
	g, err := guard.New(guard.Config{})
	if err != nil {
		log.Fatal(err)
	}
	list, err := xdp.Open(xdp.Config{Interface: "no-such-nic", Ports: []uint16{5060, 5061}})
	if err != nil {
		log.Fatal(err)
	}
	defer list.Close()
	if list.Mode() == xdp.Plain {
		fmt.Println("bans stay in user space") // list.Why() tells the operator what is missing
	}
	// Every second:
	if err := list.Sync(g.Bans(time.Now())); err != nil {
		log.Print(err)
	}
	// Output: bans stay in user space
}
