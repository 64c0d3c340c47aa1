package mediate_test

import (
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/mediate"
)

// BenchmarkCall is one call: start, interim, stop, record, and forgetting it.
func BenchmarkCall(b *testing.B) {
	m := mediate.New(mediate.Config{Linger: time.Second})
	events := []billing.Event{event(billing.EventStart, 4), event(billing.EventInterim, 64), event(billing.EventStop, 90)}
	var out []billing.CDR
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		for j := range events {
			events[j].Init = t0 + billing.Millis(i)
			var err error
			if out, err = m.Feed(out[:0], uint64(i), events[j]); err != nil {
				b.Fatal(err)
			}
		}
		if len(out) != 1 {
			b.Fatal("no record")
		}
		if i%1000 == 0 {
			m.Expire(nil, t0.Time().Add(time.Duration(i)*time.Millisecond*100))
		}
	}
}
