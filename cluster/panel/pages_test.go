package panel

import (
	"net/http"
	"testing"
)

// every is each page that a fresh site has.
func every() []string {
	return []string{
		"/", "/calls", "/subscribers", "/subscribers/1", "/customers", "/customers/1", "/domains", "/domains/1",
		"/billing", "/billing/1", "/fees/1", "/specials", "/specials/1",
	}
}

// forms are the pages for those who may change things.
func forms() []string {
	return []string{
		"/subscribers/new", "/subscribers/1/delete", "/customers/new", "/customers/1/delete", "/domains/new", "/domains/1/delete",
		"/billing/new", "/billing/1/delete", "/fees/new?profile_id=1", "/fees/1/delete", "/specials/new", "/specials/1/delete",
	}
}

func TestPages(t *testing.T) {
	s := newSite(t)
	for _, path := range append(every(), forms()...) {
		s.admin.get(path).want(http.StatusOK, "<h1>")
	}
}
