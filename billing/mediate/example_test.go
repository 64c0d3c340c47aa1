package mediate_test

import (
	"fmt"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/mediate"
)

// A call is answered after four seconds and ends a minute later. The stop is
// reported twice, which makes one record.
func Example() {
	call := billing.Event{CallID: "a84b4c76e66710", FromTag: "19283", Init: 1_780_000_000_000}
	start, stop := call, call
	start.Kind, start.At = billing.EventStart, call.Init+4_000
	stop.Kind, stop.At = billing.EventStop, call.Init+64_000

	m := mediate.New(mediate.Config{})
	for i, e := range []billing.Event{start, stop, stop} {
		cdrs, err := m.Feed(nil, uint64(i), e)
		if err != nil {
			fmt.Println(err)
		}
		for _, c := range cdrs {
			fmt.Println(c.CallID, c.Status, c.Duration.Duration())
		}
	}
	// Output: a84b4c76e66710 ok 1m0s
}
