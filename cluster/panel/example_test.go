package panel_test

import (
	"fmt"

	"github.com/class5-go/class5/cluster/api/login"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cluster/live"
	"github.com/class5-go/class5/cluster/panel"
)

func ExampleNew() {
	var store directory.Store // of directory.Open
	gate, err := login.New(login.Config{Store: &store})
	if err != nil {
		panic(err)
	}
	p, err := panel.New(panel.Config{Store: &store, Live: live.Join(), Gate: gate})
	if err != nil {
		panic(err)
	}
	// http.Server{Handler: p} serves it; p.Run(ctx) beside it keeps pages live.
	fmt.Println(p != nil)
	// Output: true
}
