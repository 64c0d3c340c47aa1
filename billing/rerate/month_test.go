package rerate_test

import (
	"context"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/internal/naive"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/rerate"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/billing/tariff/sample"
	"github.com/class5-go/class5/internal/sweep"
)

// deck is a tariff for everybody, and what the second rater needs of it.
type deck struct {
	*tariff.Snapshot
	cfg  tariff.Config
	fees map[string]tariff.Fee // by prefix
}

// Terms implements chain.Directory.
func (d *deck) Terms(chain.Ref, billing.Millis, netip.Addr) (chain.Terms, error) {
	return chain.Terms{Snapshot: d.Snapshot}, nil
}

// newDeck is a deck at a share of the prices of fees, in quarters.
func newDeck(t *testing.T, fees []tariff.Fee, quarters int64) *deck {
	t.Helper()
	d := &deck{cfg: tariff.Config{Currency: eur, Windows: sample.Windows()}, fees: make(map[string]tariff.Fee, len(fees))}
	dearer := func(r tariff.Rate) tariff.Rate {
		for _, i := range []*tariff.Interval{&r.Init, &r.Follow} {
			p, err := billing.NewPrice(i.Price.Pico()*quarters/4, int(i.Price.Per()))
			if err != nil {
				t.Fatal(err)
			}
			i.Price = p
		}
		return r
	}
	b, err := tariff.NewBuilder(d.cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fees {
		f.Rate, f.Named = dearer(f.Rate), map[string]tariff.Rate{"offpeak": dearer(f.Named["offpeak"])}
		d.fees[f.Destination] = f
		if err := b.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	if d.Snapshot, err = b.Build(); err != nil {
		t.Fatal(err)
	}
	return d
}

// price is what the second rater finds. It gets the fees whose prefix the
// number has, so that it need not look at half a million.
func (d *deck) price(c *billing.CDR) *big.Int {
	if !c.Chargeable() {
		return new(big.Int)
	}
	n := naive.Tariff{Config: d.cfg}
	for i := range len(c.Callee.Number) + 1 {
		if f, ok := d.fees[c.Callee.Number[:i]]; ok {
			n.Fees = append(n.Fees, f)
		}
	}
	return n.Rate(rate.CallOf(c, billing.Out)).Micros
}

// month is the calls of a month.
func month(t *testing.T, d *deck, numbers []string, n int) []*billing.CDR {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 7))
	rater := chain.Rater{Directory: d}
	out := make([]*billing.CDR, n)
	for i := range out {
		c := &billing.CDR{Revision: 1, Generation: 1, Status: billing.StatusOK}
		c.Start = 1_777_586_400_000 + billing.Millis(r.Int64N(30*86_400_000))
		c.Init, c.Duration = c.Start-5000, billing.Millis(r.ExpFloat64()*180_000)
		c.Key = billing.NewLegKey(fmt.Sprint(i), "", 0, 0, c.Init)
		c.Caller.Account, c.Callee.Number = fmt.Sprint("customer", i%97), numbers[r.IntN(len(numbers))]
		if r.IntN(10) < 3 {
			c.Status, c.Start, c.Duration = billing.StatusBusy, 0, 0
		}
		var err error
		if c.Parties, err = rater.Rate(nil, c); err != nil {
			t.Fatal(err)
		}
		out[i] = c
	}
	return out
}

// accounts is a ledger of what customers pay for records. A later generation
// gives back what the one before it took.
type accounts struct {
	*testing.T
	ledger *ledger.Memory
	store  store
}

func (a accounts) put(ctx context.Context, batch []billing.CDR) error {
	for _, c := range batch {
		had, again := a.store[c.Key]
		if again && had.Generation >= c.Generation {
			continue
		}
		p := ledger.Posting{Request: ledger.Request{Key: fmt.Sprintf("%s/%d", c.Key, c.Generation), Node: "test", Epoch: 1, Account: c.Caller.Account, At: c.Init}, Force: true}
		book := func(reason balance.Reason, sign int64, c *billing.CDR) {
			p.Entries = append(p.Entries, balance.Entry{At: c.Init, Account: c.Caller.Account, Wallet: balance.CashWallet, Unit: balance.Cash,
				Value: sign * c.Parties[0].Amount.Micros(), Reason: reason, Ref: p.Key})
		}
		if again {
			book(balance.ReasonUndo, -1, &had)
		}
		book(balance.ReasonUsage, 1, &c)
		if _, err := a.ledger.Post(ctx, p); err != nil {
			return err
		}
	}
	return a.store.put(ctx, batch)
}

// charge has customers pay for the records in the order of a list, and then by
// the plan, which is put into force twice.
func (a accounts) charge(list []*billing.CDR, d *rerate.Diff) map[string]int64 {
	a.Helper()
	for _, c := range list {
		if err := a.put(a.Context(), []billing.CDR{*c}); err != nil {
			a.Fatal(err)
		}
	}
	for range 2 {
		if err := rerate.Apply(a.Context(), d, a.put); err != nil {
			a.Fatal(err)
		}
	}
	out := map[string]int64{}
	for _, c := range list {
		if _, ok := out[c.Caller.Account]; !ok {
			b, err := a.ledger.Balance(a.Context(), c.Caller.Account, balance.CashWallet, c.Init)
			if err != nil {
				a.Fatal(err)
			}
			out[c.Caller.Account] = b.Value
		}
	}
	if err := a.ledger.Audit(a.Context()); err != nil {
		a.Error(err)
	}
	return out
}

// TestMonth: what another deck would have brought in a month is what the second
// rater says, for each customer, whatever the number of processors and the
// order of the records; and put in force, the balances are those of the second
// rater and nothing differs any more.
func TestMonth(t *testing.T) {
	fees := sample.Fees(sweep.Of(2000, 500_000), 1)
	now, next := newDeck(t, fees, 4), newDeck(t, fees, 5)
	list := month(t, now, sample.Numbers(fees, 1<<16, 2), sweep.Of(1500, 1_000_000))
	prices := sums(list, now, next)
	var s store
	var first *rerate.Diff
	for _, processors := range []int{1, 2, 2} {
		was := runtime.GOMAXPROCS(processors)
		d, err := rerate.Plan(t.Context(), sequence(list), &chain.Rater{Directory: next}, rerate.Options{Records: true})
		if err != nil {
			t.Fatal(err)
		}
		s = store{}
		balances := accounts{t, ledger.NewMemory(), s}.charge(list, d)
		runtime.GOMAXPROCS(was)
		for account, want := range prices {
			if got := -balances[account]; len(balances) != len(prices) || got != want[1].Int64() {
				t.Errorf("with %d processors: %s paid %d micros, want %d", processors, account, got, want[1])
			}
		}
		if first == nil {
			first = d
		} else if !reflect.DeepEqual(first, d) {
			t.Fatalf("with %d processors: %d changes, %d accounts; %d and %d at first", processors, d.Changed, len(d.Accounts), first.Changed, len(first.Accounts))
		}
		rand.New(rand.NewPCG(1, 1)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	if first.Failed != 0 || first.Records != int64(len(list)) || first.Changed < first.Records/2 {
		t.Fatalf("%d records, %d failed, %d changed", first.Records, first.Failed, first.Changed)
	}
	for account, want := range prices {
		s := first.Accounts[rerate.Account{Role: billing.RoleCustomer, Account: account, Currency: eur}]
		if old, anew := total(want[0]), total(want[1]); s.Old.String() != old || s.New.String() != anew {
			t.Errorf("%s: %s and %s; the second rater: %s and %s", account, s.Old, s.New, old, anew)
		}
	}
	var after []*billing.CDR
	for _, c := range s {
		after = append(after, &c)
	}
	again, err := rerate.Plan(t.Context(), sequence(after), &chain.Rater{Directory: next}, rerate.Options{})
	if err != nil || again.Changed != 0 || again.Records != first.Records {
		t.Errorf("%d of %d differ after it was applied, %v", again.Changed, again.Records, err)
	}
}

func total(micros *big.Int) string {
	return billing.NewAmount(micros.Int64(), eur).String()
}

// sums are old and new price of each customer, by the second rater.
func sums(list []*billing.CDR, decks ...*deck) map[string][]*big.Int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	out := map[string][]*big.Int{}
	for part := range slices.Chunk(list, len(list)/2+1) {
		wg.Go(func() {
			for _, c := range part {
				prices := []*big.Int{decks[0].price(c), decks[1].price(c)}
				mu.Lock()
				if s, ok := out[c.Caller.Account]; ok {
					s[0].Add(s[0], prices[0])
					s[1].Add(s[1], prices[1])
				} else {
					out[c.Caller.Account] = prices
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return out
}
