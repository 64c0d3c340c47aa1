package panel

import (
	"context"
	"net/url"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
)

func (p *Panel) fees() *resource {
	repo := p.store.Fees()
	return &resource{
		Base: "/fees", Nav: "/billing", One: "fee", Many: "Fees", Keep: []string{"profile_id"},
		Home:   func(v url.Values) string { return "/billing/" + url.PathEscape(v.Get("profile_id")) },
		Fields: func(context.Context, int64) ([]field, error) { return feeFields(), nil },
		Find:   p.feeEntry,
		Create: func(ctx context.Context, v url.Values) (created, error) {
			f, err := feeOf(v)
			if err == nil {
				f.ProfileID, err = whole(v, "profile_id")
			}
			if err == nil {
				_, err = repo.Create(ctx, f)
			}
			return created{Path: "/billing/" + number(f.ProfileID)}, err
		},
		Save: func(ctx context.Context, id, rev int64, v url.Values) error {
			f, err := feeOf(v)
			if err != nil {
				return err
			}
			f.ID, f.Rev = id, rev
			_, err = repo.Update(ctx, f)
			return err
		},
		Delete: repo.Delete,
	}
}

func feeFields() []field {
	const price = "A decimal and the seconds it pays for: 0.10/60 is 0.10 per minute."
	return []field{
		{Name: "destination", Label: "Destination prefix", Hint: "Digits with country code, without +. Empty for any number.", Max: 32},
		{Name: "source", Label: "Source prefix", Hint: "Prefix of the caller's number. Empty for any.", Max: 32},
		{Name: "zone", Label: "Zone", Hint: "What the bill calls it.", Max: 255},
		{Name: "direction", Label: "Direction", Type: "select", Required: true, Options: []option{{"out", "calls made"}, {"in", "calls received"}}},
		{Name: "connect", Label: "Connection fee", Hint: "Due once when the call is answered.", Value: "0", Max: 24},
		{Name: "init", Label: "Price of the first interval", Hint: price, Required: true, Max: 40},
		{Name: "init_interval", Label: "First interval in seconds", Type: "number", Required: true, Value: "60"},
		{Name: "follow", Label: "Price of further intervals", Hint: price, Required: true, Max: 40},
		{Name: "follow_interval", Label: "Further intervals in seconds", Type: "number", Required: true, Value: "60"},
	}
}

func (p *Panel) feeEntry(ctx context.Context, id int64) (entry, error) {
	f, err := p.store.Fees().Find(ctx, id)
	if err != nil {
		return entry{}, err
	}
	b, err := p.store.BillingProfiles().Find(ctx, f.ProfileID)
	v := url.Values{
		"destination": {f.Destination}, "source": {f.Source}, "zone": {f.Zone}, "direction": {f.Direction.String()}, "connect": {connect(f)},
		"init": {f.Init.String()}, "init_interval": {number(int64(f.InitInterval))},
		"follow": {f.Follow.String()}, "follow_interval": {number(int64(f.FollowInterval))},
	}
	e := entry{ID: f.ID, Rev: f.Rev, Title: "Fee for " + or(f.Destination, "any number"), Up: "/billing/" + number(f.ProfileID), Values: v}
	e.Facts = []fact{{"Billing profile", cell{Text: b.Name, Href: e.Up}}, {"Currency", cell{Text: b.Currency.String()}}}
	for _, d := range feeFields() {
		e.Facts = append(e.Facts, fact{d.Label, cell{Text: d.text(v.Get(d.Name))}})
	}
	return e, err
}

func feeOf(v url.Values) (f directory.Fee, err error) {
	f = directory.Fee{Destination: input(v, "destination"), Source: input(v, "source"), Zone: input(v, "zone"), Direction: billing.Out}
	if v.Get("direction") == billing.In.String() {
		f.Direction = billing.In
	}
	if s := input(v, "connect"); s != "" {
		a, err := billing.ParseAmount(s)
		if err != nil || !a.Currency().IsZero() {
			return f, invalid("connect", "not a decimal of at most six places")
		}
		f.Connect = a.Micros()
	}
	if f.Init, err = billing.ParsePrice(input(v, "init")); err != nil {
		return f, invalid("init", "not a price such as 0.10/60")
	}
	if f.Follow, err = billing.ParsePrice(input(v, "follow")); err != nil {
		return f, invalid("follow", "not a price such as 0.10/60")
	}
	if f.InitInterval, err = seconds(v, "init_interval"); err != nil {
		return f, err
	}
	f.FollowInterval, err = seconds(v, "follow_interval")
	return f, err
}

func seconds(v url.Values, name string) (int, error) {
	n, err := whole(v, name)
	if err != nil || n > 86400 {
		return 0, invalid(name, "not 1 to 86400 seconds")
	}
	return int(n), nil
}
