package routing_test

import (
	"context"
	"fmt"

	"github.com/class5-go/class5/sip/routing"
)

type onlyEcho struct{}

func (onlyEcho) LocalDomain(context.Context, string) (bool, error) { return true, nil }

func (onlyEcho) Destination(_ context.Context, _, number, _ string) (routing.Destination, error) {
	if number == "5000" {
		return routing.Destination{Application: "echo"}, nil
	}
	return routing.Destination{}, routing.ErrNotFound
}

func ExampleRouter_Plan() {
	router := routing.New(onlyEcho{})
	for _, uri := range []string{"sip:5000@example.com", "sip:nobody@example.com"} {
		plan := router.Plan(context.Background(), routing.Facts{RequestURI: []byte(uri)})
		last := plan.Trace[len(plan.Trace)-1]
		fmt.Println(plan.Application, plan.Status, last.Rule, last.Why)
	}
	// Output:
	// echo 0 application the number belongs to it
	//  404 destination neither a subscriber, an alias nor an application
}
