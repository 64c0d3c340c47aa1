package sqlledger_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/ledger/sqlledger"
)

// bulkEffect takes a value out of cash and one out of a wallet of seconds, and
// counts in the document how often that was.
func bulkEffect(account string, cash, seconds int64) func(ledger.State, ledger.Balance) (ledger.Effect, error) {
	return func(s ledger.State, _ ledger.Balance) (ledger.Effect, error) {
		n := 0
		if len(s.Data) > 0 {
			if err := json.Unmarshal(s.Data, &n); err != nil {
				return ledger.Effect{}, err
			}
		}
		time := entry(account, seconds)
		time.Wallet, time.Unit = "s", balance.Time
		return ledger.Effect{
			Entries: []balance.Entry{entry(account, cash), time},
			Floors:  []ledger.Floor{{Account: account, Wallet: balance.CashWallet, Value: -cash}},
			States:  []ledger.State{{Account: account, Data: fmt.Appendf(nil, "%d", n+1)}}, Result: quotedCash(cash),
		}, nil
	}
}

func quotedCash(v int64) json.RawMessage { return fmt.Appendf(nil, "%d", v) }

// TestPostAll: many postings at once do what Post does one after the other.
func TestPostAll(t *testing.T) {
	for name, open := range engines() {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			l := migrated(t, db)
			rnd := rand.New(rand.NewPCG(1, 2))
			// Accounts of the two ways differ in their first letter.
			hold := func(account string) {
				_, err := l.Reserve(t.Context(), ledger.Reservation{Request: request("hold "+account, account), Hold: "h", Value: 10, Until: 1_780_000_060_000})
				if err != nil {
					t.Fatal(err)
				}
			}
			for n := range 30 {
				if n%3 == 0 { // the others are new
					for _, way := range []string{"a", "b"} {
						account := fmt.Sprint(way, n)
						e := entry(account, -1000)
						if _, err := l.Post(t.Context(), ledger.Posting{Request: request("open "+account, account), Effect: ledger.Effect{Entries: []balance.Entry{e}}}); err != nil {
							t.Fatal(err)
						}
						hold(account)
					}
				}
			}
			for round := range 3 {
				var list []sqlledger.Bulk
				var want []ledger.Answer
				for n := range 30 {
					cash, seconds := rnd.Int64N(2000)-500, rnd.Int64N(50)
					one, other := fmt.Sprint("a", n), fmt.Sprint("b", n)
					a, err := l.Post(t.Context(), ledger.Posting{Request: request(fmt.Sprint(round, one), one), Force: true, Make: func(s []ledger.State) (ledger.Effect, error) {
						return bulkEffect(one, cash, seconds)(s[0], ledger.Balance{})
					}})
					if err != nil {
						t.Fatal(err)
					}
					want = append(want, a)
					list = append(list, sqlledger.Bulk{Request: request(fmt.Sprint(round, other), other), Make: bulkEffect(other, cash, seconds)})
				}
				tx := db.MustBeginTx(t.Context(), nil)
				got, err := l.In(tx).PostAll(t.Context(), list)
				if err := errors.Join(err, tx.Commit()); err != nil {
					t.Fatal(err)
				}
				for i := range want {
					if got[i].Balance != want[i].Balance || got[i].Available != want[i].Available || string(got[i].Result) != string(want[i].Result) {
						t.Errorf("round %d, account %d: %+v, want %+v", round, i, got[i], want[i])
					}
				}
			}
			var documents []string
			if err := db.Select(&documents, "SELECT document FROM ledger_accounts GROUP BY document"); err != nil || len(documents) != 1 || documents[0] != "3" {
				t.Errorf("documents %v, %v", documents, err)
			}
			for n := range 30 {
				for _, w := range []string{balance.CashWallet, "s"} {
					a, err1 := l.Balance(t.Context(), fmt.Sprint("a", n), w, 1_780_000_000_000)
					b, err2 := l.Balance(t.Context(), fmt.Sprint("b", n), w, 1_780_000_000_000)
					if err := errors.Join(err1, err2); err != nil || a != b {
						t.Errorf("account %d, %s: %+v and %+v, %v", n, w, a, b, err)
					}
				}
			}
			if err := l.Audit(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPostAllRefused: nothing is booked of postings of which one can't be.
func TestPostAllRefused(t *testing.T) {
	refused := errors.New("no")
	fine := sqlledger.Bulk{Request: request("fine", "a"), Make: bulkEffect("a", 1, 1)}
	for name, c := range map[string]struct {
		second sqlledger.Bulk
		want   error
	}{
		"its effect":      {sqlledger.Bulk{Request: request("x", "b"), Make: func(ledger.State, ledger.Balance) (ledger.Effect, error) { return ledger.Effect{}, refused }}, refused},
		"a used key":      {sqlledger.Bulk{Request: request("used", "b"), Make: bulkEffect("b", 1, 1)}, ledger.ErrKey},
		"twice":           {sqlledger.Bulk{Request: request("x", "a"), Make: bulkEffect("a", 1, 1)}, ledger.ErrRequest},
		"another account": {sqlledger.Bulk{Request: request("x", "b"), Make: bulkEffect("c", 1, 1)}, ledger.ErrRequest},
		"no key":          {sqlledger.Bulk{Request: request("", "b"), Make: bulkEffect("b", 1, 1)}, ledger.ErrRequest},
		"another unit": {sqlledger.Bulk{Request: request("x", "seconds"), Make: func(ledger.State, ledger.Balance) (ledger.Effect, error) {
			return ledger.Effect{Entries: []balance.Entry{entry("seconds", 1), {Account: "seconds", Wallet: balance.CashWallet, Unit: balance.Time, Value: 1}}}, nil
		}}, ledger.ErrRequest},
	} {
		t.Run(name, func(t *testing.T) {
			db := openSQLite(t)
			l := migrated(t, db)
			if _, err := l.Post(t.Context(), ledger.Posting{Request: request("used", "z"), Effect: ledger.Effect{Entries: []balance.Entry{entry("z", -1)}}}); err != nil {
				t.Fatal(err)
			}
			tx := db.MustBeginTx(t.Context(), nil)
			_, err := l.In(tx).PostAll(t.Context(), []sqlledger.Bulk{fine, c.second})
			_ = tx.Rollback()
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if _, err := l.Balance(t.Context(), "a", balance.CashWallet, 1_780_000_000_000); !errors.Is(err, ledger.ErrNotFound) {
				t.Errorf("the first was booked: %v", err)
			}
		})
	}
}
