package panel

import (
	"context"
	"net/url"

	"github.com/class5-go/class5/cluster/directory"
)

func (p *Panel) specials() *resource {
	repo := p.store.Specials()
	return &resource{
		Base: "/specials", One: "special number", Many: "Special numbers",
		About: "A special number is dialled as it stands in any domain and answered by an application, such as an announcement.",
		List: func(ctx context.Context, _ url.Values, page directory.Page) (table, int64, error) {
			l, err := repo.List(ctx, page)
			t := table{ID: "specials", Caption: "Special numbers", Head: []string{"Number", "Application", "Created"}, Empty: "There is no special number."}
			for _, s := range l.Items {
				t.Rows = append(t.Rows, []cell{{Text: s.Number, Href: "/specials/" + number(s.ID)}, {Text: s.App}, {Time: s.Created}})
			}
			return t, l.Next, err
		},
		Fields: func(context.Context, int64) ([]field, error) {
			return []field{
				{Name: "number", Label: "Number", Hint: "Letters, digits, *, # and +.", Required: true, Max: 64},
				{Name: "app", Label: "Application", Hint: "For example announce, the test announcement.", Required: true, Max: 64, Value: "announce"},
			}, nil
		},
		Find: func(ctx context.Context, id int64) (entry, error) {
			s, err := repo.Find(ctx, id)
			return entry{ID: s.ID, Rev: s.Rev, Title: s.Number, Facts: []fact{
				{"Number", cell{Text: s.Number}}, {"Application", cell{Text: s.App}}, {"Created", cell{Time: s.Created}},
			}}, err
		},
		Create: func(ctx context.Context, v url.Values) (created, error) {
			_, err := repo.Create(ctx, input(v, "number"), input(v, "app"))
			return created{Path: "/specials"}, err
		},
		Delete: repo.Delete,
	}
}
