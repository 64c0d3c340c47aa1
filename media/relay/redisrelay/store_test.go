package redisrelay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/class5-go/class5/internal/dbtest"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/relay/redisrelay"
	"github.com/class5-go/class5/media/relay/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func store(t testing.TB, c redis.UniversalClient, name string) *redisrelay.Store {
	t.Helper()
	s, err := redisrelay.New(c, redisrelay.Config{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func suite(t *testing.T, c redis.UniversalClient) {
	n := 0
	storetest.Run(t, func(*testing.T) storetest.Open {
		n++
		name := fmt.Sprint("relay", n)
		return func(t *testing.T) relay.Store { return store(t, c, name) }
	})
}

func TestRedis(t *testing.T) {
	_, c := dbtest.Redis(t)
	suite(t, c)
}

func TestMiniredis(t *testing.T) {
	c := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr(), MaxRetries: -1})
	t.Cleanup(func() { c.Close() })
	suite(t, c)
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func one(id, what string) []relay.Change {
	return []relay.Change{{CallID: id, State: []byte(`{"call_id":"` + id + `","what":"` + what + `"}`)}}
}

func opened(t *testing.T, s *redisrelay.Store) time.Duration {
	t.Helper()
	age, err := s.Open(t.Context())
	ok(t, err)
	return age
}

func count(t *testing.T, s *redisrelay.Store) (n, damaged int) {
	t.Helper()
	for _, err := range s.All(t.Context()) {
		if err != nil {
			damaged++
		} else {
			n++
		}
	}
	return n, damaged
}

// TestLoss: whatever takes written states away is noticed with the next write,
// which changes nothing then.
func TestLoss(t *testing.T) {
	r, c := dbtest.Redis(t)
	ctx := t.Context()
	restart := func() {
		r.Kill()
		ok(t, r.Start(ctx))
		_ = c.Ping(ctx).Err() // the old connection
	}
	for name, lose := range map[string]func(){
		"emptied":   func() { ok(t, c.FlushAll(ctx).Err()) },
		"restarted": restart,
		"an old snapshot": func() {
			ok(t, c.Save(ctx).Err())
			restart()
		},
	} {
		t.Run(name, func(t *testing.T) {
			ok(t, c.FlushAll(ctx).Err())
			s := store(t, c, "n")
			opened(t, s)
			ok(t, s.Apply(ctx, one("a", "1")))
			if name == "an old snapshot" { // that begins with what is there now
				ok(t, c.Save(ctx).Err())
				ok(t, s.Apply(ctx, one("a", "2")))
				ok(t, s.Apply(ctx, one("b", "1")))
				restart()
			} else {
				lose()
			}
			if err := s.Apply(ctx, one("c", "1")); !errors.Is(err, relay.ErrStoreLost) {
				t.Errorf("apply: %v", err)
			}
			if err := s.Confirm(ctx, 0); !errors.Is(err, relay.ErrStoreLost) {
				t.Errorf("confirm: %v", err)
			}
			opened(t, s)
			ok(t, s.Apply(ctx, one("c", "1")))
			ok(t, s.Retain(ctx, func(id string) bool { return id == "c" }))
			if n, _ := count(t, s); n != 1 {
				t.Errorf("%d states", n)
			}
		})
	}
}

// stalled fails after a script was carried out, or before.
type stalled struct{ before, after error }

func (stalled) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *stalled) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h *stalled) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if h.before != nil {
			cmd.SetErr(h.before)
			return h.before
		}
		if err := next(ctx, cmd); err != nil || h.after == nil {
			return err
		}
		cmd.SetErr(h.after)
		return h.after
	}
}

// TestUnsure: a write that failed, whether or not it came, is no loss, and cannot
// come behind later ones.
func TestUnsure(t *testing.T) {
	r, c := dbtest.Redis(t)
	ctx := t.Context()
	h := &stalled{}
	broken := redis.NewClient(&redis.Options{Network: "unix", Addr: r.Socket(), MaxRetries: -1})
	t.Cleanup(func() { broken.Close() })
	broken.AddHook(h)
	s := store(t, broken, "n")
	opened(t, s)
	ok(t, s.Apply(ctx, one("a", "0")))
	gone := errors.New("gone")
	for i, h2 := range []stalled{{before: gone}, {after: gone}, {before: gone}, {after: gone}} {
		*h = h2
		for range 2 + i%2 { // the question after it fails too
			if err := s.Apply(ctx, one("a", fmt.Sprint(i))); !errors.Is(err, gone) {
				t.Fatal(err)
			}
		}
		*h = stalled{}
		ok(t, s.Apply(ctx, one("a", fmt.Sprint(i, " again"))))
		for k := range s.All(ctx) {
			if !strings.Contains(string(k.State), " again") {
				t.Errorf("%s", k.State)
			}
		}
	}

	// A write that is late on the way.
	var late []any
	c2 := redis.NewClient(&redis.Options{Network: "unix", Addr: r.Socket(), MaxRetries: -1})
	t.Cleanup(func() { c2.Close() })
	c2.AddHook(catching{&late, gone})
	s = store(t, c2, "late")
	opened(t, s)
	ok(t, s.Apply(ctx, one("a", "0"))) // the script is known from now on
	late = []any{}
	if err := s.Apply(ctx, one("a", "old")); !errors.Is(err, gone) {
		t.Fatal(err)
	}
	caught := late
	late = nil
	ok(t, s.Apply(ctx, one("a", "new")))
	if reply, err := c.Do(ctx, caught...).Result(); err != nil || reply != "lost" {
		t.Errorf("the late write: %v, %v", reply, err)
	}
	for k := range s.All(ctx) {
		if !strings.Contains(string(k.State), "new") {
			t.Errorf("%s", k.State)
		}
	}
	ok(t, s.Apply(ctx, one("a", "newer")))
}

// catching keeps the next script from being sent, while there is where to put it.
type catching struct {
	to   *[]any
	gone error
}

func (catching) DialHook(next redis.DialHook) redis.DialHook { return next }

func (catching) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h catching) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if *h.to == nil || cmd.Name() != "evalsha" {
			return next(ctx, cmd)
		}
		*h.to = cmd.Args()
		cmd.SetErr(h.gone)
		return h.gone
	}
}

// TestLife: states end without a sign of life, and do not with one.
func TestLife(t *testing.T) {
	m := miniredis.RunT(t)
	c := redis.NewClient(&redis.Options{Addr: m.Addr()})
	t.Cleanup(func() { c.Close() })
	s, err := redisrelay.New(c, redisrelay.Config{Name: "n", Life: 800 * time.Millisecond})
	ok(t, err)
	opened(t, s)
	for i := range 50 {
		ok(t, s.Apply(t.Context(), one(fmt.Sprint(i), "x")))
	}
	for range 10 {
		m.FastForward(500 * time.Millisecond)
		time.Sleep(110 * time.Millisecond) // an eighth of a life
		ok(t, s.Confirm(t.Context(), 0))
	}
	if n, _ := count(t, s); n != 50 {
		t.Errorf("%d of 50 states live", n)
	}
	m.FastForward(time.Second)
	if keys := m.Keys(); len(keys) != 0 {
		t.Errorf("a dead relay's keys: %v", keys)
	}
	if err := s.Confirm(t.Context(), 0); !errors.Is(err, relay.ErrStoreLost) {
		t.Error(err)
	}
}

// TestDamaged: what is no state is told and does not stay in the way.
func TestDamaged(t *testing.T) {
	_, c := dbtest.Redis(t)
	ctx := t.Context()
	s := store(t, c, "n")
	opened(t, s)
	for i := range 600 {
		ok(t, s.Apply(ctx, one(fmt.Sprint(i), "x")))
	}
	ok(t, c.Del(ctx, "media:{n}:00").Err())
	ok(t, c.Set(ctx, "media:{n}:00", "x", 0).Err())
	ok(t, c.HSet(ctx, "media:{n}:01", strings.Repeat("y", 5000), "x").Err())
	if n, damaged := count(t, s); damaged != 2 || n < 550 {
		t.Errorf("%d states, %d damaged", n, damaged)
	}
	ok(t, c.Set(ctx, "media:{n}:00", "x", 0).Err()) // while it runs
	for i := range 600 {
		ok(t, s.Apply(ctx, one(fmt.Sprint(i), "y")))
	}
	ok(t, s.Retain(ctx, func(id string) bool { return len(id) < 4 }))
	if n, damaged := count(t, s); damaged != 0 || n != 600 {
		t.Errorf("%d states, %d damaged", n, damaged)
	}
	ok(t, c.Set(ctx, "media:{n}:owner", "x", 0).Err())
	if age := opened(t, s); age >= 0 {
		t.Error(age)
	}
	ok(t, s.Apply(ctx, one("1", "z")))
}

func TestNames(t *testing.T) {
	for _, name := range []string{"", "{", "a}b", strings.Repeat("n", 256)} {
		if _, err := redisrelay.New(nil, redisrelay.Config{Name: name}); !errors.Is(err, redisrelay.ErrConfig) {
			t.Errorf("%q: %v", name, err)
		}
	}
	_, c := dbtest.Redis(t)
	a, b := store(t, c, "a"), store(t, c, "b")
	opened(t, a)
	opened(t, b)
	ok(t, a.Apply(t.Context(), one("x", "a")))
	ok(t, b.Apply(t.Context(), one("y", "b")))
	ok(t, a.Retain(t.Context(), func(string) bool { return false }))
	if n, _ := count(t, b); n != 1 {
		t.Errorf("%d states of the other relay", n)
	}
}

// BenchmarkApply writes what the relay writes at once, states of 6 KiB.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{1, 16, 128} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, c := dbtest.Redis(b)
			s := store(b, c, "n")
			var list []relay.Change
			for i := range n {
				list = append(list, relay.Change{CallID: fmt.Sprint("call", i), State: make([]byte, 6<<10)})
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Apply(b.Context(), list); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/state")
		})
	}
}
