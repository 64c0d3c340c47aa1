package chain

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
)

// Rater prices calls for all their parties. It may be used by any number of
// goroutines when its Directory may.
type Rater struct {
	Directory Directory
	// Ported, when not nil, returns provider and type of a called number at an
	// instant, for tariffs that have fees for ported numbers.
	Ported func(number string, at billing.Millis) (provider, numberType string)
	// Complete, when not nil, returns the call that a record is with what the record
	// does not say, such as that it was messages, and how many.
	Complete func(call rate.Call, of *billing.CDR) rate.Call
	// Explain puts the explanation of each price into its party.
	Explain bool
}

// Price is the price of a call for one party, and how it was made.
type Price struct {
	Party  billing.Party
	Terms  Terms
	Call   rate.Call
	Rated  bool        // a fee was found; otherwise Result is empty
	Result rate.Result // with steps
}

// Rate appends the prices of a record for all its parties to dst: caller's
// side first, on each side the customer, the resellers from it upwards, and
// the carrier. A record that may not be charged has prices of 0. The error is a
// *PartyError, and dst is then as it was.
func (r *Rater) Rate(dst []billing.Party, c *billing.CDR) ([]billing.Party, error) {
	was := dst
	if cap(dst) == 0 {
		dst = make([]billing.Party, 0, 4) // a customer, one or two resellers and a carrier: what most calls have
	}
	var p Price
	k := parties(c)
	for k.next(p.Terms.Parent) {
		p.Result.Steps = nil
		if err := r.price(&p, &k, c); err != nil {
			return was, &PartyError{k.ref, err}
		}
		dst = append(dst, p.Party)
	}
	return dst, nil
}

// Prices is Rate with everything that a price was made of. Room for steps in
// dst behind its length is used again.
func (r *Rater) Prices(dst []Price, c *billing.CDR) ([]Price, error) {
	had := len(dst)
	k := parties(c)
	for parent := ""; k.next(parent); {
		if len(dst) < cap(dst) {
			dst = dst[:len(dst)+1]
		} else {
			dst = append(dst, Price{})
		}
		p := &dst[len(dst)-1]
		if p.Result.Steps == nil {
			p.Result.Steps = make([]rate.Step, 0, 8)
		}
		if err := r.price(p, &k, c); err != nil {
			return dst[:had], &PartyError{k.ref, err}
		}
		parent = p.Terms.Parent
	}
	return dst, nil
}

// cursor goes from party to party of a record.
type cursor struct {
	ref   Ref
	sides [2]struct{ own, peer string }
	side  int
	stage int // 0 before the customer, 1 among customer and resellers, 2 behind the carrier
}

var sideNames = [...]billing.Side{billing.SideCaller, billing.SideCallee}

func parties(c *billing.CDR) cursor {
	k := cursor{}
	k.sides[0].own, k.sides[0].peer = c.Caller.Account, c.Callee.Peer
	k.sides[1].own, k.sides[1].peer = c.Callee.Account, c.Caller.Peer
	return k
}

// next goes to the next party. parent is the contract of the reseller above the
// last one.
func (k *cursor) next(parent string) bool {
	for ; k.side < len(k.sides); k.side, k.stage = k.side+1, 0 {
		s := &k.sides[k.side]
		switch {
		case k.stage == 0 && s.own != "":
			k.ref, k.stage = Ref{Side: sideNames[k.side], Role: billing.RoleCustomer, Account: s.own}, 1
			return true
		case k.stage == 1 && parent != "":
			k.ref = Ref{Side: k.ref.Side, Role: billing.RoleReseller, Depth: k.ref.Depth + 1, Account: parent}
			return true
		case k.stage < 2 && s.peer != "":
			k.ref, k.stage = Ref{Side: sideNames[k.side], Role: billing.RoleCarrier, Account: s.peer}, 2
			return true
		}
	}
	return false
}

// price makes the price of one party. Steps are made when there is room for
// them in p.
func (r *Rater) price(p *Price, k *cursor, c *billing.CDR) error {
	ref := k.ref
	p.Terms, p.Rated = Terms{}, false
	if ref.Depth > MaxDepth {
		return ErrDepth
	}
	at := c.Start
	if at == 0 {
		at = c.Init
	}
	terms, err := r.Directory.Terms(ref, at, c.Source)
	if err != nil {
		return err
	}
	p.Terms = terms
	p.Party = billing.Party{
		Side: ref.Side, Role: ref.Role, Depth: ref.Depth, Account: terms.Account, Profile: terms.Profile, Direction: billing.Out,
	}
	if terms.Account == "" {
		p.Party.Account = ref.Account
	}
	if ref.Side == billing.SideCallee {
		p.Party.Direction = billing.In
	}
	s := terms.Snapshot
	if s == nil {
		if p.Party.Direction == billing.In || !c.Chargeable() {
			return nil
		}
		return ErrNoTariff
	}
	p.Party.Tariff = s.Hash()
	p.Party.Amount = billing.NewAmount(0, s.Currency())
	if !c.Chargeable() {
		return nil
	}
	r.call(&p.Call, s, c, p.Party.Direction)
	p.Call.Zone = terms.Zone
	if r.Complete != nil {
		p.Call = r.Complete(p.Call, c)
	}
	return r.rate(p, s)
}

// call makes the call of a record as a tariff looks at it.
func (r *Rater) call(to *rate.Call, s *tariff.Snapshot, c *billing.CDR, d billing.Direction) {
	*to = rate.CallOf(c, d)
	if s.Domains() {
		to.SourceURI, to.DestinationURI = rate.URI(&c.Caller), rate.URI(&c.Callee)
	}
	if r.Ported != nil && s.Ported() {
		to.Provider, to.NumberType = r.Ported(to.Destination, c.Start)
	}
}

func (r *Rater) rate(p *Price, s *tariff.Snapshot) error {
	if r.Explain {
		return r.explain(p, s)
	}
	res, err := rate.Rate(s, p.Call, rate.Options{Steps: p.Result.Steps})
	if errors.Is(err, rate.ErrNoFee) && p.Call.Direction == billing.In {
		return nil
	}
	if err != nil {
		return err
	}
	p.Result, p.Rated = res, true
	p.fill()
	return nil
}

func (p *Price) fill() {
	res := &p.Result
	p.Party.Fee, p.Party.Zone = res.Match.Fee(), res.Match.Zone()
	p.Party.Amount, p.Party.Charged, p.Party.Capped = res.Amount, res.Charged, res.Capped
	if p.Call.Service != tariff.Voice {
		p.Party.Charged, p.Party.Units = 0, int64(res.Charged/1000)
	}
}

func (r *Rater) explain(p *Price, s *tariff.Snapshot) error {
	t, res, err := rate.ExplainResult(s, p.Call, p.Result.Steps)
	if errors.Is(err, rate.ErrNoFee) && p.Call.Direction == billing.In {
		return nil
	}
	if err != nil {
		return err
	}
	p.Result, p.Rated = res, true
	p.fill()
	if p.Party.Explain, err = json.Marshal(t); err != nil {
		return fmt.Errorf("explanation: %w", err)
	}
	return nil
}
