package directory_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/digest"
	"github.com/google/go-cmp/cmp"
)

func TestSubscriberCreate(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		w := newWorld(t, s)
		made, password, err := s.Subscribers().Create(ctx, directory.NewSubscriber{
			DomainID: w.domain.ID, CustomerID: w.customer.ID, Username: "a.b+c;d", DisplayName: "Ärger 😀 \"x\"",
			Numbers: []string{"+43 (1) 234-567", "43.123.4568"},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, find := range []func() (directory.Subscriber, error){
			func() (directory.Subscriber, error) { return s.Subscribers().Find(ctx, made.ID) },
			func() (directory.Subscriber, error) { return s.Subscribers().ByName(ctx, "a.b+c;d", "example.com") },
			func() (directory.Subscriber, error) { return s.Subscribers().ByNumber(ctx, "+43 1234568") },
		} {
			if diff := cmp.Diff(made, must(find())(t)); diff != "" {
				t.Error(diff)
			}
		}
		if made.ID != 1 || made.AoR() != "a.b+c;d@example.com" || !cmp.Equal(made.Numbers, []string{"431234567", "431234568"}) {
			t.Errorf("created %+v", made)
		}
		r := must(s.NewReader(ctx, directory.ReaderConfig{}))(t)
		for _, a := range []digest.Algorithm{digest.MD5, digest.SHA256, digest.SHA512256} {
			got := must(r.HA1(ctx, nil, []byte("a.b+c;d"), "example.com", a))(t)
			if want := digest.HA1(a, "a.b+c;d", "example.com", password.Reveal()); string(got) != fromHex(t, want) {
				t.Errorf("%v: digest %x, want %s", a, got, want)
			}
		}
		// Byte-exact: another case is another user.
		if _, err := s.Subscribers().ByName(ctx, "A.B+C;D", "example.com"); err == nil {
			t.Error("found in the wrong case")
		}
		w.subscriber("A.B+C;D")
	})
}

func TestSubscriberRefused(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		w := newWorld(t, s)
		w.subscriber("alice", "4312345")
		good := directory.NewSubscriber{DomainID: w.domain.ID, CustomerID: w.customer.ID, Username: "bob"}
		for _, c := range []struct {
			field string
			kind  error
			bad   func(*directory.NewSubscriber)
		}{
			{"username", directory.ErrConflict, func(n *directory.NewSubscriber) { n.Username = "alice" }},
			{"number", directory.ErrConflict, func(n *directory.NewSubscriber) { n.Numbers = []string{"43777", "+4312345"} }},
			{"username", directory.ErrInvalid, func(n *directory.NewSubscriber) { n.Username = "" }},
			{"username", directory.ErrInvalid, func(n *directory.NewSubscriber) { n.Username = "a@b" }},
			{"username", directory.ErrInvalid, func(n *directory.NewSubscriber) { n.Username = "a\r\nVia: x" }},
			{"username", directory.ErrInvalid, func(n *directory.NewSubscriber) { n.Username = "a%40b" }},
			{"username", directory.ErrInvalid, func(n *directory.NewSubscriber) { n.Username = "bob " }},
			{"username", directory.ErrInvalid, func(n *directory.NewSubscriber) { n.Username = strings.Repeat("a", 65) }},
			{"display_name", directory.ErrInvalid, func(n *directory.NewSubscriber) { n.DisplayName = "a\u202eb" }},
			{"display_name", directory.ErrInvalid, func(n *directory.NewSubscriber) { n.DisplayName = "a\x00b" }},
			{"password", directory.ErrInvalid, func(n *directory.NewSubscriber) { n.Password = "short" }},
			{"password", directory.ErrInvalid, func(n *directory.NewSubscriber) { n.Password = "long enough\r\n" }},
			{"status", directory.ErrInvalid, func(n *directory.NewSubscriber) { n.Status = "gone" }},
			{"number", directory.ErrInvalid, func(n *directory.NewSubscriber) { n.Numbers = []string{"0123"} }},
			{"number", directory.ErrInvalid, func(n *directory.NewSubscriber) { n.Numbers = []string{"1234567890123456"} }},
			{"number", directory.ErrInvalid, func(n *directory.NewSubscriber) { n.Numbers = []string{"431", "+431"} }},
			{"number", directory.ErrInvalid, func(n *directory.NewSubscriber) { n.Numbers = []string{"abc"} }},
			{"domain_id", directory.ErrInvalid, func(n *directory.NewSubscriber) { n.DomainID = 99 }},
			{"customer_id", directory.ErrInvalid, func(n *directory.NewSubscriber) { n.CustomerID = 99 }},
		} {
			n := good
			c.bad(&n)
			_, _, err := s.Subscribers().Create(t.Context(), n)
			wantError(t, err, c.kind, c.field)
		}
		if n := must(s.Subscribers().Count(t.Context(), directory.SubscriberFilter{}))(t); n != 1 {
			t.Errorf("%d subscribers, want alice alone", n)
		}
		if n := must(s.Numbers().Count(t.Context(), directory.NumberFilter{}))(t); n != 1 {
			t.Errorf("%d numbers, want one", n)
		}
	})
}

func TestSubscriberChange(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		w := newWorld(t, s)
		sub := w.subscriber("alice", "43100", "43200", "43300")
		w.subscriber("bob", "43400")

		sub.DisplayName, sub.Status = "Alice", directory.Locked
		next := must(s.Subscribers().Update(ctx, sub))(t)
		if next.Rev != 2 || next.DisplayName != "Alice" || next.Status != directory.Locked || len(next.Numbers) != 3 {
			t.Errorf("updated %+v", next)
		}
		_, err := s.Subscribers().Update(ctx, sub)
		wantError(t, err, directory.ErrStale, "")
		renamed := next
		renamed.Username = "alicia"
		_, err = s.Subscribers().Update(ctx, renamed)
		wantError(t, err, directory.ErrInvalid, "username")

		_, err = s.Subscribers().SetNumbers(ctx, sub.ID, next.Rev, []string{"43200", "43400"})
		wantError(t, err, directory.ErrConflict, "number")
		_, err = s.Subscribers().SetNumbers(ctx, sub.ID, 1, nil)
		wantError(t, err, directory.ErrStale, "")
		next = must(s.Subscribers().SetNumbers(ctx, sub.ID, next.Rev, []string{"43300", "43500", "43100"}))(t)
		if !cmp.Equal(next.Numbers, []string{"43300", "43100", "43500"}) || next.Rev != 3 {
			t.Errorf("numbers %v at revision %d", next.Numbers, next.Rev)
		}
		if n := must(s.Numbers().Find(ctx, "+43300"))(t); !n.Primary || n.SubscriberID != sub.ID {
			t.Errorf("primary number %+v", n)
		}
		_, err = s.Numbers().Find(ctx, "43200")
		wantError(t, err, directory.ErrNotFound, "")

		next, password, err := s.Subscribers().SetPassword(ctx, sub.ID, next.Rev, "")
		if err != nil || next.Rev != 4 || len(password) != 19 {
			t.Errorf("password %d characters, %+v, %v", len(password), next, err)
		}
		wantError(t, s.Subscribers().Delete(ctx, sub.ID, 1), directory.ErrStale, "")
		if err := s.Subscribers().Delete(ctx, sub.ID, 4); err != nil {
			t.Error(err)
		}
		next = must(s.Subscribers().Find(ctx, 2))(t)
		must(s.Subscribers().SetNumbers(ctx, 2, next.Rev, []string{"43400", "43300"}))(t) // free again
	})
}

func TestSubscriberFilters(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		w := newWorld(t, s)
		other := must(s.Domains().Create(t.Context(), "other.example"))(t)
		w.subscriber("alice", "43100", "49100")
		w.subscriber("alan", "43200")
		w.domain = other
		w.subscriber("alice", "44100")
		w.subscriber("al_ce")
		for _, c := range []struct {
			filter directory.SubscriberFilter
			want   []int64
		}{
			{directory.SubscriberFilter{}, []int64{1, 2, 3, 4}},
			{directory.SubscriberFilter{Username: "al"}, []int64{1, 2, 3, 4}},
			{directory.SubscriberFilter{Username: "ali"}, []int64{1, 3}},
			{directory.SubscriberFilter{Username: "al_"}, []int64{4}},
			{directory.SubscriberFilter{Username: "AL"}, nil},
			{directory.SubscriberFilter{Username: "ali", DomainID: other.ID}, []int64{3}},
			{directory.SubscriberFilter{Number: "+43"}, []int64{1, 2}},
			{directory.SubscriberFilter{Number: "4"}, []int64{1, 2, 3}},
			{directory.SubscriberFilter{CustomerID: 9}, nil},
			{directory.SubscriberFilter{Status: directory.Locked}, nil},
		} {
			l := must(s.Subscribers().List(t.Context(), c.filter, directory.Page{}))(t)
			var ids []int64
			for _, v := range l.Items {
				ids = append(ids, v.ID)
			}
			if !cmp.Equal(ids, c.want) {
				t.Errorf("%+v: %v, want %v", c.filter, ids, c.want)
			}
			if n := must(s.Subscribers().Count(t.Context(), c.filter))(t); n != int64(len(c.want)) {
				t.Errorf("%+v: counted %d", c.filter, n)
			}
		}
		if n := must(s.Numbers().List(t.Context(), directory.NumberFilter{Number: "+43"}, directory.Page{}))(t); len(n.Items) != 2 {
			t.Errorf("numbers: %+v", n)
		}
	})
}

func fromHex(t *testing.T, s string) string {
	t.Helper()
	return string(must(hex.DecodeString(s))(t))
}
