package billkill

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/redis/go-redis/v9"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/ledger/redisledger"
	"github.com/class5-go/class5/billing/ledger/sqlledger"
	"github.com/class5-go/class5/billing/rerate"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/billing/spool"
	"github.com/class5-go/class5/cmd/internal/load/billbed"
	"github.com/class5-go/class5/cmd/internal/load/billgen"
)

// The world of a run: small decks, and a time that stands still.
const (
	prefixes = 1000
	seed     = 11
	now      = billgen.Month + billgen.Length + 3_600_000
)

// worker is the process that gets killed.
type worker struct {
	dir    string
	db     *sqlx.DB
	redis  *redis.Client
	load   *billgen.Load
	events []billing.Event
	decks  [2]chain.Rater // rating, and rating anew
	log    *spool.Log
	store  *sqlstore.Store
	answer io.Writer
}

// Worker is the main function of the worker: orders come by in, a line each,
// and are answered by out. It ends with in.
func Worker(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	f := flag.NewFlagSet("worker", flag.ContinueOnError)
	dir, dsn, socket := f.String("dir", "", ""), f.String("dsn", "", ""), f.String("redis", "", "")
	calls := f.Int("calls", 0, "")
	if err := f.Parse(args); err != nil {
		return err
	}
	world, err := billgen.NewWorld(prefixes, seed)
	if err != nil {
		return err
	}
	w := &worker{dir: *dir, answer: out, load: &billgen.Load{World: world, Seed: seed, Calls: *calls}}
	w.events, _ = rounds(w.load)
	if err := w.rates(world); err != nil {
		return err
	}
	if w.db, err = billbed.Connect(*dsn); err != nil {
		return err
	}
	defer w.db.Close()
	w.redis = redis.NewClient(&redis.Options{Network: "unix", Addr: *socket, MaxRetries: -1})
	defer w.redis.Close()
	w.store = sqlstore.New(w.db, sqlstore.Options{Hook: journal, Now: at})
	if w.log, err = spool.Open(spool.Config{FS: spool.Dir(filepath.Join(*dir, "spool")), SegmentSize: 1 << 16}); err != nil {
		return err
	}
	defer w.log.Close() //nolint:errcheck // what was acknowledged is on disk
	return w.serve(ctx, in)
}

func at() time.Time { return now.Time() }

// rates makes the two ways to price: by the decks of the world, and by decks
// that are a quarter dearer.
func (w *worker) rates(world *billgen.World) error {
	dearer := *world
	for deck, share := range map[*billgen.Deck]int64{&dearer.Retail: 20, &dearer.Wholesale: 14, &dearer.Carrier: 9} {
		s, err := billgen.Compile(world.Fees, share)
		if err != nil {
			return err
		}
		*deck = s
	}
	w.decks = [2]chain.Rater{{Directory: world}, {Directory: dearer.Sell()}}
	return nil
}

// serve carries out orders one after the other, while the shipper runs.
func (w *worker) serve(ctx context.Context, in io.Reader) error {
	var shipper *ship.Shipper
	err := again(ctx, func() (err error) {
		shipper, err = ship.Open(ctx, ship.Config{
			Log: w.log, Source: "node", Store: w.store, Batch: 20, Age: 5 * time.Millisecond, Backoff: 50 * time.Millisecond, Now: at,
			Rate: func(_ context.Context, r *ship.Record) (err error) {
				r.Parties, err = w.decks[0].Rate(nil, &r.CDR)
				return err
			},
		})
		return err
	})
	if err != nil {
		return err
	}
	run, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var failed error
	wg.Go(func() { failed = shipper.Run(run) })
	lines := bufio.NewScanner(in)
	for err == nil && lines.Scan() {
		var order string
		var from, to int
		if _, err = fmt.Sscan(lines.Text(), &order, &from, &to); err == nil {
			err = w.carryOut(ctx, shipper, order, from, to)
		}
		fmt.Fprintln(w.answer, "done")
	}
	stop()
	wg.Wait()
	return errors.Join(err, failed)
}

func (w *worker) carryOut(ctx context.Context, s *ship.Shipper, order string, from, to int) error {
	switch order {
	case "ship":
		return w.ship(ctx, s, from, to)
	case "pay":
		return w.pay(ctx, from, to)
	case "export":
		return again(ctx, func() error { return w.export(ctx) })
	case "rerate":
		return again(ctx, func() error { return w.rerate(ctx, from, to) })
	}
	return fmt.Errorf("order %q", order)
}

// again repeats what failed because a server is down.
func again(ctx context.Context, do func() error) error {
	for {
		err := do()
		if err == nil || ctx.Err() != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "again:", err)
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// ship writes events to the spool, tells each that is durable, and waits until
// all is in the database.
func (w *worker) ship(ctx context.Context, s *ship.Shipper, from, to int) error {
	for i := from; i < to; i++ {
		raw, err := w.events[i].MarshalBinary()
		if err != nil {
			return err
		}
		if _, err := w.log.Append(ctx, spool.Key(w.events[i].Key()), raw); err != nil {
			return err
		}
		fmt.Fprintln(w.answer, "durable", i)
	}
	for end := w.log.Stats().End; s.Stats().Stored < end; {
		if err := ctx.Err(); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// price is what payment n costs.
func price(n int) int64 { return int64(100 + n%900) }

// pay reserves and settles for sessions, by way of Redis.
func (w *worker) pay(ctx context.Context, from, to int) error {
	l := redisledger.New(w.redis, sqlledger.New(w.db), redisledger.Config{Chunk: 5000})
	for n := from; n < to; n++ {
		name := fmt.Sprint("session ", n)
		r := ledger.Request{Key: name, Node: "node", Epoch: 1, Account: payer(n), At: now}
		err := again(ctx, func() error {
			_, err := ledger.Again(l.Reserve(ctx, ledger.Reservation{Request: r, Hold: name, Value: 1000, Until: now + 90_000}))
			return err
		})
		if err != nil {
			return err
		}
		r.Key += " end"
		err = again(ctx, func() error {
			a, err := ledger.Again(l.Settle(ctx, ledger.Settlement{Request: r, Hold: name, Value: price(n)}))
			if err == nil && a.Settled != price(n) {
				err = fmt.Errorf("%d of %d were paid", a.Settled, price(n))
			}
			return err
		})
		if err != nil {
			return err
		}
		fmt.Fprintln(w.answer, "paid", n)
	}
	return nil
}

func payer(n int) string { return fmt.Sprint("prepaid ", n%5) }

func (w *worker) export(ctx context.Context) error {
	s, err := ship.NGCP007()
	if err != nil {
		return err
	}
	s.Rows = 15
	e, err := ship.NewExporter(ship.ExporterConfig{Stream: s, Store: w.store, Sink: ship.Dir(filepath.Join(w.dir, "files")), Now: at})
	if err != nil {
		return err
	}
	_, err = e.Export(ctx)
	return err
}

// rerate prices the records of calls from to to by the dearer decks.
func (w *worker) rerate(ctx context.Context, from, to int) error {
	wanted := make(map[billing.LegKey]bool, to-from)
	for n := from; n < to; n++ {
		c := w.load.CDR(n)
		wanted[c.Key] = true
	}
	d, err := rerate.Plan(ctx, w.store.Records(ctx, sqlstore.Filter{}), &w.decks[1], rerate.Options{
		Records: true, Filter: func(c *billing.CDR) bool { return wanted[c.Key] },
	})
	if err != nil {
		return err
	}
	return rerate.Apply(ctx, d, func(ctx context.Context, list []billing.CDR) error {
		for len(list) > 0 { // transactions small enough to be killed between
			n := min(5, len(list))
			var b ship.Batch
			for _, c := range list[:n] {
				b.Records = append(b.Records, ship.Record{CDR: c})
			}
			if err := w.store.Store(ctx, b); err != nil {
				return err
			}
			list = list[n:]
		}
		return nil
	})
}

// journal books what a record costs each party more than the one it takes the
// place of, in the transaction that stores it.
func journal(ctx context.Context, tx *sqlx.Tx, changes []sqlstore.Change) error {
	l := sqlledger.In(tx)
	for _, c := range changes {
		key := fmt.Sprintf("%s/%d/%d", c.New.Key, c.New.Revision, c.New.Generation)
		p := ledger.Posting{Request: ledger.Request{Key: key, Node: "store", Epoch: 1, Account: "clearing", At: now}, Force: true}
		book := func(list []billing.Party, sign int64) {
			for i := range list {
				e := balance.Entry{At: now, Account: list[i].Account, Wallet: balance.CashWallet, Unit: balance.Cash, Value: sign * list[i].Amount.Micros(), Reason: balance.ReasonUsage, Ref: key}
				p.Accounts = append(p.Accounts, e.Account)
				p.Entries = append(p.Entries, e)
				e.Account, e.Value = "clearing", -e.Value
				p.Entries = append(p.Entries, e)
			}
		}
		if c.Old != nil {
			book(c.Old.Parties, -1)
		}
		book(c.New.Parties, 1)
		if _, err := l.Post(ctx, p); err != nil {
			return err
		}
	}
	return nil
}
