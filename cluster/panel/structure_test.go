package panel

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// What assistive technology and the content security policy need of a page.
func checkPage(t *testing.T, name string, a answer) {
	t.Helper()
	c := &checker{T: t, name: name, ids: map[string]int{}}
	doc := a.doc()
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			if id := attr(n, "id"); id != "" {
				c.ids[id]++
			}
		}
	}
	for id, n := range c.ids {
		if n > 1 {
			t.Errorf("%s: id %s is there %d times", name, id, n)
		}
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			c.element(n, doc)
		}
	}
	if c.h1 != 1 || c.main != 1 || c.title == "" {
		t.Errorf("%s: %d h1, %d main, title %q", name, c.h1, c.main, c.title)
	}
}

type checker struct {
	*testing.T
	name     string
	ids      map[string]int
	heading  int
	h1, main int
	title    string
}

func (c *checker) element(n, doc *html.Node) {
	for _, a := range n.Attr {
		c.attribute(n, a)
	}
	switch n.Data {
	case "html":
		if attr(n, "lang") == "" {
			c.Errorf("%s: no language", c.name)
		}
	case "title":
		if n.Parent.Data == "head" {
			c.title = text(n)
		}
	case "main":
		c.main++
	case "h1", "h2", "h3", "h4":
		level := int(n.Data[1] - '0')
		if level > c.heading+1 {
			c.Errorf("%s: %s follows h%d", c.name, n.Data, c.heading)
		}
		if c.heading = level; level == 1 {
			c.h1++
		}
		if strings.TrimSpace(text(n)) == "" {
			c.Errorf("%s: empty %s", c.name, n.Data)
		}
	case "input", "select", "textarea":
		c.control(n, doc)
	case "script", "style":
		if attr(n, "src") == "" || n.FirstChild != nil || n.Data == "style" {
			c.Errorf("%s: inline %s", c.name, n.Data)
		}
	case "table":
		if find(n, func(d *html.Node) bool { return d.Data == "caption" }) == nil {
			c.Errorf("%s: table without caption", c.name)
		}
	case "th":
		if attr(n, "scope") == "" {
			c.Errorf("%s: heading cell without scope", c.name)
		}
	case "button", "a":
		if strings.TrimSpace(text(n)) == "" {
			c.Errorf("%s: %s without text", c.name, n.Data)
		}
	case "img":
		if !hasAttr(n, "alt") {
			c.Errorf("%s: image without alternative", c.name)
		}
	}
}

func (c *checker) attribute(n *html.Node, a html.Attribute) {
	switch {
	case a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "hx-on"):
		c.Errorf("%s: %s has an inline %s", c.name, n.Data, a.Key)
	case a.Key == "href" || a.Key == "src" || a.Key == "action":
		if !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") || strings.HasPrefix(a.Val, "//") {
			c.Errorf("%s: %s leads to %q", c.name, a.Key, a.Val)
		}
		if id, ok := strings.CutPrefix(a.Val, "#"); ok && c.ids[id] == 0 {
			c.Errorf("%s: nothing has the id %s", c.name, id)
		}
	case a.Key == "aria-labelledby" || a.Key == "aria-describedby" || a.Key == "for":
		for id := range strings.FieldsSeq(a.Val) {
			if c.ids[id] == 0 {
				c.Errorf("%s: %s of %s names %s, which is nowhere", c.name, a.Key, n.Data, id)
			}
		}
	}
}

func (c *checker) control(n, doc *html.Node) {
	if attr(n, "type") == "hidden" {
		return
	}
	id := attr(n, "id")
	label := find(doc, func(d *html.Node) bool { return d.Data == "label" && attr(d, "for") == id })
	if id == "" || label == nil || strings.TrimSpace(text(label)) == "" {
		c.Errorf("%s: %s %s has no label", c.name, n.Data, attr(n, "name"))
	}
}

func TestStructure(t *testing.T) {
	s := newSite(t)
	s.busy()
	checkPage(t, "login", s.anonymous().get("/login"))
	checkPage(t, "wrong password", s.anonymous().send("POST", "/login", nil))
	paths := append(append(every(), forms()...), "/calls/1", "/calls/2", "/calls/live?call_id=live-1", "/nowhere", "/subscribers?number=x", "/subscribers?username=nobody", "/calls?from=x")
	for _, path := range paths {
		checkPage(t, path, s.admin.get(path))
		checkPage(t, path+" read-only", s.guest.get(path))
	}
	for _, path := range []string{"/subscribers/new", "/customers/new", "/domains/new", "/billing/new", "/specials/new"} {
		a := s.admin.submit(path, path, nil)
		a.want(http.StatusUnprocessableEntity, `role="alert"`, `aria-invalid="true"`)
		checkPage(t, path+" refused", a)
	}
	s.node.set(func(n *node) { n.err = errDown })
	for _, path := range []string{"/", "/subscribers/1", "/calls/1"} {
		a := s.admin.get(path).want(http.StatusOK)
		checkPage(t, path+" without a node", a)
	}
}
