package panel

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/class5-go/class5/cluster/api/login"
	"github.com/class5-go/class5/cluster/directory"
)

// pages are the templates by name; each has the layout and the parts in it.
type pages map[string]*template.Template

// view is what the layout and a page get.
type view struct {
	Title string
	Nav   string // path of the section
	Data  any

	// Set by page.
	Admin    directory.Admin
	Known    bool // somebody is logged in
	Changes  bool // and may change things
	Token    string
	Flash    string
	Docs     string
	Now      time.Time
	Sections []section
}

type section struct {
	Path, Name string
	Here       bool
}

func (p *Panel) loadPages() (pages, error) {
	base, err := template.New("").Funcs(p.funcs()).ParseFS(files, "templates/layout.html", "templates/part-*.html")
	if err != nil {
		return nil, fmt.Errorf("panel: %w", err)
	}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	out := pages{}
	for _, name := range names {
		short := strings.TrimSuffix(path.Base(name), ".html")
		if short == "layout" || strings.HasPrefix(short, "part-") {
			continue
		}
		t, err := base.Clone()
		if err == nil {
			t, err = t.ParseFS(files, name)
		}
		if err != nil {
			return nil, fmt.Errorf("panel: %w", err)
		}
		out[short] = t
	}
	return out, nil
}

// page answers with a whole page.
func (p *Panel) page(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	v.Admin, v.Known = login.From(r.Context())
	v.Changes = mayChange(r)
	v.Docs, v.Now = p.docs, p.now()
	if v.Known {
		v.Token = p.gate.FormToken(r)
		v.Sections = sections(v.Nav)
	}
	v.Flash = takeFlash(w, r)
	p.write(w, r, status, name, "layout", v)
}

// part answers with one fragment of a page, for htmx.
func (p *Panel) part(w http.ResponseWriter, r *http.Request, name, define string, data any) {
	p.write(w, r, http.StatusOK, name, define, data)
}

// write renders first and answers then: a page is whole or an error.
func (p *Panel) write(w http.ResponseWriter, r *http.Request, status int, name, define string, data any) {
	var b bytes.Buffer
	if err := p.pages[name].ExecuteTemplate(&b, define, data); err != nil {
		p.log.ErrorContext(r.Context(), "panel: template", "page", name, "error", err)
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func sections(here string) []section {
	all := []section{
		{Path: "/", Name: "Overview"}, {Path: "/calls", Name: "Calls"}, {Path: "/subscribers", Name: "Subscribers"},
		{Path: "/customers", Name: "Customers"}, {Path: "/domains", Name: "Domains"}, {Path: "/billing", Name: "Billing"},
		{Path: "/specials", Name: "Special numbers"},
	}
	for i := range all {
		all[i].Here = all[i].Path == here
	}
	return all
}
