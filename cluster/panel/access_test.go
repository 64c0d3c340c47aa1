package panel

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestStrangersAreSentToTheLogin(t *testing.T) {
	s := newSite(t)
	stranger := s.anonymous()
	for _, path := range append(append(every(), forms()...), "/events", "/nowhere", "/subscribers/1/registrations") {
		a := stranger.get(path).want(http.StatusSeeOther)
		to := a.header.Get("Location")
		want := "/login?next=" + url.QueryEscape(path)
		if path == "/" || path == "/events" {
			want = "/login"
		}
		if to != want {
			t.Errorf("%s leads to %s, want %s", path, to, want)
		}
	}
	stranger.send("POST", "/subscribers/1/delete", url.Values{"rev": {"1"}}).want(http.StatusSeeOther)
	if _, err := s.store.Subscribers().Find(t.Context(), 1); err != nil {
		t.Error("a stranger deleted a subscriber")
	}
}

func TestFragmentsSendThePageToTheLogin(t *testing.T) {
	s := newSite(t)
	r := s.request("GET", "/subscribers/1/registrations")
	r.Header.Set("HX-Request", "true")
	a := s.do(r)
	a.want(http.StatusUnauthorized)
	if a.header.Get("HX-Redirect") != "/login" || a.body != "" {
		t.Error("a fragment for a stranger:", a.header, a.body)
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	s := newSite(t)
	answers := map[string]answer{"stranger": s.anonymous().get("/"), "login": s.anonymous().get("/login"), "asset": s.anonymous().get(s.panel.assets.urls["style.css"])}
	for _, path := range append(append(every(), forms()...), "/nowhere") {
		answers[path] = s.admin.get(path)
	}
	for name, a := range answers {
		for header, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			"X-Content-Type-Options":  "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
		} {
			if got := a.header.Get(header); got != want {
				t.Errorf("%s: %s is %q", name, header, got)
			}
		}
		cache := a.header.Get("Cache-Control")
		if want := map[bool]string{true: "public, max-age=31536000, immutable", false: "no-store"}[name == "asset"]; cache != want {
			t.Errorf("%s: Cache-Control is %q", name, cache)
		}
	}
}

func TestReadOnly(t *testing.T) {
	s := newSite(t)
	for _, path := range every() {
		doc := s.guest.get(path).want(http.StatusOK).doc()
		for n := range doc.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			if n.Data == "form" && attr(n, "method") == "post" && attr(n, "action") != "/logout" {
				t.Errorf("%s has a form for %s", path, attr(n, "action"))
			}
			if to := attr(n, "href"); strings.HasSuffix(to, "/delete") || strings.Contains(to, "/new") {
				t.Errorf("%s leads to %s", path, to)
			}
		}
	}
	for _, path := range forms() {
		s.guest.get(path).want(http.StatusForbidden, "Not allowed")
		s.guest.send("POST", path, url.Values{"rev": {"1"}}).want(http.StatusForbidden)
	}
	for _, path := range []string{"/subscribers/1", "/subscribers/1/password", "/customers/1", "/billing/1", "/fees/1"} {
		s.guest.send("POST", path, url.Values{"rev": {"1"}}).want(http.StatusForbidden)
	}
	s.guest.submit("/", "/logout", nil).want(http.StatusSeeOther)
}

func TestFormsNeedTheirToken(t *testing.T) {
	s := newSite(t)
	for _, values := range []url.Values{{"name": {"x.example"}}, {"name": {"x.example"}, "token": {"wrong"}}} {
		s.admin.send("POST", "/domains/new", values).want(http.StatusForbidden, "This form has expired")
	}
	s.admin.send("POST", "/logout", url.Values{}).want(http.StatusForbidden)
	s.admin.get("/").want(http.StatusOK)
}

func TestOtherSitesChangeNothing(t *testing.T) {
	s := newSite(t)
	form := formValues(find(s.admin.get("/domains/new").doc(), func(n *html.Node) bool { return attr(n, "action") == "/domains/new" }))
	form.Set("name", "evil.example")
	r := s.requestBody("POST", "/domains/new", form)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	for _, c := range s.admin.cookies {
		r.AddCookie(c)
	}
	s.do(r).want(http.StatusForbidden)
}

func TestBodiesAreBounded(t *testing.T) {
	s := newSite(t)
	s.admin.send("POST", "/domains/new", url.Values{"name": {strings.Repeat("x", maxForm)}}).want(http.StatusBadRequest)
	s.anonymous().send("POST", "/login", url.Values{"name": {strings.Repeat("x", maxForm)}}).want(http.StatusBadRequest)
}

func TestLogin(t *testing.T) {
	s := newSite(t)
	b := s.anonymous()
	b.get("/login").want(http.StatusOK, `autocomplete="current-password"`).wantNot("<nav")
	b.send("POST", "/login", url.Values{"name": {`"><script>`}, "password": {"wrong"}}).want(http.StatusUnauthorized, "Wrong name or password.").wantNot("<script>")
	password := s.demo.AdminPassword.Reveal()
	for next, want := range map[string]string{
		"": "/", "/calls?status=ok": "/calls?status=ok", "//evil.example/": "/", `/\evil.example`: "/", "https://evil.example/": "/", "/login?next=/": "/",
		"calls": "/", "/\t/evil.example": "/", "javascript:alert(1)": "/",
	} {
		a := s.anonymous().send("POST", "/login", url.Values{"name": {"admin"}, "password": {password}, "next": {next}})
		if a.code != http.StatusSeeOther || a.header.Get("Location") != want {
			t.Errorf("login for %q leads to %d %s, want %s", next, a.code, a.header.Get("Location"), want)
		}
	}
	if a := s.admin.get("/login?next=/calls"); a.code != http.StatusSeeOther || a.header.Get("Location") != "/calls" {
		t.Error("who is logged in sees the login form:", a.code)
	}
	a := s.admin.submit("/", "/logout", nil)
	s.admin.follow(a).want(http.StatusOK, "You are logged out.")
	s.admin.get("/").want(http.StatusSeeOther)
}

func TestLoginIsThrottled(t *testing.T) {
	s := newSite(t)
	b := s.anonymous()
	for range 50 {
		a := b.send("POST", "/login", url.Values{"name": {"admin"}, "password": {"wrong"}})
		if a.code == http.StatusTooManyRequests {
			a.want(http.StatusTooManyRequests, "Too many attempts")
			return
		}
		a.want(http.StatusUnauthorized)
	}
	t.Error("fifty wrong passwords were looked at")
}

func TestAssets(t *testing.T) {
	s := newSite(t)
	b := s.anonymous()
	for name, path := range s.panel.assets.urls {
		if a := b.get(path).want(http.StatusOK); len(a.body) == 0 || strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %s", name, a.header.Get("Content-Type"))
		}
	}
	for _, path := range []string{"/assets/", "/assets/style.css", "/assets/../panel.go", "/assets/x/style.css"} {
		if a := b.get(path); a.code == http.StatusOK {
			t.Errorf("%s is there", path)
		}
	}
	for name := range map[string]bool{"htmx.min.js": true, "hx-sse.min.js": true, "LICENSE-htmx.txt": true} {
		if s.panel.assets.urls[name] == "" {
			t.Errorf("%s is missing", name)
		}
	}
}
