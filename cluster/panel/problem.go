package panel

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cluster/live"
)

// problem is the page of an error.
type problem struct {
	Status int
	Text   string
	Back   string // a place to go on from
}

// fail answers with the page for an error of the directory or of a node.
func (p *Panel) fail(w http.ResponseWriter, r *http.Request, err error) {
	var field *directory.FieldError
	switch {
	case r.Context().Err() != nil:
		return // nobody reads the answer
	case errors.Is(err, directory.ErrNotFound), errors.Is(err, live.ErrNotFound):
		p.oops(w, r, http.StatusNotFound)
	case errors.Is(err, directory.ErrStale):
		p.page(w, r, http.StatusConflict, "problem", view{Title: "Changed by someone else", Data: problem{
			Status: http.StatusConflict, Text: "The entry was changed since you loaded the page, so nothing was done. Load it again to see what is there now.",
		}})
	case errors.Is(err, directory.ErrInUse):
		p.page(w, r, http.StatusConflict, "problem", view{Title: "Still in use", Data: problem{
			Status: http.StatusConflict, Text: "Other entries need this one, so it was not deleted. Delete or move those first.",
		}})
	case errors.As(err, &field):
		p.page(w, r, http.StatusUnprocessableEntity, "problem", view{Title: "Not accepted", Data: problem{
			Status: http.StatusUnprocessableEntity, Text: fieldText(field),
		}})
	default:
		p.log.WarnContext(r.Context(), "panel: request failed", "path", r.URL.Path, "error", directory.Cause(err))
		if errors.Is(err, directory.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
			w.Header().Set("Retry-After", "5")
			p.oops(w, r, http.StatusServiceUnavailable)
			return
		}
		p.oops(w, r, http.StatusInternalServerError)
	}
}

// oops answers with the page of a status.
func (p *Panel) oops(w http.ResponseWriter, r *http.Request, status int) {
	title, text := "Something went wrong", "The page could not be made. The log of the server says why."
	switch status {
	case http.StatusBadRequest:
		title, text = "Not understood", "The request was damaged or too large."
	case http.StatusForbidden:
		title, text = "Not allowed", "You may look, but your role does not allow changes. Ask an administrator with the role “admin”."
	case http.StatusNotFound:
		title, text = "Not found", "There is nothing at this address. It may have been deleted."
	case http.StatusServiceUnavailable:
		title, text = "The database does not answer", "Calls go on; this page needs the database. Try again in a few seconds."
	}
	p.page(w, r, status, "problem", view{Title: title, Data: problem{Status: status, Text: text, Back: "/"}})
}

func (p *Panel) notFound(w http.ResponseWriter, r *http.Request) { p.oops(w, r, http.StatusNotFound) }

// refuse answers who is not logged in: a page leads to the login and back, a
// fragment for htmx makes the whole page go there.
func (p *Panel) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, directory.ErrNotFound) {
		p.fail(w, r, err)
		return
	}
	if r.Header.Get("HX-Request") != "" {
		w.Header().Set("HX-Redirect", "/login")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	to := "/login"
	if r.Method == http.MethodGet && r.URL.Path != "/" && r.URL.Path != "/events" {
		to += "?next=" + url.QueryEscape(r.URL.RequestURI())
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
