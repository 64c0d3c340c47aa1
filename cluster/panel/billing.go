package panel

import (
	"context"
	"net/http"
	"net/url"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
)

func (p *Panel) profiles() *resource {
	repo := p.store.BillingProfiles()
	return &resource{
		Base: "/billing", One: "billing profile", Many: "Billing profiles", Page: "profile",
		About:       "A billing profile is a tariff: a currency, a time zone, and a fee for each prefix of a number.",
		Consequence: "Its fees are deleted too. A profile that a customer is on can not be deleted.",
		Filters: func(context.Context, url.Values) ([]field, error) {
			return []field{{Name: "name", Label: "Name begins with"}}, nil
		},
		List: func(ctx context.Context, q url.Values, page directory.Page) (table, int64, error) {
			l, err := repo.List(ctx, directory.BillingProfileFilter{Name: input(q, "name")}, page)
			t := table{ID: "profiles", Caption: "Billing profiles", Head: []string{"Name", "Currency", "Time zone", "Changed"}, Empty: "No profile is named so."}
			for _, b := range l.Items {
				t.Rows = append(t.Rows, []cell{
					{Text: b.Name, Href: "/billing/" + number(b.ID)}, {Text: b.Currency.String()}, {Text: b.TimeZone}, {Time: b.Updated},
				})
			}
			return t, l.Next, err
		},
		Fields: func(context.Context, int64) ([]field, error) {
			return []field{
				{Name: "name", Label: "Name", Required: true, Max: 255},
				{Name: "currency", Label: "Currency", Hint: "Three capital letters, such as EUR.", Required: true, Max: 3},
				{Name: "time_zone", Label: "Time zone", Hint: "Such as Europe/Vienna.", Max: 64, Value: "UTC"},
			}, nil
		},
		Find: func(ctx context.Context, id int64) (entry, error) {
			b, err := repo.Find(ctx, id)
			return entry{
				ID: b.ID, Rev: b.Rev, Title: b.Name,
				Facts: []fact{
					{"Currency", cell{Text: b.Currency.String()}}, {"Time zone", cell{Text: b.TimeZone}},
					{"Created", cell{Time: b.Created}}, {"Changed", cell{Time: b.Updated}},
				},
				Values: url.Values{"name": {b.Name}, "currency": {b.Currency.String()}, "time_zone": {b.TimeZone}},
			}, err
		},
		Create: func(ctx context.Context, v url.Values) (created, error) {
			b, err := profileOf(v)
			if err == nil {
				b, err = repo.Create(ctx, b)
			}
			return created{Path: "/billing/" + number(b.ID)}, err
		},
		Save: func(ctx context.Context, id, rev int64, v url.Values) error {
			b, err := profileOf(v)
			if err != nil {
				return err
			}
			b.ID, b.Rev = id, rev
			_, err = repo.Update(ctx, b)
			return err
		},
		Delete: repo.Delete,
		Extra:  p.profileFees,
	}
}

func profileOf(v url.Values) (directory.BillingProfile, error) {
	c, err := billing.ParseCurrency(input(v, "currency"))
	if err != nil {
		err = invalid("currency", "not three capital letters")
	}
	return directory.BillingProfile{Name: input(v, "name"), Currency: c, TimeZone: input(v, "time_zone")}, err
}

// profileFees lists the fees on the page of their profile.
func (p *Panel) profileFees(r *http.Request, e entry) (any, error) {
	page, err := paging(r)
	if err != nil {
		return nil, err
	}
	search := field{Name: "destination", Label: "Destination begins with", Value: input(r.URL.Query(), "destination")}
	l, err := p.store.Fees().List(r.Context(), directory.FeeFilter{ProfileID: e.ID, Destination: search.Value}, page)
	if err != nil {
		return nil, err
	}
	t := table{
		ID: "fees", Caption: "Fees of this profile", Empty: "No fee fits: calls to such numbers can not be priced.",
		Head: []string{"Destination", "Zone", "Direction", "From", "Connection", "First interval", "Further intervals"},
	}
	for _, f := range l.Items {
		t.Rows = append(t.Rows, []cell{
			{Text: or(f.Destination, "any number"), Href: "/fees/" + number(f.ID)}, {Text: f.Zone}, {Text: f.Direction.String()}, {Text: or(f.Source, "any")},
			{Text: connect(f), Right: true},
			{Text: f.Init.String() + " for " + number(int64(f.InitInterval)) + " s", Right: true},
			{Text: f.Follow.String() + " for " + number(int64(f.FollowInterval)) + " s", Right: true},
		})
	}
	next := ""
	if l.Next != 0 {
		next = number(l.Next)
	}
	t.links(r.URL, next)
	return struct {
		Path   string
		Filter []field
		Table  table
	}{r.URL.Path, []field{search}, t}, nil
}

func connect(f directory.Fee) string {
	return billing.NewAmount(f.Connect, billing.Currency{}).String()
}
