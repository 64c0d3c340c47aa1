package charge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/billing/spool"
	"github.com/class5-go/class5/cluster/directory"
)

// TestQuarantine: an operator sees what was put aside, and what is put right
// goes the way of the others.
func TestQuarantine(t *testing.T) {
	f := setUp(t)
	// Whoever posts a record of call c1 refuses it until it is told otherwise.
	refused := errors.New("no such account")
	records := f.store.Records(sqlstore.Options{})
	store := &picky{to: records, refuse: func(r *ship.Record) error {
		if r.CallID == "c1" && r.Caller.Dialled == "" {
			return &ship.RecordError{Key: r.Key, Err: refused}
		}
		return nil
	}}
	r, err := Open(t.Context(), Config{Dir: f.dir + "/spool", Source: "t", Store: store, Contracts: f.reader})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.log.Append(t.Context(), spool.Key{1}, []byte("no event")); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"c1", "c2"} {
		f.record(r, f.event(id, billing.EventStart, 1))
		f.record(r, f.event(id, billing.EventStop, 31))
	}
	h := r.QuarantineHandler(records)
	ask := func(method, path, body string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
		return w.Code, w.Body.String()
	}
	var list []poison
	look := func() []poison {
		code, text := ask("GET", "/quarantine", "")
		if err := json.Unmarshal([]byte(text), &list); err != nil || code != http.StatusOK {
			t.Fatal(code, text, err)
		}
		return list
	}
	f.run(r, func(c []directory.CDR) bool { return len(c) == 1 && len(look()) == 2 })
	event, record := list[0], list[1]
	if event.Kind != ship.PoisonEvent {
		event, record = record, event
	}
	if event.Data == "" || record.Record == nil || record.Record.CallID != "c1" || record.Reason != refused.Error() || event.Source != r.Source() {
		t.Errorf("%+v, %+v", event, record)
	}
	if code, _ := ask("GET", fmt.Sprintf("/quarantine?after=%d", max(event.ID, record.ID)), ""); code != http.StatusOK {
		t.Error(code)
	}
	// The next process.
	if r, err = Open(t.Context(), Config{Dir: f.dir + "/spool", Source: "t", Store: store, Contracts: f.reader}); err != nil {
		t.Fatal(err)
	}
	h = r.QuarantineHandler(records)
	replay := func(id int64) string { return fmt.Sprintf("/quarantine/%d/replay", id) }
	for path, want := range map[string]int{replay(event.ID): 422, replay(99): 404, replay(0): 404} {
		if code, text := ask("POST", path, ""); code != want {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
	if code, _ := ask("POST", replay(event.ID), `{"kind":"fail"}`); code != 422 {
		t.Error(code)
	}
	b, err := json.Marshal(f.event("c3", billing.EventFail, 5))
	if err != nil {
		t.Fatal(err)
	}
	if code, text := ask("POST", replay(event.ID), string(b)); code != http.StatusNoContent {
		t.Error(code, text)
	}
	record.Record.Caller.Dialled = "told"
	if b, err = json.Marshal(record.Record); err != nil {
		t.Fatal(err)
	}
	if code, text := ask("POST", replay(record.ID), string(b)); code != http.StatusNoContent {
		t.Error(code, text)
	}
	for _, c := range f.run(r, count(3)) {
		if c.CallID == "c1" && (len(c.Parties) != 2 || c.Parties[0].Amount.String() != "0.005 EUR") {
			t.Errorf("%+v", c)
		}
	}
	if list := look(); len(list) != 0 {
		t.Errorf("still put aside: %+v", list)
	}
}

// picky is a store with a word in what it takes.
type picky struct {
	to     ship.Store
	refuse func(*ship.Record) error
}

func (p *picky) Position(ctx context.Context, source string) (ship.Position, error) {
	return p.to.Position(ctx, source)
}

func (p *picky) Store(ctx context.Context, b ship.Batch) error {
	for i := range b.Records {
		if err := p.refuse(&b.Records[i]); err != nil {
			return err
		}
	}
	return p.to.Store(ctx, b)
}
