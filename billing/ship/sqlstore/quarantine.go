package sqlstore

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/spool"
)

type poisonRow struct {
	ID       int64          `db:"id"`
	Source   string         `db:"source"`
	Position int64          `db:"position"`
	Kind     string         `db:"kind"`
	Key      billing.LegKey `db:"leg_key"`
	Reason   string         `db:"reason"`
	Data     []byte         `db:"data"`
}

// quarantine keeps what was put aside, once, and drops what was cured.
func (w *writer) quarantine(ctx context.Context, list []ship.Poison, cured []int64) error {
	if len(cured) > 0 {
		query, args, err := sqlx.In("DELETE FROM acct_quarantine WHERE id IN (?)", cured)
		if err != nil {
			return err
		}
		if err := w.exec(ctx, query, args...); err != nil {
			return err
		}
	}
	for _, p := range list {
		var n int
		err := w.tx.GetContext(ctx, &n, "SELECT COUNT(*) FROM acct_quarantine WHERE source = ? AND kind = ? AND position = ? AND leg_key = ?",
			p.Source, string(p.Kind), int64(p.Offset), p.Key.String())
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		id, err := w.ids(ctx, "quarantine", 1)
		if err != nil {
			return err
		}
		data := p.Data
		if data == nil {
			data = []byte{}
		}
		err = w.exec(ctx, "INSERT INTO acct_quarantine (id, source, position, kind, leg_key, reason, data, stored_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			id, p.Source, int64(p.Offset), string(p.Kind), p.Key.String(), cut(valid(p.Reason), 1000), data, w.now)
		if err != nil {
			return err
		}
	}
	return nil
}

// Quarantine lists what was put aside, in order, behind an identifier. limit is
// 1000 at most.
func (s *Store) Quarantine(ctx context.Context, after int64, limit int) ([]ship.Poison, error) {
	var rows []poisonRow
	err := s.db.SelectContext(ctx, &rows,
		"SELECT id, source, position, kind, leg_key, reason, data FROM acct_quarantine WHERE id > ? ORDER BY id LIMIT ?", after, min(limit, 1000))
	out := make([]ship.Poison, len(rows))
	for i, r := range rows {
		out[i] = ship.Poison{
			ID: r.ID, Source: r.Source, Offset: spool.Offset(r.Position), Key: r.Key, Reason: r.Reason,
			Kind: ship.PoisonKind(r.Kind), Data: r.Data,
		}
	}
	return out, err
}
