package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/mediate"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/billing/spool"
	"github.com/class5-go/class5/internal/peer"
)

// faulty is a store that fails now and then, also after it has committed.
type faulty struct {
	to  *sqlstore.Store
	rng *rand.Rand
	n   atomic.Int64
}

var errFault = errors.New("fault")

func (f *faulty) Position(ctx context.Context, source string) (ship.Position, error) {
	return f.to.Position(ctx, source)
}

func (f *faulty) Store(ctx context.Context, b ship.Batch) error {
	switch f.rng.IntN(4) {
	case 0:
		f.n.Add(1)
		return errFault
	case 1:
		f.n.Add(1)
		if err := f.to.Store(ctx, b); err != nil {
			return err
		}
		return fmt.Errorf("outcome unknown: %w", errFault)
	}
	return f.to.Store(ctx, b)
}

// journalling is a hook that keeps the sum of the first price of what is in
// force.
func journalling(db *sqlx.DB) sqlstore.Hook {
	db.MustExec("CREATE TABLE journal (amount BIGINT NOT NULL)")
	return func(ctx context.Context, tx *sqlx.Tx, changes []sqlstore.Change) error {
		for _, c := range changes {
			if c.New.CallID == "poison" {
				return &ship.RecordError{Key: c.New.Key, Err: errors.New("no such account")}
			}
			amount := c.New.Parties[0].Amount.Micros()
			if c.Old != nil {
				amount -= c.Old.Parties[0].Amount.Micros()
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO journal (amount) VALUES (?)", amount); err != nil {
				return err
			}
		}
		return nil
	}
}

// price costs a millionth for each millisecond.
func price(_ context.Context, r *ship.Record) error {
	r.Parties = []billing.Party{{Side: billing.SideCaller, Role: billing.RoleCustomer, Account: "7", Amount: billing.NewAmount(int64(r.Duration), eur)}}
	if r.CallID == "unrated" {
		r.Parties = nil
		return ship.ErrUnrated
	}
	return nil
}

func event(call int, kind billing.EventKind, second int) *billing.Event {
	e := &billing.Event{Kind: kind, CallID: fmt.Sprint(call), FromTag: "f", Init: begin, At: begin + billing.Millis(second)*1000}
	if kind != billing.EventAttempt {
		e.Start, e.Code = begin+1000, 200
	}
	return e
}

func write(t testing.TB, log *spool.Log, events ...*billing.Event) {
	t.Helper()
	for _, e := range events {
		b, err := e.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.Append(t.Context(), spool.Key(e.Key()), b); err != nil {
			t.Fatal(err)
		}
	}
}

func openLog(t testing.TB, dir string) *spool.Log {
	t.Helper()
	log, err := spool.Open(spool.Config{FS: spool.Dir(dir), SegmentSize: 4000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

// runUntil lets a shipper work until done says so, or for a while when done is
// nil.
func runUntil(t testing.TB, cfg ship.Config, done func(ship.Stats) bool) ship.Stats {
	t.Helper()
	if cfg.Rate == nil {
		cfg.Rate = price
	}
	cfg.Source, cfg.Age, cfg.Backoff = "p1", 5*time.Millisecond, 50*time.Millisecond
	s, err := ship.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	for ctx.Err() == nil && !done(s.Stats()) {
		time.Sleep(2 * time.Millisecond)
	}
	late := ctx.Err() != nil
	cancel()
	wg.Wait()
	if late {
		t.Fatalf("not done: %+v", s.Stats())
	}
	return s.Stats()
}

// wantCalls: n calls of 60 s are there once, and the journal agrees.
func wantCalls(t testing.TB, db *sqlx.DB, n int) {
	t.Helper()
	var calls, keys, sum, journal int64
	err := db.QueryRow(`SELECT COUNT(*), COUNT(DISTINCT leg_key), (SELECT SUM(amount_micro) FROM acct_cdr_parties),
		(SELECT SUM(amount) FROM journal) FROM acct_cdrs`).Scan(&calls, &keys, &sum, &journal)
	if err != nil || calls != int64(n) || keys != int64(n) || sum != int64(n)*60_000 || journal != sum {
		t.Errorf("%d calls, %d legs, prices %d, journal %d; want %d calls; %v", calls, keys, sum, journal, n, err)
	}
}

// TestExactlyOnce: commits that fail, commits whose outcome is not known, and
// processes that end in between.
func TestExactlyOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db *sqlx.DB) {
		dir := t.TempDir()
		store := &faulty{to: sqlstore.New(db, sqlstore.Options{Hook: journalling(db)}), rng: rand.New(rand.NewPCG(1, 2))}
		calls := 0
		for round := range 6 {
			log := openLog(t, dir)
			for range 20 {
				calls++
				write(t, log, event(calls, billing.EventStart, 1), event(calls, billing.EventStop, 61))
				if calls%3 == 0 {
					write(t, log, event(calls, billing.EventStop, 61)) // told twice
				}
			}
			end := log.Stats().End
			runUntil(t, ship.Config{Log: log, Store: store, Batch: 7}, func(s ship.Stats) bool {
				return s.Stored == end || round%2 == 0 && store.n.Load() > int64(round*5)
			})
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
		}
		log := openLog(t, dir)
		runUntil(t, ship.Config{Log: log, Store: store, Batch: 7}, func(s ship.Stats) bool { return s.Stored == log.Stats().End })
		wantCalls(t, db, calls)
		if s := log.Stats(); s.First == 0 || s.Segments > 1 {
			t.Errorf("the spool was not cut: %+v", s)
		}
		if store.n.Load() == 0 {
			t.Error("no fault was injected")
		}
	})
}

// down is a store that takes nothing for a while, which is an hour each time
// that it is asked.
type down struct {
	to    *sqlstore.Store
	hours atomic.Int64
}

func (d *down) Position(ctx context.Context, source string) (ship.Position, error) {
	return d.to.Position(ctx, source)
}

func (d *down) Store(ctx context.Context, b ship.Batch) error {
	if d.hours.Load() < 3 {
		d.hours.Add(1)
		return errFault
	}
	return d.to.Store(ctx, b)
}

// TestStoppedInBacklog: a call whose end waits in the log behind more than fits
// in memory is not taken for one without an end, neither while the store is
// down nor when a process begins with such a log.
func TestStoppedInBacklog(t *testing.T) {
	for name, ended := range map[string]bool{"same process": false, "next process": true} {
		t.Run(name, func(t *testing.T) {
			db := sqlite(t)
			store := &down{to: sqlstore.New(db, sqlstore.Options{Hook: journalling(db)})}
			log := openLog(t, t.TempDir())
			write(t, log, event(0, billing.EventStart, 1))
			for i := range 200 {
				write(t, log, event(i+1, billing.EventStart, 1), event(i+1, billing.EventStop, 61))
			}
			write(t, log, event(0, billing.EventStop, 61))
			most := int64(0)
			st := runUntil(t, ship.Config{
				Log: log, Store: store, Batch: 10, Pending: 20, CallsEnded: ended, Mediation: mediate.Config{MaxAge: 30 * time.Minute},
				Now: func() time.Time { return begin.Time().Add(time.Minute + time.Duration(store.hours.Load())*time.Hour) },
			}, func(s ship.Stats) bool {
				most = max(most, s.Pending)
				return s.Stored == log.Stats().End
			})
			wantCalls(t, db, 201)
			if st.Records != 201 || most > 60 {
				t.Errorf("%d records, at most %d in memory; want 201, none of them revised", st.Records, most)
			}
		})
	}
}

// TestPoison: what makes no sense is put aside, the others go on, and it can be
// tried again.
func TestPoison(t *testing.T) {
	db := sqlite(t)
	store := sqlstore.New(db, sqlstore.Options{Hook: journalling(db)})
	log := openLog(t, t.TempDir())
	if _, err := log.Append(t.Context(), spool.Key{1}, []byte("no event")); err != nil {
		t.Fatal(err)
	}
	bad := func(name string) []*billing.Event {
		a, b := event(0, billing.EventStart, 1), event(0, billing.EventStop, 61)
		a.CallID, b.CallID = name, name
		return []*billing.Event{a, b}
	}
	write(t, log, bad("poison")...)
	write(t, log, bad("refused")...)
	for i := range 20 {
		write(t, log, event(i, billing.EventStart, 1), event(i, billing.EventStop, 61))
	}
	rate := func(ctx context.Context, r *ship.Record) error {
		if r.CallID == "refused" {
			return &ship.RecordError{Key: r.Key, Err: errors.New("impossible")}
		}
		return price(ctx, r)
	}
	st := runUntil(t, ship.Config{Log: log, Store: store, Rate: rate, Batch: 4}, func(s ship.Stats) bool { return s.Stored == log.Stats().End })
	wantCalls(t, db, 20)
	if st.Quarantined != 3 || st.Records != 20 || st.Retries != 0 {
		t.Errorf("%+v", st)
	}
	list, err := store.Quarantine(t.Context(), 0, 10)
	if err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	s, err := ship.Open(t.Context(), ship.Config{Log: log, Store: store, Rate: price, Source: "p1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		err := s.Replay(t.Context(), p)
		if healed := p.Reason == "impossible"; healed != (err == nil) {
			t.Errorf("%s: %v", p.Reason, err)
		}
	}
	wantCalls(t, db, 21)
	if list, err = store.Quarantine(t.Context(), 0, 10); err != nil || len(list) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestUnrated(t *testing.T) {
	db := sqlite(t)
	log := openLog(t, t.TempDir())
	a, b := event(0, billing.EventStart, 1), event(0, billing.EventStop, 61)
	a.CallID, b.CallID = "unrated", "unrated"
	write(t, log, a, b)
	st := runUntil(t, ship.Config{Log: log, Store: sqlstore.New(db, sqlstore.Options{})}, func(s ship.Stats) bool { return s.Stored == log.Stats().End })
	if st.Unrated != 1 || st.Records != 1 {
		t.Errorf("%+v", st)
	}
}

// TestRunningCalls: an open call holds the spool; when its process is known to
// be gone, the call ends by evidence.
func TestRunningCalls(t *testing.T) {
	db := sqlite(t)
	store := sqlstore.New(db, sqlstore.Options{Hook: journalling(db)})
	log := openLog(t, t.TempDir())
	write(t, log, event(1, billing.EventStart, 1))
	hold := log.Stats().End
	write(t, log, event(2, billing.EventStart, 1), event(2, billing.EventStop, 61))
	interim := event(1, billing.EventInterim, 61)
	interim.Seq = 1
	write(t, log, interim)
	st := runUntil(t, ship.Config{Log: log, Store: store}, func(s ship.Stats) bool { return s.Records == 1 })
	if st.Stored >= hold {
		t.Errorf("cut at %d although the call that begins before %d runs", st.Stored, hold)
	}
	runUntil(t, ship.Config{Log: log, Store: store, CallsEnded: true}, func(s ship.Stats) bool { return s.Stored == log.Stats().End })
	wantCalls(t, db, 2)
}

// TestServerTrouble: a real server is killed, started, locked against writing,
// and ends connections in the middle of transactions. All that is there in the
// end is there once.
func TestServerTrouble(t *testing.T) {
	server, err := peer.StartMariaDB(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	if err := server.Create(t.Context(), "trouble"); err != nil {
		t.Fatal(err)
	}
	db := maria(t, server.DSN("trouble"))
	store := sqlstore.New(db, sqlstore.Options{Hook: journalling(db)})
	log := openLog(t, t.TempDir())
	const calls = 600
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for i := range calls {
			write(t, log, event(i, billing.EventStart, 1), event(i, billing.EventStop, 61))
		}
	})
	var rounds atomic.Int64
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()
	wg.Go(func() {
		for i := range 30 {
			trouble(ctx, t, server, db, i)
			rounds.Add(1)
		}
	})
	st := runUntil(t, ship.Config{Log: log, Store: store, Batch: 5}, func(s ship.Stats) bool {
		return rounds.Load() == 30 && s.Records >= calls && s.Stored == log.Stats().End
	})
	wantCalls(t, db, calls)
	if st.Retries == 0 {
		t.Error("no trouble was noticed")
	}
}

// trouble makes one of several kinds of it.
func trouble(ctx context.Context, t *testing.T, server *peer.MariaDB, db *sqlx.DB, i int) {
	time.Sleep(20 * time.Millisecond)
	conn, err := db.Connx(ctx)
	if err != nil {
		return // it is down already
	}
	defer conn.Close()
	switch {
	case i%15 == 7:
		server.Kill()
		if err := server.Start(ctx); err != nil {
			t.Error(err)
		}
	case i%5 == 3: // read-only, for a while
		if _, err := conn.ExecContext(ctx, "FLUSH TABLES WITH READ LOCK"); err == nil {
			time.Sleep(50 * time.Millisecond)
			_, _ = conn.ExecContext(ctx, "UNLOCK TABLES")
		}
	case i%5 == 1: // slow: somebody holds the counter's row
		tx, err := conn.BeginTxx(ctx, nil)
		if err == nil {
			_, _ = tx.ExecContext(ctx, "UPDATE sys_ids SET next_id = next_id WHERE name = 'cdr'")
			time.Sleep(50 * time.Millisecond)
			_ = tx.Rollback()
		}
	default: // connections end, perhaps in a commit
		var ids []int64
		_ = conn.SelectContext(ctx, &ids, "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user = 'root'")
		for _, id := range ids {
			_, _ = conn.ExecContext(ctx, fmt.Sprintf("KILL CONNECTION %d", id))
		}
	}
}
