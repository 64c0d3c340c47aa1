package balance

import (
	"errors"
	"fmt"
	"slices"

	"github.com/class5-go/class5/billing"
)

// errDone says that a wallet cannot pay any more.
var errDone = errors.New("balance: wallet used up")

// biller takes a usage out of wallets.
type biller struct {
	*run
	u       *Usage
	why     Reason // of the entries
	shared  []*run
	prepaid bool
	k       int      // balance interval being charged
	payers  []*payer // in the order of their first use
	due     billing.Cost
	debit   billing.Cost // of interval k
	rated   billing.Cost // for the cap
	capped  bool
	parts   sums // of payers and due
	debits  sums // of intervals
	purses  []*purse
	rec     Receipt
	covered bool // Receipt.Covered stands
}

// Charge takes a usage out of an account's wallets: free time first, then
// whoever pays next by weight, and cash. An increment is paid from cash or
// another wallet of money only if its whole price is there, overdraft
// included; what nobody pays is due. Wallets of the shared accounts, which
// belong to groups that the account is in, pay like its own when they are
// marked as shared.
//
// The account is advanced to the end of the usage. A usage of a time before
// the running interval is charged to its own interval, as far as what was
// carried over since allows, and later intervals follow.
func Charge(t *Terms, a Account, u Usage, shared ...Account) (Change, Receipt, error) {
	b := &biller{run: begin(t, a), u: &u, why: ReasonUsage}
	if err := u.check(); err != nil {
		return Change{}, Receipt{}, err
	}
	if _, err := b.money(0).Add(billing.NewAmount(0, u.Currency)); err != nil {
		return Change{}, Receipt{}, err
	}
	b.ref = u.Ref
	b.parts = sums{cur: a.Currency, round: u.Rounding, out: b.money(0)}
	b.debits = b.parts
	if b.advance(u.Start); b.err != nil {
		return Change{}, Receipt{}, b.err
	}
	if err := b.share(shared); err != nil {
		return Change{}, Receipt{}, err
	}
	b.k = b.interval(u.Start)
	b.prepaid = t.Profiles[b.a.ProfileAt(u.Start)].Prepaid
	b.rec.Price, b.rec.FromBalance, b.rec.Due = b.money(0), b.money(0), b.money(0)
	if u.Settled != nil {
		return b.settled()
	}
	for i := range u.Steps {
		if err := b.step(&u.Steps[i]); err != nil {
			return Change{}, Receipt{}, err
		}
	}
	return b.finish()
}

// share takes the accounts of groups in and collects all wallets.
func (b *biller) share(shared []Account) error {
	b.purses = []*purse{{}}
	if b.u.FreeTime {
		b.purses = append(b.purses, &purse{free: true})
	}
	for i := range b.a.Wallets {
		b.purses = append(b.purses, &purse{w: &b.a.Wallets[i]})
	}
	for n, s := range shared {
		r := begin(b.t, s)
		r.ref = b.u.Ref
		if r.advance(b.u.Start); r.err != nil {
			return r.err
		}
		if s.Currency != b.a.Currency || s.ID == b.a.ID {
			return fmt.Errorf("%w: account %.40q shared with %.40q", ErrUsage, s.ID, b.a.ID)
		}
		b.shared = append(b.shared, r)
		for i := range r.a.Wallets {
			if w := &r.a.Wallets[i]; w.Shared {
				b.purses = append(b.purses, &purse{w: w, owner: n + 1})
			}
		}
	}
	slices.SortStableFunc(b.purses, order)
	return nil
}

// interval returns the place of the interval that holds an instant; the
// oldest one for what was before it.
func (b *biller) interval(at billing.Millis) int {
	for i := range slices.Backward(b.a.Intervals) {
		if b.a.Intervals[i].Start <= at {
			return i
		}
	}
	return 0
}

// move goes to the interval that holds an instant, which never goes back by
// more than a step's offset.
func (b *biller) move(at billing.Millis) error {
	i := &b.a.Intervals[b.k]
	if at < i.Start || i.End == 0 || at < i.End {
		return nil
	}
	if err := b.close(); err != nil {
		return err
	}
	if b.advance(at); b.err != nil {
		return b.err
	}
	b.k = b.interval(at)
	return nil
}

// step charges the increments of a step, as many at once as are alike.
func (b *biller) step(s *Step) error {
	n := max(s.Count, 1)
	length, off := s.Span/billing.Millis(n), s.Offset
	for n > 0 {
		at := b.u.Start + off
		if b.service() {
			at = b.u.Start // of messages and data
		}
		if err := b.move(at); err != nil {
			return err
		}
		m := n
		if !b.service() && length > 0 {
			m = min(n, b.alike(at, length))
		}
		took, err := b.chunk(s, at, off, length, m)
		if err != nil {
			return err
		}
		n -= took
		off += billing.Millis(took) * length
	}
	return nil
}

// service reports whether things are counted, not time.
func (b *biller) service() bool { return b.u.service() != "voice" }

// alike is how many increments begin before the interval or a wallet ends.
func (b *biller) alike(at, length billing.Millis) int64 {
	end := b.a.Intervals[b.k].End
	for _, p := range b.purses {
		if p.w != nil && p.w.Expires > at && (end == 0 || p.w.Expires < end) {
			end = p.w.Expires
		}
	}
	if end <= at {
		return 1<<62 - 1
	}
	return int64((end - at + length - 1) / length)
}

// chunk charges up to m equal increments and returns how many it did, at
// least one.
func (b *biller) chunk(s *Step, at, off, length billing.Millis, m int64) (int64, error) {
	t := toll{price: s.Price, span: length, fee: s.Fee, once: s.Once}
	if s.Part != nil {
		t.rest = new(billing.Cost)
		if err := t.rest.AddAmount(*s.Part); err != nil {
			return 0, err
		}
	}
	m, err := b.limit(&t, m)
	if err != nil {
		return 0, err
	}
	for _, p := range b.purses {
		if !b.ready(p, s, at) || !p.money() && length == 0 {
			continue
		}
		n, whole, err := b.bulk(p, &t, length, m)
		if err != nil {
			return 0, err
		}
		if n > 0 {
			return n, b.rate(&t, n)
		}
		if !whole {
			if err := b.rate(&t, 1); err != nil {
				return 0, err
			}
			return 1, b.single(s, t, at, off)
		}
		if p.w != nil && p.w.Blocker {
			b.rec.Blocked = true
			break
		}
	}
	if err := b.rate(&t, m); err != nil {
		return 0, err
	}
	return m, b.owe(&t, off, m)
}

// limit applies the cap: it returns for how many increments the toll stands.
func (b *biller) limit(t *toll, m int64) (int64, error) {
	if b.u.Cap == nil {
		return m, nil
	}
	if b.capped {
		t.free = true
		return m, nil
	}
	n, err := t.most(b.rated, m, *b.u.Cap, b.a.Currency, b.u.Rounding)
	if err != nil || n > 0 || t.sign() <= 0 {
		return max(n, 1), err
	}
	var rest billing.Cost
	if err := rest.AddAmount(*b.u.Cap); err != nil {
		return 0, err
	}
	if err := rest.Sub(b.rated); err != nil {
		return 0, err
	}
	t.rest, b.capped = &rest, true
	return 1, nil
}

// rate counts what was charged, by anyone.
func (b *biller) rate(t *toll, n int64) error {
	return t.add(&b.rated, n, b.a.Currency, b.u.Rounding)
}

// owe leaves increments due.
func (b *biller) owe(t *toll, off billing.Millis, n int64) error {
	if t.sign() > 0 && !b.covered {
		b.covered, b.rec.Covered = true, off
		if t.span == 0 && off == 0 {
			b.rec.Covered = -1
		}
	}
	if err := t.add(&b.due, n, b.a.Currency, b.u.Rounding); err != nil {
		return err
	}
	return t.add(&b.debit, n, b.a.Currency, b.u.Rounding)
}
