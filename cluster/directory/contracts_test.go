package directory_test

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/routing"
)

func (w *world) profileNamed(name string) int64 {
	w.t.Helper()
	p := directory.BillingProfile{Name: name, Currency: billing.MustCurrency("EUR")}
	return must(w.s.BillingProfiles().Create(w.t.Context(), p))(w.t).ID
}

func TestContractByTimeAndNetwork(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		w := newWorld(t, s)
		day := time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)
		summer, office, desk := w.profileNamed("summer"), w.profileNamed("office"), w.profileNamed("desk")
		assign := func(profile int64, from, to time.Time, network string) directory.Assignment {
			a := directory.Assignment{CustomerID: w.customer.ID, BillingProfileID: profile, From: from, To: to}
			if network != "" {
				a.Network = netip.MustParsePrefix(network)
			}
			return must(s.Contracts().Assign(ctx, a))(t)
		}
		assign(summer, day, day.AddDate(0, 1, 0), "")
		assign(office, day, time.Time{}, "192.0.2.0/24")
		last := assign(desk, day, time.Time{}, "192.0.2.64/28")
		r := must(s.NewReader(ctx, directory.ReaderConfig{}))(t)
		for _, c := range []struct {
			at   time.Time
			from string
			want int64
		}{
			{day.Add(-time.Millisecond), "192.0.2.65", w.profile.ID},
			{day, "", summer},
			{day, "198.51.100.1", summer},
			{day, "192.0.2.1", office},
			{day, "::ffff:192.0.2.65", desk},
			{day.AddDate(0, 1, 0), "198.51.100.1", w.profile.ID},
			{day.AddDate(1, 0, 0), "192.0.2.1", office},
		} {
			from, _ := netip.ParseAddr(c.from)
			if got := must(r.Contract(ctx, w.customer.ID))(t).Profile(c.at, from); got != c.want {
				t.Errorf("%v from %s: profile %d, want %d", c.at, c.from, got, c.want)
			}
		}
		// A change shows at once.
		if err := s.Contracts().Unassign(ctx, last.ID); err != nil {
			t.Fatal(err)
		}
		if got := must(r.Contract(ctx, w.customer.ID))(t).Profile(day, netip.MustParseAddr("192.0.2.65")); got != office {
			t.Errorf("an assignment that is gone: %d", got)
		}
		wantError(t, s.Contracts().Unassign(ctx, last.ID), directory.ErrNotFound, "")
		_, err := s.Contracts().Assign(ctx, directory.Assignment{CustomerID: w.customer.ID, BillingProfileID: 99, From: day})
		wantError(t, err, directory.ErrInvalid, "billing_profile_id")
		_, err = s.Contracts().Assign(ctx, directory.Assignment{CustomerID: w.customer.ID, BillingProfileID: desk, From: day, To: day})
		wantError(t, err, directory.ErrInvalid, "to")
		_, err = s.Contracts().Assign(ctx, directory.Assignment{CustomerID: w.customer.ID, BillingProfileID: desk, Network: netip.MustParsePrefix("192.0.2.1/24")})
		wantError(t, err, directory.ErrInvalid, "network")
		wantError(t, s.BillingProfiles().Delete(ctx, office, 1), directory.ErrInUse, "")
	})
}

func TestResellers(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		w := newWorld(t, s)
		ids := []int64{w.customer.ID}
		for n := range directory.MaxResellers + 1 {
			c := directory.Customer{Name: fmt.Sprint("reseller ", n), BillingProfileID: w.profile.ID}
			ids = append(ids, must(s.Customers().Create(ctx, c))(t).ID)
		}
		r := must(s.NewReader(ctx, directory.ReaderConfig{}))(t)
		if c := must(r.Contract(ctx, ids[0]))(t); c.ResellerID != 0 {
			t.Errorf("sold by %d", c.ResellerID)
		}
		for n := range directory.MaxResellers { // from the top down
			i := directory.MaxResellers - 1 - n
			if err := s.Contracts().Resell(ctx, ids[i], ids[i+1]); err != nil {
				t.Fatal(i, err)
			}
		}
		if c := must(r.Contract(ctx, ids[0]))(t); c.ResellerID != ids[1] {
			t.Errorf("sold by %d", c.ResellerID)
		}
		for _, bad := range [][2]int64{{ids[3], ids[0]}, {ids[2], ids[2]}, {ids[len(ids)-1], ids[0]}} {
			wantError(t, s.Contracts().Resell(ctx, bad[0], bad[1]), directory.ErrInvalid, "reseller_id")
		}
		wantError(t, s.Contracts().Resell(ctx, ids[0], 999), directory.ErrInvalid, "reseller_id")
		wantError(t, s.Contracts().Resell(ctx, 999, ids[0]), directory.ErrNotFound, "")
		wantError(t, s.Customers().Delete(ctx, ids[1], 1), directory.ErrInUse, "")
		if err := s.Contracts().Resell(ctx, ids[0], 0); err != nil {
			t.Fatal(err)
		}
		if c := must(r.Contract(ctx, ids[0]))(t); c.ResellerID != 0 {
			t.Errorf("still sold by %d", c.ResellerID)
		}
		if err := s.Customers().Delete(ctx, ids[0], 1); err != nil {
			t.Error(err)
		}
		_, err := r.Contract(ctx, ids[0])
		wantError(t, err, directory.ErrNotFound, "")
	})
}

func TestPeers(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		w := newWorld(t, s)
		r := must(s.NewReader(ctx, directory.ReaderConfig{}))(t)
		_, err := r.PeerContract(ctx, "carrier-9")
		wantError(t, err, directory.ErrNotFound, "")
		p := must(s.Peers().Create(ctx, directory.Peer{Name: "carrier-9", CustomerID: w.customer.ID}))(t)
		if id := must(r.PeerContract(ctx, "carrier-9"))(t); id != w.customer.ID {
			t.Errorf("customer %d", id)
		}
		if got := must(s.Peers().Find(ctx, p.ID))(t); !reflect.DeepEqual(got, p) {
			t.Errorf("found %+v", got)
		}
		if l := must(s.Peers().List(ctx, directory.Page{}))(t); len(l.Items) != 1 || !reflect.DeepEqual(l.Items[0], p) {
			t.Errorf("listed %+v", l)
		}
		_, err = s.Peers().Create(ctx, directory.Peer{Name: "carrier-9", CustomerID: w.customer.ID})
		wantError(t, err, directory.ErrConflict, "name")
		_, err = s.Peers().Create(ctx, directory.Peer{Name: "carrier 9", CustomerID: w.customer.ID})
		wantError(t, err, directory.ErrInvalid, "name")
		_, err = s.Peers().Create(ctx, directory.Peer{Name: "carrier-8", CustomerID: 99})
		wantError(t, err, directory.ErrInvalid, "customer_id")
		wantError(t, s.Customers().Delete(ctx, w.customer.ID, 1), directory.ErrInUse, "")
		if err := s.Peers().Delete(ctx, p.ID, p.Rev); err != nil {
			t.Fatal(err)
		}
		_, err = r.PeerContract(ctx, "carrier-9")
		wantError(t, err, directory.ErrNotFound, "")
	})
}

// TestPeering: the longest prefix takes a call, the smallest block of addresses
// says who sends it, and a peer's call goes to another one only when it may.
func TestPeering(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		w := newWorld(t, s)
		r := must(s.NewReader(ctx, directory.ReaderConfig{}))(t)
		peer := func(name string, p directory.Peering) directory.Peer {
			return must(s.Peers().Create(ctx, directory.Peer{Name: name, CustomerID: w.customer.ID, Peering: p}))(t)
		}
		block := netip.MustParsePrefix
		peer("all", directory.Peering{Gateway: "gw.all.example"})
		uk := peer("uk", directory.Peering{Gateway: "192.0.2.9:5070;transport=tcp", Prefixes: []string{"44", "4420"}, Networks: []netip.Prefix{block("192.0.2.0/24")}, Transit: true})
		peer("london", directory.Peering{Gateway: "192.0.2.10", Prefixes: []string{"44207"}, Networks: []netip.Prefix{block("192.0.2.10/32"), block("2001:db8::/32")}})
		peer("in-only", directory.Peering{Networks: []netip.Prefix{block("198.51.100.7/32")}})
		for _, c := range []struct{ number, from, want string }{
			{"4420123", "", "uk"}, {"442071", "", "london"}, {"431", "", "all"},
			{"442071", "uk", "london"}, {"4420123", "uk", "all"}, {"431", "uk", "all"},
			{"431", "london", ""}, {"431", "in-only", ""}, {"431", "nobody", ""},
		} {
			p, err := r.Peer(ctx, c.number, c.from)
			if p.Name != c.want || c.want == "" && !errors.Is(err, routing.ErrNotFound) {
				t.Errorf("%s from %q: %+v, %v", c.number, c.from, p, err)
			}
		}
		for from, want := range map[string]string{
			"192.0.2.9": "uk", "192.0.2.10": "london", "::ffff:192.0.2.10": "london", "2001:db8::1": "london", "198.51.100.7": "in-only", "198.51.100.8": "",
		} {
			if got := must(r.PeerAt(ctx, netip.MustParseAddr(from)))(t); got != want {
				t.Errorf("from %s: %q, want %q", from, got, want)
			}
		}
		uk.Prefixes, uk.Transit = []string{"33"}, false
		was := uk.Rev
		uk = must(s.Peers().Update(ctx, uk))(t)
		if p, _ := r.Peer(ctx, "4420123", ""); p.Name != "all" {
			t.Errorf("after the change: %+v", p)
		}
		if _, err := r.Peer(ctx, "431", "uk"); !errors.Is(err, routing.ErrNotFound) {
			t.Errorf("transit was taken away: %v", err)
		}
		old := uk
		old.Rev = was
		_, err := s.Peers().Update(ctx, old)
		wantError(t, err, directory.ErrStale, "")
		uk.Name = "other"
		_, err = s.Peers().Update(ctx, uk)
		wantError(t, err, directory.ErrInvalid, "name")
		for field, p := range map[string]directory.Peering{
			"gateway": {Gateway: "a b"}, "prefixes": {Prefixes: []string{"+44"}}, "networks": {Networks: []netip.Prefix{block("192.0.2.1/24")}},
		} {
			_, err := s.Peers().Create(ctx, directory.Peer{Name: "bad", CustomerID: w.customer.ID, Peering: p})
			wantError(t, err, directory.ErrInvalid, field)
		}
		_, err = s.Peers().Create(ctx, directory.Peer{Name: "everybody", CustomerID: w.customer.ID, Peering: directory.Peering{Networks: []netip.Prefix{block("0.0.0.0/0")}}})
		wantError(t, err, directory.ErrInvalid, "networks")
	})
}
