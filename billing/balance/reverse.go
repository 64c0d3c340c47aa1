package balance

import (
	"fmt"
	"slices"

	"github.com/class5-go/class5/billing"
)

// Reverse gives back what a usage took, by its receipt: to the balance
// intervals that paid it, as far as they are remembered, and to the wallets.
// Intervals since then follow, so that it is as if the usage had not been; a
// lock level or profile that it led to stays, and so does what an interval
// without end discarded since. Charge may then be asked once
// more, with another price. A usage that was settled online took nothing.
func Reverse(t *Terms, a Account, r Receipt, ref string, at billing.Millis, shared ...Account) (Change, error) {
	b := &biller{run: begin(t, a), u: &Usage{Ref: ref, Start: at, End: at}, why: ReasonUndo}
	b.ref = ref
	if b.advance(at); b.err != nil {
		return Change{}, b.err
	}
	for _, s := range shared {
		g := begin(t, s)
		if g.ref = ref; s.ID == a.ID || s.Currency != a.Currency {
			return Change{}, fmt.Errorf("%w: account %.40q shared with %.40q", ErrUsage, s.ID, a.ID)
		}
		b.shared = append(b.shared, g)
	}
	if r.Settled {
		c, _, err := b.result()
		return c, err
	}
	paid := map[int]int64{}
	for _, m := range r.Moves {
		if m.Account == a.ID && m.Wallet == CashWallet {
			paid[b.begun(m.Interval)] += m.Before - m.After
		} else if err := b.restore(&m); err != nil {
			return Change{}, err
		}
	}
	priced := map[int]billing.Amount{}
	for _, d := range r.Debits {
		k := b.begun(d.Interval)
		sum := priced[k]
		b.plus(&sum, d.Amount)
		priced[k] = sum
	}
	for k := range len(b.a.Intervals) {
		if b.k = k; paid[k] != 0 || !priced[k].IsZero() {
			if err := b.undo(paid[k], priced[k]); err != nil {
				return Change{}, err
			}
		}
	}
	c, _, err := b.result()
	return c, err
}

// begun is the place of the interval that began then; the oldest one when that
// is not remembered.
func (b *biller) begun(start billing.Millis) int { return b.interval(start) }

func (b *biller) undo(paid int64, price billing.Amount) error {
	back, err := price.Neg()
	if err != nil {
		return err
	}
	return b.spend(b.money(-paid), b.money(back.Micros()))
}

// restore gives time and things back, and money to a wallet other than cash.
func (b *biller) restore(m *Move) error {
	r := b.run
	if m.Account != r.a.ID {
		n := slices.IndexFunc(b.shared, func(s *run) bool { return s.a.ID == m.Account })
		if n < 0 {
			return fmt.Errorf("%w: of account %.40q", ErrWallet, m.Account)
		}
		r = b.shared[n]
	}
	back := m.Before - m.After
	if m.Wallet == FreeWallet {
		k := b.begun(m.Interval)
		b.a.Intervals[k].FreeLeft += billing.Millis(back)
		b.note(b.u.Start, FreeWallet, Time, -back, ReasonUndo)
		if k < len(b.a.Intervals)-1 { // it ended with its interval
			b.note(b.u.Start, FreeWallet, Time, back, ReasonExpiry)
		}
		return nil
	}
	n := r.a.wallet(m.Wallet)
	if n < 0 {
		return fmt.Errorf("%w: %.40q", ErrWallet, m.Wallet)
	}
	v, err := addMicros(r.a.Wallets[n].Value, back)
	if err != nil {
		return err
	}
	r.a.Wallets[n].Value = v
	r.note(b.u.Start, m.Wallet, m.Unit, -back, ReasonUndo)
	return nil
}
