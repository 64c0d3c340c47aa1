package redisledger_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/ledger/ledgertest"
	"github.com/class5-go/class5/billing/ledger/redisledger"
	"github.com/class5-go/class5/billing/ledger/sqlledger"
	"github.com/class5-go/class5/internal/dbtest"
	"github.com/class5-go/class5/internal/sweep"
	"github.com/jmoiron/sqlx"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func below(t testing.TB) *sqlledger.Ledger {
	t.Helper()
	db := sqlx.MustOpen("sqlite", "file:"+filepath.Join(t.TempDir(), "l.db")+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)")
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	if err := sqlledger.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return sqlledger.New(db)
}

// audited is a ledger with the audit of the one below.
type audited struct {
	*redisledger.Ledger
	audit func(context.Context) error
}

func (a audited) Audit(ctx context.Context) error { return a.audit(ctx) }

func TestSuite(t *testing.T) {
	_, client := dbtest.Redis(t)
	for _, chunk := range sweep.Of([]int64{30, 1_000_000}, []int64{1, 30, 4_000, 1_000_000}) {
		t.Run(fmt.Sprint("chunk ", chunk), func(t *testing.T) {
			ledgertest.Run(t, func(t *testing.T) ledgertest.Store {
				sql := below(t)
				return audited{redisledger.New(client, sql, redisledger.Config{Prefix: t.Name() + ":", Chunk: chunk}), sql.Audit}
			})
		})
	}
}

const start = 1_780_000_000_000

// world is one account over a Redis that gets lost.
type world struct {
	t    *testing.T
	l    *redisledger.Ledger
	sql  *sqlledger.Ledger
	keys int
}

func (w *world) request() ledger.Request {
	w.keys++
	return ledger.Request{Key: fmt.Sprint(w.t.Name(), " ", w.keys), Node: "n", Epoch: 1, Account: "a", At: start}
}

func newWorld(t *testing.T, client redis.UniversalClient, fund, chunk int64) *world {
	w := &world{t: t, sql: below(t)}
	w.l = redisledger.New(client, w.sql, redisledger.Config{Prefix: t.Name() + ":", Chunk: chunk})
	_, err := w.l.Post(t.Context(), ledger.Posting{Request: w.request(), Effect: ledger.Effect{Entries: []balance.Entry{
		{At: start, Account: "a", Wallet: balance.CashWallet, Unit: balance.Cash, Value: -fund, Reason: balance.ReasonTopUp},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) reserve(hold string, value int64) (int64, error) {
	a, err := w.l.Reserve(w.t.Context(), ledger.Reservation{Request: w.request(), Hold: hold, Value: value, Until: start + 90_000})
	return a.Granted, err
}

// TestLoss loses Redis in three ways between random reservations: all of what
// is granted, whatever became of the pools, is never more than the balance,
// and every call is paid in full.
func TestLoss(t *testing.T) {
	r, client := dbtest.Redis(t)
	ctx := t.Context()
	losses := map[string]func(t *testing.T){
		"emptied": func(t *testing.T) {
			if err := client.FlushAll(ctx).Err(); err != nil {
				t.Fatal(err)
			}
		},
		"restarted from an old copy": func(t *testing.T) {
			r.Kill()
			if err := r.Start(ctx); err != nil {
				t.Fatal(err)
			}
			for client.Ping(ctx).Err() != nil { // connections that broke, and loading
			}
		},
	}
	for name, lose := range losses {
		t.Run(name, func(t *testing.T) {
			const fund = 5000
			for seed := range sweep.Of[uint64](3, 8) {
				rnd := rand.New(rand.NewPCG(seed, 1))
				w := newWorld(t, client, fund, 700)
				w.keys += int(seed) * 1000
				granted := map[string]int64{}
				sum := int64(0)
				for n := range 30 {
					hold := fmt.Sprint("h", n)
					got, err := w.reserve(hold, int64(rnd.IntN(400)+1))
					if err != nil && !errors.Is(err, ledger.ErrInsufficient) {
						t.Fatal(err)
					}
					if err == nil {
						granted[hold] = got
						sum += got
					}
					if n%5 == 1 {
						if err := client.Save(ctx).Err(); err != nil { // the old copy
							t.Fatal(err)
						}
					}
					if n == 10 || n == 20 {
						lose(t)
					}
				}
				if sum > fund {
					t.Fatalf("seed %d: %d were granted of %d", seed, sum, fund)
				}
				for hold, value := range granted {
					a, err := w.l.Settle(ctx, ledger.Settlement{Request: w.request(), Hold: hold, Value: value})
					if err != nil || a.Settled != value {
						t.Fatalf("seed %d: %d of %d were paid, %v", seed, a.Settled, value, err)
					}
				}
				b, err := w.sql.Balance(ctx, "a", balance.CashWallet, start)
				if err != nil || b.Value != fund-sum {
					t.Fatalf("seed %d: %+v, %v", seed, b, err)
				}
				if err := w.sql.Audit(ctx); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestDown: without Redis nothing is granted and nothing is lost; leases come
// back when they are over.
func TestDown(t *testing.T) {
	r, client := dbtest.Redis(t)
	w := newWorld(t, client, 1000, 300)
	if got, err := w.reserve("h1", 200); got != 200 || err != nil {
		t.Fatal(got, err)
	}
	r.Kill()
	if _, err := w.reserve("h2", 10); !errors.Is(err, ledger.ErrUnavailable) {
		t.Fatal(err)
	}
	b, err := w.sql.Balance(t.Context(), "a", balance.CashWallet, start)
	if err != nil || b.Held != 300 {
		t.Fatalf("%+v, %v", b, err)
	}
	if b, err = w.sql.Balance(t.Context(), "a", balance.CashWallet, start+90_000+600_000); err != nil || b.Available != 1000 {
		t.Fatalf("%+v, %v", b, err)
	}
}

// TestTwoNodes: two ledgers over one Redis and one database have leases of
// their own and grant no more than there is.
func TestTwoNodes(t *testing.T) {
	_, client := dbtest.Redis(t)
	one := newWorld(t, client, 1000, 300)
	two := *one
	two.l = redisledger.New(client, one.sql, redisledger.Config{Prefix: t.Name() + ":", Chunk: 300})
	sum := int64(0)
	for n := range 30 {
		w := one
		if n%2 == 1 {
			w = &two
		}
		got, err := w.l.Reserve(t.Context(), ledger.Reservation{
			Request: ledger.Request{Key: fmt.Sprint("k", n), Node: fmt.Sprint("n", n%2), Account: "a", At: start}, Hold: fmt.Sprint("h", n), Value: 70, Until: start + 90_000,
		})
		if err != nil && !errors.Is(err, ledger.ErrInsufficient) {
			t.Fatal(err)
		}
		sum += got.Granted
	}
	if sum > 1000 || sum < 900 {
		t.Errorf("%d were granted of 1000", sum)
	}
}

func BenchmarkExtend(b *testing.B) {
	_, client := dbtest.Redis(b)
	sql := below(b)
	l := redisledger.New(client, sql, redisledger.Config{Chunk: 1 << 30})
	request := func(key string) ledger.Request {
		return ledger.Request{Key: key, Node: "n", Account: "a", At: start}
	}
	ctx := b.Context()
	_, err := l.Post(ctx, ledger.Posting{Request: request("fund"), Effect: ledger.Effect{Entries: []balance.Entry{
		{Account: "a", Wallet: balance.CashWallet, Unit: balance.Cash, Value: -1 << 50, Reason: balance.ReasonTopUp},
	}}})
	if err == nil {
		_, err = l.Reserve(ctx, ledger.Reservation{Request: request("first"), Hold: "h", Value: 1, Until: start + 90_000})
	}
	if err != nil {
		b.Fatal(err)
	}
	for n := 0; b.Loop(); n++ {
		if _, err := l.Extend(ctx, ledger.Reservation{Request: request(fmt.Sprint(n)), Hold: "h", Value: 10, Until: start + 90_000}); err != nil {
			b.Fatal(err)
		}
	}
}
