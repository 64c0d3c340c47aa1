package scenario

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/class5-go/class5/billing"
)

// Money is a decimal as a string, such as "0.25", in the unit that File.Amounts
// names: at most six places of a unit, four of a hundredth.
type Money string

// Price is a decimal as a string, of at most twelve places of a unit or ten of
// a hundredth, and behind a slash for how many seconds, messages or units of
// data that is: "0.10/60". Without a slash it is for one.
type Price string

// Span is a time: whole seconds as a number, or a string that holds decimal
// seconds of at most three places ("90", "90.5") or counts with their units
// ("1h30m", "250ms", "2d").
type Span string

// UnmarshalJSON reads a number of whole seconds, or a string.
func (s *Span) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(s))
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return fmt.Errorf("%w: %.40s is no number of whole seconds", billing.ErrSyntax, b)
	}
	*s = Span(strconv.FormatInt(n, 10))
	return nil
}

// spanUnits are the units that a Span may be counted in, in milliseconds.
var spanUnits = [...]struct {
	name string
	ms   int64
}{{"ms", 1}, {"s", 1000}, {"m", 60_000}, {"h", 3_600_000}, {"d", 86_400_000}}

const maxSpan = 1 << 50

// millis reads a span.
func (s Span) millis() (billing.Millis, error) {
	bad := func() (billing.Millis, error) {
		return 0, fmt.Errorf("%w: %.40q is no time in seconds", billing.ErrSyntax, string(s))
	}
	text, neg := strings.CutPrefix(string(s), "-")
	if text == "" || len(text) > 40 {
		return bad()
	}
	sum := int64(0)
	for text != "" {
		n := len(text) - len(strings.TrimLeft(text, "0123456789."))
		number, rest := text[:n], text[n:]
		scale := int64(1000)
		if rest != "" {
			n = len(rest) - len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz"))
			if scale = unit(rest[:n]); scale == 0 {
				return bad()
			}
			rest = rest[n:]
		}
		v, ok := scaled(number, scale)
		if !ok || sum > maxSpan-v {
			return bad()
		}
		sum, text = sum+v, rest
	}
	if neg {
		sum = -sum
	}
	return billing.Millis(sum), nil
}

func unit(name string) int64 {
	for _, u := range spanUnits {
		if u.name == name {
			return u.ms
		}
	}
	return 0
}

// scaled multiplies a decimal with a number of milliseconds, where that gives
// whole ones.
func scaled(number string, scale int64) (int64, bool) {
	whole, frac, dot := strings.Cut(number, ".")
	if whole == "" || dot && frac == "" || len(frac) > 3 {
		return 0, false
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n > maxSpan/scale {
		return 0, false
	}
	n *= scale
	if frac != "" {
		f, err := strconv.ParseInt(frac, 10, 64)
		den := int64(1)
		for range frac {
			den *= 10
		}
		if err != nil || f*scale%den != 0 {
			return 0, false
		}
		n += f * scale / den
	}
	return n, true
}

// seconds writes a span in decimal seconds.
func seconds(m billing.Millis) string {
	sign := ""
	if m < 0 {
		sign, m = "-", -m
	}
	s := sign + strconv.FormatInt(int64(m/1000), 10)
	if m%1000 != 0 {
		s += strings.TrimRight(fmt.Sprintf(".%03d", m%1000), "0")
	}
	return s
}

// unitOf is what decimals of a file are counted in.
type unitOf struct {
	hundredths bool
	currency   billing.Currency
}

// amount reads money; the empty text is nothing.
func (u unitOf) amount(m Money) (billing.Amount, error) {
	if m == "" {
		return billing.NewAmount(0, u.currency), nil
	}
	if strings.Contains(string(m), " ") {
		return billing.Amount{}, fmt.Errorf("%w: %.40q; a decimal has no currency", billing.ErrSyntax, string(m))
	}
	text := string(m)
	if u.hundredths {
		text = hundredth(text)
	}
	a, err := billing.ParseAmount(text)
	return billing.NewAmount(a.Micros(), u.currency), err
}

// price reads a price; the empty text is nothing.
func (u unitOf) price(p Price) (billing.Price, error) {
	if p == "" {
		return billing.Price{}, nil
	}
	number, per, sliced := strings.Cut(string(p), "/")
	if u.hundredths {
		number = hundredth(number)
	}
	if sliced {
		number += "/" + per
	}
	return billing.ParsePrice(number)
}

// hundredth moves the point of a decimal two places to the left. What is no
// decimal stays what it is.
func hundredth(s string) string {
	digits, neg := strings.CutPrefix(s, "-")
	whole, frac, dot := strings.Cut(digits, ".")
	if whole == "" || dot && frac == "" || strings.Trim(whole+frac, "0123456789") != "" {
		return s
	}
	for len(whole) < 3 {
		whole = "0" + whole
	}
	out := whole[:len(whole)-2] + "." + whole[len(whole)-2:] + frac
	if neg {
		out = "-" + out
	}
	return out
}

// write is the decimal of money, without zeros behind the last place that
// counts.
func (u unitOf) write(micros int64) Money {
	places := 6
	if u.hundredths {
		places = 4
	}
	sign, n := "", uint64(micros)
	if micros < 0 {
		sign, n = "-", -n
	}
	digits := strconv.FormatUint(n, 10)
	for len(digits) <= places {
		digits = "0" + digits
	}
	out := digits[:len(digits)-places] + "." + digits[len(digits)-places:]
	return Money(sign + strings.TrimSuffix(strings.TrimRight(out, "0"), "."))
}

func (u unitOf) of(a billing.Amount) Money { return u.write(a.Micros()) }

// quote writes a price as the file would.
func (u unitOf) quote(p billing.Price) Price {
	if !u.hundredths {
		return Price(p.String())
	}
	number, per, sliced := strings.Cut(p.String(), "/")
	neg := strings.HasPrefix(number, "-")
	whole, frac, _ := strings.Cut(strings.TrimPrefix(number, "-"), ".")
	for len(frac) < 2 {
		frac += "0"
	}
	out := strings.TrimLeft(whole+frac[:2], "0")
	if out == "" {
		out = "0"
	}
	if frac[2:] != "" {
		out += "." + frac[2:]
	}
	if neg {
		out = "-" + out
	}
	if sliced {
		out += "/" + per
	}
	return Price(out)
}
