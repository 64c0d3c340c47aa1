package prepaid

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/session"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cmd/internal/call"
	"github.com/class5-go/class5/sip/b2bua"
	"github.com/class5-go/class5/sip/wire"
)

// counter is a platform with a prepaid customer who has a free minute a month,
// and pays 0.01 a second, and 0.02 for being called.
type counter struct {
	t        *testing.T
	store    *directory.Store
	customer int64
	at       *Customers
	now      time.Time
	calls    int
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	k := &counter{t: t, now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return k.now }
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err, directory.Cause(err))
		}
	}
	var err error
	k.store, err = directory.Open(t.Context(), directory.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "t.db"), Now: clock})
	ok(err)
	t.Cleanup(func() { k.store.Close() })
	ok(k.store.Migrate(t.Context()))
	p, err := k.store.BillingProfiles().Create(t.Context(), directory.BillingProfile{Name: "p", Currency: eur})
	ok(err)
	out, in := billing.MustPrice("0.01/1"), billing.MustPrice("0.02/1")
	_, err = k.store.Fees().Create(t.Context(),
		directory.Fee{ProfileID: p.ID, Direction: billing.Out, Init: out, InitInterval: 1, Follow: out, FollowInterval: 1, FreeTime: true},
		directory.Fee{ProfileID: p.ID, Direction: billing.In, Source: "800", Init: in, InitInterval: 1, Follow: in, FollowInterval: 1},
		directory.Fee{ProfileID: p.ID, Direction: billing.In, Source: "801", InitInterval: 1, FollowInterval: 1})
	ok(err)
	ok(k.store.BillingProfiles().SetTerms(t.Context(), directory.Terms{BillingProfileID: p.ID, Prepaid: true, FreeTime: 60_000}))
	c, err := k.store.Customers().Create(t.Context(), directory.Customer{Name: "Acme", BillingProfileID: p.ID})
	ok(err)
	k.customer = c.ID
	reader, err := k.store.NewReader(t.Context(), directory.ReaderConfig{})
	ok(err)
	t.Cleanup(func() { reader.Close() })
	credit := New(Config{
		Ledger: k.store.Accounts(), Session: session.Config{Node: "n"}, Now: clock,
		Funds: &Book{Ledger: k.store.Accounts(), Store: k.store, Holder: reader.Holder},
		Do:    func(_ context.Context, _ string, f func(time.Time)) error { f(k.now); return nil },
	})
	t.Cleanup(func() { credit.Close(context.Background()) })
	k.at = &Customers{Credit: credit, Tariffs: reader}
	return k
}

// talk is a call as a Spender sees it.
type talk struct {
	k               *counter
	s               call.Spender
	grants          chan b2bua.Grant
	refused         chan int
	answered, ended time.Time
}

func (t *talk) Granted(_ time.Time, g b2bua.Grant)                         { t.grants <- g }
func (t *talk) Refused(_ time.Time, status int, _ string, _ ...wire.Field) { t.refused <- status }
func (t *talk) Answered() time.Time                                        { return t.answered }
func (t *talk) Ended() time.Time                                           { return t.ended }

func (k *counter) spender(side billing.Side, number string) call.Spender {
	k.t.Helper()
	k.calls++
	e := billing.Event{CallID: strconv.Itoa(k.calls), FromTag: "a", Init: billing.MillisOf(k.now), Caller: billing.Endpoint{Number: number}, Callee: billing.Endpoint{Number: "4312"}}
	if side == billing.SideCaller {
		e.Caller.Account = strconv.FormatInt(k.customer, 10)
	} else {
		e.Callee.Account = strconv.FormatInt(k.customer, 10)
	}
	s, err := k.at.Spender(k.t.Context(), side, &e)
	if err != nil {
		k.t.Fatal(err)
	}
	return s
}

// begin begins a call: its grant, or the status of its refusal.
func (k *counter) begin(side billing.Side, number string) (*talk, b2bua.Grant, int) {
	k.t.Helper()
	x := &talk{k: k, s: k.spender(side, number), grants: make(chan b2bua.Grant, 1), refused: make(chan int, 1)}
	x.s.Begin(k.now, x)
	select {
	case g := <-x.grants:
		return x, g, 0
	case status := <-x.refused:
		return x, b2bua.Grant{}, status
	}
}

// end ends a call that was answered so long ago, or never for 0.
func (x *talk) end(used time.Duration) {
	x.ended = x.k.now
	if used > 0 {
		x.answered = x.k.now.Add(-used)
	}
	x.s.End(x.k.now, x)
	x.k.at.Credit.wait.Wait()
}

func (k *counter) topUp(micros int64) {
	k.t.Helper()
	at := billing.MillisOf(k.now)
	_, err := k.store.Book(k.t.Context(), k.customer, directory.Booking{Key: "topup", Node: "web", At: at}, func(b directory.Books) (balance.Change, any, error) {
		c, err := balance.Add(b.Terms, b.Account, balance.TopUp{At: at, Amount: billing.NewAmount(micros, eur)})
		return c, nil, err
	})
	if err != nil {
		k.t.Fatal(err)
	}
}

// TestFreeTime: free time is granted before money, to one call at a time.
func TestFreeTime(t *testing.T) {
	k := newCounter(t)
	first, g, _ := k.begin(billing.SideCaller, "4311")
	if g.Total != time.Minute {
		t.Errorf("granted %+v, want the free minute", g)
	}
	if _, _, status := k.begin(billing.SideCaller, "4311"); status != 402 {
		t.Errorf("a second call without money: %d", status)
	}
	k.topUp(100_000) // ten seconds
	second, g, _ := k.begin(billing.SideCaller, "4311")
	if g.Total != 10*time.Second || !g.Final {
		t.Errorf("the second call was granted %+v", g)
	}
	second.end(0)
	first.end(0) // was not answered: its free time is there again
	third, g, _ := k.begin(billing.SideCaller, "4311")
	if g.Total != time.Minute || g.Final {
		t.Errorf("afterwards %+v", g)
	}
	third.s.Renew(k.now, third, 50*time.Second)
	if g := <-third.grants; g.Total != 70*time.Second || !g.Final {
		t.Errorf("renewed %+v, want the free minute and ten seconds", g)
	}
	k.now = k.now.Add(65 * time.Second)
	third.end(65 * time.Second)
	if b, err := k.store.Accounts().Balance(t.Context(), strconv.FormatInt(k.customer, 10), balance.CashWallet, billing.MillisOf(k.now)); err != nil || b.Value != 50_000 {
		t.Errorf("balance %+v, %v", b, err)
	}
}

// TestCalled: who is called pays by its own tariff, where that asks for it.
func TestCalled(t *testing.T) {
	k := newCounter(t)
	for _, free := range []string{"4311", "801"} {
		if s := k.spender(billing.SideCallee, free); s != nil {
			t.Errorf("called by %s costs something", free)
		}
	}
	if _, _, status := k.begin(billing.SideCallee, "8001"); status != 402 {
		t.Errorf("without money: %d", status)
	}
	k.topUp(100_000)
	x, g, _ := k.begin(billing.SideCallee, "8001")
	if g.Total != 5*time.Second || !g.Final {
		t.Errorf("granted %+v", g)
	}
	x.end(3 * time.Second)
	if b, err := k.store.Accounts().Balance(t.Context(), strconv.FormatInt(k.customer, 10), balance.CashWallet, billing.MillisOf(k.now)); err != nil || b.Value != 40_000 || b.Held != 0 {
		t.Errorf("balance %+v, %v", b, err)
	}
}

// TestFundsUnknown: without word of what an account has besides cash, a call is
// paid by cash.
func TestFundsUnknown(t *testing.T) {
	k := newCounter(t)
	k.topUp(100_000)
	k.at.Credit.cfg.Funds = deaf{k.at.Credit.cfg.Funds}
	if _, g, _ := k.begin(billing.SideCaller, "4311"); g.Total != 10*time.Second {
		t.Errorf("granted %+v", g)
	}
}

type deaf struct{ Funds }

func (deaf) Open(context.Context, string, billing.Millis) (balance.Account, *balance.Terms, error) {
	return balance.Account{}, nil, errors.New("away")
}
