package ledgertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
)

// Store is what the suite needs: a ledger that can be fenced and audited.
type Store interface {
	ledger.Ledger
	Fence(ctx context.Context, node string, epoch int64) error
	// Audit says where a balance is not what its entries say.
	Audit(ctx context.Context) error
}

// start is the instant at which tests begin.
const start billing.Millis = 1_780_000_000_000

// bench is a ledger at work in a test, with requests numbered.
type bench struct {
	testing.TB
	Store
	ctx  context.Context
	keys int
	now  billing.Millis
}

// Run runs the suite. open gives an empty ledger.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for _, c := range []struct {
		name string
		test func(*bench)
	}{
		{"Life", life}, {"Part", part}, {"Insufficient", insufficient}, {"Over", over}, {"Keep", keep}, {"Duplicate", duplicate},
		{"Fence", fence}, {"Post", post}, {"Documents", documents}, {"Floor", floor}, {"Bad", bad}, {"Credit", credit},
		{"Concurrent", concurrent}, {"SameKey", sameKey}, {"Random", random},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bench{TB: t, Store: open(t), ctx: t.Context(), now: start}
			c.test(b)
			if err := b.Audit(b.ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

func (b *bench) request(account string) ledger.Request {
	b.keys++
	return ledger.Request{Key: fmt.Sprint("key ", b.keys), Node: "n1", Epoch: 1, Account: account, At: b.now}
}

func (b *bench) fund(account string, value int64) {
	b.Helper()
	_, err := b.Post(b.ctx, ledger.Posting{Request: b.request(account), Effect: ledger.Effect{Entries: []balance.Entry{b.entry(account, -value)}}})
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) entry(account string, value int64) balance.Entry {
	return balance.Entry{At: b.now, Account: account, Wallet: balance.CashWallet, Unit: balance.Cash, Value: value, Reason: balance.ReasonTopUp}
}

func (b *bench) reserve(account, hold string, value, least int64) (ledger.Answer, error) {
	return b.Reserve(b.ctx, ledger.Reservation{Request: b.request(account), Hold: hold, Value: value, Least: least, Until: b.now + 90_000})
}

func (b *bench) extend(account, hold string, value, least int64) (ledger.Answer, error) {
	return b.Extend(b.ctx, ledger.Reservation{Request: b.request(account), Hold: hold, Value: value, Least: least, Until: b.now + 90_000})
}

func (b *bench) settle(account, hold string, value int64) (ledger.Answer, error) {
	return b.Settle(b.ctx, ledger.Settlement{Request: b.request(account), Hold: hold, Value: value, Ref: "leg"})
}

// want checks an answer by what was granted or settled, short and held.
func (b *bench) want(a ledger.Answer, err error, done, short, held int64) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	if a.Granted+a.Settled != done || a.Short != short || a.Held != held {
		b.Fatalf("answer %+v, want %d done, %d short, %d held", a, done, short, held)
	}
}

// has checks a balance and what is held of it.
func (b *bench) has(account string, value, held int64) {
	b.Helper()
	got, err := b.Balance(b.ctx, account, balance.CashWallet, b.now)
	if err != nil {
		b.Fatal(err)
	}
	if got.Value != value || got.Held != held || got.Available != value-held-got.Floor || got.Unit != balance.Cash {
		b.Fatalf("%s has %+v, want %d with %d held", account, got, value, held)
	}
}

func (b *bench) refused(a ledger.Answer, err, want error) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Fatalf("%v with %+v, want %v", err, a, want)
	}
}

func life(b *bench) {
	b.fund("a", 1000)
	a, err := b.reserve("a", "h1", 300, 0)
	b.want(a, err, 300, 0, 300)
	b.has("a", 1000, 300)
	a, err = b.extend("a", "h1", 200, 0)
	b.want(a, err, 200, 0, 500)
	a, err = b.settle("a", "h1", 450)
	b.want(a, err, 450, 0, 0)
	b.has("a", 550, 0)
	a, err = b.reserve("a", "h2", 550, 0)
	b.want(a, err, 550, 0, 550)
	a, err = b.Release(b.ctx, ledger.Settlement{Request: b.request("a"), Hold: "h2"})
	b.want(a, err, 0, 0, 0)
	b.has("a", 550, 0)
}

func part(b *bench) {
	b.fund("a", 100)
	a, err := b.reserve("a", "h1", 300, 50)
	b.want(a, err, 100, 0, 100)
	a, err = b.extend("a", "h1", 10, 1)
	b.refused(a, err, ledger.ErrInsufficient)
	b.has("a", 100, 100)
}

func insufficient(b *bench) {
	b.fund("a", 100)
	r := ledger.Reservation{Request: b.request("a"), Hold: "h1", Value: 101, Until: b.now + 1}
	a, err := b.Reserve(b.ctx, r)
	b.refused(a, err, ledger.ErrInsufficient)
	b.has("a", 100, 0)
	// The key is not used up by a refusal.
	b.fund("a", 1)
	a, err = b.Reserve(b.ctx, r)
	b.want(a, err, 101, 0, 101)
}

// over: a hold that is over gives back what it held, and its settlement still
// pays as far as there is something.
func over(b *bench) {
	b.fund("a", 100)
	a, err := b.reserve("a", "h1", 80, 0)
	b.want(a, err, 80, 0, 80)
	b.now += 90_000
	b.has("a", 100, 0)
	a, err = b.extend("a", "h1", 10, 0)
	b.refused(a, err, ledger.ErrHold)
	a, err = b.reserve("a", "h2", 70, 0)
	b.want(a, err, 70, 0, 70)
	a, err = b.settle("a", "h1", 80)
	b.want(a, err, 30, 50, 0)
	b.has("a", 70, 70)
	a, err = b.reserve("a", "h1", 1, 0)
	b.refused(a, err, ledger.ErrInsufficient)
}

// keep: a part is paid and the rest stays reserved.
func keep(b *bench) {
	b.fund("a", 100)
	a, err := b.reserve("a", "h1", 80, 0)
	b.want(a, err, 80, 0, 80)
	a, err = b.Settle(b.ctx, ledger.Settlement{Request: b.request("a"), Hold: "h1", Value: 30, Keep: true})
	b.want(a, err, 30, 0, 50)
	b.has("a", 70, 50)
	a, err = b.settle("a", "h1", 75) // more than what is held, and than there is
	b.want(a, err, 70, 5, 0)
	b.has("a", 0, 0)
}

func duplicate(b *bench) {
	b.fund("a", 100)
	r := ledger.Reservation{Request: b.request("a"), Hold: "h1", Value: 60, Until: b.now + 90_000}
	first, err := b.Reserve(b.ctx, r)
	b.want(first, err, 60, 0, 60)
	r.At += 5000
	r.Epoch = 2
	again, err := b.Reserve(b.ctx, r)
	b.refused(again, err, ledger.ErrDuplicate)
	var d *ledger.DuplicateError
	if !errors.As(err, &d) || d.First.Granted != 60 || d.First.Until != first.Until {
		b.Fatalf("the first answer is %+v in %v", first, err)
	}
	if again, err = ledger.Again(b.Reserve(b.ctx, r)); err != nil || again.Granted != 60 {
		b.Fatalf("again: %+v, %v", again, err)
	}
	r.Value = 61
	again, err = b.Reserve(b.ctx, r)
	b.refused(again, err, ledger.ErrKey)
	b.has("a", 100, 60)
	s := ledger.Settlement{Request: b.request("a"), Hold: "h1", Value: 50}
	s.Epoch = 2
	if a, err := b.Settle(b.ctx, s); err != nil || a.Settled != 50 {
		b.Fatalf("%+v, %v", a, err)
	}
	again, err = b.Settle(b.ctx, s)
	b.refused(again, err, ledger.ErrDuplicate)
	b.has("a", 50, 0)
}

func fence(b *bench) {
	b.fund("a", 100)
	a, err := b.reserve("a", "h1", 60, 0)
	b.want(a, err, 60, 0, 60)
	if err := b.Fence(b.ctx, "n1", 2); err != nil {
		b.Fatal(err)
	}
	a, err = b.extend("a", "h1", 10, 0)
	b.refused(a, err, ledger.ErrFenced)
	a, err = b.settle("a", "h1", 10)
	b.refused(a, err, ledger.ErrFenced)
	b.has("a", 100, 60)
	// The standby settles what the dead node reserved; other nodes go on.
	s := ledger.Settlement{Request: b.request("a"), Hold: "h1", Value: 40}
	s.Epoch = 3
	a, err = b.Settle(b.ctx, s)
	b.want(a, err, 40, 0, 0)
	r := ledger.Reservation{Request: b.request("a"), Hold: "h2", Value: 10, Until: b.now + 1}
	r.Epoch = 2 // which a request with 3 made too old
	a, err = b.Reserve(b.ctx, r)
	b.refused(a, err, ledger.ErrFenced)
	r.Node, r.Epoch = "n2", 1
	a, err = b.Reserve(b.ctx, r)
	b.want(a, err, 10, 0, 10)
}

func post(b *bench) {
	b.fund("a", 100)
	a, err := b.reserve("a", "h1", 60, 0)
	b.want(a, err, 60, 0, 60)
	p := ledger.Posting{Request: b.request("a"), Effect: ledger.Effect{Entries: []balance.Entry{b.entry("a", 41)}}}
	a, err = b.Post(b.ctx, p)
	b.refused(a, err, ledger.ErrInsufficient)
	p.Entries[0].Value = 40
	if a, err = b.Post(b.ctx, p); err != nil || a.Balance != 60 || a.Available != 0 {
		b.Fatalf("%+v, %v", a, err)
	}
	p = ledger.Posting{Request: b.request("a"), Accounts: []string{"b"}, Force: true, Effect: ledger.Effect{
		Entries: []balance.Entry{b.entry("a", 70), b.entry("b", 5), b.entry("b", -5)}, Result: json.RawMessage(`{"price":70}`),
	}}
	if a, err = b.Post(b.ctx, p); err != nil || a.Balance != -10 || a.Available != -70 {
		b.Fatalf("forced: %+v, %v", a, err)
	}
	a, err = ledger.Again(b.Post(b.ctx, p))
	if err != nil || string(a.Result) != `{"price":70}` {
		b.Fatalf("the first result is %s, %v", a.Result, err)
	}
	b.has("b", 0, 0)
	a, err = b.settle("a", "h1", 60) // there is nothing left
	b.want(a, err, 0, 60, 0)
	b.has("a", -10, 0)
}

// documents: what Make computes from a document is stored together with the
// entries, or not at all.
func documents(b *bench) {
	count := func(states []ledger.State) (ledger.Effect, error) {
		n := 0
		if states[0].Data != nil {
			if err := json.Unmarshal(states[0].Data, &n); err != nil {
				return ledger.Effect{}, err
			}
		}
		data, err := json.Marshal(n + 1)
		return ledger.Effect{
			Entries: []balance.Entry{b.entry("a", -10)}, Result: data,
			States: []ledger.State{{Account: "a", Data: data}},
		}, err
	}
	for n := 1; n <= 3; n++ {
		p := ledger.Posting{Request: b.request("a"), Make: count}
		for range 2 {
			a, err := ledger.Again(b.Post(b.ctx, p))
			if err != nil || string(a.Result) != fmt.Sprint(n) {
				b.Fatalf("document %d: %s, %v", n, a.Result, err)
			}
		}
	}
	b.has("a", 30, 0)
	wrong := errors.New("wrong")
	_, err := b.Post(b.ctx, ledger.Posting{Request: b.request("a"), Make: func([]ledger.State) (ledger.Effect, error) { return ledger.Effect{}, wrong }})
	if !errors.Is(err, wrong) {
		b.Fatalf("error of Make: %v", err)
	}
	_, err = b.Post(b.ctx, ledger.Posting{Request: b.request("a"), Make: func(s []ledger.State) (ledger.Effect, error) {
		e, err := count(s)
		e.Entries = append(e.Entries, b.entry("a", 100))
		return e, err
	}})
	if !errors.Is(err, ledger.ErrInsufficient) {
		b.Fatalf("too much: %v", err)
	}
	a, err := b.Post(b.ctx, ledger.Posting{Request: b.request("a"), Make: count})
	if err != nil || string(a.Result) != "4" {
		b.Fatalf("after refusals: %s, %v", a.Result, err)
	}
}

func floor(b *bench) {
	_, err := b.Post(b.ctx, ledger.Posting{Request: b.request("a"), Effect: ledger.Effect{
		Entries: []balance.Entry{b.entry("a", -100)}, Floors: []ledger.Floor{{Account: "a", Wallet: balance.CashWallet, Value: -50}},
	}})
	if err != nil {
		b.Fatal(err)
	}
	a, err := b.reserve("a", "h1", 151, 0)
	b.refused(a, err, ledger.ErrInsufficient)
	a, err = b.reserve("a", "h1", 150, 0)
	b.want(a, err, 150, 0, 150)
	a, err = b.settle("a", "h1", 150)
	b.want(a, err, 150, 0, 0)
	b.has("a", -50, 0)
}

func bad(b *bench) {
	a, err := b.reserve("nobody", "h1", 1, 0)
	b.refused(a, err, ledger.ErrNotFound)
	b.fund("a", 10)
	for _, r := range []ledger.Reservation{
		{Hold: "h", Value: 1, Until: b.now + 1},
		{Request: b.request("a"), Value: 1, Until: b.now + 1},
		{Request: b.request("a"), Hold: "h", Value: -1, Until: b.now + 1},
		{Request: b.request("a"), Hold: "h", Value: 1, Least: 2, Until: b.now + 1},
		{Request: b.request("a"), Hold: "h", Value: 1, Until: b.now},
	} {
		a, err := b.Reserve(b.ctx, r)
		b.refused(a, err, ledger.ErrRequest)
	}
	other := b.entry("other", 1)
	_, err = b.Post(b.ctx, ledger.Posting{Request: b.request("a"), Effect: ledger.Effect{Entries: []balance.Entry{other}}})
	b.refused(ledger.Answer{}, err, ledger.ErrRequest)
	sms := b.entry("a", 1)
	sms.Unit = "sms"
	_, err = b.Post(b.ctx, ledger.Posting{Request: b.request("a"), Effect: ledger.Effect{Entries: []balance.Entry{sms}}})
	b.refused(ledger.Answer{}, err, ledger.ErrRequest)
	if _, err := b.Balance(b.ctx, "nobody", balance.CashWallet, b.now); !errors.Is(err, ledger.ErrNotFound) {
		b.Fatalf("balance of nobody: %v", err)
	}
}

func credit(b *bench) {
	b.fund("b", 100)
	a, err := b.reserve("b", "h1", 60, 0)
	b.want(a, err, 60, 0, 60)
	a, err = b.settle("b", "h1", -25)
	b.want(a, err, -25, 0, 0)
	b.has("b", 125, 0)
}
