package naive

import (
	"math/big"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
)

// Price is the price of a call.
type Price struct {
	Fee     *tariff.Fee
	Micros  *big.Int // rounded
	Charged time.Duration
	Served  time.Duration
	Capped  bool
	Cut     bool
	Extra   bool // the one-off price was charged
	once    billing.Price
}

// ExtraIsZero reports whether the one-off price is nothing.
func (p *Price) ExtraIsZero() bool { return p.once.IsZero() }

// pricing is one call being priced.
type pricing struct {
	t       *Tariff
	c       *rate.Call
	f       *tariff.Fee
	sum     *big.Rat // units of the currency
	off     time.Duration
	due     time.Duration // of the one-off price, 0 for none
	extra   tariff.Extra
	entered int // start of the last tier
	p       Price
}

// Rate prices a call. Fee is nil when there is none.
func (t *Tariff) Rate(c rate.Call) Price {
	f := t.Match(&c)
	if f == nil {
		return Price{}
	}
	x := &pricing{t: t, c: &c, f: f, sum: new(big.Rat)}
	x.p.Fee = f
	extent := c.Duration.Duration()
	if c.Service != tariff.Voice {
		extent = time.Duration(c.Units) * time.Second
	}
	x.run(t.counted(extent))
	total := x.sum
	if f.Cap.Action == tariff.CapFree && total.Cmp(x.limit()) > 0 {
		total, x.p.Capped = x.limit(), true
	}
	x.p.Micros = t.round(total)
	x.p.Charged = x.off
	if !x.p.Cut {
		x.p.Served = max(extent, 0)
	}
	x.p.Served = min(x.p.Served, max(extent, 0))
	return x.p
}

func (t *Tariff) counted(d time.Duration) time.Duration {
	switch {
	case d <= 0:
		return d
	case t.Config.Counting == tariff.CountNearest:
		return d.Round(time.Second)
	case t.Config.Counting == tariff.CountWhole:
		return d.Truncate(time.Second)
	}
	return d
}

// InForce returns the rate of a fee that is in force at an instant, by the wall
// clock.
func (t *Tariff) InForce(f *tariff.Fee, at time.Time, zone *tariff.Zone) tariff.Rate {
	loc := t.Config.Location
	if loc == nil {
		loc = time.UTC
	}
	if t.Config.CustomerZone && zone != nil {
		loc = zone.Location()
	}
	local := at.In(loc)
	last := 0
	if t.Config.InclusiveEnds {
		last = 1
	}
	pick := func(name string) tariff.Rate {
		if r, ok := f.Named[name]; ok && name != "" {
			return r
		}
		return f.Rate
	}
	wall := tariff.WallOf(local)
	for _, s := range t.Config.Specials {
		if s.From <= wall && wall < s.To+tariff.Wall(last) {
			return pick(s.Rate)
		}
	}
	sec := local.Hour()*3600 + local.Minute()*60 + local.Second()
	for _, w := range t.Config.Windows {
		if w.Days.Has(local.Weekday()) && w.From <= sec && sec < w.To+last {
			return pick(w.Rate)
		}
	}
	return f.Rate
}

func (x *pricing) at(off time.Duration) tariff.Rate {
	if x.c.Service != tariff.Voice {
		off = 0
	}
	return x.t.InForce(x.f, x.c.Start.Time().Add(off), x.c.Zone)
}

func (x *pricing) limit() *big.Rat { return money(x.f.Cap.Amount) }

func money(a billing.Amount) *big.Rat { return big.NewRat(a.Micros(), 1_000_000) }

// each rounds what is rounded by itself.
func (x *pricing) each(r *big.Rat) *big.Rat {
	if x.t.Config.Rounding.Scope() != billing.ScopeIncrement {
		return r
	}
	return new(big.Rat).SetFrac(x.t.round(r), big.NewInt(1_000_000))
}

// over reports whether a cap forbids a further price.
func (x *pricing) over(more *big.Rat) bool {
	return x.f.Cap.Action == tariff.CapDisconnect && new(big.Rat).Add(x.sum, more).Cmp(x.limit()) > 0
}

func (x *pricing) stop(at time.Duration) {
	x.p.Cut, x.p.Capped, x.p.Served = true, true, at
}

func (x *pricing) run(d time.Duration) {
	first := x.at(0)
	x.extra = first.Extra
	x.p.once = x.extra.Price
	if n := time.Duration(x.extra.Second) * time.Second; n <= d {
		x.due = n
	}
	if x.connect(x.f.Connect); x.p.Cut || d <= 0 {
		return
	}
	x.interval(first.Init, true, d)
	for x.off < d && !x.p.Cut {
		r := x.at(x.off)
		i := r.Follow
		for _, t := range r.Tiers {
			if time.Duration(t.Start)*time.Second > x.off {
				break
			}
			i = t.Interval
			if t.Start > x.entered && last(r.Tiers, x.off) == t.Start {
				x.entered = t.Start
				if x.connect(t.Connect); x.p.Cut {
					return
				}
			}
		}
		x.interval(i, false, d)
	}
}

// last is the start of the tier in force.
func last(tiers []tariff.Tier, off time.Duration) int {
	start := 0
	for _, t := range tiers {
		if time.Duration(t.Start)*time.Second <= off {
			start = t.Start
		}
	}
	return start
}

func (x *pricing) connect(fee billing.Amount) {
	price := x.each(money(fee))
	if x.over(price) {
		x.stop(x.off)
		return
	}
	x.sum.Add(x.sum, price)
}

func length(i tariff.Interval) time.Duration { return time.Duration(max(i.Seconds, 1)) * time.Second }

// interval charges one interval that begins now.
func (x *pricing) interval(i tariff.Interval, init bool, d time.Duration) {
	span := length(i)
	exact := x.t.Config.Counting == tariff.CountExact
	if exact {
		span = min(span, d-x.off)
	}
	price := x.price(i, init, span)
	if x.over(price) {
		x.rest(i, init, span)
		return
	}
	if x.due > x.off && x.due <= x.off+span {
		once := x.each(big.NewRat(1, 1).Mul(pico(x.extra.Price), big.NewRat(1, x.extra.Price.Per())))
		both := new(big.Rat).Add(price, once)
		if x.over(both) {
			x.before(i, init, span)
			return
		}
		price, x.due, x.p.Extra = both, 0, true
	}
	x.sum.Add(x.sum, price)
	x.off += span
}

// before ends the call ahead of the second of the one-off price.
func (x *pricing) before(i tariff.Interval, init bool, span time.Duration) {
	at := max(x.off, x.due-time.Second)
	if x.t.Config.Counting == tariff.CountExact {
		span = at - x.off
	}
	if at > x.off {
		x.sum.Add(x.sum, x.price(i, init, span))
		x.off += span
	}
	x.stop(at)
}

// rest ends the call within an interval that is too dear as a whole, where
// shares of it are sold.
func (x *pricing) rest(i tariff.Interval, init bool, span time.Duration) {
	if x.t.Config.Counting == tariff.CountExact {
		enough, least := time.Duration(0), time.Millisecond
		if x.c.Service != tariff.Voice {
			least = time.Second // units are whole
		}
		for step := time.Hour; ; step = max((step / 2).Truncate(least), least) {
			for enough+step < span && !x.over(x.share(i, init, enough+step)) {
				enough += step
			}
			if step == least {
				break
			}
		}
		if enough > 0 {
			x.sum.Add(x.sum, x.share(i, init, enough))
			x.p.Extra = x.p.Extra || x.due > x.off && x.due <= x.off+enough
			x.off += enough
		}
	}
	x.stop(x.off)
}

// share is the price of a part of an interval, with the one-off price if that
// falls into it.
func (x *pricing) share(i tariff.Interval, init bool, span time.Duration) *big.Rat {
	price := x.price(i, init, span)
	if x.due > x.off && x.due <= x.off+span {
		once := x.each(big.NewRat(1, 1).Mul(pico(x.extra.Price), big.NewRat(1, x.extra.Price.Per())))
		return once.Add(once, price)
	}
	return price
}

// pico is the decimal of a price.
func pico(p billing.Price) *big.Rat { return big.NewRat(p.Pico(), 1_000_000_000_000) }

// price is what a span costs that begins now.
func (x *pricing) price(i tariff.Interval, init bool, span time.Duration) *big.Rat {
	if x.t.Config.Crossing == tariff.CrossBegin || x.c.Service != tariff.Voice {
		return x.each(cost(i.Price, span))
	}
	// Second by second: no rate changes within one.
	sum := new(big.Rat)
	for off := x.off; off < x.off+span; {
		at := x.c.Start.Time().Add(off)
		next := min(off+at.Truncate(time.Second).Add(time.Second).Sub(at), x.off+span)
		r := x.at(off)
		p := r.Follow.Price
		if init {
			p = r.Init.Price
		} else {
			for _, t := range r.Tiers {
				if time.Duration(t.Start)*time.Second <= x.off {
					p = t.Interval.Price
				}
			}
		}
		sum.Add(sum, cost(p, next-off))
		off = next
	}
	return x.each(sum)
}

func cost(p billing.Price, span time.Duration) *big.Rat {
	r := pico(p)
	return r.Mul(r, big.NewRat(span.Milliseconds(), 1000*p.Per()))
}

// round returns micro-units.
func (t *Tariff) round(r *big.Rat) *big.Int {
	policy := t.Config.Rounding
	step := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(6-policy.Places())), nil)
	x := new(big.Rat).Mul(new(big.Rat).Abs(r), big.NewRat(1_000_000, 1))
	x.Quo(x, new(big.Rat).SetInt(step))
	q, rest := new(big.Int).QuoRem(x.Num(), x.Denom(), new(big.Int))
	half := new(big.Int).Lsh(rest, 1).Cmp(x.Denom())
	up := rest.Sign() > 0
	switch policy.Mode() {
	case billing.HalfUp:
		up = half >= 0
	case billing.HalfEven:
		up = half > 0 || half == 0 && q.Bit(0) == 1
	case billing.Down:
		up = false
	}
	if up {
		q.Add(q, big.NewInt(1))
	}
	q.Mul(q, step)
	if r.Sign() < 0 {
		q.Neg(q)
	}
	return q
}
