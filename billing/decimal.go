package billing

import (
	"fmt"
	"strings"
)

// maxDecimal bounds the text of one number. Decks carry trailing zeros, so it
// is wider than any value that fits.
const maxDecimal = 64

// parseDecimal is parseWide for what fits 64 bits.
func parseDecimal(s string, places int) (int64, error) {
	w, err := parseWide(s, places)
	if err != nil {
		return 0, err
	}
	v, ok := w.int64()
	if !ok {
		return 0, fmt.Errorf("%w: %q", ErrOverflow, clip(s))
	}
	return v, nil
}

// parseWide reads [-]digits[.digits] as a whole number of 10^-places units.
// Digits behind the last place must be zeros: nothing is rounded in silence.
func parseWide(s string, places int) (wide, error) {
	bad := func(err error) (wide, error) { return wide{}, fmt.Errorf("%w: %q", err, clip(s)) }
	digits, neg := strings.CutPrefix(s, "-")
	if len(s) > maxDecimal {
		return bad(ErrSyntax)
	}
	whole, frac, dot := strings.Cut(digits, ".")
	if whole == "" || dot && frac == "" {
		return bad(ErrSyntax)
	}
	for len(frac) > places {
		if c := frac[len(frac)-1]; c > '0' && c <= '9' {
			return bad(ErrPrecision)
		} else if c != '0' {
			return bad(ErrSyntax)
		}
		frac = frac[:len(frac)-1]
	}
	var w wide
	for _, part := range [2]string{whole, frac} {
		for i := range len(part) {
			c := part[i]
			if c < '0' || c > '9' {
				return bad(ErrSyntax)
			}
			var ok1, ok2 bool
			w, ok1 = w.mul(10)
			w, ok2 = w.add(wide{lo: uint64(c - '0')})
			if !ok1 || !ok2 {
				return bad(ErrOverflow)
			}
		}
	}
	w, ok := w.mul(pow10[places-len(frac)])
	if !ok {
		return bad(ErrOverflow)
	}
	w.neg = neg && !w.isZero()
	return w, nil
}

// appendDecimal writes w, counted in 10^-places units, with at least keep
// decimal places and no zero behind them.
func appendDecimal(dst []byte, w wide, places, keep int) []byte {
	var buf [48]byte
	i, neg := len(buf), w.neg
	for n := 0; n <= places || !w.isZero(); n++ {
		var rest uint64
		if n == places && places > 0 {
			i--
			buf[i] = '.'
		}
		w, rest = w.div(10)
		i--
		buf[i] = byte('0' + rest)
	}
	end := len(buf)
	for cut := places; cut > keep && buf[end-1] == '0'; cut-- {
		end--
	}
	if buf[end-1] == '.' {
		end--
	}
	if neg {
		dst = append(dst, '-')
	}
	return append(dst, buf[i:end]...)
}
