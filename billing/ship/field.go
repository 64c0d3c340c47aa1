package ship

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/class5-go/class5/billing"
)

// FieldKind is the type of a column, for formats that have types.
type FieldKind uint8

// Kinds of fields.
const (
	Text    FieldKind = iota
	Whole             // an integer
	Instant           // milliseconds since 1970, shown as 2006-01-02 15:04:05.000 in UTC
	Span              // milliseconds, shown as seconds with three places
	Money             // millionths of a unit, shown with six places
)

// Field is one column of an export.
type Field struct {
	Name string
	Kind FieldKind
	// Text is the value of a Text field, Int that of all others.
	Text func(c *billing.CDR) string
	Int  func(c *billing.CDR) int64
}

const instantForm = "2006-01-02 15:04:05.000"

// Show returns the value as text.
func (f *Field) Show(c *billing.CDR) string {
	switch f.Kind {
	case Whole:
		return strconv.FormatInt(f.Int(c), 10)
	case Instant:
		v := billing.Millis(f.Int(c))
		if v == 0 {
			return ""
		}
		return v.Time().Format(instantForm)
	case Span:
		return decimal(f.Int(c), 3)
	case Money:
		return decimal(f.Int(c), 6)
	}
	return f.Text(c)
}

// decimal writes v with so many decimal places, exactly.
func decimal(v int64, places int) string {
	digits := strconv.FormatInt(v, 10)
	sign := ""
	if v < 0 {
		sign, digits = "-", digits[1:]
	}
	if len(digits) <= places {
		digits = strings.Repeat("0", places+1-len(digits)) + digits
	}
	return sign + digits[:len(digits)-places] + "." + digits[len(digits)-places:]
}

// Masked shows but the last n characters of a Text field as stars.
func Masked(f Field, n int) Field {
	show := f.Text
	f.Text = func(c *billing.CDR) string {
		r := []rune(show(c))
		for i := range max(0, len(r)-n) {
			r[i] = '*'
		}
		return string(r)
	}
	return f
}

// Hashed shows a keyed hash, 32 hexadecimal digits, in place of a Text field:
// the same value has the same hash, and without the key nobody can try numbers
// out. An empty value stays empty.
func Hashed(f Field, key []byte) Field {
	show := f.Text
	f.Text = func(c *billing.CDR) string {
		v := show(c)
		if v == "" {
			return ""
		}
		h := hmac.New(sha256.New, key)
		h.Write([]byte(v))
		return hex.EncodeToString(h.Sum(nil)[:16])
	}
	return f
}

func text(f func(c *billing.CDR) string) Field { return Field{Kind: Text, Text: f} }

func number(k FieldKind, f func(c *billing.CDR) int64) Field { return Field{Kind: k, Int: f} }

// plainFields are the fields of the record itself.
func plainFields() map[string]Field {
	m := map[string]Field{
		"key":        text(func(c *billing.CDR) string { return c.Key.String() }),
		"revision":   number(Whole, func(c *billing.CDR) int64 { return int64(c.Revision) }),
		"interim":    number(Whole, func(c *billing.CDR) int64 { return int64(c.Interim) }),
		"generation": number(Whole, func(c *billing.CDR) int64 { return int64(c.Generation) }),
		"call_id":    text(func(c *billing.CDR) string { return c.CallID }),
		"from_tag":   text(func(c *billing.CDR) string { return c.FromTag }),
		"to_tag":     text(func(c *billing.CDR) string { return c.ToTag }),
		"leg":        number(Whole, func(c *billing.CDR) int64 { return int64(c.Leg) }),
		"type":       text(func(c *billing.CDR) string { return c.Type.String() }),
		"status":     text(func(c *billing.CDR) string { return c.Status.String() }),
		"code":       number(Whole, func(c *billing.CDR) int64 { return int64(c.Code) }),
		"node":       text(func(c *billing.CDR) string { return c.Node }),
		"evidence":   text(func(c *billing.CDR) string { return c.Evidence }),
		"source": text(func(c *billing.CDR) string {
			if !c.Source.IsValid() {
				return ""
			}
			return c.Source.String()
		}),
		"init":     number(Instant, func(c *billing.CDR) int64 { return int64(c.Init) }),
		"start":    number(Instant, func(c *billing.CDR) int64 { return int64(c.Start) }),
		"end":      number(Instant, func(c *billing.CDR) int64 { return int64(c.End) }),
		"duration": number(Span, func(c *billing.CDR) int64 { return int64(c.Duration) }),
	}
	for _, side := range []string{"caller", "callee"} {
		for name, of := range endpointFields() {
			m[side+"."+name] = text(func(c *billing.CDR) string {
				if side == "caller" {
					return of(&c.Caller)
				}
				return of(&c.Callee)
			})
		}
	}
	return m
}

func endpointFields() map[string]func(e *billing.Endpoint) string {
	return map[string]func(e *billing.Endpoint) string{
		"subscriber": func(e *billing.Endpoint) string { return e.Subscriber },
		"account":    func(e *billing.Endpoint) string { return e.Account },
		"user":       func(e *billing.Endpoint) string { return e.User },
		"domain":     func(e *billing.Endpoint) string { return e.Domain },
		"number":     func(e *billing.Endpoint) string { return e.Number },
		"dialled":    func(e *billing.Endpoint) string { return e.Dialled },
		"peer":       func(e *billing.Endpoint) string { return e.Peer },
	}
}

// party finds the price of a side's role; of several resellers that of a depth.
func party(c *billing.CDR, side billing.Side, role billing.Role, depth int) *billing.Party {
	for i := range c.Parties {
		if p := &c.Parties[i]; p.Side == side && p.Role == role && p.Depth == depth {
			return p
		}
	}
	return &billing.Party{}
}

// partyField makes a field of one party, as in "caller.customer.amount" or
// "caller.reseller2.fee".
func partyField(side billing.Side, role, what string) (Field, bool) {
	depth := 0
	if name, ok := strings.CutPrefix(role, string(billing.RoleReseller)); ok {
		depth = 1
		if name != "" {
			n, err := strconv.Atoi(name)
			if err != nil || n < 1 {
				return Field{}, false
			}
			depth = n
		}
		role = string(billing.RoleReseller)
	}
	of := func(c *billing.CDR) *billing.Party { return party(c, side, billing.Role(role), depth) }
	switch what {
	case "account":
		return text(func(c *billing.CDR) string { return of(c).Account }), true
	case "profile":
		return text(func(c *billing.CDR) string { return of(c).Profile }), true
	case "fee":
		return text(func(c *billing.CDR) string { return of(c).Fee }), true
	case "zone":
		return text(func(c *billing.CDR) string { return of(c).Zone }), true
	case "currency":
		return text(func(c *billing.CDR) string { return of(c).Amount.Currency().String() }), true
	case "tariff":
		return text(func(c *billing.CDR) string { return of(c).Tariff.String() }), true
	case "amount":
		return number(Money, func(c *billing.CDR) int64 { return of(c).Amount.Micros() }), true
	case "charged":
		return number(Span, func(c *billing.CDR) int64 { return int64(of(c).Charged) }), true
	case "units":
		return number(Whole, func(c *billing.CDR) int64 { return of(c).Units }), true
	}
	return Field{}, false
}

// Fields makes columns of their names: those of a record as in its JSON form
// ("call_id", "start", "duration"), of an endpoint ("caller.number"), of a
// party ("caller.customer.amount", "callee.reseller2.zone").
//
// A name may go by another in the export: "start=START_TIME". An empty name
// before the sign is a column without values: "=RESERVED".
func Fields(names ...string) ([]Field, error) {
	plain := plainFields()
	plain[""] = text(func(*billing.CDR) string { return "" })
	out := make([]Field, 0, len(names))
	for _, n := range names {
		name, shown, renamed := strings.Cut(n, "=")
		if !renamed {
			shown = name
		}
		f, ok := plain[name]
		if parts := strings.Split(name, "."); !ok && len(parts) == 3 {
			side, role := billing.Side(parts[0]), parts[1]
			known := side == billing.SideCaller || side == billing.SideCallee
			base := strings.TrimRight(role, "0123456789")
			known = known && (base == string(billing.RoleReseller) || role == string(billing.RoleCustomer) || role == string(billing.RoleCarrier))
			if known {
				f, ok = partyField(side, role, parts[2])
			}
		}
		if !ok || shown == "" {
			return nil, fmt.Errorf("ship: no field %.60q", n)
		}
		f.Name = shown
		out = append(out, f)
	}
	return out, nil
}
