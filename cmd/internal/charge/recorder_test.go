package charge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cluster/directory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type fixture struct {
	t      *testing.T
	dir    string
	store  *directory.Store
	reader *directory.Reader
	alice  billing.Endpoint
	bob    billing.Endpoint
	down   atomic.Bool
}

// flaky is the directory with a switch.
type flaky struct {
	*fixture
	to ship.Store
}

func (f *flaky) Store(ctx context.Context, b ship.Batch) error {
	if f.down.Load() {
		return directory.ErrUnavailable
	}
	return f.to.Store(ctx, b)
}

func (f *flaky) Position(ctx context.Context, source string) (ship.Position, error) {
	return f.to.Position(ctx, source)
}

// template is a database after its first start, which each test has a copy of:
// to make one takes a second, and most of that with the race detector.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "charge")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "t.db")
	s, err := directory.Open(context.Background(), directory.Config{DSN: "sqlite:" + file})
	if err != nil {
		return nil, err
	}
	err = s.Migrate(context.Background())
	if err == nil {
		_, err = s.Bootstrap(context.Background(), directory.BootstrapOptions{Domain: "example.com", Demo: true})
	}
	if err = errors.Join(err, s.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

func setUp(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir()}
	made, err := template()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.dir, "t.db"), made, 0o600); err != nil {
		t.Fatal(err)
	}
	f.store, err = directory.Open(t.Context(), directory.Config{DSN: "sqlite:" + filepath.Join(f.dir, "t.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.store.Close() })
	first, err := f.store.Bootstrap(t.Context(), directory.BootstrapOptions{Domain: "example.com", Demo: true})
	if err != nil {
		t.Fatal(err)
	}
	if f.reader, err = f.store.NewReader(t.Context(), directory.ReaderConfig{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.reader.Close() })
	party := func(s directory.Subscriber) billing.Endpoint {
		return billing.Endpoint{Subscriber: fmt.Sprint(s.ID), Account: fmt.Sprint(s.CustomerID), User: s.Username, Domain: s.Domain, Number: s.Numbers[0]}
	}
	f.alice, f.bob = party(first.Demo[0].Subscriber), party(first.Demo[1].Subscriber)
	return f
}

func (f *fixture) open() *Recorder {
	f.t.Helper()
	r, err := Open(f.t.Context(), Config{
		Dir: filepath.Join(f.dir, "spool"), Source: "t", Store: &flaky{f, f.store.Records(sqlstore.Options{})}, Contracts: f.reader,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

// run lets a recorder work until check is content, then ends it.
func (f *fixture) run(r *Recorder, check func([]directory.CDR) bool) []directory.CDR {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var list directory.CDRList
	for range 400 {
		var err error
		if list, err = f.store.CDRs().List(f.t.Context(), directory.CDRFilter{}, directory.CDRCursor{}, 500); err != nil {
			f.t.Fatal(err)
		}
		if check(list.Items) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		f.t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		f.t.Fatal(err)
	}
	if !check(list.Items) {
		f.t.Fatalf("%d records: %+v", len(list.Items), list.Items)
	}
	return list.Items
}

var t0 = billing.MillisOf(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))

func (f *fixture) event(call string, kind billing.EventKind, second int) *billing.Event {
	e := &billing.Event{
		Kind: kind, CallID: call, FromTag: "f", Init: t0, At: t0 + billing.Millis(second*1000),
		Caller: f.alice, Callee: f.bob, Node: "t",
	}
	switch kind {
	case billing.EventStart, billing.EventStop, billing.EventInterim:
		e.Start, e.Code = t0+1000, 200
		if kind == billing.EventInterim {
			e.Seq = uint32(second)
		}
	case billing.EventFail:
		e.Code = 486
	}
	return e
}

func (f *fixture) record(r *Recorder, e *billing.Event) {
	f.t.Helper()
	if err := r.Record(f.t.Context(), e); err != nil {
		f.t.Fatal(err)
	}
}

func count(n int) func([]directory.CDR) bool {
	return func(c []directory.CDR) bool { return len(c) == n }
}

func TestCallIsRated(t *testing.T) {
	f := setUp(t)
	r := f.open()
	f.record(r, f.event("c1", billing.EventStart, 1))
	f.record(r, f.event("c1", billing.EventStop, 91))
	r.Note(f.event("c2", billing.EventFail, 5))
	calls := f.run(r, count(2))
	for _, c := range calls {
		var amounts []string
		for _, p := range c.Parties {
			amounts = append(amounts, string(p.Side)+" "+p.Amount.String())
		}
		got := fmt.Sprintf("%s %s %d %v", c.CallID, c.Status, c.Duration, amounts)
		// On-net calls cost 0.01 EUR a minute, by the second.
		want := map[string]string{
			"c1": "c1 ok 90000 [caller 0.015 EUR callee 0.00 EUR]",
			"c2": "c2 busy 0 [caller 0.00 EUR callee 0.00 EUR]",
		}[c.CallID]
		if got != want {
			t.Errorf("%s: %s", c.CallID, got)
		}
	}
}

// TestKilled: a process that dies without a word leaves calls behind; the next
// one closes them by what is proven, and stores nothing twice.
func TestKilled(t *testing.T) {
	f := setUp(t)
	r := f.open()
	f.record(r, f.event("done", billing.EventStart, 1))
	f.record(r, f.event("done", billing.EventStop, 31))
	f.record(r, f.event("running", billing.EventStart, 1))
	f.record(r, f.event("running", billing.EventInterim, 16))
	f.record(r, f.event("young", billing.EventStart, 1))
	f.run(r, count(1)) // the finished call is stored; then the process dies
	for range 2 {      // and dies again right after its start
		calls := f.run(f.open(), count(3))
		for _, c := range calls {
			switch c.CallID {
			case "done":
				if c.Duration != 30_000 || c.Flags.Has(billing.FlagEvidence) {
					t.Errorf("%+v", c)
				}
			case "running":
				if c.Duration != 15_000 || !c.Flags.Has(billing.FlagEvidence) || c.Evidence != "restart" || !c.Chargeable() {
					t.Errorf("%+v", c)
				}
			case "young":
				if c.Chargeable() {
					t.Errorf("nothing is proven of %+v", c)
				}
			}
		}
	}
}

func TestDatabaseAway(t *testing.T) {
	f := setUp(t)
	r := f.open()
	f.down.Store(true)
	f.record(r, f.event("c1", billing.EventStart, 1))
	f.record(r, f.event("c1", billing.EventStop, 61))
	tries := 0
	f.run(r, func(c []directory.CDR) bool {
		if tries++; tries == 50 {
			f.down.Store(false)
		}
		return len(c) == 1
	})
}

func TestPoison(t *testing.T) {
	f := setUp(t)
	r := f.open()
	if _, err := r.log.Append(t.Context(), [16]byte{}, []byte("no event")); err != nil {
		t.Fatal(err)
	}
	f.record(r, f.event("c1", billing.EventStart, 1))
	f.record(r, f.event("c1", billing.EventStop, 61))
	f.run(r, count(1))
}

// TestDiskRefuses: after an event was lost, no new call is taken on for a while.
func TestDiskRefuses(t *testing.T) {
	f := setUp(t)
	r := f.open()
	if err := r.Ready(); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Record(t.Context(), f.event("c1", billing.EventStart, 1)); err == nil {
		t.Fatal("a closed spool took an event")
	}
	if err := r.Ready(); !errors.Is(err, errFailed) {
		t.Errorf("ready after a lost event: %v", err)
	}
}
