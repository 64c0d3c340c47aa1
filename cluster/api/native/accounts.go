package native

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/cluster/directory"
)

// SpanIn is a number of periods. It is exported for the description only, like
// the other types of bodies here.
type SpanIn struct {
	Count  int    `json:"count" minimum:"1" maximum:"1000000"`
	Period string `json:"period" enum:"minute,hour,day,week,month"`
}

func (in *SpanIn) value() (s balance.Span, err error) {
	if in == nil {
		return s, nil
	}
	s.Count = in.Count
	return s, s.Period.UnmarshalText([]byte(in.Period))
}

func showSpan(s balance.Span) *SpanIn {
	if s == (balance.Span{}) {
		return nil
	}
	return &SpanIn{s.Count, s.Period.String()}
}

// RuleIn lays balance intervals over time.
type RuleIn struct {
	Interval *SpanIn `json:"interval,omitempty" doc:"length of a balance interval; a month when it is left out"`
	Start    string  `json:"start,omitempty" enum:"1st,create,topup,topup_interval" doc:"where intervals begin: with the calendar (default), on the day the customer was created, or with top-ups"`
}

func (in RuleIn) value() (r balance.Rule, err error) {
	r.Start = balance.Start(in.Start)
	r.Length, err = in.Interval.value()
	return r, err
}

func showRule(r balance.Rule) RuleIn { return RuleIn{showSpan(r.Length), string(r.Start)} }

// PackageIn is what a package is made of.
type PackageIn struct {
	Name string `json:"name" pattern:"^[A-Za-z0-9._-]{1,64}$" doc:"accounts know it by that: it stays"`
	RuleIn
	CarryOver      string     `json:"carry_over,omitempty" enum:"carry_over,carry_over_timely,discard" doc:"what becomes of cash at the end of an interval"`
	Timely         *SpanIn    `json:"timely,omitempty" doc:"last part of an interval in which a top-up keeps the cash, for carry_over_timely"`
	DiscardAfter   int        `json:"discard_after,omitempty" minimum:"0" maximum:"1000000" doc:"periods after the interval of the last top-up, when cash is discarded"`
	InitialBalance string     `json:"initial_balance,omitempty" doc:"amount with currency, as in 5.00 EUR"`
	ServiceCharge  string     `json:"service_charge,omitempty" doc:"taken off a top-up that names the package"`
	LockBelow      string     `json:"lock_below,omitempty" doc:"threshold of cash, below which the customer gets lock_level"`
	LockLevel      *int       `json:"lock_level,omitempty" minimum:"0" maximum:"5"`
	TopUpLock      *int       `json:"topup_lock,omitempty" minimum:"0" maximum:"5" doc:"lock level after a top-up"`
	TopUpProfile   int64      `json:"topup_profile_id,omitempty" minimum:"0" doc:"billing profile by which calls are rated from a top-up on"`
	Underrun       int64      `json:"underrun_profile_id,omitempty" minimum:"0" doc:"and from when cash falls below profile_below"`
	ProfileBelow   string     `json:"profile_below,omitempty"`
	Bundles        []BundleIn `json:"bundles,omitempty" maxItems:"50" doc:"given with each top-up that names the package"`
}

// mapped is the profile that a package brings for all callers.
func mapped(list []balance.Mapping) int64 {
	for _, m := range list {
		if m.Network == "" {
			id, _ := strconv.ParseInt(m.Profile, 10, 64) // checked on its way in
			return id
		}
	}
	return 0
}

func mapping(id int64) []balance.Mapping {
	if id == 0 {
		return nil
	}
	return []balance.Mapping{{Profile: strconv.FormatInt(id, 10)}}
}

// BundleIn is a wallet that a package gives.
type BundleIn struct {
	Wallet       string   `json:"wallet" minLength:"1" maxLength:"64" doc:"name; what is left in a wallet of that name is added to"`
	Unit         string   `json:"unit" minLength:"1" maxLength:"32" doc:"time, cash, or what is counted, such as sms"`
	Value        string   `json:"value" doc:"seconds of time, a decimal of cash, or a number"`
	Weight       int      `json:"weight,omitempty" doc:"the heaviest wallet pays first; free time and cash have 0"`
	Destinations []string `json:"destinations,omitempty" maxItems:"1000" doc:"prefixes of called numbers that it pays for; all when left out"`
	Zones        []string `json:"zones,omitempty" maxItems:"1000"`
	Increment    int64    `json:"increment,omitempty" minimum:"0" doc:"of time, in seconds, or things: it is used up in whole ones"`
	Blocker      bool     `json:"blocker,omitempty" doc:"what it pays for may be paid by nothing lighter"`
	Life         *SpanIn  `json:"life,omitempty" doc:"from the top-up; for ever when left out"`
}

type packageOut struct {
	ID int64 `json:"id"`
	PackageIn
	Rev     int64     `json:"rev"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// amount reads an amount with currency; the empty text is none.
func amount(field, text string) (billing.Amount, error) {
	if text == "" {
		return billing.Amount{}, nil
	}
	a, err := billing.ParseAmount(text)
	if err != nil || a.Currency().IsZero() {
		return a, invalidBody(field, "not an amount with currency, as in 5.00 EUR")
	}
	return a, nil
}

func showAmount(a billing.Amount) string {
	if a.IsZero() {
		return ""
	}
	return a.String()
}

func (in PackageIn) value() (p directory.Package, err error) {
	p.Name = in.Name
	r := &p.Rules
	if r.Rule, err = in.RuleIn.value(); err != nil {
		return p, invalidBody("interval", "no such period")
	}
	if r.Timely, err = in.Timely.value(); err != nil {
		return p, invalidBody("timely", "no such period")
	}
	r.CarryOver, r.DiscardAfter, r.LockLevel, r.TopUpLock = balance.CarryOver(in.CarryOver), in.DiscardAfter, in.LockLevel, in.TopUpLock
	if r.InitialBalance, err = amount("initial_balance", in.InitialBalance); err != nil {
		return p, err
	}
	if r.ServiceCharge, err = amount("service_charge", in.ServiceCharge); err != nil {
		return p, err
	}
	if in.LockBelow != "" {
		below, err := amount("lock_below", in.LockBelow)
		if err != nil {
			return p, err
		}
		r.LockBelow = &below
	}
	r.TopUp, r.Underrun = mapping(in.TopUpProfile), mapping(in.Underrun)
	if in.ProfileBelow != "" {
		below, err := amount("profile_below", in.ProfileBelow)
		if err != nil {
			return p, err
		}
		r.ProfileBelow = &below
	}
	for _, b := range in.Bundles {
		w, err := b.value()
		if err != nil {
			return p, err
		}
		r.Bundles = append(r.Bundles, w)
	}
	return p, nil
}

func (in *BundleIn) value() (b balance.Bundle, err error) {
	w := &b.Wallet
	w.ID, w.Unit, w.Weight, w.Increment, w.Blocker = in.Wallet, balance.Unit(in.Unit), in.Weight, in.Increment, in.Blocker
	w.Filter = balance.Filter{Destinations: in.Destinations, Zones: in.Zones}
	if w.Unit == balance.Cash {
		a, err := billing.ParseAmount(in.Value)
		if err != nil || a.Sign() <= 0 {
			return b, invalidBody("bundles", "value: not a positive decimal")
		}
		w.Value = a.Micros()
	} else {
		n, err := strconv.ParseInt(in.Value, 10, 64)
		if err != nil || n <= 0 || n > 1e12 || in.Increment > 1e9 {
			return b, invalidBody("bundles", "value: not a positive whole number")
		}
		if w.Value = n; w.Unit == balance.Time {
			w.Value, w.Increment = n*1000, in.Increment*1000
		}
	}
	if b.Life, err = in.Life.value(); err != nil {
		return b, invalidBody("bundles", "life: no such period")
	}
	return b, nil
}

func showPackage(p directory.Package) packageOut {
	r := p.Rules
	out := packageOut{ID: p.ID, Rev: p.Rev, Created: p.Created, Updated: p.Updated, PackageIn: PackageIn{
		Name: p.Name, RuleIn: showRule(r.Rule), CarryOver: string(r.CarryOver), Timely: showSpan(r.Timely), DiscardAfter: r.DiscardAfter,
		InitialBalance: showAmount(r.InitialBalance), ServiceCharge: showAmount(r.ServiceCharge), LockLevel: r.LockLevel, TopUpLock: r.TopUpLock,
		TopUpProfile: mapped(r.TopUp), Underrun: mapped(r.Underrun),
	}}
	if r.ProfileBelow != nil {
		out.ProfileBelow = r.ProfileBelow.String()
	}
	if r.LockBelow != nil {
		out.LockBelow = r.LockBelow.String()
	}
	for _, b := range r.Bundles {
		w := b.Wallet
		v := BundleIn{
			Wallet: w.ID, Unit: string(w.Unit), Value: showValue(w.Unit, w.Value), Weight: w.Weight, Destinations: w.Filter.Destinations, Zones: w.Filter.Zones,
			Increment: w.Increment, Blocker: w.Blocker, Life: showSpan(b.Life),
		}
		if w.Unit == balance.Time {
			v.Increment /= 1000
		}
		out.Bundles = append(out.Bundles, v)
	}
	return out
}

// showValue is what a wallet holds, in the units of BundleIn.
func showValue(u balance.Unit, v int64) string {
	switch u {
	case balance.Cash:
		return billing.NewAmount(v, billing.Currency{}).Decimal()
	case balance.Time:
		return strconv.FormatInt(v/1000, 10)
	}
	return strconv.FormatInt(v, 10)
}

func (s *service) packages() {
	const tag, path = "packages", "/packages"
	repo := s.Store.Packages()
	readers(s, tag, path, repo.List, repo.Find, showPackage, func(p directory.Package) int64 { return p.Rev })
	writers(s, tag, path, "package", PackageIn.value, repo.Create, repo.Update, showPackage,
		func(p *directory.Package) (id, rev *int64) { return &p.ID, &p.Rev })
	deleter(s, tag, path, repo.Delete)
}

// VoucherIn is what a voucher is worth.
type VoucherIn struct {
	Code       string    `json:"code" minLength:"8" maxLength:"80" doc:"letters and digits; spaces and hyphens don't count; it can not be read again"`
	Amount     string    `json:"amount" doc:"amount with currency, as in 10.00 EUR"`
	Package    string    `json:"package,omitempty" doc:"name of the package that comes with it"`
	ValidUntil time.Time `json:"valid_until,omitzero"`
	CustomerID int64     `json:"customer_id,omitempty" minimum:"0" doc:"only for this one"`
}

type voucherOut struct {
	ID         int64     `json:"id"`
	Hint       string    `json:"hint" doc:"the end of the code"`
	Amount     string    `json:"amount"`
	Package    string    `json:"package,omitempty"`
	ValidUntil time.Time `json:"valid_until,omitzero"`
	CustomerID int64     `json:"customer_id,omitempty"`
	Used       time.Time `json:"used,omitzero"`
	UsedBy     int64     `json:"used_by,omitempty" doc:"the customer that redeemed it"`
	Rev        int64     `json:"rev"`
	Created    time.Time `json:"created"`
}

func showVoucher(v directory.Voucher) voucherOut {
	return voucherOut{v.ID, v.Hint, v.Amount.String(), v.Package, v.ValidUntil, v.CustomerID, v.Used, v.UsedBy, v.Rev, v.Created}
}

func (s *service) vouchers() {
	const tag, path = "vouchers", "/vouchers"
	repo := s.Store.Vouchers()
	readers(s, tag, path, repo.List, repo.Find, showVoucher, func(v directory.Voucher) int64 { return v.Rev })
	huma.Register(s.api, operation("create-voucher", http.MethodPost, path, "Create a voucher", tag, 201, 409),
		func(ctx context.Context, in *struct{ Body VoucherIn }) (*rowOut[voucherOut], error) {
			a, err := amount("amount", in.Body.Amount)
			if err != nil {
				return nil, err
			}
			v, err := repo.Create(ctx, directory.Voucher{
				Amount: a, Package: in.Body.Package, ValidUntil: in.Body.ValidUntil, CustomerID: in.Body.CustomerID,
			}, in.Body.Code)
			if err != nil {
				return nil, s.fail(err)
			}
			return created(path, v.ID, v.Rev, showVoucher(v)), nil
		})
	deleter(s, tag, path, repo.Delete)
	huma.Register(s.api, operation("redeem-voucher", http.MethodPost, "/customers/{id}/vouchers", "Redeem a voucher for a customer", "customers", 200, 404),
		func(ctx context.Context, in *struct {
			IDIn
			Body struct {
				Code string `json:"code" minLength:"1" maxLength:"80"`
			}
		}) (*bodyOut[money], error) {
			if err := s.Store.Redeem(ctx, in.ID, in.Body.Code); err != nil {
				return nil, s.fail(err)
			}
			return s.balance(ctx, in.ID)
		})
}

type money struct {
	Balance   string     `json:"balance" doc:"amount with currency"`
	Held      string     `json:"held" doc:"set aside for running calls"`
	Available string     `json:"available"`
	Package   string     `json:"package,omitempty"`
	Interval  interval   `json:"interval" doc:"the balance interval that runs"`
	Before    []interval `json:"before,omitempty" doc:"earlier ones, the last first"`
	Wallets   []wallet   `json:"wallets,omitempty" doc:"besides cash and free time"`
}

type interval struct {
	Start        time.Time `json:"start"`
	End          time.Time `json:"end,omitzero" doc:"absent when it is not known yet"`
	Opening      string    `json:"opening" doc:"cash at the start, free cash in it"`
	Cash         string    `json:"cash" doc:"now, or at the end"`
	FreeCash     string    `json:"free_cash" doc:"given for the interval"`
	FreeSeconds  int64     `json:"free_seconds" doc:"given for the interval"`
	FreeLeft     int64     `json:"free_seconds_left"`
	Debit        string    `json:"debit" doc:"prices of the calls that began in it, less what free time paid; what cash did not pay is due"`
	TopUps       int       `json:"topups,omitempty"`
	CashDiscards time.Time `json:"cash_expires,omitzero" doc:"when cash is discarded without another top-up"`
}

type wallet struct {
	Wallet  string    `json:"wallet"`
	Unit    string    `json:"unit"`
	Value   string    `json:"value" doc:"seconds of time, a decimal of cash, or a number"`
	Expires time.Time `json:"expires,omitzero"`
}

func showInterval(i balance.Interval) interval {
	at := func(m billing.Millis) time.Time {
		if m == 0 {
			return time.Time{}
		}
		return m.Time()
	}
	return interval{
		Start: i.Start.Time(), End: at(i.End), Opening: i.Opening.String(), Cash: i.Cash.String(), FreeCash: i.FreeCash.String(),
		FreeSeconds: int64(i.FreeTime) / 1000, FreeLeft: int64(i.FreeLeft) / 1000, Debit: i.Debit.String(), TopUps: i.TopUps, CashDiscards: at(i.Expiry),
	}
}

// balance shows the account of a customer.
func (s *service) balance(ctx context.Context, id int64) (*bodyOut[money], error) {
	now := billing.MillisOf(time.Now())
	a, cash, err := s.Store.AccountNow(ctx, id, now)
	if err != nil {
		return nil, s.fail(err)
	}
	show := func(micros int64) string { return billing.NewAmount(micros, a.Currency).String() }
	m := money{
		Balance: show(cash.Value), Held: show(cash.Held), Available: show(cash.Available),
		Package: a.Package, Interval: showInterval(a.Running()),
	}
	for i := len(a.Intervals) - 2; i >= 0; i-- {
		m.Before = append(m.Before, showInterval(a.Intervals[i]))
	}
	for _, w := range a.Wallets {
		v := wallet{Wallet: w.ID, Unit: string(w.Unit), Value: showValue(w.Unit, w.Value)}
		if w.Expires != 0 {
			v.Expires = w.Expires.Time()
		}
		m.Wallets = append(m.Wallets, v)
	}
	return &bodyOut[money]{m}, nil
}

// TopUpIn is money paid in.
type TopUpIn struct {
	Token   string `json:"token" minLength:"1" maxLength:"128" doc:"of the payment: the same token again pays in nothing more"`
	Amount  string `json:"amount" doc:"positive decimal of at most six places, with or without the currency of the billing profile"`
	Package string `json:"package,omitempty" maxLength:"64" doc:"name of the package that the account has from now on"`
}

func (s *service) balances() {
	const tag = "customers"
	huma.Register(s.api, operation("read-balance", http.MethodGet, "/customers/{id}/balance", "Read what a customer has, and what it has used", tag, 200, 404),
		func(ctx context.Context, in *IDIn) (*bodyOut[money], error) { return s.balance(ctx, in.ID) })
	huma.Register(s.api, operation("top-up", http.MethodPost, "/customers/{id}/top-ups", "Pay money in for a customer", tag, 200, 404, 409),
		func(ctx context.Context, in *struct {
			IDIn
			Body TopUpIn
		}) (*bodyOut[money], error) {
			h, err := s.Store.Holder(ctx, in.ID)
			if err != nil {
				return nil, s.fail(err)
			}
			a, err := billing.ParseAmount(in.Body.Amount)
			if err != nil || a.Sign() <= 0 || !a.Currency().IsZero() && a.Currency() != h.Currency {
				return nil, invalidBody("amount", "not a positive amount in "+h.Currency.String())
			}
			if _, err := s.topUp(ctx, h, in.Body, billing.NewAmount(a.Micros(), h.Currency)); err != nil {
				return nil, s.fail(err)
			}
			return s.balance(ctx, in.ID)
		})
}

// topUp pays money in, once for a token.
func (s *service) topUp(ctx context.Context, h *directory.Holder, in TopUpIn, a billing.Amount) (ledger.Answer, error) {
	now := billing.MillisOf(time.Now())
	return s.Store.BookFor(ctx, h, directory.Booking{
		Key: "topup/" + h.Account() + "/" + in.Token, Node: "web", At: now, Content: a.String() + " " + in.Package,
	}, func(b directory.Books) (balance.Change, any, error) {
		c, err := balance.Add(b.Terms, b.Account, balance.TopUp{Ref: in.Token, At: now, Amount: a, Package: in.Package})
		return c, nil, err
	})
}
