package panel

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/class5-go/class5/cluster/api/login"
	"github.com/class5-go/class5/cluster/directory"
)

type loginPage struct {
	Name, Next, Error string
}

func (p *Panel) loginForm(w http.ResponseWriter, r *http.Request) {
	next := localPath(r.URL.Query().Get("next"))
	if _, err := p.gate.Authenticate(r); err == nil {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	p.page(w, r, http.StatusOK, "login", view{Title: "Log in", Data: loginPage{Next: next}})
}

func (p *Panel) login(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.oops(w, r, http.StatusBadRequest)
		return
	}
	in := loginPage{Name: strings.TrimSpace(r.PostForm.Get("name")), Next: localPath(r.PostForm.Get("next"))}
	_, _, err := p.gate.Login(w, r, in.Name, directory.Secret(r.PostForm.Get("password")))
	status := http.StatusUnauthorized
	switch {
	case err == nil:
		http.Redirect(w, r, in.Next, http.StatusSeeOther)
		return
	case errors.Is(err, login.ErrThrottled):
		status, in.Error = http.StatusTooManyRequests, "Too many attempts. Wait a minute and try again."
		w.Header().Set("Retry-After", "60")
	case errors.Is(err, directory.ErrLogin):
		in.Error = "Wrong name or password."
	default:
		p.fail(w, r, err)
		return
	}
	p.page(w, r, status, "login", view{Title: "Log in", Data: in})
}

func (p *Panel) logout(w http.ResponseWriter, r *http.Request) {
	if !p.form(w, r) {
		return
	}
	if err := p.gate.Logout(w, r); err != nil {
		p.fail(w, r, err)
		return
	}
	done(w, r, "bye", "/login")
}

// localPath is where to go after the login: a page of ours, or the overview.
// Anything a browser could read as another host is not ours.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsAny(next, "\\\r\n\t") || strings.HasPrefix(next, "/login") {
		return "/"
	}
	// Unescaping may have made two slashes of one: look at the result.
	if next = u.RequestURI(); strings.HasPrefix(next, "//") || strings.Contains(next, "\\") {
		return "/"
	}
	return next
}
