package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/media/relay"
)

// Open makes a store over the same content, as the next process does.
type Open func(t *testing.T) relay.Store

// Run tests a store. fresh makes the Open of an empty one.
func Run(t *testing.T, fresh func(t *testing.T) Open) {
	t.Run("keeps", func(t *testing.T) { keeps(t, fresh(t)) })
	t.Run("names", func(t *testing.T) { names(t, fresh(t)) })
	t.Run("many", func(t *testing.T) { many(t, fresh(t)) })
	t.Run("at once", func(t *testing.T) { atOnce(t, fresh(t)) })
	t.Run("context", func(t *testing.T) { cancelled(t, fresh(t)) })
	t.Run("changes", func(t *testing.T) { changes(t, fresh(t)) })
	t.Run("owner", func(t *testing.T) { owner(t, fresh(t)) })
	t.Run("age", func(t *testing.T) { age(t, fresh(t)) })
}

// state is one of a call, with something that tells it from others of it.
func state(callID, what string) []byte {
	b, err := json.Marshal(map[string]any{"version": relay.StateVersion, "call_id": callID, "what": what})
	if err != nil {
		panic(err) // of strings
	}
	return b
}

// kept is all that a store has.
func kept(t *testing.T, s relay.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	for k, err := range s.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := all[k.CallID]; twice {
			t.Errorf("%q twice", k.CallID)
		}
		all[k.CallID] = string(k.State)
	}
	return all
}

func want(t *testing.T, s relay.Store, states map[string]string) {
	t.Helper()
	have := kept(t, s)
	if !maps.Equal(have, states) {
		t.Errorf("%d states kept, want %d: %v", len(have), len(states), have)
	}
}

// opened is a store whose process is the one that writes.
func opened(t *testing.T, open Open) relay.Store {
	t.Helper()
	s := open(t)
	_, err := s.Open(t.Context())
	ok(t, err)
	return s
}

// save writes one state; empty: the end.
func save(ctx context.Context, s relay.Store, callID string, state []byte) error {
	return s.Apply(ctx, []relay.Change{{CallID: callID, State: state}})
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func keeps(t *testing.T, open Open) {
	ctx, s := t.Context(), opened(t, open)
	want(t, s, nil)
	ok(t, save(ctx, s, "never there", nil))
	ok(t, save(ctx, s, "a", state("a", "first")))
	ok(t, save(ctx, s, "b", state("b", "only")))
	last := state("a", strings.Repeat("longer", 3000))
	ok(t, save(ctx, s, "a", last))
	clear(last[:1]) // it is the caller's again
	last[0] = '{'
	s = opened(t, open)
	want(t, s, map[string]string{"a": string(last), "b": string(state("b", "only"))})
	ok(t, save(ctx, s, "a", nil))
	ok(t, save(ctx, s, "a", nil))
	want(t, open(t), map[string]string{"b": string(state("b", "only"))})
}

// names can hold anything that SIP allows, and what it does not.
func names(t *testing.T, open Open) {
	s, all := opened(t, open), map[string]string{}
	for _, id := range []string{"../../etc/passwd", "a b", "*", "{x}", "ünï", strings.Repeat("x", 4000), "a\r\nb", "0"} {
		all[id] = string(state(id, "x"))
		ok(t, save(t.Context(), s, id, []byte(all[id])))
	}
	want(t, open(t), all)
	for id := range all {
		ok(t, save(t.Context(), s, id, nil))
	}
	want(t, open(t), nil)
}

func many(t *testing.T, open Open) {
	s, all := opened(t, open), map[string]string{}
	for i := range 1500 {
		id := fmt.Sprintf("call-%d@192.0.2.1", i)
		all[id] = string(state(id, fmt.Sprint(i)))
		ok(t, save(t.Context(), s, id, []byte(all[id])))
	}
	want(t, open(t), all)
	for _, err := range s.All(t.Context()) {
		ok(t, err)
		break // it may be left
	}
}

func atOnce(t *testing.T, open Open) {
	s := opened(t, open)
	var g sync.WaitGroup
	for i := range 8 {
		g.Go(func() {
			id := fmt.Sprint("call", i)
			for k := range 50 {
				if err := save(t.Context(), s, id, state(id, fmt.Sprint(k))); err != nil {
					t.Error(err)
				}
			}
			if i%2 == 0 {
				if err := save(t.Context(), s, id, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	g.Wait()
	all := map[string]string{}
	for i := 1; i < 8; i += 2 {
		id := fmt.Sprint("call", i)
		all[id] = string(state(id, "49"))
	}
	want(t, open(t), all)
}

func cancelled(t *testing.T, open Open) {
	s := opened(t, open)
	ok(t, save(t.Context(), s, "a", state("a", "x")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := save(ctx, s, "b", state("b", "x")); err == nil {
		t.Error("saved")
	}
	if err := save(ctx, s, "a", nil); err == nil {
		t.Error("deleted")
	}
	failed := 0
	for _, err := range s.All(ctx) {
		if err != nil {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d errors", failed)
	}
	want(t, open(t), map[string]string{"a": string(state("a", "x"))})
}

func changes(t *testing.T, open Open) {
	ctx, s := t.Context(), open(t)
	_, err := s.Open(ctx)
	ok(t, err)
	ok(t, s.Apply(ctx, nil))
	a1, a2, b := state("a", "1"), state("a", "2"), state("b", "x")
	ok(t, s.Apply(ctx, []relay.Change{{CallID: "a", State: a1}, {CallID: "b", State: b}, {CallID: "c", State: state("c", "x")}, {CallID: "a", State: a2}, {CallID: "c"}, {CallID: "never there"}}))
	want(t, s, map[string]string{"a": string(a2), "b": string(b)})
	var list []relay.Change
	for i := range 3000 {
		id := fmt.Sprint("many", i)
		list = append(list, relay.Change{CallID: id, State: state(id, "x")})
	}
	for len(list) > 0 {
		ok(t, s.Apply(ctx, list[:100]))
		list = list[100:]
	}
	ok(t, s.Retain(ctx, func(id string) bool { return id == "b" || id == "gone" }))
	want(t, s, map[string]string{"b": string(b)})
}

// owner: who opened last writes, all others are told and change nothing.
func owner(t *testing.T, open Open) {
	ctx, first, second := t.Context(), open(t), open(t)
	_, err := first.Open(ctx)
	ok(t, err)
	ok(t, first.Apply(ctx, []relay.Change{{CallID: "a", State: state("a", "first")}}))
	ok(t, first.Confirm(ctx, 0))
	_, err = second.Open(ctx)
	ok(t, err)
	for what, err := range map[string]error{
		"apply":   first.Apply(ctx, []relay.Change{{CallID: "a"}, {CallID: "b", State: state("b", "x")}}),
		"confirm": first.Confirm(ctx, 0),
		"retain":  first.Retain(ctx, func(string) bool { return false }),
	} {
		if !errors.Is(err, relay.ErrStoreTaken) {
			t.Errorf("%s: %v", what, err)
		}
	}
	want(t, second, map[string]string{"a": string(state("a", "first"))})
	ok(t, second.Apply(ctx, []relay.Change{{CallID: "a", State: state("a", "second")}}))
	ok(t, second.Confirm(ctx, 0))
	if !bytes.Contains([]byte(kept(t, second)["a"]), []byte("second")) {
		t.Error("the second's write is not there")
	}
	_, err = first.Open(ctx) // it insists
	ok(t, err)
	ok(t, first.Confirm(ctx, 0))
	if err := second.Confirm(ctx, 0); !errors.Is(err, relay.ErrStoreTaken) {
		t.Error(err)
	}
}

// age: it is known when the last process had confirmed, and nothing else.
func age(t *testing.T, open Open) {
	ctx := t.Context()
	again := func() (relay.Store, time.Duration) {
		s := open(t)
		d, err := s.Open(ctx)
		ok(t, err)
		return s, d
	}
	s, d := again()
	if d >= 0 {
		t.Errorf("of an empty store: %v", d)
	}
	ok(t, s.Confirm(ctx, time.Hour))
	if s, d = again(); d < time.Hour || d > time.Hour+time.Minute {
		t.Errorf("%v", d)
	}
	ok(t, s.Confirm(ctx, 0))
	if s, d = again(); d < 0 || d > time.Minute {
		t.Errorf("%v", d)
	}
	_ = s // dies before it has written anew what it goes on with
	if _, d = again(); d >= 0 {
		t.Errorf("of a process that never confirmed: %v", d)
	}
}
