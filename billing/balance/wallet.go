package balance

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/class5-go/class5/billing"
)

// Wallet is a store of money, time or things beside cash and free time.
type Wallet struct {
	ID    string `json:"id"`
	Unit  Unit   `json:"unit"`
	Value int64  `json:"value"` // micro-units, milliseconds or things
	// Weight decides who pays first: the heavier. Free time and cash have 0;
	// of equal weights time and things go before money, then what expires
	// first, then the identifier decides.
	Weight  int            `json:"weight,omitempty"`
	Filter  Filter         `json:"filter,omitzero"`
	Expires billing.Millis `json:"expires,omitempty"` // exclusive; 0 for never

	// Increment of a wallet of time or things: it is used up in whole ones,
	// whatever the tariff's intervals are; 0 for exactly as much as was used.
	Increment int64 `json:"increment,omitempty"`
	// Price of each second or thing taken, and Connect once a usage; paid with
	// money of the account, else the wallet is passed over.
	Price   billing.Price  `json:"price,omitzero"`
	Connect billing.Amount `json:"connect,omitzero"`

	// Blocker: what this wallet pays for may be paid by no lighter one.
	Blocker bool `json:"blocker,omitempty"`
	// Shared wallets may be used by the members of the account's group.
	Shared bool `json:"shared,omitempty"`
	// Overdraft of a wallet of money is how far it may go below zero.
	Overdraft int64 `json:"overdraft,omitempty"`
}

// Filter says what a wallet pays for. Empty lists allow everything.
type Filter struct {
	Destinations []string            `json:"destinations,omitempty"` // prefixes of the called number
	Services     []string            `json:"services,omitempty"`
	Zones        []string            `json:"zones,omitempty"`
	Rates        []string            `json:"rates,omitempty"` // names of calendar rates
	Directions   []billing.Direction `json:"directions,omitempty"`
}

func (w *Wallet) check() error {
	switch {
	case w.ID == "" || w.ID == CashWallet || w.ID == FreeWallet || w.Unit == "":
	case w.Increment < 0 || w.Overdraft < 0 || w.Connect.Sign() < 0 || w.Price.Pico() < 0:
	case w.Unit == Cash && (w.Increment != 0 || !w.Price.IsZero() || !w.Connect.IsZero()):
	case w.Unit != Cash && (w.Overdraft != 0 || w.Value < 0):
	default:
		return nil
	}
	return fmt.Errorf("%w: wallet %.40q", ErrTerms, w.ID)
}

// allows reports whether a filter lets a step of a usage through.
func (f *Filter) allows(u *Usage, s *Step) bool {
	prefix := func(p string) bool { return strings.HasPrefix(u.Destination, p) }
	return (len(f.Destinations) == 0 || slices.ContainsFunc(f.Destinations, prefix)) &&
		has(f.Services, u.service()) && has(f.Zones, u.Zone) && has(f.Rates, s.Rate) && has(f.Directions, u.Direction)
}

func has[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

// purse is a wallet during a charge.
type purse struct {
	w       *Wallet // nil for cash and free time
	owner   int     // 0 the account, then the shared ones
	free    bool    // free time
	left    int64   // paid for by the last increment, in the wallet's unit
	entered bool    // the connect fee was paid
	took    int64   // of time or things
}

func (p *purse) weight() int {
	if p.w == nil {
		return 0
	}
	return p.w.Weight
}

func (p *purse) money() bool { return p.w == nil && !p.free || p.w != nil && p.w.Unit == Cash }

func (p *purse) expires() uint64 {
	if p.w == nil || p.w.Expires == 0 {
		return 1<<64 - 1
	}
	return uint64(p.w.Expires)
}

func (p *purse) id() string {
	switch {
	case p.w != nil:
		return p.w.ID
	case p.free:
		return FreeWallet
	}
	return CashWallet
}

// order sorts purses by who pays first.
func order(a, b *purse) int {
	kind := func(p *purse) int {
		if p.money() {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(b.weight(), a.weight()), cmp.Compare(kind(a), kind(b)),
		cmp.Compare(a.expires(), b.expires()), cmp.Compare(a.id(), b.id()), cmp.Compare(a.owner, b.owner))
}
