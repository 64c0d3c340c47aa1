package tariff

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/class5-go/class5/billing"
)

// Snapshot is a compiled tariff. It never changes.
type Snapshot struct {
	name         string
	currency     billing.Currency
	rounding     billing.Rounding
	counting     Counting
	crossing     Crossing
	ignoreDomain bool
	domains      bool // a fee can tell user@domain from the user
	ported       bool // there are fees for ported numbers
	customerZone bool
	hash         billing.Hash
	calendar     calendar
	windows      []Window
	specials     []Special

	rateNames []string
	zones     []string
	plans     []terms
	rates     []Rate   // every different one once
	byPlan    []uint32 // rates by plan, len(rateNames) each

	fees   []fee
	ids    string // all identifiers, one behind the other
	nodes  []node
	lists  [][]entry // sources that are no numbers, the longest first
	fields [2 * services]field
	others map[uint32]other // fees that are not for prefixes of numbers
}

// fee is the compiled form: 12 bytes and the identifier.
type fee struct {
	plan, zone, idEnd uint32
}

// terms is what a plan has besides its rates, in micro-units.
type terms struct {
	connect, limit int64
	action         CapAction
}

// other is what a fee is for whose index does not tell.
type other struct {
	mode         Mode
	dest, source string
}

// expand lays the rates of every plan out by number, names that a plan does
// not have filled with its own rate.
func (s *Snapshot) expand(plans []plan, rates []Rate) error {
	n := len(s.rateNames)
	if n*len(plans) > 1<<28 {
		return fmt.Errorf("%w: %d rates with %d prices each", ErrLimit, n, len(plans))
	}
	s.rates = slices.Clone(rates)
	s.plans = make([]terms, len(plans))
	s.byPlan = make([]uint32, 0, len(plans)*n)
	for i := range plans {
		s.plans[i] = plans[i].terms
		for j := range n {
			s.byPlan = append(s.byPlan, plans[i].rate(uint16(j)))
		}
	}
	return nil
}

// fill makes fees and index of sorted rows.
func (s *Snapshot) fill(rows []row) error {
	s.fees = make([]fee, len(rows))
	s.others = map[uint32]other{}
	var ids strings.Builder
	for i := range rows {
		r := &rows[i]
		r.writeID(&ids)
		if ids.Len() >= 1<<32 {
			return fmt.Errorf("%w: identifiers of more than 4 GiB", ErrLimit)
		}
		s.fees[i] = fee{r.plan, r.zone, uint32(ids.Len())}
		if !r.plain() {
			s.domains = s.domains || r.mode >= RegexMatch || strings.Contains(r.dest+r.source, "@")
			s.others[uint32(i)] = other{r.mode, r.dest, r.source}
		}
	}
	s.ids = strings.Clone(ids.String())
	for at := range s.fields {
		from, _ := slices.BinarySearchFunc(rows, at, func(r row, n int) int { return r.field() - n })
		to, _ := slices.BinarySearchFunc(rows, at+1, func(r row, n int) int { return r.field() - n })
		if err := s.index(&s.fields[at], rows[from:to], from); err != nil {
			return err
		}
	}
	if len(s.nodes) >= byList {
		return fmt.Errorf("%w: an index of %d nodes", ErrLimit, len(s.nodes))
	}
	s.nodes = slices.Clip(append([]node(nil), s.nodes...))
	return nil
}

func (r *row) writeID(to *strings.Builder) {
	if r.id != "" {
		to.WriteString(r.id)
		return
	}
	to.WriteString(r.dir.String())
	to.WriteByte(':')
	if r.service != Voice {
		to.WriteString(r.service.String())
		to.WriteByte(':')
	}
	if r.mode != Prefix {
		to.WriteString(r.mode.String())
		to.WriteByte(':')
	}
	to.WriteString(r.dest)
	if r.source != "" {
		to.WriteByte('<')
		to.WriteString(r.source)
	}
}

// index makes the index of one direction and service; base is the number of
// its first fee.
func (s *Snapshot) index(f *field, rows []row, base int) error {
	entries := make([]entry, 0, len(rows))
	for i := 0; i < len(rows); {
		r := &rows[i]
		if r.mode >= RegexMatch {
			if err := f.express(r, uint32(base+i)); err != nil {
				return err
			}
			i++
			continue
		}
		j := i + 1
		for j < len(rows) && rows[j].mode == r.mode && rows[j].dest == r.dest {
			j++
		}
		value := s.value(rows[i:j], base+i)
		mark, key, lnp := isLNP(r.dest)
		switch {
		case lnp && mark == providerMark:
			s.ported = true
			put(&f.providers, key, value)
		case lnp:
			s.ported = true
			put(&f.types, key, value)
		case r.mode == Exact:
			put(&f.exact, r.dest, value)
		case !isPrefix(r.dest):
			put(&f.texts, r.dest, value)
			f.longest = max(f.longest, len(r.dest))
		default:
			entries = append(entries, entry{r.dest, value})
		}
		i = j
	}
	s.nodes, f.root = grow(s.nodes, entries)
	sortPatterns(f.patterns)
	return nil
}

func put(m *map[string]uint32, key string, v uint32) {
	if *m == nil {
		*m = map[string]uint32{}
	}
	(*m)[key] = v
}

// value is the value of the fees for one destination.
func (s *Snapshot) value(rows []row, base int) uint32 {
	if len(rows) == 1 && rows[0].source == "" {
		return uint32(base) + 1
	}
	sources, numbers := make([]entry, 0, len(rows)), true
	for k := range rows {
		sources = append(sources, entry{rows[k].source, uint32(base+k) + 1})
		numbers = numbers && isPrefix(rows[k].source)
	}
	if numbers {
		var root uint32
		s.nodes, root = grow(s.nodes, sources)
		return bySource | root
	}
	slices.SortStableFunc(sources, func(a, b entry) int { return len(b.prefix) - len(a.prefix) })
	s.lists = append(s.lists, sources)
	return bySource | byList | uint32(len(s.lists)-1)
}

func (f *field) express(r *row, fee uint32) error {
	p := pattern{destLen: len(r.dest), sourceLen: len(r.source), fee: fee}
	var err error
	if p.dest, err = newExpression(r.dest); err != nil {
		return err // the builder took it, so it does not happen
	}
	if p.source, err = newExpression(r.source); err != nil {
		return err
	}
	if r.mode == RegexMatch {
		f.match = append(f.match, p)
	} else {
		f.patterns = append(f.patterns, p)
	}
	return nil
}

// Name returns the name given to the builder.
func (s *Snapshot) Name() string { return s.name }

// Currency returns the currency of all prices.
func (s *Snapshot) Currency() billing.Currency { return s.currency }

// Location returns the time zone of the tariff.
func (s *Snapshot) Location() *time.Location { return s.calendar.zone.loc }

// Rounding returns the rounding policy.
func (s *Snapshot) Rounding() billing.Rounding { return s.rounding }

// Counting returns how a duration is counted.
func (s *Snapshot) Counting() Counting { return s.counting }

// Crossing returns which rate an interval has during which it changes.
func (s *Snapshot) Crossing() Crossing { return s.crossing }

// CustomerZone reports whether the windows are local time of the customer.
func (s *Snapshot) CustomerZone() bool { return s.customerZone }

// Hash returns the hash over everything that can change a price.
func (s *Snapshot) Hash() billing.Hash { return s.hash }

// Len returns the number of fees.
func (s *Snapshot) Len() int { return len(s.fees) }

// Size returns the bytes that the index takes, and those of index, fees,
// prices and identifiers together; maps by estimate.
func (s *Snapshot) Size() (index, all int) {
	const slot = 32 // of a map, with what is empty
	index = len(s.nodes) * int(unsafe.Sizeof(node{}))
	for i := range s.fields {
		f := &s.fields[i]
		index += slot * (len(f.exact) + len(f.texts) + len(f.providers) + len(f.types))
	}
	for _, l := range s.lists {
		index += len(l) * int(unsafe.Sizeof(entry{}))
	}
	all = index + len(s.fees)*int(unsafe.Sizeof(fee{})) + len(s.ids)
	all += len(s.rates)*int(unsafe.Sizeof(Rate{})) + len(s.byPlan)*4 + len(s.plans)*int(unsafe.Sizeof(terms{}))
	for _, o := range s.others {
		all += int(unsafe.Sizeof(other{})) + 8 + len(o.dest) + len(o.source)
	}
	return index, all
}

// Period returns the number of the rate in force at an instant in the zone of
// the tariff, and an instant up to which it stays in force at least. Behind
// that the same rate may go on.
func (s *Snapshot) Period(at billing.Millis) (rate int, until billing.Millis) {
	return s.PeriodIn(nil, at)
}

// PeriodIn is Period for a customer in a zone, which counts only where the
// tariff says so; nil stands for the zone of the tariff.
func (s *Snapshot) PeriodIn(z *Zone, at billing.Millis) (rate int, until billing.Millis) {
	if z == nil || !s.customerZone {
		z = s.calendar.zone
	}
	r, until := s.calendar.period(z, at)
	return int(r), until
}

// RateName returns the name of a rate by its number; 0 is the fee's own rate
// and has none.
func (s *Snapshot) RateName(rate int) string { return s.rateNames[rate] }
