package rate

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// CallOf returns the call of a record, in the direction that it has for the
// caller, Out, or for the callee, In. A side without a number goes by its
// user name.
func CallOf(c *billing.CDR, d billing.Direction) Call {
	return Call{
		Direction: d, Source: cmp.Or(c.Caller.Number, c.Caller.User), Destination: cmp.Or(c.Callee.Number, c.Callee.User),
		Start: c.Start, Duration: c.Duration,
	}
}

// URI returns user@domain of an endpoint, as fees that speak of domains mean it:
// its user where that is a name, its number otherwise. It is empty without a
// domain.
func URI(e *billing.Endpoint) string {
	user := e.User
	if e.Number != "" && strings.Trim(user, "+0123456789") == "" {
		user = e.Number
	}
	if user == "" || e.Domain == "" {
		return ""
	}
	return user + "@" + e.Domain
}

// Party prices a record for the customer on one side, whose billing profile is
// the given one, with the explanation. A record that may not be charged has
// the price 0, as has a received call for which the tariff says nothing; a
// call placed without a fee is ErrNoFee.
func Party(s *tariff.Snapshot, c *billing.CDR, side billing.Side, profile string) (billing.Party, error) {
	p := billing.Party{
		Side: side, Role: billing.RoleCustomer, Account: c.Caller.Account, Direction: billing.Out,
		Profile: profile, Amount: billing.NewAmount(0, s.Currency()), Tariff: s.Hash(),
	}
	if side == billing.SideCallee {
		p.Account, p.Direction = c.Callee.Account, billing.In
	}
	if !c.Chargeable() {
		return p, nil
	}
	call := CallOf(c, p.Direction)
	if s.Domains() {
		call.SourceURI, call.DestinationURI = URI(&c.Caller), URI(&c.Callee)
	}
	t, err := Explain(s, call)
	if errors.Is(err, ErrNoFee) && p.Direction == billing.In {
		return p, nil
	}
	if err != nil {
		return billing.Party{}, err
	}
	p.Fee, p.Zone, p.Amount, p.Charged, p.Capped = t.Fee, t.Zone, t.Amount, t.Charged, t.Capped
	if p.Explain, err = json.Marshal(t); err != nil {
		return billing.Party{}, fmt.Errorf("rate: explanation: %w", err)
	}
	return p, nil
}
