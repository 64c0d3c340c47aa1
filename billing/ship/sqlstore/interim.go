package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
)

// interims keeps records of running calls, each number of a leg once and in
// order, and drops those that are older than age.
func (w *writer) interims(ctx context.Context, list []billing.CDR, age time.Duration) error {
	if len(list) == 0 {
		return nil
	}
	if err := w.exec(ctx, "DELETE FROM acct_interims WHERE stored_ms < ?", w.now-age.Milliseconds()); err != nil {
		return err
	}
	for part := range slices.Chunk(list, lookAt) {
		if err := w.interim(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) interim(ctx context.Context, list []billing.CDR) error {
	keys := make([]string, len(list))
	for i := range list {
		keys[i] = list[i].Key.String()
	}
	query, args, err := sqlx.In("SELECT leg_key, MAX(number) AS number FROM acct_interims WHERE leg_key IN (?) GROUP BY leg_key", keys)
	if err != nil {
		return err
	}
	var rows []struct {
		Key    billing.LegKey `db:"leg_key"`
		Number uint32         `db:"number"`
	}
	if err := w.tx.SelectContext(ctx, &rows, query, args...); err != nil {
		return err
	}
	known := make(map[billing.LegKey]uint32, len(rows))
	for _, r := range rows {
		known[r.Key] = r.Number
	}
	fresh := make([]*billing.CDR, 0, len(list))
	data := make([][]byte, 0, len(list))
	for i := range list {
		c := &list[i]
		// Lower numbers count as known, too: of a call that lasts longer than its
		// interim records are kept, the first ones are gone.
		if c.Interim <= known[c.Key] {
			continue
		}
		b, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("sqlstore: interim record of %s: %w", c.Key, err)
		}
		known[c.Key] = c.Interim
		fresh, data = append(fresh, c), append(data, b)
	}
	if len(fresh) == 0 {
		return nil
	}
	first, err := w.ids(ctx, "interim", len(fresh))
	if err != nil {
		return err
	}
	return w.rows(ctx, "acct_interims", "seq, leg_key, number, data, stored_ms", len(fresh), func(to []any, i int) []any {
		return append(to, first+int64(i), fresh[i].Key.String(), fresh[i].Interim, data[i], w.now)
	})
}

// Interims returns an ExportStore in which the records are those of running
// calls, for a stream of interim records.
func (s *Store) Interims() ship.ExportStore { return interims{s} }

type interims struct{ *Store }

// After implements ship.ExportStore.
func (r interims) After(ctx context.Context, seq int64, limit int) ([]ship.Sequenced, error) {
	var rows []struct {
		Seq  int64  `db:"seq"`
		Data []byte `db:"data"`
	}
	err := r.db.SelectContext(ctx, &rows, "SELECT seq, data FROM acct_interims WHERE seq > ? ORDER BY seq LIMIT ?", seq, limit)
	out := make([]ship.Sequenced, len(rows))
	for i := range rows {
		out[i].Seq = rows[i].Seq
		if err := json.Unmarshal(rows[i].Data, &out[i].CDR); err != nil {
			return nil, fmt.Errorf("sqlstore: interim record %d: %w", rows[i].Seq, err)
		}
	}
	return out, err
}
