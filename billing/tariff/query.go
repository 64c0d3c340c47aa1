package tariff

import (
	"strings"

	"github.com/class5-go/class5/billing"
)

// Query is what a fee is chosen by. Numbers are compared as they are: a fee
// for 43 is not for +4312345.
type Query struct {
	Direction billing.Direction
	Service   Service
	// Source and Destination are the numbers, or the users of SIP URIs.
	Source, Destination string
	// SourceURI and DestinationURI are user@domain, or empty. Fees that speak
	// of domains need them.
	SourceURI, DestinationURI string
	// Provider and NumberType are those of a ported number, or empty.
	Provider, NumberType string
}

// Texts that fees for ported numbers begin with.
const (
	providerMark = "lnp:"
	typeMark     = "lnpnumbertype:"
)

// field is the index of one direction and service.
type field struct {
	root      uint32 // trie of the prefixes of numbers
	exact     map[string]uint32
	texts     map[string]uint32 // prefixes that are none of numbers
	longest   int               // of texts
	providers map[string]uint32
	types     map[string]uint32
	match     []pattern
	patterns  []pattern
}

// Match returns the fee for a call of a direction from source to destination,
// both as numbers in the form of the tariff.
func (s *Snapshot) Match(d billing.Direction, source, destination string) (Match, bool) {
	return s.Find(Query{Direction: d, Source: source, Destination: destination})
}

// Find returns the fee for a query. Ported numbers come first, then exact
// destinations, prefixes, and the two kinds of regular expressions; in each of
// them user@domain before the user. A fee whose source does not match leaves
// the field to others.
func (s *Snapshot) Find(q Query) (Match, bool) {
	if q.Direction > billing.In || q.Service >= services {
		return Match{}, false
	}
	if s.ignoreDomain {
		q.SourceURI, q.DestinationURI = "", ""
	}
	f := &s.fields[int(q.Direction)*services+int(q.Service)]
	hit, ok := s.byPort(f, &q)
	if !ok && f.exact != nil {
		if hit, ok = s.exactly(f, q.DestinationURI, &q); !ok {
			hit, ok = s.exactly(f, q.Destination, &q)
		}
	}
	if !ok {
		hit, ok = s.byPrefix(f, &q)
	}
	if !ok && len(f.match)+len(f.patterns) > 0 {
		hit, ok = f.byExpression(&q)
	}
	return Match{s, hit}, ok
}

func (s *Snapshot) byPort(f *field, q *Query) (found, bool) {
	for _, by := range [...]struct {
		in  map[string]uint32
		key string
	}{{f.providers, q.Provider}, {f.types, q.NumberType}} {
		if v, ok := by.in[by.key]; ok && by.key != "" {
			if hit, ok := s.resolve(v, q); ok {
				hit.text = true
				return hit, true
			}
		}
	}
	return found{}, false
}

func (s *Snapshot) exactly(f *field, dest string, q *Query) (found, bool) {
	v, ok := f.exact[dest]
	if !ok || dest == "" {
		return found{}, false
	}
	hit, ok := s.resolve(v, q)
	hit.dest, hit.text = uint16(min(len(dest), 1<<16-1)), true
	return hit, ok
}

func (s *Snapshot) byPrefix(f *field, q *Query) (found, bool) {
	hit, ok := s.lookup(f.root, q.Destination, q)
	if len(f.texts) == 0 {
		return hit, ok
	}
	for _, dest := range [...]string{q.DestinationURI, q.Destination} {
		for n := min(len(dest), f.longest); n > 0 && (!ok || n > int(hit.dest)); n-- {
			v, is := f.texts[dest[:n]]
			if !is {
				continue
			}
			if in, match := s.resolve(v, q); match {
				in.dest, in.text = uint16(n), true
				return in, true
			}
		}
	}
	return hit, ok
}

func (f *field) byExpression(q *Query) (found, bool) {
	for _, by := range [...]struct {
		all []pattern
		in  func([]pattern, string, string, string) (found, bool)
	}{{f.match, byMatch}, {f.patterns, byPattern}} {
		if len(by.all) == 0 {
			continue
		}
		if q.DestinationURI != "" {
			if hit, ok := by.in(by.all, q.DestinationURI, q.Source, q.SourceURI); ok {
				return hit, true
			}
		}
		if hit, ok := by.in(by.all, q.Destination, q.Source, q.SourceURI); ok {
			return hit, true
		}
	}
	return found{}, false
}

// Domains reports whether any fee can tell user@domain from the user.
func (s *Snapshot) Domains() bool { return s.domains && !s.ignoreDomain }

// Ported reports whether there are fees for ported numbers.
func (s *Snapshot) Ported() bool { return s.ported }

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

// Covers returns how many bytes of destination and source the fee speaks of.
func (m Match) Covers() (destination, source int) { return int(m.f.dest), int(m.f.source) }

// Mode returns how the fee was matched.
func (m Match) Mode() Mode { return m.s.others[m.f.fee].mode }

// Texts returns destination and source of a fee that is not for prefixes of
// numbers, ok false for one that is: those are the parts that Covers tells.
func (m Match) Texts() (destination, source string, ok bool) {
	o := m.s.others[m.f.fee]
	return o.dest, o.source, m.f.text
}

// Connect returns the connect fee.
func (m Match) Connect() billing.Amount {
	return billing.NewAmount(m.plan().connect, m.s.currency)
}

// Cap returns the most that a call costs.
func (m Match) Cap() Cap {
	p := m.plan()
	return Cap{billing.NewAmount(p.limit, m.s.currency), p.action}
}

func (m Match) plan() *terms { return &m.s.plans[m.s.fees[m.f.fee].plan] }

// Rate returns a rate of the fee by its number.
func (m Match) Rate(rate int) Rate { return *m.s.rate(m.s.fees[m.f.fee].plan, rate) }

// Step returns how a call is charged at an offset, by a rate: the interval, the
// connect fee and start of its tier, and where the next tier begins, 0 when
// none does. Offsets are in seconds or units.
func (m Match) Step(rate int, offset int64) (i Interval, connect billing.Amount, start, end int64) {
	r := m.s.rate(m.s.fees[m.f.fee].plan, rate)
	i = r.Follow
	for k := range r.Tiers {
		t := &r.Tiers[k]
		if int64(t.Start) > offset {
			return i, connect, start, int64(t.Start)
		}
		i, connect, start = t.Interval, t.Connect, int64(t.Start)
	}
	return i, connect, start, 0
}

// Init returns the first interval and the extra price by a rate, and whether
// free seconds may pay.
func (m Match) Init(rate int) (Interval, Extra, bool) {
	r := m.s.rate(m.s.fees[m.f.fee].plan, rate)
	return r.Init, r.Extra, r.FreeTime
}

func (s *Snapshot) rate(plan uint32, rate int) *Rate {
	return &s.rates[s.byPlan[int(plan)*len(s.rateNames)+rate]]
}

// isLNP splits the texts of fees for ported numbers.
func isLNP(dest string) (mark, key string, ok bool) {
	for _, mark := range [...]string{providerMark, typeMark} {
		if key, ok := strings.CutPrefix(dest, mark); ok && key != "" {
			return mark, key, true
		}
	}
	return "", "", false
}
