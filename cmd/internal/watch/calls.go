package watch

import (
	"strconv"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cmd/internal/prepaid"
)

// running is an answered call.
type running struct {
	id       string
	event    billing.Event
	customer int64
	rater    *prepaid.Rater // nil before it was priced first
}

// Answered implements call.Watch.
func (w *Watch) Answered(id string, e *billing.Event) {
	customer, err := strconv.ParseInt(e.Caller.Account, 10, 64)
	if err != nil {
		return // no customer of ours pays
	}
	r := &running{id: id, event: *e, customer: customer}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[id] = r
	if w.of[customer] == nil {
		w.of[customer] = map[string]*running{}
	}
	w.of[customer][id] = r
}

// Ended implements call.Watch.
func (w *Watch) Ended(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.calls[id]
	if r == nil {
		return
	}
	delete(w.calls, id)
	if delete(w.of[r.customer], id); len(w.of[r.customer]) == 0 {
		delete(w.of, r.customer)
	}
}

func (w *Watch) callsOf(customer int64) []*running {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]*running, 0, len(w.of[customer]))
	for _, r := range w.of[customer] {
		list = append(list, r)
	}
	return list
}
