package panel

import (
	"context"
	"net/url"

	"github.com/class5-go/class5/cluster/directory"
)

// choices is how many entries a form offers in a list; where there are more,
// it asks for the id.
const choices = 200

func (p *Panel) customers() *resource {
	repo := p.store.Customers()
	return &resource{
		Base: "/customers", One: "customer", Many: "Customers",
		About:       "A customer holds the contract: it pays for the calls of its subscribers by one billing profile.",
		Consequence: "Only a customer without subscribers can be deleted. Its calls stay.",
		Filters: func(context.Context, url.Values) ([]field, error) {
			return []field{
				{Name: "name", Label: "Name begins with"}, {Name: "external_id", Label: "External ID is"}, statusFilter(),
			}, nil
		},
		List:   p.customerList,
		Fields: p.customerFields,
		Find:   p.customerEntry,
		Create: func(ctx context.Context, v url.Values) (created, error) {
			c, err := customerOf(v)
			if err == nil {
				c, err = repo.Create(ctx, c)
			}
			return created{Path: "/customers/" + number(c.ID)}, err
		},
		Save: func(ctx context.Context, id, rev int64, v url.Values) error {
			c, err := customerOf(v)
			if err != nil {
				return err
			}
			c.ID, c.Rev = id, rev
			_, err = repo.Update(ctx, c)
			return err
		},
		Delete: repo.Delete,
	}
}

func (p *Panel) customerList(ctx context.Context, q url.Values, page directory.Page) (table, int64, error) {
	l, err := p.store.Customers().List(ctx, directory.CustomerFilter{
		Name: input(q, "name"), ExternalID: input(q, "external_id"), Status: directory.Status(q.Get("status")),
	}, page)
	t := table{ID: "customers", Caption: "Customers", Head: []string{"Name", "External ID", "Status", "Created"}, Empty: "No customer fits."}
	for _, c := range l.Items {
		t.Rows = append(t.Rows, []cell{
			{Text: c.Name, Href: "/customers/" + number(c.ID)}, {Text: c.ExternalID}, {Status: string(c.Status)}, {Time: c.Created},
		})
	}
	return t, l.Next, err
}

func (p *Panel) customerFields(ctx context.Context, _ int64) ([]field, error) {
	profile := field{Name: "billing_profile_id", Label: "Billing profile", Required: true}
	l, err := p.store.BillingProfiles().List(ctx, directory.BillingProfileFilter{}, directory.Page{Limit: choices})
	if err != nil {
		return nil, err
	}
	for _, b := range l.Items {
		profile.Options = append(profile.Options, option{number(b.ID), b.Name + " (" + b.Currency.String() + ")"})
	}
	profile.choose(l.Next != 0)
	return []field{
		{Name: "name", Label: "Name", Required: true, Max: 255},
		{Name: "external_id", Label: "External ID", Hint: "Your own number for the contract.", Max: 255},
		profile, statusField(),
	}, nil
}

// choose makes a field a list, or asks for an id when there are too many.
func (d *field) choose(tooMany bool) {
	if tooMany {
		d.Options, d.Type, d.Hint = nil, "number", "The number at the end of its page's address."
		return
	}
	d.Type = "select"
}

func (p *Panel) customerEntry(ctx context.Context, id int64) (entry, error) {
	c, err := p.store.Customers().Find(ctx, id)
	if err != nil {
		return entry{}, err
	}
	b, err := p.store.BillingProfiles().Find(ctx, c.BillingProfileID)
	return entry{
		ID: c.ID, Rev: c.Rev, Title: c.Name,
		Facts: []fact{
			{"External ID", cell{Text: c.ExternalID}}, {"Status", cell{Status: string(c.Status)}},
			{"Billing profile", cell{Text: b.Name, Href: "/billing/" + number(b.ID)}},
			{"Created", cell{Time: c.Created}}, {"Changed", cell{Time: c.Updated}},
			{"Subscribers", cell{Text: "Show", Href: "/subscribers?customer_id=" + number(c.ID)}},
			{"Calls", cell{Text: "Show", Href: "/calls?customer_id=" + number(c.ID)}},
		},
		Values: url.Values{
			"name": {c.Name}, "external_id": {c.ExternalID}, "billing_profile_id": {number(c.BillingProfileID)}, "status": {string(c.Status)},
		},
	}, err
}

func customerOf(v url.Values) (directory.Customer, error) {
	profile, err := whole(v, "billing_profile_id")
	return directory.Customer{
		Name: input(v, "name"), ExternalID: input(v, "external_id"), BillingProfileID: profile, Status: directory.Status(v.Get("status")),
	}, err
}

func statusField() field {
	return field{
		Name: "status", Label: "Status", Type: "select", Required: true,
		Options: []option{{string(directory.Active), "active"}, {string(directory.Locked), "locked"}},
	}
}

func statusFilter() field {
	f := statusField()
	f.Required, f.Options = false, append([]option{{"", "any"}}, f.Options...)
	return f
}
