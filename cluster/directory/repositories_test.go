package directory_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/google/go-cmp/cmp"
)

func TestDomains(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		w := newWorld(t, s)
		other := must(s.Domains().Create(ctx, "Sip.Example.ORG"))(t)
		if other.ID != 2 || other.Name != "sip.example.org" || other.Rev != 1 {
			t.Errorf("created %+v", other)
		}
		if got := must(s.Domains().Find(ctx, other.ID))(t); got != other {
			t.Errorf("found %+v, want %+v", got, other)
		}
		if got := must(s.Domains().ByName(ctx, "SIP.example.org"))(t); got != other {
			t.Errorf("by name %+v, want %+v", got, other)
		}
		_, err := s.Domains().Create(ctx, "example.com")
		wantError(t, err, directory.ErrConflict, "name")
		for _, bad := range []string{"", ".", "a..b", "-a.b", "a b", "a\r\nb", "exämple.com", "[::1", "[1.2.3.4]", "[0:0::1]", strings.Repeat("a", 64) + ".b", strings.Repeat("a.", 150)} {
			_, err := s.Domains().Create(ctx, bad)
			wantError(t, err, directory.ErrInvalid, "name")
		}
		for _, good := range []string{"127.0.0.1", "[2001:db8::1]", "localhost", "xn--exmple-cua.com"} {
			must(s.Domains().Create(ctx, good))(t)
		}
		l := must(s.Domains().List(ctx, directory.DomainFilter{Name: "s"}, directory.Page{}))(t)
		if len(l.Items) != 1 || l.Items[0] != other || l.Next != 0 {
			t.Errorf("beginning with s: %+v", l)
		}
		w.subscriber("alice")
		wantError(t, s.Domains().Delete(ctx, w.domain.ID, 1), directory.ErrInUse, "")
		wantError(t, s.Domains().Delete(ctx, other.ID, 7), directory.ErrStale, "")
		if err := s.Domains().Delete(ctx, other.ID, 1); err != nil {
			t.Error(err)
		}
		wantError(t, s.Domains().Delete(ctx, other.ID, 1), directory.ErrNotFound, "")
		_, err = s.Domains().Find(ctx, other.ID)
		wantError(t, err, directory.ErrNotFound, "")
	})
}

func TestCustomers(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		w := newWorld(t, s)
		c := w.customer
		if c.ID != 1 || c.Status != directory.Active {
			t.Errorf("created %+v", c)
		}
		c.Name, c.Status, c.ExternalID = "Acme 𝒢mbH", directory.Locked, "K-17"
		updated := must(s.Customers().Update(ctx, c))(t)
		if updated.Rev != 2 || updated.Name != c.Name || updated.Status != directory.Locked || updated.ExternalID != "K-17" {
			t.Errorf("updated %+v", updated)
		}
		_, err := s.Customers().Update(ctx, c)
		wantError(t, err, directory.ErrStale, "")
		_, err = s.Customers().Create(ctx, directory.Customer{Name: "x", BillingProfileID: 99})
		wantError(t, err, directory.ErrInvalid, "billing_profile_id")
		updated.BillingProfileID = 99
		_, err = s.Customers().Update(ctx, updated)
		wantError(t, err, directory.ErrInvalid, "billing_profile_id")
		for _, bad := range []string{"", " x", "a\x00b", "a\u202eb", "a\nb", "\xff", strings.Repeat("ä", 256)} {
			_, err := s.Customers().Create(ctx, directory.Customer{Name: bad, BillingProfileID: w.profile.ID})
			wantError(t, err, directory.ErrInvalid, "name")
		}
		must(s.Customers().Create(ctx, directory.Customer{Name: strings.Repeat("ä", 255), BillingProfileID: w.profile.ID}))(t)
		if n := must(s.Customers().Count(ctx, directory.CustomerFilter{Status: directory.Locked}))(t); n != 1 {
			t.Errorf("%d locked customers", n)
		}
		if l := must(s.Customers().List(ctx, directory.CustomerFilter{Name: "Ac", ExternalID: "K-17"}, directory.Page{}))(t); len(l.Items) != 1 {
			t.Errorf("filter: %+v", l)
		}
		w.subscriber("alice")
		wantError(t, s.Customers().Delete(ctx, 1, 2), directory.ErrInUse, "")
		if err := s.Customers().Delete(ctx, 2, 1); err != nil {
			t.Error(err)
		}
	})
}

func TestFees(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		w := newWorld(t, s)
		fee := directory.Fee{
			ProfileID: w.profile.ID, Destination: "43", Zone: "Österreich", Connect: -1,
			Init: billing.MustPrice("0.123456789012/60"), InitInterval: 60, Follow: billing.MustPrice("9000000"), FollowInterval: 1,
		}
		in := fee
		in.Direction = billing.In
		made := must(s.Fees().Create(ctx, fee, in))(t)
		fee.ID, fee.Rev, fee.Created, fee.Updated = 1, 1, made[0].Created, made[0].Updated
		if got := must(s.Fees().Find(ctx, 1))(t); got != fee || made[0] != fee || made[1].ID != 2 {
			t.Errorf("stored %+v\nwant %+v", got, fee)
		}
		_, err := s.Fees().Create(ctx, directory.Fee{ProfileID: w.profile.ID, InitInterval: 1, FollowInterval: 1}, in)
		wantError(t, err, directory.ErrConflict, "destination")
		if n := must(s.Fees().Count(ctx, directory.FeeFilter{ProfileID: w.profile.ID}))(t); n != 2 {
			t.Errorf("%d fees after a refused list", n)
		}
		in.ProfileID = 99
		_, err = s.Fees().Create(ctx, in)
		wantError(t, err, directory.ErrInvalid, "profile_id")
		for field, bad := range map[string]directory.Fee{
			"destination":     {Destination: "43a4", InitInterval: 1, FollowInterval: 1},
			"source":          {Source: strings.Repeat("1", 33), InitInterval: 1, FollowInterval: 1},
			"init_interval":   {FollowInterval: 1},
			"follow_interval": {InitInterval: 1, FollowInterval: 86401},
			"direction":       {Direction: 9, InitInterval: 1, FollowInterval: 1},
			"zone":            {Zone: "a\rb", InitInterval: 1, FollowInterval: 1},
		} {
			_, err := s.Fees().Create(ctx, bad)
			wantError(t, err, directory.ErrInvalid, field)
		}
		fee.Destination = "4"
		changed := must(s.Fees().Update(ctx, fee))(t)
		if changed.Destination != "4" || changed.Rev != 2 {
			t.Errorf("updated %+v", changed)
		}
		wantError(t, s.Fees().Delete(ctx, 1, 1), directory.ErrStale, "")
		if err := s.Fees().Delete(ctx, 1, 2); err != nil {
			t.Error(err)
		}
		wantError(t, s.BillingProfiles().Delete(ctx, w.profile.ID, 1), directory.ErrInUse, "")
		if err := s.Customers().Delete(ctx, w.customer.ID, 1); err != nil {
			t.Error(err)
		}
		if err := s.BillingProfiles().Delete(ctx, w.profile.ID, 1); err != nil {
			t.Error(err)
		}
		if n := must(s.Fees().Count(ctx, directory.FeeFilter{}))(t); n != 0 {
			t.Errorf("%d fees outlive their profile", n)
		}
	})
}

func TestBillingProfiles(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		p := must(s.BillingProfiles().Create(ctx, directory.BillingProfile{Name: "a", Currency: billing.MustCurrency("USD"), TimeZone: "Europe/Vienna"}))(t)
		if diff := cmp.Diff(p, must(s.BillingProfiles().Find(ctx, p.ID))(t), cmp.Comparer(func(a, b billing.Currency) bool { return a == b })); diff != "" {
			t.Error(diff)
		}
		_, err := s.BillingProfiles().Create(ctx, p)
		wantError(t, err, directory.ErrConflict, "name")
		_, err = s.BillingProfiles().Create(ctx, directory.BillingProfile{Name: "b"})
		wantError(t, err, directory.ErrInvalid, "currency")
		for _, zone := range []string{"Local", "Mars/Olympus", "../../etc/passwd"} {
			_, err = s.BillingProfiles().Create(ctx, directory.BillingProfile{Name: "b", Currency: p.Currency, TimeZone: zone})
			wantError(t, err, directory.ErrInvalid, "time_zone")
		}
		p.Name = "c"
		if got := must(s.BillingProfiles().Update(ctx, p))(t); got.Name != "c" || got.Rev != 2 {
			t.Errorf("updated %+v", got)
		}
		_, err = s.BillingProfiles().Update(ctx, p)
		wantError(t, err, directory.ErrStale, "")
	})
}

func TestSpecialsAndSettings(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		sp := must(s.Specials().Create(ctx, "*97#", "announce"))(t)
		_, err := s.Specials().Create(ctx, "*97#", "other")
		wantError(t, err, directory.ErrConflict, "number")
		_, err = s.Specials().Create(ctx, "9 9", "other")
		wantError(t, err, directory.ErrInvalid, "number")
		if l := must(s.Specials().List(ctx, directory.Page{}))(t); len(l.Items) != 1 || l.Items[0] != sp {
			t.Errorf("list: %+v", l)
		}
		if err := s.Specials().Delete(ctx, sp.ID, 1); err != nil {
			t.Error(err)
		}

		bytes := []byte("\x00\xff'\"\\\r\n")
		made := must(s.Ensure(ctx, "digest/nonce-keys", func() ([]byte, error) { return bytes, nil }))(t)
		again := must(s.Ensure(ctx, "digest/nonce-keys", func() ([]byte, error) { return nil, errors.New("made twice") }))(t)
		if diff := cmp.Diff(made, again); diff != "" || string(again.Value) != string(bytes) {
			t.Errorf("%q: %s", again.Value, diff)
		}
		next := must(s.Settings().Update(ctx, made.Name, nil, made.Rev))(t)
		if next.Rev != 2 || len(next.Value) != 0 {
			t.Errorf("updated %+v", next)
		}
		_, err = s.Settings().Update(ctx, made.Name, bytes, 1)
		wantError(t, err, directory.ErrStale, "")
		_, err = s.Settings().Update(ctx, "none", bytes, 1)
		wantError(t, err, directory.ErrNotFound, "")
		_, err = s.Settings().Create(ctx, "big", make([]byte, 1<<20))
		wantError(t, err, directory.ErrInvalid, "value")
	})
}

func TestTransaction(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		boom := errors.New("boom")
		err := s.Update(ctx, func(tx *directory.Tx) error {
			d, err := tx.Domains().Create(ctx, "a.example")
			if err != nil {
				return err
			}
			if got, err := tx.Domains().Find(ctx, d.ID); err != nil || got.Name != "a.example" {
				t.Errorf("its own write: %+v, %v", got, err)
			}
			if _, err := s.Domains().Find(ctx, d.ID); !errors.Is(err, directory.ErrNotFound) {
				t.Errorf("seen from outside: %v", err)
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		if n := must(s.Domains().Count(ctx, directory.DomainFilter{}))(t); n != 0 {
			t.Errorf("%d domains of an abandoned transaction", n)
		}
		// A refused value leaves the rest of the transaction alone.
		err = s.Update(ctx, func(tx *directory.Tx) error {
			if _, err := tx.Domains().Create(ctx, "b.example"); err != nil {
				return err
			}
			_, err := tx.Domains().Create(ctx, "b.example")
			wantError(t, err, directory.ErrConflict, "name")
			_, err = tx.Domains().Create(ctx, "c.example")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := must(s.Domains().Count(ctx, directory.DomainFilter{}))(t); n != 2 {
			t.Errorf("%d domains, want 2", n)
		}
	})
}
