package meter

import (
	"fmt"
	"math"
	"slices"
)

// Summary is the outcome of several runs of the same thing.
type Summary struct{ Median, Min, Max float64 }

// Summarise sorts a copy of the figures; the median of an even number is the
// mean of the two in the middle. Without figures it is all NaN.
func Summarise(figures []float64) Summary {
	if len(figures) == 0 {
		return Summary{math.NaN(), math.NaN(), math.NaN()}
	}
	s := slices.Sorted(slices.Values(figures))
	mid := len(s) / 2
	median := s[mid]
	if len(s)%2 == 0 {
		median = (s[mid-1] + s[mid]) / 2
	}
	return Summary{Median: median, Min: s[0], Max: s[len(s)-1]}
}

// String shows the median with the range, to three digits.
func (s Summary) String() string {
	switch {
	case math.IsNaN(s.Median):
		return "-"
	case s.Min == s.Max:
		return digits(s.Median)
	}
	return fmt.Sprintf("%s [%s-%s]", digits(s.Median), digits(s.Min), digits(s.Max))
}

// digits writes what a person reads: whole numbers from 100 on, three digits
// below.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 0.1:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.4f", v)
	}
}
