package directory_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/cluster/directory"
)

func TestChangesAreLogged(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			s, clock := newStore(t, e.dsn(t))
			ctx := directory.WithActor(t.Context(), "admin:alice\r\n")
			d := must(s.Domains().Create(ctx, "a.example"))(t)
			_ = s.Update(ctx, func(tx *directory.Tx) error {
				must(tx.Domains().Create(ctx, "b.example"))(t)
				return errors.New("given up")
			})
			clock.forward(time.Hour)
			if err := s.Domains().Delete(t.Context(), d.ID, d.Rev); err != nil {
				t.Fatal(err)
			}
			log := must(s.Changes(ctx, 0, 10))(t)
			at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
			want := []directory.Change{
				{Seq: 1, At: at, Kind: directory.KindDomain, ID: 1, Action: directory.Created, Actor: "admin:alice"},
				{Seq: 2, At: at.Add(time.Hour), Kind: directory.KindDomain, ID: 1, Action: directory.Deleted},
			}
			if fmt.Sprint(log) != fmt.Sprint(want) {
				t.Errorf("log %+v\nwant %+v", log, want)
			}
			n := must(s.PruneChanges(ctx, at.Add(24*time.Hour)))(t)
			if left := must(s.Changes(ctx, 0, 10))(t); n != 1 || len(left) != 1 || left[0].Seq != 2 {
				t.Errorf("pruned %d, left %+v", n, left)
			}
		})
	}
}

// TestPruneIsAPrefix: a change with an older time behind one that stays, as
// writers with clocks that differ leave it, stays too.
func TestPruneIsAPrefix(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			s, clock := newStore(t, e.dsn(t))
			for i, step := range []time.Duration{0, time.Hour, -2 * time.Hour, 2 * time.Hour} {
				clock.forward(step)
				must(s.Domains().Create(t.Context(), fmt.Sprintf("d%d.example", i)))(t)
			}
			second := must(s.Changes(t.Context(), 0, 10))(t)[1].At
			must(s.PruneChanges(t.Context(), second))(t)
			left := must(s.Changes(t.Context(), 0, 10))(t)
			if len(left) != 3 || left[0].Seq != 2 || left[2].Seq != 4 {
				t.Errorf("left %+v, want all from the second on", left)
			}
		})
	}
}

// TestSettled: what one reading of the log missed between two changes is
// waited for, what both missed was pruned.
func TestSettled(t *testing.T) {
	log := func(seqs ...int64) (out []directory.Change) {
		for _, seq := range seqs {
			out = append(out, directory.Change{Seq: seq})
		}
		return out
	}
	for _, c := range []struct {
		name                string
		after               int64
		first, second, want []directory.Change
	}{
		{"the late one came", 111, log(113), log(112, 113, 114), log(112, 113, 114)},
		{"in the middle", 110, log(111, 113), log(111, 112, 113), log(111, 112, 113)},
		{"another is late now", 110, log(111, 113), log(111, 112, 113, 115), log(111, 112, 113)},
		{"late in both, further on", 110, log(112), log(111, 114), log(111)},
		{"pruned", 5, log(9, 10), log(9, 10, 11), log(9, 10, 11)},
		{"pruned in the middle", 5, log(6, 9), log(6, 9), log(6, 9)},
		{"pruned between the readings", 5, log(9, 10), log(10, 11), nil},
		{"all gone", 5, log(9), nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := directory.Settled(c.after, c.first, c.second); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// TestSequence has many writers and one reader of the log: what the reader
// sees has no gap at any time, and all rows that a change names are there.
func TestSequence(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		w := newWorld(t, s)
		const writers, each = 8, 25
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for j := range each {
					w.subscriber(fmt.Sprintf("u%d-%d", i, j), fmt.Sprintf("43%03d%03d", i+1, j))
				}
			})
		}
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		var last, subscribers int64
		for over := false; !over; {
			select {
			case <-done:
				over = true
			default:
			}
			for _, c := range must(s.Changes(t.Context(), last, 1000))(t) {
				if c.Seq != last+1 {
					t.Fatalf("change %d follows %d", c.Seq, last)
				}
				last = c.Seq
				if c.Kind == directory.KindSubscriber {
					subscribers++
					if sub, err := s.Subscribers().Find(t.Context(), c.ID); err != nil || len(sub.Numbers) != 1 {
						t.Errorf("subscriber %d is in the log and not in the table: %v", c.ID, err)
					}
				}
			}
		}
		if subscribers != writers*each {
			t.Errorf("%d subscribers in the log, want %d", subscribers, writers*each)
		}
		if n := must(s.Subscribers().Count(t.Context(), directory.SubscriberFilter{}))(t); n != writers*each {
			t.Errorf("%d subscribers", n)
		}
		if sub := must(s.Subscribers().Find(t.Context(), writers*each))(t); sub.ID != writers*each {
			t.Errorf("ids have gaps: %+v", sub)
		}
	})
}

// TestOneOfManyWins: of those who change the same revision one succeeds, and
// of those who create the same name.
func TestOneOfManyWins(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		w := newWorld(t, s)
		sub := w.subscriber("alice")
		count := func(kind error, try func(i int) error) (ok int) {
			errs := make([]error, 8)
			var wg sync.WaitGroup
			for i := range errs {
				wg.Go(func() { errs[i] = try(i) })
			}
			wg.Wait()
			for _, err := range errs {
				if err == nil {
					ok++
				} else if !errors.Is(err, kind) {
					t.Errorf("%v (%v), want %v", err, directory.Cause(err), kind)
				}
			}
			return ok
		}
		if n := count(directory.ErrStale, func(i int) error {
			mine := sub
			mine.DisplayName = fmt.Sprint(i)
			_, err := s.Subscribers().Update(t.Context(), mine)
			return err
		}); n != 1 {
			t.Errorf("%d updates of one revision succeeded", n)
		}
		if n := count(directory.ErrConflict, func(int) error {
			_, err := s.Domains().Create(t.Context(), "same.example")
			return err
		}); n != 1 {
			t.Errorf("%d domains of one name", n)
		}
		if n := count(nil, func(int) error {
			_, err := s.Bootstrap(t.Context(), directory.BootstrapOptions{Demo: true})
			return err
		}); n != 8 {
			t.Errorf("%d of 8 first starts succeeded", n)
		}
	})
}
