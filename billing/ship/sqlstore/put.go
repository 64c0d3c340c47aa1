package sqlstore

import (
	"context"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
)

// lookAt is how many records are looked for at once.
const lookAt = 500

// row is what is known of a stored record.
type row struct {
	ID         int64          `db:"id"`
	Key        billing.LegKey `db:"leg_key"`
	Revision   int            `db:"revision"`
	Generation int            `db:"generation"`
	rec        *ship.Record   // to be written
}

func (r *row) newer(than *row) bool {
	return r.Revision > than.Revision || r.Revision == than.Revision && r.Generation > than.Generation
}

// leg is all records of one leg.
type leg struct {
	rows []*row
	was  *row // in force before
}

// best is the record in force.
func (l *leg) best() *row {
	var b *row
	for _, r := range l.rows {
		if b == nil || r.newer(b) {
			b = r
		}
	}
	return b
}

// put enters a record unless it is there.
func (l *leg) put(c *ship.Record) {
	for _, r := range l.rows {
		if r.Generation != c.Generation {
			continue
		}
		if c.Revision > r.Revision {
			r.Revision, r.rec = c.Revision, c
		}
		return
	}
	l.rows = append(l.rows, &row{Key: c.Key, Revision: c.Revision, Generation: c.Generation, rec: c})
}

func (w *writer) records(ctx context.Context, records []ship.Record) error {
	for part := range slices.Chunk(records, lookAt) {
		if err := w.part(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// part sorts records into new ones, higher revisions of old ones, and those
// that are there, and writes the first two.
func (w *writer) part(ctx context.Context, records []ship.Record) error {
	legs, order, err := w.legs(ctx, records)
	if err != nil {
		return err
	}
	for i := range records {
		legs[records[i].Key].put(&records[i])
	}
	changes, err := w.changes(ctx, legs, order)
	if err != nil {
		return err
	}
	if w.hook != nil && len(changes) > 0 {
		if err := w.hook(ctx, w.tx, changes); err != nil {
			return err
		}
	}
	return w.write(ctx, legs, order)
}

func (w *writer) legs(ctx context.Context, records []ship.Record) (map[billing.LegKey]*leg, []billing.LegKey, error) {
	legs := make(map[billing.LegKey]*leg, len(records))
	order := make([]billing.LegKey, 0, len(records))
	keys := make([]string, 0, len(records))
	for i := range records {
		k := records[i].Key
		if legs[k] == nil {
			legs[k] = &leg{}
			order = append(order, k)
			keys = append(keys, k.String())
		}
	}
	// Nobody else may change these legs until the end: two who take the place of
	// the same record would both take its price back.
	lock := ""
	if w.tx.DriverName() == "mysql" {
		lock = " FOR UPDATE"
	}
	query, args, err := sqlx.In("SELECT id, leg_key, revision, generation FROM acct_cdrs WHERE leg_key IN (?)"+lock, keys)
	if err != nil {
		return nil, nil, err
	}
	var rows []row
	if err := w.tx.SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, nil, err
	}
	for i := range rows {
		l := legs[rows[i].Key]
		l.rows = append(l.rows, &rows[i])
	}
	for _, l := range legs {
		if b := l.best(); b != nil {
			was := *b
			l.was = &was
		}
	}
	return legs, order, nil
}

// changes lists the records that come into force, with those that they
// replace. The hook gets copies: another attempt must begin with what the
// caller gave.
func (w *writer) changes(ctx context.Context, legs map[billing.LegKey]*leg, order []billing.LegKey) ([]Change, error) {
	var out []Change
	var old []int64
	for _, k := range order {
		l := legs[k]
		b := l.best()
		if b.rec == nil || w.hook == nil {
			continue
		}
		rec := *b.rec
		rec.Parties = slices.Clone(rec.Parties)
		b.rec = &rec
		out = append(out, Change{New: &rec})
		if l.was != nil {
			old = append(old, l.was.ID)
		}
	}
	if len(old) == 0 {
		return out, nil
	}
	was, err := load(ctx, w.tx, "id IN (?)", old)
	for i := range was {
		for j := range out {
			if out[j].New.Key == was[i].Key {
				out[j].Old = &was[i].CDR
			}
		}
	}
	return out, err
}

// write writes what is new.
func (w *writer) write(ctx context.Context, legs map[billing.LegKey]*leg, order []billing.LegKey) error {
	var fresh, again []*row
	var elections []*leg
	for _, k := range order {
		l := legs[k]
		touched := false
		for _, r := range l.rows {
			switch {
			case r.rec == nil:
				continue
			case r.ID == 0:
				fresh = append(fresh, r)
			default:
				again = append(again, r)
			}
			touched = true
		}
		if touched && len(l.rows) > 1 {
			elections = append(elections, l)
		}
	}
	n := len(fresh) + len(again)
	if n == 0 {
		return nil
	}
	first, err := w.ids(ctx, "cdr", n)
	if err != nil {
		return err
	}
	for i, r := range fresh {
		r.ID = first + int64(i)
	}
	for i, r := range again {
		if err := w.replace(ctx, r, first+int64(len(fresh)+i)); err != nil {
			return err
		}
	}
	if err := w.insert(ctx, fresh); err != nil {
		return err
	}
	if err := w.details(ctx, append(fresh, again...)); err != nil {
		return err
	}
	for _, l := range elections {
		b := l.best()
		if err := w.exec(ctx, "UPDATE acct_cdrs SET superseded = CASE WHEN id = ? THEN 0 ELSE 1 END WHERE leg_key = ?", b.ID, b.Key.String()); err != nil {
			return err
		}
	}
	return nil
}
