package panel

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/class5-go/class5/cluster/api/login"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cluster/live"
)

// node is a live.Source set by tests.
type node struct {
	mu      sync.Mutex
	version uint64
	calls   []live.Call
	regs    []live.Registration
	ladder  map[string][]live.Message
	media   map[string]json.RawMessage
	err     error
}

func (n *node) set(change func(*node)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(n)
	n.version++
}

func (n *node) Calls(_ context.Context, limit int) ([]live.Call, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if limit > 0 && len(n.calls) > limit {
		return append([]live.Call(nil), n.calls[:limit]...), n.err
	}
	return append([]live.Call(nil), n.calls...), n.err
}

func (n *node) Registrations(_ context.Context, prefix string, limit int) ([]live.Registration, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []live.Registration
	for _, r := range n.regs {
		if strings.HasPrefix(r.AoR, prefix) && (limit == 0 || len(out) < limit) {
			out = append(out, r)
		}
	}
	return out, n.err
}

func (n *node) Ladder(_ context.Context, callID string) ([]live.Message, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m, ok := n.ladder[callID]
	if !ok && n.err == nil {
		return nil, live.ErrNotFound
	}
	return m, n.err
}

func (n *node) Media(_ context.Context, callID string) (json.RawMessage, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m, ok := n.media[callID]
	if !ok && n.err == nil {
		return nil, live.ErrNotFound
	}
	return m, n.err
}

func (n *node) Counts(context.Context) (live.Counts, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return live.Counts{Calls: len(n.calls), Registrations: len(n.regs)}, n.err
}

func (n *node) Version(context.Context) (uint64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.version, n.err
}

// site is a panel over a fresh directory with one administrator of each role.
type site struct {
	*testing.T
	panel *Panel
	store *directory.Store
	node  *node
	demo  directory.BootstrapResult
	now   time.Time
	admin *browser
	guest *browser // read-only
}

// browser is a login.
type browser struct {
	*site
	cookies map[string]*http.Cookie
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{T: t, node: &node{ladder: map[string][]live.Message{}, media: map[string]json.RawMessage{}}, now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return s.now }
	store, err := directory.Open(t.Context(), directory.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "t.db"), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.demo, err = store.Bootstrap(t.Context(), directory.BootstrapOptions{Domain: "example.com", Demo: true}); err != nil {
		t.Fatal(err)
	}
	guest, _, err := store.Admins().Create(t.Context(), directory.Admin{Name: "guest", Role: directory.RoleReadOnly}, "")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := login.New(login.Config{Store: store, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	s.store = store
	if s.panel, err = New(Config{Store: store, Live: s.node, Gate: gate, Docs: "/api/v1/docs", Now: clock}); err != nil {
		t.Fatal(err)
	}
	s.admin, s.guest = s.session(s.demo.Admin.ID), s.session(guest.ID)
	return s
}

func (s *site) anonymous() *browser { return &browser{site: s, cookies: map[string]*http.Cookie{}} }

// session is a login without its costly look at the password.
func (s *site) session(adminID int64) *browser {
	s.Helper()
	_, token, err := s.store.Sessions().Create(s.Context(), adminID, "192.0.2.1", "test")
	if err != nil {
		s.Fatal(err)
	}
	b := s.anonymous()
	b.cookies["class5"] = &http.Cookie{Name: "class5", Value: token.Reveal()}
	return b
}

// answer is what a browser got.
type answer struct {
	*testing.T
	code   int
	header http.Header
	body   string
}

func (s *site) request(method, path string) *http.Request {
	return httptest.NewRequestWithContext(s.Context(), method, "http://panel.example"+path, nil)
}

func (s *site) requestBody(method, path string, values url.Values) *http.Request {
	r := httptest.NewRequestWithContext(s.Context(), method, "http://panel.example"+path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

func (s *site) do(r *http.Request) answer {
	w := httptest.NewRecorder()
	s.panel.ServeHTTP(w, r)
	return answer{s.T, w.Code, w.Result().Header, w.Body.String()}
}

// send is a request as a browser makes it without JavaScript.
func (b *browser) send(method, path string, values url.Values) answer {
	b.Helper()
	r := b.request(method, path)
	if values != nil {
		r = b.requestBody(method, path, values)
	}
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	a := b.do(r)
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if b.cookies[c.Name] = c; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return a
}

func (b *browser) get(path string) answer { b.Helper(); return b.send("GET", path, nil) }

// submit fills the form with an action on a page and sends it with all that
// the form holds.
func (b *browser) submit(page, action string, values url.Values) answer {
	b.Helper()
	a := b.get(page)
	if a.code != http.StatusOK {
		b.Fatalf("%s: %d", page, a.code)
	}
	return b.resubmit(a, action, values)
}

func (b *browser) resubmit(a answer, action string, values url.Values) answer {
	b.Helper()
	form := find(a.doc(), func(n *html.Node) bool {
		return n.Data == "form" && attr(n, "action") == action && attr(n, "method") == "post"
	})
	if form == nil {
		b.Fatalf("no form for %s in %s", action, a.body)
	}
	all := formValues(form)
	for name, v := range values {
		if _, ok := all[name]; !ok {
			b.Fatalf("form %s has no %s: %v", action, name, all)
		}
		all[name] = v
	}
	return b.send("POST", action, all)
}

// doc is the parsed answer.
func (a answer) doc() *html.Node {
	a.Helper()
	doc, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		a.Fatal(err)
	}
	return doc
}

func (a answer) want(code int, texts ...string) answer {
	a.Helper()
	if a.code != code {
		a.Fatalf("status %d, want %d: %s", a.code, code, a.body)
	}
	for _, t := range texts {
		if !strings.Contains(a.body, t) {
			a.Errorf("%q is missing in %s", t, a.body)
		}
	}
	return a
}

func (a answer) wantNot(texts ...string) answer {
	a.Helper()
	for _, t := range texts {
		if strings.Contains(a.body, t) {
			a.Errorf("%q is in %s", t, a.body)
		}
	}
	return a
}

// follow loads what a redirect points to.
func (b *browser) follow(a answer) answer {
	b.Helper()
	if a.code != http.StatusSeeOther {
		b.Fatalf("status %d, want a redirect: %s", a.code, a.body)
	}
	return b.get(a.header.Get("Location"))
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttr(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func find(n *html.Node, fits func(*html.Node) bool) *html.Node {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && fits(d) {
			return d
		}
	}
	return nil
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// formValues are what a browser would send of an untouched form.
func formValues(form *html.Node) url.Values {
	v := url.Values{}
	for n := range form.Descendants() {
		if n.Type != html.ElementNode || attr(n, "name") == "" {
			continue
		}
		name := attr(n, "name")
		switch n.Data {
		case "input":
			v.Set(name, attr(n, "value"))
		case "textarea":
			v.Set(name, text(n))
		case "select":
			for o := range n.Descendants() {
				if o.Data == "option" && (hasAttr(o, "selected") || !v.Has(name)) {
					v.Set(name, attr(o, "value"))
				}
			}
		}
	}
	return v
}
