package directory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Number is an E.164 number of a subscriber. No two subscribers have the same.
type Number struct {
	ID           int64  `db:"id"`
	Number       string `db:"number"` // digits without "+"
	SubscriberID int64  `db:"subscriber_id"`
	Primary      bool   `db:"is_primary"`
	Created      time.Time
}

type numberRow struct {
	Number
	CreatedMS int64 `db:"created_ms"`
}

func (r numberRow) value() Number {
	r.Number.Created = at(r.CreatedMS)
	return r.Number
}

const selectNumber = `SELECT n.id, n.number, n.subscriber_id, CASE WHEN n.primary_of IS NULL THEN 0 ELSE 1 END AS is_primary, n.created_ms
	FROM prov_numbers n`

// Numbers is the repository of numbers for looking; [Subscribers.SetNumbers]
// writes them.
type Numbers struct{ on access }

// NumberFilter selects numbers; zero fields select all.
type NumberFilter struct {
	Number       string // begins with; "+" and separators may stand
	SubscriberID int64
}

func (f NumberFilter) where() (w where) {
	w.prefix("n.number", digitsOf(f.Number))
	is(&w, "n.subscriber_id", f.SubscriberID)
	return w
}

// Find gives a number.
func (r Numbers) Find(ctx context.Context, number string) (Number, error) {
	row, err := one[numberRow](ctx, r.on, selectNumber+" WHERE n.number = ?", digitsOf(number))
	return row.value(), err
}

// List gives one page of numbers.
func (r Numbers) List(ctx context.Context, f NumberFilter, p Page) (List[Number], error) {
	return page(ctx, r.on, p, selectNumber, "n.id", f.where(), numberRow.value, func(v Number) int64 { return v.ID })
}

// Count counts what List lists.
func (r Numbers) Count(ctx context.Context, f NumberFilter) (int64, error) {
	return count(ctx, r.on, "prov_numbers n", f.where())
}

// maxNumbers bounds the numbers of one subscriber.
const maxNumbers = 1000

func canonicalNumbers(in []string) ([]string, error) {
	if len(in) > maxNumbers {
		return nil, invalid(KindNumber, "number", fmt.Sprintf("more than %d", maxNumbers))
	}
	out := make([]string, len(in))
	for i, v := range in {
		n, err := CanonicalNumber(v)
		if err != nil {
			return nil, err
		}
		if slices.Contains(out[:i], n) {
			return nil, invalid(KindNumber, "number", "given twice")
		}
		out[i] = n
	}
	return out, nil
}

func digitsOf(v string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("+-.() ", r) {
			return -1
		}
		return r
	}, v)
}

// putNumbers makes numbers, the primary one first, those of a subscriber.
// Numbers it keeps keep their rows.
func (t *Tx) putNumbers(ctx context.Context, subscriber int64, numbers []string) error {
	have, err := all[numberRow](ctx, t, selectNumber+" WHERE n.subscriber_id = ?", subscriber)
	if err != nil {
		return err
	}
	// The mark of the primary number is unique: take it off before it moves.
	if _, err := t.exec(ctx, "UPDATE prov_numbers SET primary_of = NULL WHERE subscriber_id = ?", subscriber); err != nil {
		return err
	}
	for _, h := range have {
		if !slices.Contains(numbers, h.Number.Number) {
			if _, err := t.exec(ctx, "DELETE FROM prov_numbers WHERE id = ?", h.ID); err != nil {
				return err
			}
		}
	}
	added := slices.DeleteFunc(slices.Clone(numbers), func(n string) bool {
		return slices.ContainsFunc(have, func(h numberRow) bool { return h.Number.Number == n })
	})
	if err := t.addNumbers(ctx, subscriber, added, ""); err != nil || len(numbers) == 0 {
		return err
	}
	_, err = t.exec(ctx, "UPDATE prov_numbers SET primary_of = ? WHERE number = ?", subscriber, numbers[0])
	return err
}

// addNumbers adds numbers to a subscriber, one of them as the primary one.
func (t *Tx) addNumbers(ctx context.Context, subscriber int64, numbers []string, primary string) error {
	if len(numbers) == 0 {
		return nil
	}
	id, err := t.nextIDs(ctx, "number", int64(len(numbers)))
	if err != nil {
		return err
	}
	now := t.store.now()
	err = t.insertRows(ctx, "prov_numbers", "id, number, subscriber_id, primary_of, created_ms", len(numbers), func(i int) []any {
		primaryOf := sql.NullInt64{Int64: subscriber, Valid: numbers[i] == primary}
		return []any{id + int64(i), numbers[i], subscriber, primaryOf, now}
	})
	return conflictOn(err, KindNumber, "number")
}

// fillNumbers reads the numbers of a page of subscribers in one statement.
func (r Subscribers) fillNumbers(ctx context.Context, list []Subscriber) error {
	if len(list) == 0 {
		return nil
	}
	ids := make([]int64, len(list))
	index := make(map[int64]*Subscriber, len(list))
	for i := range list {
		ids[i], index[list[i].ID] = list[i].ID, &list[i]
	}
	rows, err := in[numberRow](ctx, r.on, selectNumber+" WHERE n.subscriber_id IN (?) ORDER BY is_primary DESC, n.id", ids)
	for _, n := range rows {
		s := index[n.SubscriberID]
		s.Numbers = append(s.Numbers, n.Number.Number)
	}
	return err
}

// replace gives by in place of an error that is old.
func replace(err, old, by error) error {
	if errors.Is(err, old) {
		return by
	}
	return err
}
