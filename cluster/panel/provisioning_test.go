package panel

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/class5-go/class5/cluster/directory"
)

func TestSubscriberLife(t *testing.T) {
	s := newSite(t)
	a := s.admin.submit("/subscribers/new", "/subscribers/new", url.Values{
		"username": {"carol"}, "display_name": {"Carol"}, "numbers": {"+43 1 234-567\r\n+43 1 234-568"},
	}).want(http.StatusOK, "carol@example.com", "shown this one time")
	sub, err := s.store.Subscribers().ByName(t.Context(), "carol", "example.com")
	if err != nil || fmt.Sprint(sub.Numbers) != "[431234567 431234568]" {
		t.Fatal(sub, err)
	}
	secret := text(find(a.doc(), func(n *html.Node) bool { return attr(n, "id") == "secret" }))
	page := "/subscribers/" + number(sub.ID)
	s.admin.get(page).want(http.StatusOK, "Carol", "&#43;431234567").wantNot(secret)
	if len(secret) < 16 {
		t.Errorf("password %q", secret)
	}

	a = s.admin.submit(page, page, url.Values{"display_name": {"Carol C."}, "numbers": {"+431234568"}, "status": {"locked"}})
	s.admin.follow(a).want(http.StatusOK, "Saved.", "Carol C.", "locked").wantNot("431234567")
	s.admin.get(page).wantNot("Saved.") // shown once

	a = s.admin.submit(page, page+"/password", nil).want(http.StatusOK, "shown this one time").wantNot(secret)
	if a.header.Get("Cache-Control") != "no-store" {
		t.Error("a password may be cached")
	}

	a = s.admin.submit(page+"/delete", page+"/delete", nil)
	s.admin.follow(a).want(http.StatusOK, "Deleted.").wantNot("carol")
	s.admin.get(page).want(http.StatusNotFound, "Not found")
}

func TestRefusedFormsKeepWhatWasTyped(t *testing.T) {
	s := newSite(t)
	a := s.admin.submit("/subscribers/new", "/subscribers/new", url.Values{"username": {"alice"}, "display_name": {"Second Alice"}})
	a.want(http.StatusUnprocessableEntity, "Already taken.", `value="Second Alice"`, `href="#f-username"`)
	a = s.admin.submit("/subscribers/2", "/subscribers/2", url.Values{"numbers": {"+" + s.demo.Demo[0].Subscriber.Numbers[0]}})
	a.want(http.StatusUnprocessableEntity, "Already taken.", `id="f-numbers-fault"`)
	a = s.admin.submit("/subscribers/2", "/subscribers/2", url.Values{"numbers": {"not a number"}, "display_name": {"Robert"}})
	a.want(http.StatusUnprocessableEntity, "not a number", `value="Robert"`)
	if sub, _ := s.store.Subscribers().Find(t.Context(), 2); sub.DisplayName == "Robert" {
		t.Error("half of a refused form was saved")
	}
	a = s.admin.submit("/fees/new?profile_id=1", "/fees/new", url.Values{"destination": {"49"}, "init": {"free"}, "follow": {"0.1"}, "zone": {"Z<"}})
	a.want(http.StatusUnprocessableEntity, "Not a price such as 0.10/60.", `value="Z&lt;"`, `name="profile_id" value="1"`)
	for _, bad := range []url.Values{{"name": {"two words"}}, {"name": {"a\x00b"}}, {"name": {"a\u202eb"}}, {"name": {strings.Repeat("x", 300)}}} {
		s.admin.submit("/domains/new", "/domains/new", bad).want(http.StatusUnprocessableEntity, `role="alert"`)
	}
}

func TestSomebodyElseWasFaster(t *testing.T) {
	s := newSite(t)
	for path, form := range map[string]struct {
		field, mine, theirs string
		change              func(rev int64) error
	}{
		"/subscribers/1": {"display_name", "Mine", "Theirs", func(int64) error {
			sub, err := s.store.Subscribers().Find(t.Context(), 1)
			sub.DisplayName = "Theirs"
			if err == nil {
				_, err = s.store.Subscribers().Update(t.Context(), sub)
			}
			return err
		}},
		"/customers/1": {"external_id", "mine-1", "theirs-2", func(int64) error {
			c, err := s.store.Customers().Find(t.Context(), 1)
			c.ExternalID = "theirs-2"
			if err == nil {
				_, err = s.store.Customers().Update(t.Context(), c)
			}
			return err
		}},
		"/fees/2": {"zone", "my zone", "their zone", func(int64) error {
			f, err := s.store.Fees().Find(t.Context(), 2)
			f.Zone = "their zone"
			if err == nil {
				_, err = s.store.Fees().Update(t.Context(), f)
			}
			return err
		}},
		"/billing/1": {"name", "my tariff", "their tariff", func(int64) error {
			b, err := s.store.BillingProfiles().Find(t.Context(), 1)
			b.Name = "their tariff"
			if err == nil {
				_, err = s.store.BillingProfiles().Update(t.Context(), b)
			}
			return err
		}},
	} {
		before := s.admin.get(path)
		remove := s.admin.get(path + "/delete")
		if err := form.change(0); err != nil {
			t.Fatal(err)
		}
		mine := url.Values{form.field: {form.mine}}
		conflict := s.admin.resubmit(before, path, mine)
		conflict.want(http.StatusConflict, "Somebody else changed this entry", "Stored now: "+form.theirs, `value="`+form.mine+`"`)
		checkPage(t, path+" conflict", conflict)
		s.admin.resubmit(remove, path+"/delete", nil).want(http.StatusConflict, "Changed by someone else")
		s.admin.follow(s.admin.resubmit(conflict, path, nil)).want(http.StatusOK, "Saved.", form.mine)
	}
	old := s.admin.get("/subscribers/1")
	s.admin.resubmit(old, "/subscribers/1/password", nil).want(http.StatusOK)
	s.admin.resubmit(old, "/subscribers/1/password", nil).want(http.StatusConflict)
}

func TestCustomersDomainsTariffs(t *testing.T) {
	s := newSite(t)
	steps := []struct {
		page, action string
		values       url.Values
		shows        string
	}{
		{"/domains/new", "/domains/new", url.Values{"name": {"Two.Example"}}, "two.example"},
		{"/billing/new", "/billing/new", url.Values{"name": {"night"}, "currency": {"USD"}, "time_zone": {"Europe/Vienna"}}, "Europe/Vienna"},
		{"/billing/2", "/billing/2", url.Values{"name": {"nights"}}, "nights"},
		{"/fees/new?profile_id=2", "/fees/new", url.Values{"destination": {"43"}, "zone": {"home"}, "init": {"0.10/60"}, "follow": {"0.10/60"}, "connect": {"0.05"}, "direction": {"in"}}, "home"},
		{"/customers/new", "/customers/new", url.Values{"name": {"Acme"}, "external_id": {"K-7"}, "billing_profile_id": {"2"}}, "K-7"},
		{"/customers/2", "/customers/2", url.Values{"status": {"locked"}}, "locked"},
		{"/specials/new", "/specials/new", url.Values{"number": {"*98"}, "app": {"announce"}}, "*98"},
	}
	for _, step := range steps {
		s.admin.follow(s.admin.submit(step.page, step.action, step.values)).want(http.StatusOK, step.shows)
	}
	fees, err := s.store.Fees().List(t.Context(), directory.FeeFilter{ProfileID: 2}, directory.Page{})
	if err != nil || len(fees.Items) != 1 || fees.Items[0].Connect != 50_000 || fees.Items[0].Direction.String() != "in" {
		t.Fatal(fees, err)
	}
	fee := "/fees/" + number(fees.Items[0].ID)
	s.admin.follow(s.admin.submit(fee, fee, url.Values{"follow_interval": {"1"}})).want(http.StatusOK, `value="1"`)
	s.admin.get("/billing/2/delete").want(http.StatusOK, "Its fees are deleted too")
	s.admin.submit("/billing/2/delete", "/billing/2/delete", nil).want(http.StatusConflict, "Still in use")
	s.admin.submit("/domains/1/delete", "/domains/1/delete", nil).want(http.StatusConflict, "Still in use")
	for _, path := range []string{fee, "/customers/2", "/billing/2", "/domains/2", "/specials/2"} {
		s.admin.follow(s.admin.submit(path+"/delete", path+"/delete", nil)).want(http.StatusOK, "Deleted.")
		s.admin.get(path).want(http.StatusNotFound)
	}
}

func TestPagingShowsEachOnce(t *testing.T) {
	s := newSite(t)
	for i := range 120 {
		if _, err := s.store.Domains().Create(t.Context(), fmt.Sprintf("d%03d.example", i)); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]int{}
	path := "/domains?name=d"
	for pages := 0; path != ""; pages++ {
		a := s.admin.get(path).want(http.StatusOK)
		checkPage(t, path, a)
		for n := range a.doc().Descendants() {
			if n.Data == "a" && strings.HasPrefix(attr(n, "href"), "/domains/") && attr(n, "href") != "/domains/new" {
				seen[text(n)]++
			}
		}
		next := find(a.doc(), func(n *html.Node) bool { return attr(n, "rel") == "next" })
		if path = ""; next != nil {
			path = attr(next, "href")
		}
		if pages > 5 {
			t.Fatal("the pages have no end")
		}
	}
	if len(seen) != 120 || seen["d119.example"] != 1 {
		t.Errorf("%d domains: %v", len(seen), seen)
	}
	for _, bad := range []string{"/domains?after=x", "/domains?after=-1", "/calls?after=x", "/domains/x", "/domains/0", "/calls/x", "/calls/99", "/subscribers/99"} {
		s.admin.get(bad).want(http.StatusNotFound)
	}
}

func TestSearch(t *testing.T) {
	s := newSite(t)
	for query, want := range map[string]string{
		"username=ali": "alice@example.com", "number=%2B1+202-555-0102": "bob@example.com", "domain_id=1": "alice@example.com",
		"customer_id=1": "bob@example.com", "status=locked": "No subscriber fits.", "domain_id=7": "No subscriber fits.",
		"number=x": "No subscriber fits.", "domain_id=x": "Not a whole number.", "customer_id=x": "The search was not understood.",
	} {
		s.admin.get("/subscribers?"+query).want(http.StatusOK, want)
	}
	s.admin.get("/subscribers?username=ali").want(http.StatusOK, `value="ali"`).wantNot("bob@example.com")
	s.admin.get("/customers?name=De").want(http.StatusOK, "Demo")
	s.admin.get("/billing/1?destination=43").want(http.StatusOK, "Austria").wantNot("Germany")
}

func TestWithoutDatabase(t *testing.T) {
	s := newSite(t)
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/subscribers", "/calls"} {
		a := s.admin.get(path).want(http.StatusServiceUnavailable, "The database does not answer").wantNot("sql")
		if a.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	s.anonymous().send("POST", "/login", url.Values{"name": {"admin"}, "password": {"x"}}).want(http.StatusServiceUnavailable)
}
