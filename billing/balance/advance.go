package balance

import (
	"fmt"
	"strconv"

	"github.com/class5-go/class5/billing"
)

// maxCatchUp bounds the intervals opened by one operation: 19 years of
// minutes.
const maxCatchUp = 10_000_000

// latest is the end of the year 9999.
const latest billing.Millis = 253_402_300_799_999

// Open makes the account of a new customer, with the first interval and what
// is given at the start. Of the seed, the identifier, currency, zone, instant
// of creation, package, assignments, overdraft and lock level count. The
// initial profiles of a package come into force unless the seed has
// assignments.
func Open(t *Terms, seed Account) (Change, error) {
	seed.Intervals, seed.Anchor, seed.TopUpEnd, seed.Wallets = nil, 0, 0, nil
	r := begin(t, seed)
	if seed.Created <= 0 || seed.Created > latest {
		return Change{}, fmt.Errorf("%w: created at %d", ErrTime, seed.Created)
	}
	if seed.Lock < 0 || seed.Lock > maxLock || seed.Overdraft.Sign() < 0 {
		return Change{}, fmt.Errorf("%w: lock level %d, an overdraft of %s", ErrTerms, seed.Lock, seed.Overdraft)
	}
	r.known()
	p := r.pack()
	if len(r.a.Assignments) == 0 && len(p.Initial) > 0 {
		r.a.Assignments = []Assignment{{From: 0, Profiles: p.Initial}}
	}
	rule := r.rule(seed.Created)
	grid := rule.Grid(seed.Created, r.zone(rule))
	if r.err != nil {
		return Change{}, r.err
	}
	i := Interval{}
	if rule.open() {
		i.Start = grid.Anchor
	} else {
		n := grid.Find(seed.Created)
		if rule.Start == StartCreate || rule.Start == StartCreateTZ {
			n = 0
		}
		i.Start, i.End = grid.Border(n), grid.Border(n+1)
	}
	r.a.TopUpEnd = nominalEnd(grid, i)
	r.give(&i, r.firstShare(grid, i))
	i.Cash = r.money(0)
	r.plus(&i.Cash, p.InitialBalance)
	r.note(i.Start, CashWallet, Cash, -p.InitialBalance.Micros(), ReasonInitial)
	r.start(i)
	return r.change()
}

// share is a part of the free amounts.
type share struct{ num, den int64 }

func (r *run) firstShare(g Grid, i Interval) share {
	if i.End == 0 || r.t.WholeFirst {
		return share{1, 1}
	}
	from := max(midnight(g.Zone, r.a.Created), i.Start)
	if from >= i.End { // intervals of minutes end before the creation
		return share{1, 1}
	}
	return share{int64(i.End - from), int64(i.End - i.Start)}
}

// nominalEnd is the end of an interval, or where it would be.
func nominalEnd(g Grid, i Interval) billing.Millis {
	if i.End != 0 {
		return i.End
	}
	return shift(g.Zone, i.Start, g.Length.Count, g.Length.Period)
}

// give puts the free amounts into an interval, but not yet into its cash.
func (r *run) give(i *Interval, s share) {
	i.Profile = r.a.ProfileAt(max(i.Start, r.a.Created))
	p := r.t.Profiles[i.Profile]
	cash, err := r.money(p.FreeCash.Micros()).MulRatio(s.num, s.den, billing.Rounding{})
	if err != nil {
		r.fail(err)
	}
	if _, err := cash.Cmp(p.FreeCash); err != nil {
		r.fail(err)
	}
	i.FreeCash, i.Debit, i.FreeTime = cash, r.money(0), p.FreeTime
	if s.num != s.den {
		whole, err := billing.NewAmount(int64(p.FreeTime)/1000, billing.Currency{}).MulRatio(s.num, s.den, billing.Rounding{})
		if err != nil {
			r.fail(err)
		}
		i.FreeTime = billing.Millis(whole.Micros()) * 1000
	}
	i.FreeLeft = i.FreeTime
}

// start begins an interval whose cash holds what was carried.
func (r *run) start(i Interval) {
	r.plus(&i.Cash, i.FreeCash)
	i.Opening = i.Cash
	r.note(i.Start, CashWallet, Cash, -i.FreeCash.Micros(), ReasonGrant)
	r.note(i.Start, FreeWallet, Time, -int64(i.FreeTime), ReasonGrant)
	r.a.Intervals = append(r.a.Intervals, i)
	r.last().Expiry = r.expiry()
	r.event(i.Start, EventInterval, i.Profile)
}

// expiry is when cash is discarded for want of a top-up, 0 for never.
func (r *run) expiry() billing.Millis {
	p := r.pack()
	if p.DiscardAfter == 0 {
		return 0
	}
	rule := p.Rule.normal()
	return shift(r.zone(rule), r.a.TopUpEnd, p.DiscardAfter, rule.Length.Period)
}

// Advance opens all intervals up to the one that holds an instant, and takes
// away what is over by then. An instant before the running interval changes
// nothing.
func Advance(t *Terms, a Account, at billing.Millis) (Change, error) {
	r := begin(t, a)
	r.advance(at)
	return r.change()
}

func (r *run) advance(at billing.Millis) {
	if r.known(); len(r.a.Intervals) == 0 || at > latest {
		r.fail(fmt.Errorf("%w: account %.40q at %d", ErrTime, r.a.ID, at))
	}
	for n := 0; r.err == nil && r.last().End != 0 && r.last().End <= at; n++ {
		if n == maxCatchUp {
			r.fail(fmt.Errorf("%w: account %.40q was not used for too long", ErrTime, r.a.ID))
			return
		}
		if keep := r.t.keep(); len(r.a.Intervals) > 2*keep {
			r.a.Intervals = append(r.a.Intervals[:0], r.a.Intervals[keep:]...)
		}
		start := r.last().End
		rule := r.rule(start)
		grid := r.grid(rule)
		if r.err != nil {
			return
		}
		end := grid.Border(grid.Find(start) + 1)
		r.cross(Interval{Start: start, End: end})
	}
	if r.err == nil {
		r.sweep(at)
	}
}

// grid is the chain that later intervals of the account are in.
func (r *run) grid(rule Rule) Grid {
	g := rule.Grid(r.a.Created, r.zone(rule))
	if rule.Start == StartTopUpInterval && r.a.Anchor != 0 {
		g.Anchor = r.a.Anchor
	}
	return g
}

// cross goes from the running interval to the next one by the carry-over rule.
func (r *run) cross(next Interval) {
	p, old := r.pack(), *r.last()
	keep := p.CarryOver != CarryNever && (p.CarryOver != CarryTimely || old.Timely)
	if e := r.expiry(); e != 0 && next.Start >= e {
		keep = false
	}
	carried, unused, err := old.carried(keep)
	if err != nil {
		r.fail(err)
	}
	r.note(next.Start, CashWallet, Cash, old.Cash.Micros()-carried, ReasonExpiry)
	r.note(next.Start, FreeWallet, Time, int64(old.FreeLeft), ReasonExpiry)
	if !keep && old.Cash.Micros() > unused {
		r.event(next.Start, EventDiscard, "")
	}
	next.Discarded, next.Cash = !keep, r.money(carried)
	r.give(&next, share{1, 1})
	r.start(next)
	r.underrun(old.Cash, r.last().Cash, next.Start)
}

// carried is the cash that an interval leaves to the next one: all but the
// unused part of what was free, or nothing. Debts stay.
func (i *Interval) carried(keep bool) (cash, unused int64, err error) {
	unused = i.unused()
	if !keep {
		return min(i.Cash.Micros(), 0), unused, nil
	}
	cash, err = addMicros(i.Cash.Micros(), -unused)
	return cash, unused, err
}

// unused is the part of the free cash that no price used up.
func (i *Interval) unused() int64 {
	free := i.FreeCash.Micros()
	return min(max(free-i.Debit.Micros(), 0), free)
}

// sweep takes away what is over.
func (r *run) sweep(at billing.Millis) {
	if i := r.last(); i.End == 0 && i.Cash.Sign() > 0 {
		if e := r.expiry(); e != 0 && at >= e {
			was := i.Cash
			r.note(at, CashWallet, Cash, was.Micros(), ReasonExpiry)
			r.event(at, EventDiscard, "")
			i.Cash = r.money(0)
			r.underrun(was, i.Cash, at)
		}
	}
	for n := range r.a.Wallets {
		w := &r.a.Wallets[n]
		if w.Expires != 0 && at >= w.Expires && w.Value > 0 {
			r.note(w.Expires, w.ID, w.Unit, w.Value, ReasonExpiry)
			w.Value = 0
		}
	}
}

// underrun acts when cash went from the threshold or above to below it.
func (r *run) underrun(before, after billing.Amount, at billing.Millis) {
	p := r.pack()
	crossed := func(limit *billing.Amount) bool {
		return limit != nil && before.Micros() >= limit.Micros() && after.Micros() < limit.Micros()
	}
	if !r.locked && p.LockLevel != nil && crossed(p.LockBelow) {
		r.locked = true
		r.lock(*p.LockLevel, at)
	}
	if !r.moved && len(p.Underrun) > 0 && crossed(p.ProfileBelow) {
		r.moved = true
		r.assign(p.Underrun, at)
	}
}

func (r *run) lock(level int, at billing.Millis) {
	if r.a.Lock != level {
		r.a.Lock = level
		r.event(at, EventLock, strconv.Itoa(level))
	}
}
