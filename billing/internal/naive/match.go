package naive

import (
	"regexp"
	"sort"
	"strings"

	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
)

// Tariff is what a tariff.Builder was given.
type Tariff struct {
	Config tariff.Config
	Fees   []tariff.Fee
}

// Match returns the fee of a call, or nil.
func (t *Tariff) Match(c *rate.Call) *tariff.Fee {
	if t.Config.IgnoreDomain {
		d := *c
		d.SourceURI, d.DestinationURI = "", ""
		c = &d
	}
	var fees []*tariff.Fee
	for i := range t.Fees {
		if f := &t.Fees[i]; f.Direction == c.Direction && f.Service == c.Service {
			fees = append(fees, f)
		}
	}
	// Of fees that are alike in everything that decides, the first in the order
	// of their texts.
	sort.SliceStable(fees, func(i, j int) bool {
		a, b := fees[i], fees[j]
		return a.Destination < b.Destination || a.Destination == b.Destination && a.Source < b.Source
	})
	for _, try := range []func() *tariff.Fee{
		func() *tariff.Fee { return named(fees, c, "lnp:", c.Provider) },
		func() *tariff.Fee { return named(fees, c, "lnpnumbertype:", c.NumberType) },
		func() *tariff.Fee { return exact(fees, c, c.DestinationURI) },
		func() *tariff.Fee { return exact(fees, c, c.Destination) },
		func() *tariff.Fee { return prefix(fees, c) },
		func() *tariff.Fee { return matched(fees, c, c.DestinationURI) },
		func() *tariff.Fee { return matched(fees, c, c.Destination) },
		func() *tariff.Fee { return patterned(fees, c, c.DestinationURI) },
		func() *tariff.Fee { return patterned(fees, c, c.Destination) },
	} {
		if f := try(); f != nil {
			return f
		}
	}
	return nil
}

func lnp(f *tariff.Fee) bool {
	return strings.HasPrefix(f.Destination, "lnp:") || strings.HasPrefix(f.Destination, "lnpnumbertype:")
}

// from reports whether a fee by prefix is for the caller.
func from(f *tariff.Fee, c *rate.Call) bool {
	return strings.HasPrefix(c.Source, f.Source) || strings.HasPrefix(c.SourceURI, f.Source)
}

// longest returns the fee for which rank is the highest and not below 0.
func longest(fees []*tariff.Fee, rank func(*tariff.Fee) int) *tariff.Fee {
	var best *tariff.Fee
	top := -1
	for _, f := range fees {
		if r := rank(f); r > top {
			best, top = f, r
		}
	}
	return best
}

func named(fees []*tariff.Fee, c *rate.Call, mark, key string) *tariff.Fee {
	if key == "" {
		return nil
	}
	return longest(fees, func(f *tariff.Fee) int {
		if f.Mode >= tariff.RegexMatch || f.Destination != mark+key || !from(f, c) {
			return -1
		}
		return len(f.Source)
	})
}

func exact(fees []*tariff.Fee, c *rate.Call, dest string) *tariff.Fee {
	if dest == "" {
		return nil
	}
	return longest(fees, func(f *tariff.Fee) int {
		if f.Mode != tariff.Exact || lnp(f) || f.Destination != dest || !from(f, c) {
			return -1
		}
		return len(f.Source)
	})
}

// prefix: numbers and users by the longest prefix; user@domain wins only with a
// longer one.
func prefix(fees []*tariff.Fee, c *rate.Call) *tariff.Fee {
	by := func(dest string, numbers bool) *tariff.Fee {
		return longest(fees, func(f *tariff.Fee) int {
			if f.Mode != tariff.Prefix || lnp(f) || (strings.Trim(f.Destination, "0123456789*#+") == "") != numbers || !strings.HasPrefix(dest, f.Destination) || !from(f, c) {
				return -1
			}
			return len(f.Destination)*1000 + len(f.Source)
		})
	}
	best := by(c.Destination, true)
	for _, dest := range []string{c.DestinationURI, c.Destination} {
		if f := by(dest, false); dest != "" && f != nil && (best == nil || len(f.Destination) > len(best.Destination)) {
			return f
		}
	}
	return best
}

// part returns how long the matched part is, -1 when there is none.
func part(expr, s string) int {
	if expr == "" {
		return 0
	}
	at := regexp.MustCompile(expr).FindStringIndex(s)
	if at == nil {
		return -1
	}
	return at[1] - at[0]
}

func matched(fees []*tariff.Fee, c *rate.Call, dest string) *tariff.Fee {
	if dest == "" && c.Destination != "" {
		return nil
	}
	return longest(fees, func(f *tariff.Fee) int {
		if f.Mode != tariff.RegexMatch {
			return -1
		}
		d, s := part(f.Destination, dest), -1
		if c.SourceURI != "" {
			s = part(f.Source, c.SourceURI)
		}
		if s < 0 {
			s = part(f.Source, c.Source)
		}
		if d < 0 || s < 0 {
			return -1
		}
		return d*1000 + s
	})
}

func patterned(fees []*tariff.Fee, c *rate.Call, dest string) *tariff.Fee {
	if dest == "" && c.Destination != "" {
		return nil
	}
	return longest(fees, func(f *tariff.Fee) int {
		if f.Mode != tariff.RegexPattern || part(f.Destination, dest) < 0 {
			return -1
		}
		if part(f.Source, c.Source) < 0 && (c.SourceURI == "" || part(f.Source, c.SourceURI) < 0) {
			return -1
		}
		return len(f.Destination)*1000 + len(f.Source)
	})
}
