package panel

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cluster/live"
)

func (p *Panel) subscribers() *resource {
	return &resource{
		Base: "/subscribers", One: "subscriber", Many: "Subscribers", Page: "subscriber",
		Consequence: "Its credentials and numbers are deleted too; its calls stay. Phones that use it can not register any more.",
		Filters:     p.subscriberFilters,
		List:        p.subscriberList,
		Fields:      p.subscriberFields,
		Find:        p.subscriberEntry,
		Create:      p.createSubscriber,
		Save:        p.saveSubscriber,
		Delete:      p.store.Subscribers().Delete,
		Extra:       p.subscriberExtra,
	}
}

func (p *Panel) subscriberFilters(ctx context.Context, q url.Values) ([]field, error) {
	domain, err := p.domainField(ctx)
	domain.Required, domain.Options = false, append([]option{{"", "any"}}, domain.Options...)
	return append([]field{
		{Name: "username", Label: "User name begins with"}, {Name: "number", Label: "Number begins with"}, domain, statusFilter(),
	}, linked(q, "customer_id")...), err
}

func (p *Panel) domainField(ctx context.Context) (field, error) {
	f := field{Name: "domain_id", Label: "Domain", Required: true}
	l, err := p.store.Domains().List(ctx, directory.DomainFilter{}, directory.Page{Limit: choices})
	for _, d := range l.Items {
		f.Options = append(f.Options, option{number(d.ID), d.Name})
	}
	f.choose(l.Next != 0)
	return f, err
}

func (p *Panel) subscriberList(ctx context.Context, q url.Values, page directory.Page) (table, int64, error) {
	f := directory.SubscriberFilter{Username: input(q, "username"), Number: input(q, "number"), Status: directory.Status(q.Get("status"))}
	var err error
	if f.DomainID, err = whole(q, "domain_id"); err != nil {
		return table{}, 0, err
	}
	if f.CustomerID, err = whole(q, "customer_id"); err != nil {
		return table{}, 0, err
	}
	l, err := p.store.Subscribers().List(ctx, f, page)
	if err != nil {
		return table{}, 0, err
	}
	t := table{
		ID: "subscribers", Caption: "Subscribers", Empty: "No subscriber fits.",
		Head: []string{"Address", "Name", "Numbers", "Status", "Created"},
	}
	for _, s := range l.Items {
		t.Rows = append(t.Rows, []cell{
			{Text: s.AoR(), Href: "/subscribers/" + number(s.ID)}, {Text: s.DisplayName}, {Text: written(s.Numbers, ", ")},
			{Status: string(s.Status)}, {Time: s.Created},
		})
	}
	return t, l.Next, nil
}

func (p *Panel) subscriberFields(ctx context.Context, id int64) ([]field, error) {
	customer := field{Name: "customer_id", Label: "Customer", Required: true}
	l, err := p.store.Customers().List(ctx, directory.CustomerFilter{}, directory.Page{Limit: choices})
	if err != nil {
		return nil, err
	}
	for _, c := range l.Items {
		customer.Options = append(customer.Options, option{number(c.ID), c.Name})
	}
	customer.choose(l.Next != 0)
	common := []field{
		{Name: "display_name", Label: "Name", Hint: "Shown to those who are called.", Max: 255},
		{Name: "numbers", Label: "Numbers", Type: "area", Hint: "One a line, with country code; the first is the primary one.", Max: 4000},
		customer, statusField(),
	}
	if id != 0 {
		return common, nil
	}
	domain, err := p.domainField(ctx)
	return append([]field{
		{Name: "username", Label: "User name", Hint: "The part before the @. It can not be changed.", Required: true, Max: 64}, domain,
	}, common...), err
}

func (p *Panel) subscriberEntry(ctx context.Context, id int64) (entry, error) {
	s, err := p.store.Subscribers().Find(ctx, id)
	if err != nil {
		return entry{}, err
	}
	c, err := p.store.Customers().Find(ctx, s.CustomerID)
	return entry{
		ID: s.ID, Rev: s.Rev, Title: s.AoR(),
		Facts: []fact{
			{"Name", cell{Text: s.DisplayName}}, {"Numbers", cell{Text: written(s.Numbers, ", ")}}, {"Status", cell{Status: string(s.Status)}},
			{"Customer", cell{Text: c.Name, Href: "/customers/" + number(c.ID)}},
			{"Domain", cell{Text: s.Domain, Href: "/domains/" + number(s.DomainID)}},
			{"Created", cell{Time: s.Created}}, {"Changed", cell{Time: s.Updated}},
		},
		Values: url.Values{
			"display_name": {s.DisplayName}, "numbers": {written(s.Numbers, "\n")},
			"customer_id": {number(s.CustomerID)}, "status": {string(s.Status)},
		},
	}, err
}

func (p *Panel) createSubscriber(ctx context.Context, v url.Values) (created, error) {
	n := directory.NewSubscriber{
		Username: input(v, "username"), DisplayName: input(v, "display_name"), Status: directory.Status(v.Get("status")), Numbers: numbersOf(v),
	}
	var err error
	if n.DomainID, err = whole(v, "domain_id"); err != nil {
		return created{}, err
	}
	if n.CustomerID, err = whole(v, "customer_id"); err != nil {
		return created{}, err
	}
	s, secret, err := p.store.Subscribers().Create(ctx, n)
	return created{Path: "/subscribers/" + number(s.ID), Account: s.AoR(), Password: secret}, err
}

// saveSubscriber changes data and numbers together or not at all.
func (p *Panel) saveSubscriber(ctx context.Context, id, rev int64, v url.Values) error {
	customer, err := whole(v, "customer_id")
	if err != nil {
		return err
	}
	return p.store.Update(ctx, func(tx *directory.Tx) error {
		s, err := tx.Subscribers().Find(ctx, id)
		if err != nil {
			return err
		}
		old := s.Numbers
		s.Rev, s.DisplayName, s.Status, s.CustomerID = rev, input(v, "display_name"), directory.Status(v.Get("status")), customer
		if s, err = tx.Subscribers().Update(ctx, s); err != nil || written(old, "\n") == strings.Join(numbersOf(v), "\n") {
			return err
		}
		_, err = tx.Subscribers().SetNumbers(ctx, id, s.Rev, numbersOf(v))
		return err
	})
}

// written puts numbers as people write them, with the plus of RFC 3966.
func written(numbers []string, between string) string {
	out := make([]string, len(numbers))
	for i, n := range numbers {
		out[i] = "+" + n
	}
	return strings.Join(out, between)
}

func numbersOf(v url.Values) []string {
	var out []string
	for line := range strings.FieldsFuncSeq(v.Get("numbers"), func(r rune) bool { return r == '\n' || r == '\r' || r == ',' || r == ';' }) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// bindings are the registrations of a subscriber.
type bindings struct {
	ID    int64
	Down  bool
	Items []live.Registration
}

func (p *Panel) bindings(ctx context.Context, id int64, aor string) bindings {
	l, err := p.live.Registrations(ctx, aor, 0)
	l = slices.DeleteFunc(l, func(r live.Registration) bool { return r.AoR != aor }) // alice@example.com.au begins so too
	return bindings{ID: id, Down: err != nil, Items: l}
}

// subscriberExtra adds registrations and calls to the page of a subscriber.
func (p *Panel) subscriberExtra(r *http.Request, e entry) (any, error) {
	calls, err := p.store.CDRs().List(r.Context(), directory.CDRFilter{Subscriber: number(e.ID)}, directory.CDRCursor{}, overviewRecent)
	return struct {
		Bindings bindings
		Calls    []directory.CDR
		Token    string
	}{p.bindings(r.Context(), e.ID, e.Title), calls.Items, p.gate.FormToken(r)}, err
}

func (p *Panel) subscriberRegistrations(w http.ResponseWriter, r *http.Request) {
	id, err := whole(url.Values{"id": {r.PathValue("id")}}, "id")
	if err != nil {
		p.oops(w, r, http.StatusNotFound)
		return
	}
	s, err := p.store.Subscribers().Find(r.Context(), id)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.part(w, r, "subscriber", "bindings", p.bindings(r.Context(), id, s.AoR()))
}

// newPassword replaces the password of a subscriber with one made up here.
func (p *Panel) newPassword(w http.ResponseWriter, r *http.Request) {
	id, err := whole(url.Values{"id": {r.PathValue("id")}}, "id")
	if err != nil {
		p.oops(w, r, http.StatusNotFound)
		return
	}
	rev, err := whole(r.PostForm, "rev")
	if err != nil {
		p.fail(w, r, err)
		return
	}
	s, secret, err := p.store.Subscribers().SetPassword(r.Context(), id, rev, "")
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.password(w, r, "/subscribers", created{Path: "/subscribers/" + number(id), Account: s.AoR(), Password: secret})
}
