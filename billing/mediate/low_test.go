package mediate_test

import (
	"fmt"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/mediate"
)

// TestLow: one leg that stays open holds the position, whatever ends after it,
// and what is opened again counts again.
func TestLow(t *testing.T) {
	m := mediate.New(mediate.Config{})
	feed := func(pos uint64, e billing.Event) {
		t.Helper()
		if _, err := m.Feed(nil, pos, e); err != nil {
			t.Fatal(err)
		}
	}
	want := func(pos uint64, open bool) {
		t.Helper()
		if low, ok := m.Low(); low != pos || ok != open {
			t.Fatalf("%d, %v; want %d, %v", low, ok, pos, open)
		}
	}
	want(0, false)
	feed(7, event(billing.EventStart, 1, call("long")))
	for n := range uint64(5000) {
		id := call(fmt.Sprint("short", n))
		feed(10+2*n, event(billing.EventStart, 1, id))
		feed(11+2*n, event(billing.EventStop, 2, id))
		want(7, true)
	}
	feed(20_000, event(billing.EventFail, 1, call("late"), code(486)))
	feed(20_001, event(billing.EventStop, 9, call("long"), started(1)))
	want(0, false)
	feed(20_002, event(billing.EventStart, 1, call("late"))) // it was answered after all
	want(20_000, true)
}
