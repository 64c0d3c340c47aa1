package panel

import (
	"errors"
	"net/http"

	"github.com/class5-go/class5/cluster/api/login"
	"github.com/class5-go/class5/cluster/directory"
)

// maxForm bounds the body of a form.
const maxForm = 64 << 10

const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// guard sets what every answer carries and turns a panic into a page: the
// connection of one browser must not show the inside of the program.
func (p *Panel) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		defer func() {
			if v := recover(); v != nil {
				if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(v)
				}
				p.log.ErrorContext(r.Context(), "panel: page failed", "path", r.URL.Path, "panic", v)
				p.oops(w, r, http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// mayChange says whether who asks may change anything.
func mayChange(r *http.Request) bool {
	admin, ok := login.From(r.Context())
	return ok && admin.Role == directory.RoleAdmin
}

// writers lets only those through who may change things.
func (p *Panel) writers(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !mayChange(r) {
			p.oops(w, r, http.StatusForbidden)
			return
		}
		next(w, r)
	}
}

// change is writers for forms: the body must parse and carry the token of the
// session, so that a form of another session or another site does nothing.
func (p *Panel) change(next http.HandlerFunc) http.HandlerFunc {
	return p.writers(func(w http.ResponseWriter, r *http.Request) {
		if p.form(w, r) {
			next(w, r)
		}
	})
}

// form reads a form and checks its token; it has answered when it is false.
func (p *Panel) form(w http.ResponseWriter, r *http.Request) bool {
	if err := r.ParseForm(); err != nil {
		p.oops(w, r, http.StatusBadRequest)
		return false
	}
	if !p.gate.FormTokenValid(r, r.PostForm.Get("token")) {
		p.page(w, r, http.StatusForbidden, "problem", view{Title: "This form has expired", Data: problem{
			Status: http.StatusForbidden,
			Text:   "It was made for another login, or before the server was started again. Go back, load the page again, and repeat the change.",
		}})
		return false
	}
	return true
}
