package billing

import (
	"fmt"
	"strings"
)

// Mode says which way a number goes that lies between two results.
type Mode uint8

// Rounding modes. They are symmetric about zero: a credit is rounded as the
// charge of the same size is.
const (
	HalfUp   Mode = iota // to the nearer, a half away from zero
	HalfEven             // to the nearer, a half to the even neighbour
	Up                   // away from zero
	Down                 // towards zero
)

// Scope says what is rounded.
type Scope uint8

// Rounding scopes.
const (
	ScopeLeg       Scope = iota // the sum of a leg, once
	ScopeIncrement              // the price of every interval begun
)

// Rounding is a rounding policy. The zero Rounding is the default: the sum of
// a leg is rounded once, half up, to six places.
type Rounding struct {
	mode  Mode
	scope Scope
	drop  uint8 // places below the sixth; so the zero value keeps six
}

// NewRounding makes a policy of 0 to 6 decimal places.
func NewRounding(m Mode, places int, s Scope) (Rounding, error) {
	if m > Down || s > ScopeIncrement || places < 0 || places > amountPlaces {
		return Rounding{}, fmt.Errorf("%w: rounding mode %d, %d places, scope %d", ErrSyntax, m, places, s)
	}
	return Rounding{mode: m, scope: s, drop: uint8(amountPlaces - places)}, nil
}

// Mode returns the mode.
func (r Rounding) Mode() Mode { return r.mode }

// Places returns the number of decimal places kept.
func (r Rounding) Places() int { return amountPlaces - int(r.drop) }

// Scope returns the scope.
func (r Rounding) Scope() Scope { return r.scope }

// step is the number of micro-units in one unit of the last place kept.
func (r Rounding) step() uint64 { return pow10[r.drop] }

var (
	modeNames  = [...]string{"half-up", "half-even", "up", "down"}
	scopeNames = [...]string{"leg", "increment"}
	pow10      = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12}
)

// String returns mode, places and scope, such as "half-up 6 leg".
func (r Rounding) String() string {
	return fmt.Sprintf("%s %d %s", modeNames[r.mode], r.Places(), scopeNames[r.scope])
}

// ParseRounding reads what String wrote. Places and scope may be left out.
func ParseRounding(s string) (Rounding, error) {
	bad := func() (Rounding, error) {
		return Rounding{}, fmt.Errorf("%w: rounding %q", ErrSyntax, clip(s))
	}
	f := strings.Fields(s)
	if len(f) == 0 || len(f) > 3 {
		return bad()
	}
	mode, ok := index(modeNames[:], f[0])
	if !ok {
		return bad()
	}
	places, scope := amountPlaces, 0
	if len(f) > 1 {
		if len(f[1]) != 1 || f[1][0] < '0' || f[1][0] > '6' {
			return bad()
		}
		places = int(f[1][0] - '0')
	}
	if len(f) > 2 {
		if scope, ok = index(scopeNames[:], f[2]); !ok {
			return bad()
		}
	}
	return NewRounding(Mode(mode), places, Scope(scope))
}

// MarshalText returns String.
func (r Rounding) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is ParseRounding.
func (r *Rounding) UnmarshalText(b []byte) error {
	v, err := ParseRounding(string(b))
	if err != nil {
		return err
	}
	*r = v
	return nil
}

// index finds a name in a table of an enumeration.
func index(names []string, s string) (int, bool) {
	for i, n := range names {
		if n == s {
			return i, true
		}
	}
	return 0, false
}
