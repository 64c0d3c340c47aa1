package ledger

import (
	"fmt"
	"math"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
)

// Hold is something set aside.
type Hold struct {
	Value int64          `json:"value"`
	Until billing.Millis `json:"until"`
}

// Wallet is the state of one wallet, and the rules of reservations as pure
// functions of it. Implementations load it, ask it and store what changed.
type Wallet struct {
	Unit  balance.Unit
	Value int64
	Floor int64
	Holds map[string]Hold
}

// Held is the sum of the holds that are not over.
func (w *Wallet) Held(at billing.Millis) int64 {
	sum := int64(0)
	for _, h := range w.Holds {
		if h.Until > at {
			sum = add(sum, h.Value)
		}
	}
	return sum
}

// Available is what can be reserved; negative when a forced posting took more
// than there was.
func (w *Wallet) Available(at billing.Millis) int64 { return sub(sub(w.Value, w.Floor), w.Held(at)) }

// Reserve makes a hold, or lengthens one. The wallet is not changed on an
// error.
func (w *Wallet) Reserve(r *Reservation, extend bool) (Answer, error) {
	h, ok := w.Holds[r.Hold]
	if ok = ok && h.Until > r.At; extend && !ok {
		return Answer{}, fmt.Errorf("%w: %.40q", ErrHold, r.Hold)
	}
	if !extend && ok {
		return Answer{}, fmt.Errorf("%w: hold %.40q is there already", ErrRequest, r.Hold)
	}
	grant := min(r.Value, max(w.Available(r.At), 0))
	if grant < r.Least {
		return w.answer(r.Hold, r.At), fmt.Errorf("%w: %d of %d", ErrInsufficient, grant, r.Value)
	}
	if !ok {
		h = Hold{}
	}
	h.Value, h.Until = h.Value+grant, max(h.Until, r.Until)
	w.set(r.Hold, h)
	a := w.answer(r.Hold, r.At)
	a.Granted = grant
	return a, nil
}

// Settle pays, out of the hold first. It ends the hold unless the rest is to
// be kept.
func (w *Wallet) Settle(s *Settlement) Answer {
	name, stays := s.Payer(), s.Keep || s.From != ""
	h := w.Holds[name]
	if h.Until <= s.At {
		h = Hold{}
	}
	delete(w.Holds, name)
	paid := min(s.Value, max(w.Available(s.At), 0)) // the hold is free for it
	if s.Limit != nil {
		paid = min(paid, max(*s.Limit, 0))
	}
	w.Value = sub(w.Value, paid)
	if h.Value -= min(max(paid, 0), h.Value); stays && h.Value > 0 {
		w.set(name, Hold{h.Value, max(h.Until, s.Until)})
	}
	a := w.answer(name, s.At)
	a.Settled, a.Short = paid, s.Value-paid
	return a
}

// Payer is the hold that a settlement is paid from.
func (s *Settlement) Payer() string {
	if s.From != "" {
		return s.From
	}
	return s.Hold
}

// Release ends a hold, or makes it smaller.
func (w *Wallet) Release(s *Settlement) Answer {
	name := s.Payer()
	h := w.Holds[name]
	if h.Value -= max(s.Value, 0); s.Keep && h.Value > 0 {
		w.set(name, h)
	} else {
		delete(w.Holds, name)
	}
	return w.answer(name, s.At)
}

// Post takes a value out of the wallet, or puts it in when it is negative.
func (w *Wallet) Post(value int64, at billing.Millis, force bool) error {
	if value > 0 && !force && value > w.Available(at) {
		return fmt.Errorf("%w: %d of %d", ErrInsufficient, max(w.Available(at), 0), value)
	}
	left := sub(w.Value, value)
	if left == math.MaxInt64 || left == math.MinInt64 {
		return fmt.Errorf("%w: balance of a wallet", billing.ErrOverflow)
	}
	w.Value = left
	return nil
}

// Balance is what the wallet has.
func (w *Wallet) Balance(at billing.Millis) Balance {
	return Balance{w.Unit, w.Value, w.Floor, w.Held(at), w.Available(at)}
}

func (w *Wallet) set(name string, h Hold) {
	if w.Holds == nil {
		w.Holds = map[string]Hold{}
	}
	w.Holds[name] = h
}

func (w *Wallet) answer(hold string, at billing.Millis) Answer {
	a := Answer{Balance: w.Value, Available: w.Available(at)}
	if h, ok := w.Holds[hold]; ok && h.Until > at {
		a.Held, a.Until = h.Value, h.Until
	}
	return a
}

// add and sub stay at the ends of the range, where no balance ever is.
func add(a, b int64) int64 {
	s := a + b
	switch {
	case a > 0 && b > 0 && s < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && s >= 0:
		return math.MinInt64
	}
	return s
}

func sub(a, b int64) int64 {
	if b == math.MinInt64 {
		return add(add(a, 1), math.MaxInt64)
	}
	return add(a, -b)
}
