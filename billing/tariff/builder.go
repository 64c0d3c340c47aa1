package tariff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
)

// Counting says how the milliseconds of a call become time to be charged,
// before the intervals are counted.
type Counting uint8

// Countings.
const (
	CountBegun   Counting = iota // every interval begun counts, be it by a millisecond
	CountNearest                 // the duration is rounded to the nearest second first, half up
)

// Config sets what holds for the whole tariff.
type Config struct {
	Name     string // for people; no part of the hash
	Currency billing.Currency
	// Location is the time zone of the windows; UTC when nil.
	Location *time.Location
	Windows  []Window
	Rounding billing.Rounding
	Counting Counting
}

// Builder collects fees. It is not for concurrent use.
type Builder struct {
	cfg   Config
	rows  []row
	plans []plan
	known map[string]uint32 // plan by its encoding
	key   []byte            // room for an encoding
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
}

// plan is what a fee costs, without what it is for.
type plan struct {
	connect int64
	rate    Rate
	named   map[uint8]Rate // by number of the name
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
	if cfg.Counting > CountNearest {
		return nil, fmt.Errorf("%w: counting %d", ErrFee, cfg.Counting)
	}
	b := &Builder{cfg: cfg, known: map[string]uint32{}}
	b.zones.index, b.rates.index = map[string]uint32{}, map[string]uint32{}
	b.rates.number("")
	for _, w := range cfg.Windows {
		if err := w.check(); err != nil {
			return nil, err
		}
		b.rates.number(w.Rate)
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
		if err := further[i].check(); err != nil {
			return err
		}
	}
	if len(b.rows) >= maxFees {
		return fmt.Errorf("%w: %d fees", ErrLimit, len(b.rows))
	}
	p, err := b.plan(f, further)
	if err != nil {
		return err
	}
	b.rows = append(b.rows, row{
		id: f.ID, dest: f.Destination, source: f.Source, dir: f.Direction,
		plan: p, zone: b.zones.number(f.Zone), line: int32(line),
	})
	return nil
}

// plan returns the number of a fee's plan, new or known.
func (b *Builder) plan(f *Fee, further []named) (uint32, error) {
	slices.SortFunc(further, func(x, y named) int { return strings.Compare(x.name, y.name) })
	k := appendInt(b.key[:0], f.Connect.Micros())
	k = appendRate(k, f.Rate)
	for _, n := range further {
		k = appendText(k, n.name)
		k = appendRate(k, n.rate)
	}
	b.key = k
	if i, ok := b.known[string(k)]; ok {
		return i, nil
	}
	p := plan{connect: f.Connect.Micros(), rate: f.Rate}
	for _, n := range further {
		if p.named == nil {
			p.named = map[uint8]Rate{}
		}
		i := b.rates.number(n.name)
		if i >= maxRates {
			return 0, fmt.Errorf("%w: more than %d rates", ErrLimit, maxRates)
		}
		p.named[uint8(i)] = n.rate
	}
	i := uint32(len(b.plans))
	b.plans = append(b.plans, p)
	b.known[string(k)] = i
	return i, nil
}

// Build compiles the snapshot. The builder may go on collecting afterwards;
// the snapshot does not change.
func (b *Builder) Build() (*Snapshot, error) {
	rows := slices.Clone(b.rows)
	slices.SortFunc(rows, compareRows)
	for i := 1; i < len(rows); i++ {
		if compareRows(rows[i-1], rows[i]) == 0 {
			return nil, duplicate(rows[i-1], rows[i])
		}
	}
	rates := map[string]uint8{}
	for i, name := range b.rates.names {
		rates[name] = uint8(i)
	}
	cal, err := newCalendar(b.cfg.Windows, rates, b.cfg.Location)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{
		name: b.cfg.Name, currency: b.cfg.Currency, rounding: b.cfg.Rounding, counting: b.cfg.Counting,
		calendar: cal, windows: slices.Clone(b.cfg.Windows),
		rateNames: slices.Clone(b.rates.names), zones: slices.Clone(b.zones.names),
	}
	s.expand(b.plans)
	if err := s.fill(rows); err != nil {
		return nil, err
	}
	s.hash = s.sum(rows)
	return s, nil
}

func compareRows(a, b row) int {
	return cmp.Or(cmp.Compare(a.dir, b.dir), cmp.Compare(a.dest, b.dest), cmp.Compare(a.source, b.source))
}

func duplicate(a, b row) error {
	if a.line > b.line {
		a, b = b, a
	}
	err := fmt.Errorf("%w: %s, destination %q, source %q", ErrDuplicate, a.dir, a.dest, a.source)
	if b.line > 0 {
		return &LineError{Line: int(b.line), Err: fmt.Errorf("%w; the other is in line %d", err, a.line)}
	}
	return err
}
