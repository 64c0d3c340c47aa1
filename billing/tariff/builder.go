package tariff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
)

// Config sets what holds for the whole tariff.
type Config struct {
	Name     string // for people; no part of the hash
	Currency billing.Currency
	// Location is the time zone of the windows; UTC when nil.
	Location *time.Location
	// CustomerZone says that windows are local time of the customer, for calls
	// that come with a zone.
	CustomerZone bool
	Windows      []Window
	// Specials win over Windows, each for its own span.
	Specials []Special
	// InclusiveEnds says that the last second of a window belongs to it, as a
	// whole: 00:00:00-07:59:59 ends where 08:00 begins.
	InclusiveEnds bool
	Rounding      billing.Rounding
	Counting      Counting
	Crossing      Crossing
	// IgnoreDomain says that fees are matched with users alone.
	IgnoreDomain bool
}

// Builder collects fees. It is not for concurrent use.
type Builder struct {
	cfg   Config
	rows  []row
	plans []plan
	known map[string]uint32 // plan by its encoding
	rated []Rate            // every different rate once
	rate  map[string]uint32 // rate by its encoding
	key   []byte            // room for the encoding of a plan
	room  []byte            // and of a rate
	zones table
	rates table // names of rates; the first is the unnamed one
}

// row is a fee as the builder keeps it. Decks have few different prices, so
// these are kept once.
type row struct {
	id, dest, source string
	plan, zone       uint32
	line             int32
	dir              billing.Direction
	service          Service
	mode             Mode
}

// field numbers the index that the row belongs to.
func (r *row) field() int { return int(r.dir)*services + int(r.service) }

// plain reports whether the row is for prefixes of numbers.
func (r *row) plain() bool { return r.mode == Prefix && isPrefix(r.dest) && isPrefix(r.source) }

// plan is what a fee costs, without what it is for. Rates are numbers of
// Builder.rated.
type plan struct {
	terms
	own   uint32
	named map[uint16]uint32 // by number of the name
}

func (p *plan) rate(name uint16) uint32 {
	if r, ok := p.named[name]; ok {
		return r
	}
	return p.own
}

// table numbers names in the order in which they come.
type table struct {
	names []string
	index map[string]uint32
}

func (t *table) number(name string) uint32 {
	i, ok := t.index[name]
	if !ok {
		i = uint32(len(t.names))
		name = strings.Clone(name)
		t.names = append(t.names, name)
		t.index[name] = i
	}
	return i
}

// NewBuilder returns a builder without fees.
func NewBuilder(cfg Config) (*Builder, error) {
	if cfg.Location == nil {
		cfg.Location = time.UTC
	}
	if cfg.Currency.IsZero() {
		return nil, fmt.Errorf("%w: a tariff needs one", billing.ErrCurrency)
	}
	if cfg.Counting > CountExact || cfg.Crossing > CrossSplit {
		return nil, fmt.Errorf("%w: counting %d, crossing %d", ErrFee, cfg.Counting, cfg.Crossing)
	}
	b := &Builder{cfg: cfg, known: map[string]uint32{}, rate: map[string]uint32{}}
	b.zones.index, b.rates.index = map[string]uint32{}, map[string]uint32{}
	b.rates.number("")
	for _, w := range cfg.Windows {
		if err := w.check(cfg.InclusiveEnds); err != nil {
			return nil, err
		}
		b.rates.number(w.Rate)
	}
	for _, v := range cfg.Specials {
		if err := v.check(cfg.InclusiveEnds); err != nil {
			return nil, err
		}
		b.rates.number(v.Rate)
	}
	if len(b.rates.names) > maxRates {
		return nil, fmt.Errorf("%w: more than %d rates", ErrLimit, maxRates)
	}
	return b, nil
}

// Add takes one fee. That two fees are for the same calls shows in Build.
func (b *Builder) Add(f Fee) error {
	var further []named
	for name, r := range f.Named {
		further = append(further, named{name, r})
	}
	return b.add(&f, further, 0)
}

// Len returns the number of fees taken.
func (b *Builder) Len() int { return len(b.rows) }

// add takes a fee of a line of a deck. The further rates come in a list, which
// it sorts: a map for each of half a million rows would take longer than all
// the rest.
func (b *Builder) add(f *Fee, further []named, line int) error {
	if err := f.check(b.cfg.Currency); err != nil {
		return err
	}
	for i := range further {
		if err := further[i].check(f.Service, b.cfg.Currency); err != nil {
			return err
		}
	}
	if len(b.rows) >= maxFees {
		return fmt.Errorf("%w: %d fees", ErrLimit, len(b.rows))
	}
	mode := f.Mode
	if _, _, ok := isLNP(f.Destination); ok && mode == Prefix {
		mode = Exact
	}
	p, err := b.plan(f, further)
	if err != nil {
		return err
	}
	b.rows = append(b.rows, row{
		id: f.ID, dest: f.Destination, source: f.Source, dir: f.Direction,
		plan: p, zone: b.zones.number(f.Zone), line: int32(line), service: f.Service, mode: mode,
	})
	return nil
}

// rateNumber returns the number of a rate, new or known.
func (b *Builder) rateNumber(r *Rate) uint32 {
	k := appendRate(b.room[:0], r)
	b.room = k
	if i, ok := b.rate[string(k)]; ok {
		return i
	}
	i := uint32(len(b.rated))
	v := *r
	v.Tiers = slices.Clone(r.Tiers)
	b.rated = append(b.rated, v)
	b.rate[string(k)] = i
	return i
}

// plan returns the number of a fee's plan, new or known.
func (b *Builder) plan(f *Fee, further []named) (uint32, error) {
	slices.SortFunc(further, func(x, y named) int { return strings.Compare(x.name, y.name) })
	p := plan{terms: terms{connect: f.Connect.Micros(), action: f.Cap.Action}, own: b.rateNumber(&f.Rate)}
	if p.action != CapNone {
		p.limit = f.Cap.Amount.Micros()
	}
	k := appendTerms(b.key[:0], &p.terms)
	k = appendInt(k, int64(p.own))
	for i := range further {
		r := b.rateNumber(&further[i].rate)
		k = appendText(k, further[i].name)
		k = appendInt(k, int64(r))
	}
	b.key = k
	if i, ok := b.known[string(k)]; ok {
		return i, nil
	}
	for i := range further {
		if p.named == nil {
			p.named = map[uint16]uint32{}
		}
		n := b.rates.number(further[i].name)
		if n >= maxRates {
			return 0, fmt.Errorf("%w: more than %d rates", ErrLimit, maxRates)
		}
		p.named[uint16(n)] = b.rateNumber(&further[i].rate)
	}
	i := uint32(len(b.plans))
	b.plans = append(b.plans, p)
	b.known[string(k)] = i
	return i, nil
}

// Build compiles the snapshot. The builder may go on collecting afterwards;
// the snapshot does not change.
func (b *Builder) Build() (*Snapshot, error) {
	rows := sorted(b.rows)
	for i := 1; i < len(rows); i++ {
		if compareRows(&rows[i-1], &rows[i]) == 0 {
			return nil, duplicate(rows[i-1], rows[i])
		}
	}
	rates := map[string]uint16{}
	for i, name := range b.rates.names {
		rates[name] = uint16(i)
	}
	cal, err := newCalendar(&b.cfg, rates)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{
		name: b.cfg.Name, currency: b.cfg.Currency, rounding: b.cfg.Rounding, counting: b.cfg.Counting,
		crossing: b.cfg.Crossing, ignoreDomain: b.cfg.IgnoreDomain, customerZone: b.cfg.CustomerZone,
		calendar: cal, windows: slices.Clone(b.cfg.Windows), specials: slices.Clone(b.cfg.Specials),
		rateNames: slices.Clone(b.rates.names), zones: slices.Clone(b.zones.names),
	}
	if err := s.expand(b.plans, b.rated); err != nil {
		return nil, err
	}
	if err := s.fill(rows); err != nil {
		return nil, err
	}
	s.hash = s.sum(rows)
	return s, nil
}

// sorted returns the rows in the order of compareRows. Nearly always the head of
// a row says where it belongs, and heads are quick to compare and to move.
func sorted(rows []row) []row {
	type place struct {
		head uint64
		at   uint32
	}
	places := make([]place, len(rows))
	for i := range rows {
		places[i] = place{rows[i].head(), uint32(i)}
	}
	slices.SortFunc(places, func(a, b place) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		return compareRows(&rows[a.at], &rows[b.at])
	})
	out := make([]row, len(rows))
	for i, p := range places {
		out[i] = rows[p.at]
	}
	return out
}

// head is what a row is sorted by, as far as it goes into a number: all before
// the destination, and seven bytes of that.
func (r *row) head() uint64 {
	h := uint64(r.field())<<4 | uint64(r.mode)
	for i := range 7 {
		h <<= 8
		if i < len(r.dest) {
			h |= uint64(r.dest[i])
		}
	}
	return h
}

// compareRows orders rows by field, mode, destination and source.
func compareRows(a, b *row) int {
	if c := cmp.Or(cmp.Compare(a.field(), b.field()), cmp.Compare(a.mode, b.mode)); c != 0 {
		return c
	}
	if c := strings.Compare(a.dest, b.dest); c != 0 {
		return c
	}
	return strings.Compare(a.source, b.source)
}

func duplicate(a, b row) error {
	if a.line > b.line {
		a, b = b, a
	}
	err := fmt.Errorf("%w: %s, %s, %s, destination %q, source %q", ErrDuplicate, a.dir, a.service, a.mode, a.dest, a.source)
	if b.line > 0 {
		return &LineError{Line: int(b.line), Err: fmt.Errorf("%w; the other is in line %d", err, a.line)}
	}
	return err
}
