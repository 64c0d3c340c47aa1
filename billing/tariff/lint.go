package tariff

import (
	"fmt"
	"slices"
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
	LintHole        = "hole"        // some destinations have no fee at all
	LintRepeats     = "repeats"     // the fee says what the next shorter prefix says already
	LintUnreachable = "unreachable" // no call can ever get the fee
	LintInterval    = "interval"    // an interval of 0 seconds, counted as 1
	LintDivided     = "divided"     // a price per second that looks like a rounded share of one per minute
	LintNegative    = "negative"    // a price below zero
	LintUnused      = "unused"      // a rate that no window brings into force
	LintNobody      = "nobody"      // a window of a rate that no fee has
	LintOverlap     = "overlap"     // two windows of one rate overlap
	LintRegex       = "regex"       // so many regular expressions that matching is slow
	LintMargin      = "margin"      // a price below what the carrier takes
)

// manyExpressions is how many regular expressions a tariff may have before it
// is told that they are slow.
const manyExpressions = 1000

// Lint looks for what is likely a mistake. Findings come tariff first, then
// fee by fee in the order of direction, service, destination and source.
func (s *Snapshot) Lint() []Finding {
	out := append(s.lintRates(), s.lintWindows()...)
	for at := range s.fields {
		f := &s.fields[at]
		d, v := billing.Direction(at/services), Service(at%services)
		root := s.nodes[f.root]
		if n := len(f.match) + len(f.patterns); n > manyExpressions {
			out = append(out, Finding{LintRegex, "", fmt.Sprintf("direction %s, %s: %d regular expressions; more than %d are slow to match", d, v, n, manyExpressions)})
		}
		all := root.value != 0 && root.value&bySource == 0
		switch {
		case all:
			out = s.lintShadowed(out, f)
		case f.everything():
		case root.value != 0 || root.bits != 0 || len(f.exact)+len(f.texts)+len(f.match)+len(f.patterns) > 0:
			out = append(out, Finding{LintHole, "", fmt.Sprintf("direction %s, %s: no fee for the empty prefix; calls to other destinations cannot be rated", d, v)})
		}
		w := walk{s: s, out: out}
		w.below(f.root, nil, "", all)
		out = s.lintOthers(w.out, at)
	}
	return out
}

// everything reports whether an expression matches any destination.
func (f *field) everything() bool {
	for _, all := range [...][]pattern{f.match, f.patterns} {
		for i := range all {
			if all[i].dest.match("") && all[i].source.match("") {
				return true
			}
		}
	}
	return false
}

// lintShadowed tells of expressions that a fee for the empty prefix hides.
func (s *Snapshot) lintShadowed(out []Finding, f *field) []Finding {
	for _, all := range [...][]pattern{f.match, f.patterns} {
		for i := range all {
			out = append(out, Finding{LintUnreachable, Match{s, found{fee: all[i].fee}}.Fee(), "a fee for the empty prefix comes before every regular expression"})
		}
	}
	return out
}

// lintWindows tells of windows of one rate that overlap; those of two rates do
// not come as far as here.
func (s *Snapshot) lintWindows() []Finding {
	var out []Finding
	for i, a := range s.windows {
		for _, b := range s.windows[:i] {
			if a.Days&b.Days != 0 && a.From < b.To && b.From < a.To {
				out = append(out, Finding{LintOverlap, "", fmt.Sprintf("windows %q and %q overlap", b, a)})
			}
		}
	}
	for i, a := range s.specials {
		for _, b := range s.specials[:i] {
			if a.From < b.To && b.From < a.To {
				out = append(out, Finding{LintOverlap, "", fmt.Sprintf("special dates %q and %q overlap", b, a)})
			}
		}
	}
	return out
}

func (s *Snapshot) lintRates() []Finding {
	var out []Finding
	used := map[int]bool{}
	for _, n := range s.used() {
		used[n] = true
	}
	for i, name := range s.rateNames[1:] {
		n, differs := i+1, false
		for p := range s.plans {
			at := p * len(s.rateNames)
			differs = differs || s.byPlan[at+n] != s.byPlan[at]
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

// walk goes through a trie, prefix by prefix in their order.
type walk struct {
	s   *Snapshot
	out []Finding
}

// below looks at a node. parent is the fee that matches when the ones below are
// not there; covered says that there is one for every source.
func (w *walk) below(at uint32, parent *fee, prefix string, covered bool) (whole bool) {
	s := w.s
	n := s.nodes[at]
	switch v := n.value; {
	case v != 0 && v&bySource == 0:
		own := &s.fees[v-1]
		w.out = s.lintFee(w.out, v-1)
		if parent != nil && parent.plan == own.plan && parent.zone == own.zone {
			m := Match{s, found{fee: v - 1}}
			w.out = append(w.out, Finding{LintRepeats, m.Fee(), "same zone and prices as the next shorter prefix"})
		}
		parent, covered, whole = own, true, true
	case v&(bySource|byList) == bySource|byList:
		for _, e := range s.lists[v&^(bySource|byList)] {
			w.out = s.lintFee(w.out, e.value-1)
		}
		parent = nil
	case v != 0:
		w.below(v&^bySource, nil, prefix, true)
		parent = nil
	}
	const digits = "#*+0123456789"
	held, missing := 0, ""
	child := n.first
	for b := 0; b < len(digits); b++ {
		if n.bits>>b&1 == 0 {
			if b >= 3 {
				missing += digits[b : b+1]
			}
			continue
		}
		full := w.below(child, parent, prefix+digits[b:b+1], covered)
		child++
		if b >= 3 && full {
			held++
		}
	}
	w.gaps(prefix, held, missing, covered, n.value)
	return whole || held == 10
}

// gaps tells of a prefix of which most continuations have a fee and the others
// none, and of one whose fee none is left for.
func (w *walk) gaps(prefix string, held int, missing string, covered bool, own uint32) {
	switch {
	case !covered && held >= 7 && missing != "":
		w.out = append(w.out, Finding{LintHole, "", fmt.Sprintf("prefix %s: fees for most digits that follow, none for %s", prefix, missing)})
	case held == 10 && own != 0 && own&bySource == 0 && prefix != "":
		w.out = append(w.out, Finding{LintUnreachable, Match{w.s, found{fee: own - 1}}.Fee(), "all ten digits that can follow have fees of their own"})
	}
}

// lintOthers looks at the fees of one direction and service that are in no trie.
func (s *Snapshot) lintOthers(out []Finding, at int) []Finding {
	f := &s.fields[at]
	var fees []uint32
	for _, m := range [...]map[string]uint32{f.exact, f.texts, f.providers, f.types} {
		for _, v := range m {
			if v&bySource == 0 {
				fees = append(fees, v-1)
			}
		}
	}
	for _, all := range [...][]pattern{f.match, f.patterns} {
		for i := range all {
			fees = append(fees, all[i].fee)
		}
	}
	slices.Sort(fees)
	for _, n := range fees {
		out = s.lintFee(out, n)
	}
	return out
}

func (s *Snapshot) lintFee(out []Finding, i uint32) []Finding {
	m := Match{s, found{fee: i}}
	var zero, divided, negative bool
	negative = m.Connect().Sign() < 0
	for _, n := range s.used() {
		r := s.rate(s.fees[i].plan, n)
		for k := range len(r.Tiers) + 2 {
			v := r.Init
			if k == 1 {
				v = r.Follow
			} else if k > 1 {
				v = r.Tiers[k-2].Interval
			}
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
