package panel

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/class5-go/class5/cluster/directory"
)

// resource describes a kind of entries: its list, its form, and what changes
// do. One set of handlers makes the pages of all kinds from it.
type resource struct {
	Base  string // path of the list: "/customers"
	Nav   string // section it belongs to; Base by default
	One   string // "customer"
	Many  string // "Customers"
	About string // a line under the heading of the list

	// Filters are the search fields of the list.
	Filters func(ctx context.Context, q url.Values) ([]field, error)
	List    func(ctx context.Context, q url.Values, p directory.Page) (t table, next int64, err error)
	// Fields are those of the form; id is 0 for a new entry.
	Fields func(ctx context.Context, id int64) ([]field, error)
	// Find gives an entry by the names of the fields.
	Find   func(ctx context.Context, id int64) (entry, error)
	Create func(ctx context.Context, v url.Values) (created, error)
	// Save is nil for kinds that never change.
	Save   func(ctx context.Context, id, rev int64, v url.Values) error
	Delete func(ctx context.Context, id, rev int64) error
	// Keep names values of the query that a new entry needs.
	Keep []string
	// Consequence is what else goes when an entry is deleted.
	Consequence string
	// Home is where a new entry that is given up leads back to; Base by default.
	Home func(v url.Values) string
	// Extra adds to the page of an entry, drawn by the template named.
	Extra func(r *http.Request, e entry) (any, error)
	Page  string // template of an entry; "entry" by default
}

// entry is a stored row as its page shows it.
type entry struct {
	ID     int64
	Rev    int64
	Title  string
	Facts  []fact
	Values url.Values
	Up     string // the list that it is in, Base by default
}

type fact struct {
	Name string
	cell
}

// created is what a new entry leads to.
type created struct {
	Path     string
	Account  string           // what Password is for
	Password directory.Secret // shown once
}

type listPage struct {
	*resource
	Filter []field
	Table  table
}

type entryPage struct {
	*resource
	Entry entry
	Form  *form
	Extra any
	New   bool
}

func (res *resource) home(v url.Values) string {
	if res.Home == nil {
		return res.Base
	}
	return res.Home(v)
}

func (p *Panel) mount(mux *http.ServeMux, res *resource) {
	if res.Nav == "" {
		res.Nav = res.Base
	}
	if res.Page == "" {
		res.Page = "entry"
	}
	if res.List != nil {
		mux.HandleFunc("GET "+res.Base, func(w http.ResponseWriter, r *http.Request) { p.list(w, r, res) })
	}
	mux.HandleFunc("GET "+res.Base+"/new", p.writers(func(w http.ResponseWriter, r *http.Request) { p.newForm(w, r, res, r.URL.Query(), nil) }))
	mux.HandleFunc("POST "+res.Base+"/new", p.change(func(w http.ResponseWriter, r *http.Request) { p.create(w, r, res) }))
	with := func(h func(http.ResponseWriter, *http.Request, *resource, entry)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if e, ok := p.find(w, r, res); ok {
				h(w, r, res, e)
			}
		}
	}
	mux.HandleFunc("GET "+res.Base+"/{id}", with(func(w http.ResponseWriter, r *http.Request, res *resource, e entry) {
		p.entry(w, r, res, e, e.Values, nil)
	}))
	if res.Save != nil {
		mux.HandleFunc("POST "+res.Base+"/{id}", p.change(with(p.save)))
	}
	mux.HandleFunc("GET "+res.Base+"/{id}/delete", p.writers(with(p.confirm)))
	mux.HandleFunc("POST "+res.Base+"/{id}/delete", p.change(with(p.remove)))
}

func (p *Panel) find(w http.ResponseWriter, r *http.Request, res *resource) (entry, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		p.oops(w, r, http.StatusNotFound)
		return entry{}, false
	}
	e, err := res.Find(r.Context(), id)
	if err != nil {
		p.fail(w, r, err)
		return entry{}, false
	}
	if e.Up == "" {
		e.Up = res.Base
	}
	return e, true
}

func (p *Panel) list(w http.ResponseWriter, r *http.Request, res *resource) {
	page, err := paging(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	v := listPage{resource: res}
	if res.Filters != nil {
		if v.Filter, err = res.Filters(r.Context(), r.URL.Query()); err != nil {
			p.fail(w, r, err)
			return
		}
		v.Filter = fill(v.Filter, r.URL.Query())
	}
	t, next, err := res.List(r.Context(), r.URL.Query(), page)
	if err != nil && !blameFilter(v.Filter, err) {
		p.fail(w, r, err)
		return
	}
	if t.Head == nil {
		t.Empty = "The search was not understood."
	}
	more := ""
	if next != 0 {
		more = number(next)
	}
	t.links(r.URL, more)
	v.Table = t
	p.page(w, r, http.StatusOK, "list", view{Title: res.Many, Nav: res.Nav, Data: v})
}

// blameFilter puts a refused search at its field.
func blameFilter(fields []field, err error) bool {
	f := form{Fields: fields}
	return f.blame(err)
}

// newForm shows the form for a new entry, after an error with what was sent.
func (p *Panel) newForm(w http.ResponseWriter, r *http.Request, res *resource, values url.Values, fault error) {
	fields, err := res.Fields(r.Context(), 0)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	f := &form{
		Action: res.Base + "/new", Submit: "Create " + res.One, Cancel: res.home(values), Fields: fill(fields, values), Token: p.gate.FormToken(r),
	}
	for _, name := range res.Keep {
		f.Hidden = append(f.Hidden, hidden{name, values.Get(name)})
	}
	status := http.StatusOK
	if fault != nil {
		if !f.blame(fault) {
			p.fail(w, r, fault)
			return
		}
		status = http.StatusUnprocessableEntity
	}
	p.page(w, r, status, "new", view{Title: "New " + res.One, Nav: res.Nav, Data: entryPage{resource: res, Form: f, New: true}})
}

func (p *Panel) create(w http.ResponseWriter, r *http.Request, res *resource) {
	c, err := res.Create(r.Context(), r.PostForm)
	switch {
	case err != nil:
		p.newForm(w, r, res, r.PostForm, err)
	case c.Password != "":
		p.password(w, r, res.Nav, c)
	default:
		done(w, r, "created", c.Path)
	}
}

// entry shows an entry with its form, after an error with what was sent.
func (p *Panel) entry(w http.ResponseWriter, r *http.Request, res *resource, e entry, values url.Values, fault error) {
	v := entryPage{resource: res, Entry: e}
	status := http.StatusOK
	if res.Save != nil && mayChange(r) {
		fields, err := res.Fields(r.Context(), e.ID)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		v.Form = &form{
			Action: res.Base + "/" + number(e.ID), Submit: "Save", Rev: e.Rev, Fields: fill(fields, values), Token: p.gate.FormToken(r),
		}
		switch {
		case errors.Is(fault, directory.ErrStale):
			status = http.StatusConflict
			v.Form.compare(e.Values)
		case fault != nil && v.Form.blame(fault):
			status = http.StatusUnprocessableEntity
			if rev, err := whole(values, "rev"); err == nil {
				v.Form.Rev = rev // the author has not seen a newer one
			}
		case fault != nil:
			p.fail(w, r, fault)
			return
		}
	}
	if res.Extra != nil {
		var err error
		if v.Extra, err = res.Extra(r, e); err != nil {
			p.fail(w, r, err)
			return
		}
	}
	p.page(w, r, status, res.Page, view{Title: e.Title, Nav: res.Nav, Data: v})
}

func (p *Panel) save(w http.ResponseWriter, r *http.Request, res *resource, e entry) {
	rev, err := whole(r.PostForm, "rev")
	if err == nil {
		err = res.Save(r.Context(), e.ID, rev, r.PostForm)
	}
	if err == nil {
		done(w, r, "saved", res.Base+"/"+number(e.ID))
		return
	}
	if errors.Is(err, directory.ErrStale) {
		var ok bool
		if e, ok = p.find(w, r, res); !ok { // as it is now
			return
		}
	}
	p.entry(w, r, res, e, r.PostForm, err)
}

func (p *Panel) confirm(w http.ResponseWriter, r *http.Request, res *resource, e entry) {
	f := &form{
		Action: res.Base + "/" + number(e.ID) + "/delete", Submit: "Delete " + res.One, Cancel: res.Base + "/" + number(e.ID),
		Rev: e.Rev, Token: p.gate.FormToken(r),
	}
	p.page(w, r, http.StatusOK, "delete", view{Title: "Delete " + e.Title + "?", Nav: res.Nav, Data: entryPage{resource: res, Entry: e, Form: f}})
}

func (p *Panel) remove(w http.ResponseWriter, r *http.Request, res *resource, e entry) {
	rev, err := whole(r.PostForm, "rev")
	if err == nil {
		err = res.Delete(r.Context(), e.ID, rev)
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	done(w, r, "deleted", e.Up)
}

// password shows a password this one time.
func (p *Panel) password(w http.ResponseWriter, r *http.Request, nav string, c created) {
	p.page(w, r, http.StatusOK, "password", view{Title: "Password for " + c.Account, Nav: nav, Data: struct {
		Path, Account, Password string
	}{c.Path, c.Account, c.Password.Reveal()}})
}
