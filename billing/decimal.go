package billing

import (
	"fmt"
	"strings"
)

// maxDecimal bounds the text of one number. Decks carry trailing zeros, so it
// is wider than any value that fits.
const maxDecimal = 64

// parseDecimal reads [-]digits[.digits] as a whole number of 10^-places units.
// Digits behind the last place must be zeros: nothing is rounded in silence.
func parseDecimal(s string, places int) (int64, error) {
	bad := func(err error) (int64, error) { return 0, fmt.Errorf("%w: %q", err, clip(s)) }
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
			// 64 digits could pass 128 bits, so stop where an int64 does.
			w, _ = w.mul(10)
			w, _ = w.add(wide{lo: uint64(c - '0')})
			if w.hi != 0 {
				return bad(ErrOverflow)
			}
		}
	}
	w, _ = w.mul(pow10[places-len(frac)])
	w.neg = neg && !w.isZero()
	v, ok := w.int64()
	if !ok {
		return bad(ErrOverflow)
	}
	return v, nil
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
