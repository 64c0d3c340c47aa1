package directory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"
)

// one scans the single row of a query into T.
func one[T any](ctx context.Context, on access, query string, args ...any) (T, error) {
	var v T
	err := sqlx.GetContext(ctx, on.view(ctx), &v, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return v, ErrNotFound
	}
	return v, on.owner().failure(ctx, err)
}

// all scans every row of a query.
func all[T any](ctx context.Context, on access, query string, args ...any) ([]T, error) {
	var v []T
	err := sqlx.SelectContext(ctx, on.view(ctx), &v, query, args...)
	return v, on.owner().failure(ctx, err)
}

// each scans the rows of a query one by one.
func each[T any](ctx context.Context, on access, fn func(T) error, query string, args ...any) error {
	rows, err := on.view(ctx).QueryxContext(ctx, query, args...)
	if err != nil {
		return on.owner().failure(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := rows.StructScan(&v); err != nil {
			return on.owner().failure(ctx, err)
		}
		if err := fn(v); err != nil {
			return err
		}
	}
	return on.owner().failure(ctx, rows.Err())
}

// in expands the slices among args into the (?) they stand for.
func in[T any](ctx context.Context, on access, query string, args ...any) ([]T, error) {
	query, args, err := sqlx.In(query, args...)
	if err != nil {
		return nil, err
	}
	return all[T](ctx, on, query, args...)
}

// Page asks for a part of a list. Lists are in the order of ids, and a page
// begins behind an id, so that a page costs the same wherever it is and rows
// neither repeat nor vanish while others are added.
type Page struct {
	After int64 // the Next of the page before; 0 for the first
	Limit int   // 0 means 50; at most 500
}

// Bounds of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

func (p Page) limit() int {
	if p.Limit <= 0 {
		return DefaultLimit
	}
	return min(p.Limit, MaxLimit)
}

// List is one page. Next is 0 at the end.
type List[T any] struct {
	Items []T
	Next  int64
}

// page runs a SELECT built of columns, source and conditions for one page,
// with one row more than asked to know whether there is a next one.
func page[Row, T any](ctx context.Context, on access, p Page, sel, idColumn string, w where, conv func(Row) T, id func(T) int64) (List[T], error) {
	w.add(idColumn+" > ?", p.After)
	limit := p.limit()
	rows, err := all[Row](ctx, on, sel+w.text()+" ORDER BY "+idColumn+" LIMIT ?", append(w.args, limit+1)...)
	if err != nil {
		return List[T]{}, err
	}
	more := len(rows) > limit
	l := List[T]{Items: make([]T, 0, min(len(rows), limit))}
	for _, r := range rows[:min(len(rows), limit)] {
		l.Items = append(l.Items, conv(r))
	}
	if more {
		l.Next = id(l.Items[limit-1])
	}
	return l, nil
}

// where collects conditions that all have to hold.
type where struct {
	conds []string
	args  []any
}

func (w *where) add(cond string, args ...any) {
	w.conds = append(w.conds, cond)
	w.args = append(w.args, args...)
}

// is adds an equality unless the value is the zero one: no such filter.
func is[T comparable](w *where, column string, v T) {
	var zero T
	if v != zero {
		w.add(column+" = ?", v)
	}
}

// prefix adds "begins with" as a range, which every server answers from an
// index and compares byte by byte, unlike LIKE.
func (w *where) prefix(column, p string) {
	if p == "" {
		return
	}
	w.add(column+" >= ?", p)
	w.add(column+" < ?", p+string(utf8.MaxRune))
}

func (w *where) text() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}

func count(ctx context.Context, on access, from string, w where) (int64, error) {
	return one[int64](ctx, on, "SELECT COUNT(*) FROM "+from+w.text(), w.args...)
}

// damaged is a stored value that can not have been stored by this program.
func damaged(id int64, cause error) error {
	return &fault{kind: fmt.Errorf("%w: %w: row %d", ErrUnavailable, ErrDamaged, id), cause: cause}
}
