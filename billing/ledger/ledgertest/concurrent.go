package ledgertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
)

// concurrent: 200 calls on one account over two nodes reserve what is enough
// for 120 of them, and pay. No more is spent than there was.
func concurrent(b *bench) {
	const calls, enough, quota = 200, 120, 1000
	b.fund("a", enough*quota)
	var granted, refused atomic.Int64
	var wg sync.WaitGroup
	fail := make(chan error, calls)
	for n := range calls {
		wg.Go(func() {
			r := ledger.Request{Key: fmt.Sprint("call ", n), Node: fmt.Sprint("n", n%2), Epoch: 1, Account: "a", At: start}
			hold := fmt.Sprint("session ", n)
			_, err := b.Reserve(b.ctx, ledger.Reservation{Request: r, Hold: hold, Value: quota, Until: start + 90_000})
			if errors.Is(err, ledger.ErrInsufficient) {
				refused.Add(1)
				return
			}
			if err != nil {
				fail <- err
				return
			}
			granted.Add(1)
			if n%3 == 0 { // the others are still talking
				r.Key += " stop"
				if _, err := b.Settle(b.ctx, ledger.Settlement{Request: r, Hold: hold, Value: quota}); err != nil {
					fail <- err
				}
			}
		})
	}
	wg.Wait()
	close(fail)
	for err := range fail {
		b.Error(err)
	}
	if granted.Load() != enough || refused.Load() != calls-enough {
		b.Errorf("%d granted, %d refused", granted.Load(), refused.Load())
	}
	got, err := b.Balance(b.ctx, "a", balance.CashWallet, start)
	if err != nil || got.Available != 0 || got.Value-got.Held != 0 {
		b.Errorf("%+v is left (%v)", got, err)
	}
}

// sameKey: of many that send one request at the same time, one is first, and
// all get its answer.
func sameKey(b *bench) {
	b.fund("a", 1000)
	r := ledger.Reservation{Request: b.request("a"), Hold: "h", Value: 100, Until: start + 90_000}
	var wg sync.WaitGroup
	var first atomic.Int64
	for range 20 {
		wg.Go(func() {
			a, err := b.Reserve(b.ctx, r)
			if err == nil {
				first.Add(1)
			}
			if a, err = ledger.Again(a, err); err != nil || a.Granted != 100 {
				b.Errorf("%+v, %v", a, err)
			}
		})
	}
	wg.Wait()
	if first.Load() != 1 {
		b.Errorf("%d were first", first.Load())
	}
	b.has("a", 1000, 100)
}

// model is a ledger of one wallet, written down as simply as it can be.
type model struct {
	value int64
	holds map[string]ledger.Hold
}

func (m *model) available(now billing.Millis, but string) int64 {
	free := m.value
	for name, h := range m.holds {
		if h.Until > now && name != but {
			free -= h.Value
		}
	}
	return free
}

// random compares a ledger with the model over random requests.
func random(b *bench) {
	rnd := rand.New(rand.NewPCG(1, 2))
	m := model{value: 5000, holds: map[string]ledger.Hold{}}
	b.fund("a", 5000)
	for range 150 {
		b.now += billing.Millis(rnd.IntN(20_000))
		hold := fmt.Sprint("h", rnd.IntN(6))
		value := int64(rnd.IntN(900) + 1)
		h := m.holds[hold]
		live := h.Until > b.now
		if !live {
			h = ledger.Hold{}
		}
		switch rnd.IntN(5) {
		case 0:
			b.fund("a", value)
			m.value += value
		case 1, 2:
			request, want := b.reserve, error(nil)
			if live {
				request = b.extend
			}
			grant := min(value, m.available(b.now, ""))
			if grant < 1 {
				want = ledger.ErrInsufficient
			} else {
				m.holds[hold] = ledger.Hold{Value: h.Value + grant, Until: b.now + 90_000}
			}
			a, err := request("a", hold, value, 1)
			if !errors.Is(err, want) || err == nil && a.Granted != grant {
				b.Fatalf("%+v, %v; want %d, %v", a, err, grant, want)
			}
		case 3:
			paid := min(value, m.available(b.now, hold))
			m.value -= paid
			delete(m.holds, hold)
			a, err := b.settle("a", hold, value)
			b.want(a, err, paid, value-paid, 0)
		case 4:
			delete(m.holds, hold)
			if _, err := b.Release(b.ctx, ledger.Settlement{Request: b.request("a"), Hold: hold}); err != nil {
				b.Fatal(err)
			}
		}
		b.has("a", m.value, m.value-m.available(b.now, ""))
	}
}
