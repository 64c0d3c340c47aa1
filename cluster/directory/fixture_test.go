package directory_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
)

// world is a platform with one domain, profile and customer.
type world struct {
	t        testing.TB
	s        *directory.Store
	domain   directory.Domain
	profile  directory.BillingProfile
	customer directory.Customer
}

func newWorld(t testing.TB, s *directory.Store) *world {
	t.Helper()
	w := &world{t: t, s: s}
	w.domain = must(s.Domains().Create(t.Context(), "example.com"))(t)
	w.profile = must(s.BillingProfiles().Create(t.Context(), directory.BillingProfile{Name: "standard", Currency: billing.MustCurrency("EUR")}))(t)
	w.customer = must(s.Customers().Create(t.Context(), directory.Customer{Name: "Acme", BillingProfileID: w.profile.ID}))(t)
	return w
}

// subscriber makes one whose password is its name three times.
func (w *world) subscriber(name string, numbers ...string) directory.Subscriber {
	w.t.Helper()
	sub, _, err := w.s.Subscribers().Create(w.t.Context(), directory.NewSubscriber{
		DomainID: w.domain.ID, CustomerID: w.customer.ID, Username: name, Numbers: numbers,
		Password: directory.Secret(strings.Repeat(name, 3) + "-password"),
	})
	if err != nil {
		w.t.Fatal(err, directory.Cause(err))
	}
	return sub
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatalf("%v (%v)", err, directory.Cause(err))
		}
		return v
	}
}

// wantError checks kind and, when it is not empty, field of an error, and
// that no driver speaks in it.
func wantError(t testing.TB, err, kind error, field string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("error %v (%v), want %v", err, directory.Cause(err), kind)
		return
	}
	var f *directory.FieldError
	if field != "" && (!errors.As(err, &f) || f.Field != field) {
		t.Errorf("error %v, want one on field %q", err, field)
	}
	for _, word := range []string{"UNIQUE", "FOREIGN", "constraint", "Duplicate", "Error 1", "SQL", "prov_", "sys_"} {
		if strings.Contains(err.Error(), word) {
			t.Errorf("the driver speaks in %q", err)
		}
	}
}
