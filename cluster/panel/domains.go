package panel

import (
	"context"
	"net/url"

	"github.com/class5-go/class5/cluster/directory"
)

func (p *Panel) domains() *resource {
	repo := p.store.Domains()
	return &resource{
		Base: "/domains", One: "domain", Many: "Domains",
		About:       "A domain is the part behind the @ of a SIP address, and the digest realm of its subscribers. It can not be renamed.",
		Consequence: "Only a domain without subscribers can be deleted.",
		Filters: func(context.Context, url.Values) ([]field, error) {
			return []field{{Name: "name", Label: "Name begins with"}}, nil
		},
		List: func(ctx context.Context, q url.Values, page directory.Page) (table, int64, error) {
			l, err := repo.List(ctx, directory.DomainFilter{Name: input(q, "name")}, page)
			t := table{ID: "domains", Caption: "Domains", Head: []string{"Name", "Created"}, Empty: "No domain is named so."}
			for _, d := range l.Items {
				t.Rows = append(t.Rows, []cell{{Text: d.Name, Href: "/domains/" + number(d.ID)}, {Time: d.Created}})
			}
			return t, l.Next, err
		},
		Fields: func(context.Context, int64) ([]field, error) {
			return []field{{Name: "name", Label: "Name", Hint: "For example sip.example.com. Phones must be told this name.", Required: true, Max: 253}}, nil
		},
		Find: func(ctx context.Context, id int64) (entry, error) {
			d, err := repo.Find(ctx, id)
			return entry{ID: d.ID, Rev: d.Rev, Title: d.Name, Facts: []fact{
				{"Name", cell{Text: d.Name}}, {"Created", cell{Time: d.Created}},
				{"Subscribers", cell{Text: "Show", Href: "/subscribers?domain_id=" + number(d.ID)}},
			}}, err
		},
		Create: func(ctx context.Context, v url.Values) (created, error) {
			_, err := repo.Create(ctx, input(v, "name"))
			return created{Path: "/domains"}, err
		},
		Delete: repo.Delete,
	}
}
