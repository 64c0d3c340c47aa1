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
	name     string
	currency billing.Currency
	rounding billing.Rounding
	counting Counting
	hash     billing.Hash
	calendar calendar
	windows  []Window

	rateNames []string
	zones     []string
	connects  []int64 // by plan, in micro-units
	rates     []Rate  // by plan, len(rateNames) each

	fees  []fee
	ids   string // all identifiers, one behind the other
	nodes []node
	roots [2]uint32 // by direction
}

// fee is the compiled form: 12 bytes and the identifier.
type fee struct {
	plan, zone, idEnd uint32
}

// expand lays the rates of every plan out by number, names that a plan does
// not have filled with its own rate.
func (s *Snapshot) expand(plans []plan) {
	n := len(s.rateNames)
	s.connects = make([]int64, len(plans))
	s.rates = make([]Rate, 0, len(plans)*n)
	for i, p := range plans {
		s.connects[i] = p.connect
		for j := range n {
			r, ok := p.named[uint8(j)]
			if !ok {
				r = p.rate
			}
			s.rates = append(s.rates, r)
		}
	}
}

// fill makes fees and index of sorted rows.
func (s *Snapshot) fill(rows []row) error {
	s.fees = make([]fee, len(rows))
	var ids strings.Builder
	for i, r := range rows {
		if r.id == "" {
			ids.WriteString(r.dir.String())
			ids.WriteByte(':')
			ids.WriteString(r.dest)
			if r.source != "" {
				ids.WriteByte('<')
				ids.WriteString(r.source)
			}
		} else {
			ids.WriteString(r.id)
		}
		if ids.Len() >= 1<<32 {
			return fmt.Errorf("%w: identifiers of more than 4 GiB", ErrLimit)
		}
		s.fees[i] = fee{r.plan, r.zone, uint32(ids.Len())}
	}
	s.ids = strings.Clone(ids.String())
	for dir := range s.roots {
		from, _ := slices.BinarySearchFunc(rows, dir, func(r row, d int) int { return int(r.dir) - d })
		to, _ := slices.BinarySearchFunc(rows, dir+1, func(r row, d int) int { return int(r.dir) - d })
		s.index(dir, rows[from:to], from)
	}
	s.nodes = slices.Clip(append([]node(nil), s.nodes...))
	return nil
}

// index grows the trie of one direction; base is the number of its first fee.
func (s *Snapshot) index(dir int, rows []row, base int) {
	entries := make([]entry, 0, len(rows))
	for i := 0; i < len(rows); {
		j := i + 1
		for j < len(rows) && rows[j].dest == rows[i].dest {
			j++
		}
		value := uint32(base+i) + 1
		if j-i > 1 || rows[i].source != "" {
			var sources []entry
			for k := i; k < j; k++ {
				sources = append(sources, entry{rows[k].source, uint32(base+k) + 1})
			}
			var root uint32
			s.nodes, root = grow(s.nodes, sources)
			value = bySource | root
		}
		entries = append(entries, entry{rows[i].dest, value})
		i = j
	}
	s.nodes, s.roots[dir] = grow(s.nodes, entries)
}

// Name returns the name given to the builder.
func (s *Snapshot) Name() string { return s.name }

// Currency returns the currency of all prices.
func (s *Snapshot) Currency() billing.Currency { return s.currency }

// Location returns the time zone of the tariff.
func (s *Snapshot) Location() *time.Location { return s.calendar.zone }

// Rounding returns the rounding policy.
func (s *Snapshot) Rounding() billing.Rounding { return s.rounding }

// Counting returns how a duration is counted.
func (s *Snapshot) Counting() Counting { return s.counting }

// Hash returns the hash over everything that can change a price.
func (s *Snapshot) Hash() billing.Hash { return s.hash }

// Len returns the number of fees.
func (s *Snapshot) Len() int { return len(s.fees) }

// Size returns the bytes that the index takes, and those of index, fees,
// prices and identifiers together.
func (s *Snapshot) Size() (index, all int) {
	index = len(s.nodes) * int(unsafe.Sizeof(node{}))
	all = index + len(s.fees)*int(unsafe.Sizeof(fee{})) + len(s.rates)*int(unsafe.Sizeof(Rate{})) + len(s.connects)*8 + len(s.ids)
	return index, all
}

// Period returns the number of the rate in force at an instant, and an
// instant up to which it stays in force at least. Behind that the same rate
// may go on.
func (s *Snapshot) Period(at billing.Millis) (rate int, until billing.Millis) {
	r, until := s.calendar.period(at)
	return int(r), until
}

// RateName returns the name of a rate by its number; 0 is the fee's own rate
// and has none.
func (s *Snapshot) RateName(rate int) string { return s.rateNames[rate] }

// Match returns the fee for a call of a direction from source to destination,
// both as numbers in the form of the tariff.
func (s *Snapshot) Match(d billing.Direction, source, destination string) (Match, bool) {
	if int(d) >= len(s.roots) {
		return Match{}, false
	}
	f, ok := lookup(s.nodes, s.roots[d], destination, source)
	return Match{s, f}, ok
}

// Match is a fee found. It is a reference into the snapshot and cheap to copy.
type Match struct {
	s *Snapshot
	f found
}

// Fee returns the identifier of the fee.
func (m Match) Fee() string {
	from := uint32(0)
	if m.f.fee > 0 {
		from = m.s.fees[m.f.fee-1].idEnd
	}
	return m.s.ids[from:m.s.fees[m.f.fee].idEnd]
}

// Zone returns the zone of the fee.
func (m Match) Zone() string { return m.s.zones[m.s.fees[m.f.fee].zone] }

// Covers returns how many digits of destination and source the prefixes of
// the fee are long.
func (m Match) Covers() (destination, source int) { return int(m.f.dest), int(m.f.source) }

// Connect returns the connect fee.
func (m Match) Connect() billing.Amount {
	return billing.NewAmount(m.s.connects[m.s.fees[m.f.fee].plan], m.s.currency)
}

// Rate returns a rate of the fee by its number.
func (m Match) Rate(rate int) Rate {
	return m.s.rates[int(m.s.fees[m.f.fee].plan)*len(m.s.rateNames)+rate]
}
