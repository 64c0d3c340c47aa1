package directory

import (
	"context"
	"errors"
	"testing"
)

// TestMemo: what is held is bounded, and never what was before a change.
func TestMemo(t *testing.T) {
	c := newMemo[int](3)
	loads := 0
	row := map[int64]int{}
	get := func(id int64) int {
		t.Helper()
		v, err := c.get(t.Context(), id, func(context.Context, int64) (*int, error) {
			loads++
			v := row[id]
			return &v, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return *v
	}
	for id := range int64(10) {
		row[id] = int(id)
		for range 2 {
			if got := get(id); got != int(id) || len(c.entries) > 3 {
				t.Errorf("id %d: %d, %d held", id, got, len(c.entries))
			}
		}
	}
	if loads != 10 {
		t.Errorf("%d loads", loads)
	}
	row[9] = 90
	if c.forget(9); get(9) != 90 {
		t.Error("an old value")
	}
	// A change during a load: the answer is used, but not kept.
	v, err := c.get(t.Context(), 1, func(context.Context, int64) (*int, error) {
		c.forget(1)
		v := 1
		return &v, nil
	})
	if row[1] = 10; err != nil || *v != 1 || get(1) != 10 {
		t.Errorf("%d, %v", *v, err)
	}
	gone := errors.New("gone")
	if _, err := c.get(t.Context(), 77, func(context.Context, int64) (*int, error) { return nil, gone }); !errors.Is(err, gone) {
		t.Error(err)
	}
	if c.entries[77] != nil {
		t.Error("what is not there takes memory")
	}
}
