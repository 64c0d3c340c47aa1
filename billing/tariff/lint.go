package tariff

import (
	"fmt"
	"strings"

	"github.com/class5-go/class5/billing"
)

// Finding is something in a tariff that is allowed and likely not meant.
type Finding struct {
	Code string // for programs: one of the Lint constants
	Fee  string // identifier of the fee, "" when the tariff as a whole is meant
	Text string
}

// String returns fee and text.
func (f Finding) String() string {
	if f.Fee == "" {
		return f.Text
	}
	return "fee " + f.Fee + ": " + f.Text
}

// Codes of findings.
const (
	LintHole     = "hole"     // some destinations have no fee at all
	LintRepeats  = "repeats"  // the fee says what the next shorter prefix says already
	LintInterval = "interval" // an interval of 0 seconds, counted as 1
	LintDivided  = "divided"  // a price per second that looks like a rounded share of one per minute
	LintNegative = "negative" // a price below zero
	LintUnused   = "unused"   // a rate that no window brings into force
	LintNobody   = "nobody"   // a window of a rate that no fee has
)

// Lint looks for what is likely a mistake. Findings come tariff first, then
// fee by fee in the order of direction, destination and source.
func (s *Snapshot) Lint() []Finding {
	out := s.lintRates()
	for d := range billing.Direction(len(s.roots)) {
		if _, ok := s.Match(d, "", ""); !ok && s.has(d) {
			out = append(out, Finding{LintHole, "", fmt.Sprintf("direction %s has no fee for the empty prefix: calls to other destinations cannot be rated", d)})
		}
		out = s.lintBelow(out, s.roots[d], nil)
	}
	return out
}

// has reports whether there is any fee of a direction.
func (s *Snapshot) has(d billing.Direction) bool {
	n := s.nodes[s.roots[d]]
	return n.value != 0 || n.bits != 0
}

func (s *Snapshot) lintRates() []Finding {
	var out []Finding
	used := map[int]bool{}
	for _, n := range s.used() {
		used[n] = true
	}
	for i, name := range s.rateNames[1:] {
		n, differs := i+1, false
		for _, f := range s.fees {
			at := int(f.plan) * len(s.rateNames)
			differs = differs || s.rates[at+n] != s.rates[at]
		}
		switch {
		case used[n] && !differs:
			out = append(out, Finding{LintNobody, "", fmt.Sprintf("the calendar has rate %q, but no fee has a price of its own for it", name)})
		case !used[n] && differs:
			out = append(out, Finding{LintUnused, "", fmt.Sprintf("fees have rate %q, but no window brings it into force", name)})
		}
	}
	return out
}

// lintBelow walks the trie; parent is the fee that matches when the ones below
// are not there.
func (s *Snapshot) lintBelow(out []Finding, at uint32, parent *fee) []Finding {
	n := s.nodes[at]
	if v := n.value; v != 0 && v&bySource == 0 {
		own := &s.fees[v-1]
		out = s.lintFee(out, v-1)
		if parent != nil && parent.plan == own.plan && parent.zone == own.zone {
			m := Match{s, found{fee: v - 1}}
			out = append(out, Finding{LintRepeats, m.Fee(), "same zone and prices as the next shorter prefix"})
		}
		parent = own
	} else if v != 0 {
		out = s.lintBelow(out, v&^bySource, nil)
		parent = nil
	}
	child := n.first
	for b := n.bits; b != 0; b &= b - 1 {
		out = s.lintBelow(out, child, parent)
		child++
	}
	return out
}

func (s *Snapshot) lintFee(out []Finding, i uint32) []Finding {
	m := Match{s, found{fee: i}}
	var zero, divided, negative bool
	negative = m.Connect().Sign() < 0
	for _, n := range s.used() {
		r := m.Rate(n)
		for _, v := range [...]Interval{r.Init, r.Follow} {
			zero = zero || v.Seconds == 0
			divided = divided || looksDivided(v.Price)
			negative = negative || v.Price.Pico() < 0
		}
	}
	if zero {
		out = append(out, Finding{LintInterval, m.Fee(), "an interval of 0 seconds counts as 1"})
	}
	if divided {
		out = append(out, Finding{LintDivided, m.Fee(), "a price per second that is no exact share of a price per minute; write it per 60"})
	}
	if negative {
		out = append(out, Finding{LintNegative, m.Fee(), "a price below zero credits the caller"})
	}
	return out
}

// looksDivided reports a price per second with eight or more places: 0.1/60
// written as 0.00166666667.
func looksDivided(p billing.Price) bool {
	if p.Per() != 1 {
		return false
	}
	_, frac, _ := strings.Cut(p.String(), ".")
	return len(frac) >= 8
}
