package ship_test

import (
	"bytes"
	"fmt"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
)

// Columns by name, a number that shows its last digits only, and a format.
func ExampleFields() {
	f, err := ship.Fields("call_id", "caller.number=from", "duration", "caller.customer.amount=price")
	if err != nil {
		fmt.Println(err)
		return
	}
	f[1] = ship.Masked(f[1], 3)
	c := billing.CDR{CallID: "1@phone", Caller: billing.Endpoint{Number: "4312345"}, Duration: 61_500, Parties: []billing.Party{
		{Side: billing.SideCaller, Role: billing.RoleCustomer, Amount: billing.NewAmount(1_250_000, billing.MustCurrency("EUR"))},
	}}
	var b bytes.Buffer
	if err := (ship.CSV{LF: true}).Encode(&b, f, []*billing.CDR{&c}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(b.String())
	// Output:
	// call_id,from,duration,price
	// 1@phone,****345,61.500,1.250000
}
