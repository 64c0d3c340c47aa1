package rerate_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rerate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var eur = billing.MustCurrency("EUR")

// perSecond prices a second for the caller; calls of 13 s have no price.
type perSecond int64

func (p perSecond) Rate(dst []billing.Party, c *billing.CDR) ([]billing.Party, error) {
	if c.Duration == 13_000 {
		return dst, errors.New("no fee")
	}
	return append(dst, billing.Party{
		Side: billing.SideCaller, Role: billing.RoleCustomer, Account: c.Caller.Account,
		Amount: billing.NewAmount(int64(c.Duration/1000)*int64(p), eur), Charged: c.Duration,
	}), nil
}

func calls(n int, seconds func(i int) int) []*billing.CDR {
	out := make([]*billing.CDR, n)
	for i := range out {
		c := &billing.CDR{Revision: 1, Generation: 1, Status: billing.StatusOK, Duration: billing.Millis(seconds(i)) * 1000}
		c.Key = billing.NewLegKey(fmt.Sprint(i), "", 0, 0, 1)
		c.Caller.Account = fmt.Sprint("customer", i%7)
		c.Parties, _ = perSecond(2).Rate(nil, c)
		out[i] = c
	}
	return out
}

func sequence(list []*billing.CDR) iter.Seq2[*billing.CDR, error] {
	return func(yield func(*billing.CDR, error) bool) {
		for _, c := range list {
			if !yield(c, nil) {
				return
			}
		}
	}
}

var values = cmp.Options{cmp.Comparer(func(a, b billing.CDR) bool { return fmt.Sprint(a) == fmt.Sprint(b) }),
	cmp.Comparer(func(a, b billing.Total) bool { return a.String() == b.String() }), cmp.Comparer(func(a, b error) bool { return a.Error() == b.Error() }),
	cmp.Comparer(func(a, b billing.Currency) bool { return a == b })}

// TestPlan: any order and any number of workers give the same, and the sums are
// those of the prices.
func TestPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := calls(rapid.IntRange(0, 100).Draw(t, "calls"), func(i int) int { return i % 40 })
		price := rapid.Int64Range(-3, 3).Draw(t, "price")
		var first *rerate.Diff
		for _, workers := range []int{1, 2, 5} {
			d, err := rerate.Plan(context.Background(), sequence(list), perSecond(price), rerate.Options{Workers: workers, Records: true})
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = d
			} else if diff := cmp.Diff(first, d, values); diff != "" {
				t.Fatal(diff)
			}
			rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		}
		var old, anew int64
		for _, c := range list {
			if len(c.Parties) > 0 {
				old += int64(c.Duration/1000) * 2
				anew += int64(c.Duration/1000) * price
			}
		}
		var sumOld, sumNew billing.Total
		var records int64
		for _, a := range first.Sorted() {
			s := first.Accounts[a]
			records += s.Records
			if err := errors.Join(sumOld.Merge(s.Old), sumNew.Merge(s.New)); err != nil {
				t.Fatal(err)
			}
		}
		if o, n := billing.NewAmount(old, eur), billing.NewAmount(anew, eur); len(list) > 0 && (sumOld.String() != o.String() || sumNew.String() != n.String()) {
			t.Fatalf("%s and %s, want %s and %s", sumOld, sumNew, o, n)
		}
		if first.Records != int64(len(list)) || records+first.Failed != first.Records {
			t.Fatalf("%d records, %d of accounts, %d failed, of %d", first.Records, records, first.Failed, len(list))
		}
		if price == 2 && first.Changed != 0 {
			t.Fatalf("%d changes by the same tariff", first.Changed)
		}
	})
}

// store keeps the newest generation of each leg, as the central one does.
type store map[billing.LegKey]billing.CDR

func (s store) put(_ context.Context, batch []billing.CDR) error {
	for _, c := range batch {
		if had, ok := s[c.Key]; !ok || c.Revision > had.Revision || c.Revision == had.Revision && c.Generation > had.Generation {
			s[c.Key] = c
		}
	}
	return nil
}

// TestTwiceIsOnce: a diff applied twice, and a plan made again after it was
// applied, change nothing more.
func TestTwiceIsOnce(t *testing.T) {
	list := calls(3000, func(i int) int { return i % 50 })
	s := store{}
	for _, c := range list {
		s[c.Key] = *c
	}
	d, err := rerate.Plan(t.Context(), sequence(list), perSecond(5), rerate.Options{Records: true})
	if err != nil {
		t.Fatal(err)
	}
	if d.Failed == 0 || len(d.Failures) != int(d.Failed) || d.Changed == 0 {
		t.Fatalf("%+v", d)
	}
	for range 2 {
		if err := rerate.Apply(t.Context(), d, s.put); err != nil {
			t.Fatal(err)
		}
		var now []*billing.CDR
		for _, c := range s {
			if c.Generation > 2 {
				t.Fatalf("generation %d", c.Generation)
			}
			now = append(now, &c)
		}
		again, err := rerate.Plan(t.Context(), sequence(now), perSecond(5), rerate.Options{Records: true})
		if err != nil || again.Changed != 0 || len(again.New) != 0 {
			t.Fatalf("%d changes more, %v", again.Changed, err)
		}
	}
}

func TestErrors(t *testing.T) {
	broken := errors.New("broken")
	_, err := rerate.Plan(t.Context(), func(yield func(*billing.CDR, error) bool) { yield(nil, broken) }, perSecond(1), rerate.Options{})
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	d, err := rerate.Plan(t.Context(), sequence(calls(10, func(i int) int { return i })), perSecond(1), rerate.Options{
		Filter: func(c *billing.CDR) bool { return c.Duration > 5000 },
	})
	if err != nil || d.Records != 4 || len(d.New) != 0 {
		t.Errorf("%+v, %v", d, err)
	}
	if err := rerate.Apply(t.Context(), d, store{}.put); err == nil {
		t.Error("a plan without records was applied")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := rerate.Plan(ctx, sequence(calls(10_000, func(int) int { return 1 })), perSecond(1), rerate.Options{Workers: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// BenchmarkPlan is a million records by a rater that costs nothing: the frame
// alone.
func BenchmarkPlan(b *testing.B) {
	list := calls(1_000_000, func(i int) int { return i % 300 })
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rerate.Plan(b.Context(), sequence(list), perSecond(3), rerate.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func ExamplePlan() {
	calls := calls(3, func(i int) int { return 10 * (i + 1) })
	d, err := rerate.Plan(context.Background(), sequence(calls), perSecond(1_000_000), rerate.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range d.Sorted() {
		fmt.Println(a.Role, a.Account, "from", d.Accounts[a].Old, "to", d.Accounts[a].New)
	}
	// Output:
	// customer customer0 from 0.00002 EUR to 10.00 EUR
	// customer customer1 from 0.00004 EUR to 20.00 EUR
	// customer customer2 from 0.00006 EUR to 30.00 EUR
}
