package directory_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/internal/peer"
	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/routing"
)

func TestReader(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		w := newWorld(t, s)
		r := must(s.NewReader(ctx, directory.ReaderConfig{}))(t)
		missing := func(target string) {
			t.Helper()
			for range 2 { // the second time from memory
				_, err := r.Resolve(ctx, target)
				wantError(t, err, directory.ErrNotFound, "")
			}
		}
		missing("alice@example.com")
		missing("+43 100")
		missing("")
		missing(strings.Repeat("x", 5000) + "@example.com")

		sub := w.subscriber("alice", "43100", "43200")
		p := must(r.Resolve(ctx, "alice@example.com"))(t)
		if p.SubscriberID != sub.ID || p.CustomerID != w.customer.ID || p.BillingProfileID != w.profile.ID || p.Locked || p.Number() != "43100" || len(p.Numbers) != 2 {
			t.Errorf("profile %+v", p)
		}
		if again := must(r.Resolve(ctx, "+43 200"))(t); again != p {
			t.Error("the number is another profile")
		}

		// What this process changes is seen at once.
		sub = must(s.Subscribers().SetNumbers(ctx, sub.ID, sub.Rev, []string{"43200", "43300"}))(t)
		missing("43100")
		if p := must(r.Number(ctx, "43300"))(t); p.Number() != "43200" {
			t.Errorf("numbers %v", p.Numbers)
		}
		sub.Status = directory.Locked
		sub = must(s.Subscribers().Update(ctx, sub))(t)
		if p := must(r.Number(ctx, "43300"))(t); !p.Locked {
			t.Error("a locked subscriber is not")
		}
		sub.Status = directory.Active
		sub = must(s.Subscribers().Update(ctx, sub))(t)
		w.customer.Status = directory.Locked
		w.customer = must(s.Customers().Update(ctx, w.customer))(t)
		if p := must(r.Number(ctx, "43300"))(t); !p.Locked {
			t.Error("a subscriber of a locked customer is not")
		}
		if err := s.Subscribers().Delete(ctx, sub.ID, sub.Rev); err != nil {
			t.Fatal(err)
		}
		missing("alice@example.com")
		missing("43300")
	})
}

func TestReaderDestination(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		w := newWorld(t, s)
		r := must(s.NewReader(ctx, directory.ReaderConfig{}))(t)
		for domain, want := range map[string]bool{"example.com": true, "example.org": false, "": false} {
			if got := must(r.LocalDomain(ctx, domain))(t); got != want {
				t.Errorf("%q is ours: %v", domain, got)
			}
		}
		must(s.Domains().Create(ctx, "example.org"))(t)
		if !must(r.LocalDomain(ctx, "example.org"))(t) {
			t.Error("a new domain is not ours")
		}
		must(s.Specials().Create(ctx, "9999", "announce"))(t)
		w.subscriber("alice", "43100")
		w.subscriber("43999", "43200")
		w.subscriber("bob", "43999")
		for _, c := range []struct{ user, number, want string }{
			{"9999", "9999", "app announce"},
			{"alice", "", "alice 43100"},
			{"+43-100", "43100", "alice 43100"},
			{"43999", "43999", "43999 43200"}, // a user name before a number
			{"+43999", "43999", "bob 43999"},
			{"carol", "", ""},
			{"777", "777", ""},
		} {
			d, err := r.Destination(ctx, c.user, c.number, "example.com")
			var got string
			switch {
			case err != nil && !errors.Is(err, routing.ErrNotFound):
				t.Error(err)
			case d.Subscriber != nil:
				got = d.Subscriber.Username + " " + d.Subscriber.Number
			case d.Application != "":
				got = "app " + d.Application
			}
			if got != c.want {
				t.Errorf("%s: %q, want %q", c.user, got, c.want)
			}
		}
		_, err := r.HA1(ctx, nil, []byte("carol"), "example.com", digest.MD5)
		if !errors.Is(err, digest.ErrUnknownUser) {
			t.Errorf("digest of nobody: %v", err)
		}
	})
}

func TestReaderTariff(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		out := must(s.Bootstrap(ctx, directory.BootstrapOptions{}))(t)
		r := must(s.NewReader(ctx, directory.ReaderConfig{}))(t)
		first := must(r.Tariff(ctx, out.Profile.ID))(t)
		if again := must(r.Tariff(ctx, out.Profile.ID))(t); again != first {
			t.Error("compiled twice")
		}
		m, ok := first.Match(billing.Out, "12025550102", "12025550101")
		if !ok || m.Zone() != "on-net" {
			t.Fatalf("match %+v, %v", m, ok)
		}
		id := must(strconv.ParseInt(m.Fee(), 10, 64))(t)
		fee := must(s.Fees().Find(ctx, id))(t)
		fee.Zone = "elsewhere"
		must(s.Fees().Update(ctx, fee))(t)
		next := must(r.Tariff(ctx, out.Profile.ID))(t)
		if m, _ := next.Match(billing.Out, "", "12025550102"); m.Zone() != "elsewhere" {
			t.Errorf("an old tariff: %s", m.Zone())
		}
		if must(s.Fees().Update(ctx, must(s.Fees().Find(ctx, id))(t)))(t); must(r.Tariff(ctx, out.Profile.ID))(t).Hash() != next.Hash() {
			t.Error("the same fees are another tariff")
		}
		_, err := r.Tariff(ctx, 99)
		wantError(t, err, directory.ErrNotFound, "")
	})
}

// TestReaderOfAnotherProcess has two stores on one database, as two programs
// have: the reader of one follows what the other writes.
func TestReaderOfAnotherProcess(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			dsn := e.dsn(t)
			writer, _ := newStore(t, dsn)
			reading, _ := newStore(t, dsn)
			w := newWorld(t, writer)
			sub := w.subscriber("alice", "43100")
			r := must(reading.NewReader(t.Context(), directory.ReaderConfig{Poll: time.Millisecond}))(t)
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := r.Run(ctx); err != nil {
					t.Error(err)
				}
			})
			defer wg.Wait()
			defer cancel()
			await := func(what string, cond func() bool) {
				t.Helper()
				patience, done := context.WithTimeout(t.Context(), 30*time.Second)
				defer done()
				for !cond() {
					select {
					case <-patience.Done():
						t.Fatal("never: " + what)
					case <-time.After(time.Millisecond):
					}
				}
			}
			must(r.Number(ctx, "43100"))(t)
			_, err := r.Number(ctx, "43200")
			wantError(t, err, directory.ErrNotFound, "")
			sub = must(writer.Subscribers().SetNumbers(ctx, sub.ID, sub.Rev, []string{"43200"}))(t)
			await("the new number", func() bool { _, err := r.Number(ctx, "43200"); return err == nil })
			await("the old number gone", func() bool { _, err := r.Number(ctx, "43100"); return errors.Is(err, directory.ErrNotFound) })

			// A log pruned beyond what was seen makes the reader start anew.
			cancel()
			wg.Wait()
			sub.DisplayName = "new"
			must(writer.Subscribers().Update(t.Context(), sub))(t)
			must(writer.Domains().Create(t.Context(), "more.example"))(t)
			must(writer.PruneChanges(t.Context(), time.Now().AddDate(1, 0, 0)))(t)
			if err := r.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			if p := must(r.Number(t.Context(), "43200"))(t); p.DisplayName != "new" {
				t.Error("the cache survived a gap in the log")
			}
		})
	}
}

// TestReaderNeverStale has writers and readers of one process at it: after a
// write has returned, nobody who begins to ask gets what was before.
func TestReaderNeverStale(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		ctx := t.Context()
		w := newWorld(t, s)
		sub := w.subscriber("alice", "43100")
		r := must(s.NewReader(ctx, directory.ReaderConfig{}))(t)
		var written atomic.Int64
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					least := written.Load()
					var p *directory.Profile
					var err error
					if i%2 == 0 {
						p, err = r.Subscriber(ctx, "alice", "example.com")
					} else {
						p, err = r.Number(ctx, "43100")
					}
					var seen int64
					if err == nil {
						_, _ = fmt.Sscan(p.DisplayName, &seen)
					}
					if err != nil || seen < least {
						t.Errorf("saw %d after %d was written (%v)", seen, least, err)
						return
					}
				}
			})
		}
		for i := range int64(50) {
			sub.DisplayName = fmt.Sprint(i + 1)
			sub = must(s.Subscribers().Update(ctx, sub))(t)
			written.Store(i + 1)
		}
		close(stop)
		wg.Wait()
	})
}

// TestMissCost counts the statements that the server sees.
func TestMissCost(t *testing.T) {
	s, _ := newStore(t, engines[1].dsn(t))
	w := newWorld(t, s)
	sub := w.subscriber("alice", "43100", "43200")
	r := must(s.NewReader(t.Context(), directory.ReaderConfig{}))(t)
	cost := func(ask func()) int64 {
		before := must(mariadb.MariaDB(t).Selects(t.Context()))(t)
		ask()
		return must(mariadb.MariaDB(t).Selects(t.Context()))(t) - before
	}
	ask := func() {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { must(r.Subscriber(t.Context(), "alice", "example.com"))(t) })
		}
		wg.Wait()
	}
	ask()
	sub.DisplayName = "x"
	must(s.Subscribers().Update(t.Context(), sub))(t)
	if n := cost(ask); n > 2 {
		t.Errorf("a miss of 20 who ask at once cost %d statements", n)
	}
	if n := cost(ask); n != 0 {
		t.Errorf("a hit cost %d statements", n)
	}
	if n := cost(func() { _, _ = r.Subscriber(t.Context(), "nobody", "example.com") }); n > 1 {
		t.Errorf("nobody cost %d statements", n)
	}
}

// TestServerGone: while the server is away, what is in memory is answered.
func TestServerGone(t *testing.T) {
	ctx := t.Context()
	own, err := peer.StartMariaDB(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Stop()
	if err := own.Create(ctx, "class5"); err != nil {
		t.Fatal(err)
	}
	s, _ := newStore(t, "mysql:"+own.DSN("class5"))
	w := newWorld(t, s)
	sub := w.subscriber("alice", "43100")
	r := must(s.NewReader(ctx, directory.ReaderConfig{}))(t)
	must(r.Number(ctx, "43100"))(t)
	must(r.LocalDomain(ctx, "example.com"))(t)
	own.Kill()

	must(r.Subscriber(ctx, "alice", "example.com"))(t)
	must(r.LocalDomain(ctx, "example.com"))(t)
	_, err = r.Subscriber(ctx, "bob", "example.com")
	wantError(t, err, directory.ErrUnavailable, "")
	_, err = r.HA1(ctx, nil, []byte("bob"), "example.com", digest.MD5)
	wantError(t, err, directory.ErrUnavailable, "")
	wantError(t, r.Sync(ctx), directory.ErrUnavailable, "")
	sub.DisplayName = "x"
	_, err = s.Subscribers().Update(ctx, sub)
	wantError(t, err, directory.ErrUnavailable, "")
	if st := r.Stats(); st.Failures == 0 || st.Profiles != 1 {
		t.Errorf("figures %+v", st)
	}

	if err := own.Start(ctx); err != nil {
		t.Fatal(err)
	}
	must(s.Subscribers().Update(ctx, sub))(t)
	_, err = r.Subscriber(ctx, "bob", "example.com")
	wantError(t, err, directory.ErrNotFound, "")
}
