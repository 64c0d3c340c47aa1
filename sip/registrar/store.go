package registrar

import (
	"context"
	"iter"
	"time"
)

// Store keeps the bindings of addresses of record. All methods may be called
// from any goroutine. A store in another process blocks as long as ctx and
// its client allow; package memstore blocks for a disk write at most.
//
// Expired bindings are never shown: now decides, not the store's own clock.
type Store interface {
	// Update replaces the bindings of an address of record by what change
	// makes of them, as one step: nobody else's change comes between. change
	// gets the bindings alive at now in an order that stays the same; it may
	// alter and return the slice, which is lent until it returns. It may be
	// called several times and only its last result counts. No bindings
	// returned: the record is removed. An error of change is returned as it
	// is, and nothing is altered.
	Update(ctx context.Context, aor string, now time.Time, change func([]Binding) ([]Binding, error)) error

	// Lookup appends the bindings alive at now to dst. None is not an error.
	Lookup(ctx context.Context, dst []Binding, aor string, now time.Time) ([]Binding, error)

	// Len counts the addresses of record that have a binding alive at now.
	Len(ctx context.Context, now time.Time) (int, error)

	// All goes through the records alive at now, in no order. A record that
	// is there all the time is yielded at least once. Bindings are lent until
	// yield returns. After an error nothing more is yielded.
	All(ctx context.Context, now time.Time) iter.Seq2[Record, error]
}

// Remove removes one binding, as after a 430 (Flow Failed) or by hand of an
// operator, and reports whether it was there.
func Remove(ctx context.Context, s Store, aor string, key Key, now time.Time) (bool, error) {
	found := false
	err := s.Update(ctx, aor, now, func(bs []Binding) ([]Binding, error) {
		found = false
		kept := bs[:0]
		for _, b := range bs {
			if b.Key() == key {
				found = true
				continue
			}
			kept = append(kept, b)
		}
		return kept, nil
	})
	return found, err
}

// RemoveAll removes every binding of an address of record and gives their
// number.
func RemoveAll(ctx context.Context, s Store, aor string, now time.Time) (int, error) {
	n := 0
	err := s.Update(ctx, aor, now, func(bs []Binding) ([]Binding, error) {
		n = len(bs)
		return nil, nil
	})
	return n, err
}
