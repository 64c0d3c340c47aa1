package balance

import (
	"cmp"

	"github.com/class5-go/class5/billing"
)

// close books what interval k has to pay, before the next one opens from what
// is left.
func (b *biller) close() error {
	price, err := b.debits.next(b.debit)
	if err != nil {
		return err
	}
	b.debit = billing.Cost{}
	paid := b.money(0)
	for _, y := range b.payers {
		if y.done || y.p.w != nil {
			continue
		}
		if paid, err = b.parts.next(y.cost); err != nil {
			return err
		}
		y.done = true
	}
	b.spendFree()
	return b.spend(paid, price)
}

// spendFree books the free time that interval k gave.
func (b *biller) spendFree() {
	for _, p := range b.purses {
		if !p.free || p.took == 0 {
			continue
		}
		i := &b.a.Intervals[b.k]
		left := int64(i.FreeLeft)
		b.rec.FreeTime += billing.Millis(p.took)
		b.rec.Moves = append(b.rec.Moves, Move{b.a.ID, FreeWallet, Time, i.Start, left + p.took, left})
		b.note(b.u.Start, FreeWallet, Time, p.took, ReasonUsage)
		if b.k < len(b.a.Intervals)-1 { // it was taken away with the interval before
			b.note(b.u.Start, FreeWallet, Time, -p.took, ReasonExpiry)
		}
		p.took = 0
	}
}

// spend takes money out of interval k, and lets later intervals follow.
func (b *biller) spend(paid, price billing.Amount) error {
	i := &b.a.Intervals[b.k]
	was, before := b.last().Cash, i.Cash
	unused := i.unused()
	b.minus(&i.Cash, paid)
	b.plus(&i.Debit, price)
	if !price.IsZero() {
		b.rec.Debits = append(b.rec.Debits, Debit{i.Start, price})
	}
	now := i.unused()
	if !paid.IsZero() {
		b.note(b.u.Start, CashWallet, Cash, paid.Micros(), b.why)
		b.rec.Moves = append(b.rec.Moves, Move{b.a.ID, CashWallet, Cash, i.Start, before.Micros(), i.Cash.Micros()})
		b.plus(&b.rec.FromBalance, paid)
	}
	less := paid.Micros() // by how much the interval leaves less
	back := unused - now  // of what was taken away as unused
	for n := b.k + 1; n < len(b.a.Intervals); n++ {
		next := &b.a.Intervals[n]
		arrives := less - back
		if next.Discarded {
			old := b.a.Intervals[n-1].Cash.Micros()
			arrives = min(old+less, 0) - min(old, 0)
		}
		b.note(next.Start, CashWallet, Cash, arrives-less, ReasonExpiry)
		b.minus(&next.Cash, b.money(arrives))
		b.minus(&next.Opening, b.money(arrives))
		less, back = arrives, 0
	}
	b.underrun(was, b.last().Cash, b.u.End)
	return b.err
}

// finish books what is left to be booked, and opens the intervals up to the
// end of the usage.
func (b *biller) finish() (Change, Receipt, error) {
	if err := b.close(); err != nil {
		return Change{}, Receipt{}, err
	}
	for _, y := range b.payers {
		if y.p.w == nil {
			continue
		}
		paid, err := b.parts.next(y.cost)
		if err != nil {
			return Change{}, Receipt{}, err
		}
		b.takeFrom(y.p, paid.Micros())
		b.plus(&b.rec.FromBalance, paid)
	}
	for _, p := range b.purses {
		if p.w != nil && p.w.Unit != Cash && p.took > 0 {
			b.moved(p, p.w.Value+p.took, p.w.Value, p.took)
		}
	}
	due, err := b.parts.next(b.due)
	if err != nil {
		return Change{}, Receipt{}, err
	}
	b.rec.Due, b.rec.Price = due, b.parts.out
	if !b.covered {
		b.rec.Covered = b.u.End - b.u.Start
	}
	b.advance(b.u.End)
	return b.result()
}

// takeFrom takes money out of a wallet other than cash.
func (b *biller) takeFrom(p *purse, micros int64) {
	was := p.w.Value
	left, err := addMicros(was, -micros)
	if err != nil {
		b.fail(err)
		return
	}
	if p.w.Value = left; micros != 0 {
		b.moved(p, was, left, micros)
	}
}

func (b *biller) moved(p *purse, before, after, value int64) {
	r := b.run
	if p.owner > 0 {
		r = b.shared[p.owner-1]
	}
	r.note(b.u.Start, p.w.ID, p.w.Unit, value, ReasonUsage)
	b.rec.Moves = append(b.rec.Moves, Move{r.a.ID, p.w.ID, p.w.Unit, 0, before, after})
}

// settled is a usage that was paid for online.
func (b *biller) settled() (Change, Receipt, error) {
	price := *b.u.Settled
	b.rec.Settled = true
	b.plus(&b.rec.Price, price)
	b.rec.FromBalance, b.rec.Covered = b.rec.Price, b.u.End-b.u.Start
	i := &b.a.Intervals[b.k]
	before := i.Cash
	b.plus(&before, price)
	b.rec.Moves = []Move{{b.a.ID, CashWallet, Cash, i.Start, before.Micros(), i.Cash.Micros()}}
	b.advance(b.u.End)
	return b.result()
}

func (b *biller) result() (Change, Receipt, error) {
	c, err := b.change()
	if err != nil {
		return Change{}, Receipt{}, err
	}
	for _, s := range b.shared {
		sc, err := s.change()
		if err != nil {
			return Change{}, Receipt{}, err
		}
		c.Shared = append(c.Shared, sc.Account)
		c.Entries = append(c.Entries, sc.Entries...)
		c.Events = append(c.Events, sc.Events...)
	}
	c.Account.Currency = cmp.Or(c.Account.Currency, b.a.Currency)
	return c, b.rec, nil
}
