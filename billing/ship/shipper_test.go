package ship_test

import (
	"context"
	"testing"

	"github.com/class5-go/class5/billing/ship"
)

type nowhere struct{}

func (nowhere) Position(context.Context, string) (ship.Position, error) { return ship.Position{}, nil }
func (nowhere) Store(context.Context, ship.Batch) error                 { return nil }

func TestConfig(t *testing.T) {
	for _, c := range []ship.Config{{}, {Source: "p", Store: nowhere{}}} {
		if _, err := ship.Open(t.Context(), c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
