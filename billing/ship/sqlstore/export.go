package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
)

// After implements ship.ExportStore.
func (s *Store) After(ctx context.Context, seq int64, limit int) ([]ship.Sequenced, error) {
	list, err := load(ctx, s.db, "seq > ? AND superseded = 0 ORDER BY seq LIMIT ?", seq, limit)
	out := make([]ship.Sequenced, len(list))
	for i := range list {
		out[i] = ship.Sequenced{Seq: list[i].Seq, CDR: list[i].CDR}
	}
	return out, err
}

// Mark implements ship.ExportStore.
func (s *Store) Mark(ctx context.Context, stream string) (seq int64, numbers map[string]int64, err error) {
	err = s.db.GetContext(ctx, &seq, "SELECT seq FROM acct_streams WHERE name = ?", stream)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, err
	}
	var rows []struct {
		Part   string `db:"part"`
		Number int64  `db:"number"`
	}
	err = s.db.SelectContext(ctx, &rows, "SELECT part, MAX(number) AS number FROM acct_stream_files WHERE stream = ? GROUP BY part", stream)
	numbers = make(map[string]int64, len(rows))
	for _, r := range rows {
		numbers[r.Part] = r.Number
	}
	return seq, numbers, err
}

// Export implements ship.ExportStore.
func (s *Store) Export(ctx context.Context, stream string, from, to int64, files []ship.File) error {
	return s.update(ctx, func(tx *sqlx.Tx) error {
		w := writer{tx: tx, now: s.opt.Now().UnixMilli()}
		if err := w.move(ctx, stream, from, to); err != nil {
			return err
		}
		for i := range files {
			if err := w.file(ctx, &files[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// move moves the mark of a stream and keeps its row locked.
func (w *writer) move(ctx context.Context, stream string, from, to int64) error {
	if err := w.exec(ctx, "UPDATE acct_streams SET updated_ms = ? WHERE name = ?", w.now, stream); err != nil {
		return err
	}
	var at int64
	err := w.tx.GetContext(ctx, &at, "SELECT seq FROM acct_streams WHERE name = ?", stream)
	switch {
	case errors.Is(err, sql.ErrNoRows) && from == 0:
		err = w.exec(ctx, "INSERT INTO acct_streams (name, seq, updated_ms) VALUES (?, ?, ?)", stream, to, w.now)
		return err
	case errors.Is(err, sql.ErrNoRows) || err == nil && at != from:
		return fmt.Errorf("%w: at %d, not %d", ship.ErrRaced, at, from)
	case err != nil:
		return err
	}
	err = w.exec(ctx, "UPDATE acct_streams SET seq = ? WHERE name = ?", to, stream)
	return err
}

func (w *writer) file(ctx context.Context, f *ship.File) error {
	totals, err := json.Marshal(f.Totals)
	if err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	err = w.exec(ctx, `INSERT INTO acct_stream_files
		(stream, part, number, name, sha256, bytes, line_count, totals, first_key, last_key, first_seq, last_seq, made_ms, sent_ms)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`,
		f.Stream, f.Part, f.Number, f.Name, f.SHA256, f.Bytes, f.Rows, string(totals), f.First.String(), f.Last.String(), f.FirstSeq, f.LastSeq, int64(f.Made))
	if err != nil {
		return err
	}
	err = w.exec(ctx, "INSERT INTO acct_stream_contents (stream, part, number, content) VALUES (?, ?, ?, ?)", f.Stream, f.Part, f.Number, f.Content)
	return err
}

type fileRow struct {
	Stream   string         `db:"stream"`
	Part     string         `db:"part"`
	Number   int64          `db:"number"`
	Name     string         `db:"name"`
	SHA256   string         `db:"sha256"`
	Bytes    int64          `db:"bytes"`
	Rows     int            `db:"line_count"`
	Totals   string         `db:"totals"`
	First    billing.LegKey `db:"first_key"`
	Last     billing.LegKey `db:"last_key"`
	FirstSeq int64          `db:"first_seq"`
	LastSeq  int64          `db:"last_seq"`
	MadeMS   int64          `db:"made_ms"`
	SentMS   int64          `db:"sent_ms"`
}

const selectFile = `SELECT stream, part, number, name, sha256, bytes, line_count, totals, first_key, last_key, first_seq, last_seq, made_ms, sent_ms
	FROM acct_stream_files WHERE `

func (r *fileRow) value() (ship.File, error) {
	f := ship.File{
		Stream: r.Stream, Part: r.Part, Number: r.Number, Name: r.Name, SHA256: r.SHA256, Bytes: r.Bytes, Rows: r.Rows,
		First: r.First, Last: r.Last, FirstSeq: r.FirstSeq, LastSeq: r.LastSeq, Made: billing.Millis(r.MadeMS), Sent: billing.Millis(r.SentMS),
	}
	if err := json.Unmarshal([]byte(r.Totals), &f.Totals); err != nil {
		return f, fmt.Errorf("sqlstore: totals of %s: %w", r.Name, err)
	}
	return f, nil
}

func (s *Store) files(ctx context.Context, where string, args ...any) ([]ship.File, error) {
	var rows []fileRow
	if err := s.db.SelectContext(ctx, &rows, selectFile+where, args...); err != nil {
		return nil, err
	}
	out := make([]ship.File, len(rows))
	for i := range rows {
		var err error
		if out[i], err = rows[i].value(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Unsent implements ship.ExportStore.
func (s *Store) Unsent(ctx context.Context, stream string, limit int) ([]ship.File, error) {
	out, err := s.files(ctx, "stream = ? AND sent_ms = 0 ORDER BY made_ms, part, number LIMIT ?", stream, limit)
	if err != nil {
		return nil, err
	}
	for i := range out {
		if out[i].Content, err = s.Content(ctx, out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Sent implements ship.ExportStore.
func (s *Store) Sent(ctx context.Context, f ship.File) error {
	_, err := s.db.ExecContext(ctx, "UPDATE acct_stream_files SET sent_ms = ? WHERE stream = ? AND part = ? AND number = ? AND sent_ms = 0",
		s.opt.Now().UnixMilli(), f.Stream, f.Part, f.Number)
	return err
}

// Files implements ship.ExportStore.
func (s *Store) Files(ctx context.Context, stream string, from, to billing.Millis) ([]ship.File, error) {
	return s.files(ctx, "stream = ? AND made_ms >= ? AND made_ms < ? ORDER BY part, number", stream, int64(from), int64(to))
}

// Content implements ship.ExportStore.
func (s *Store) Content(ctx context.Context, f ship.File) ([]byte, error) {
	var b []byte
	err := s.db.GetContext(ctx, &b, "SELECT content FROM acct_stream_contents WHERE stream = ? AND part = ? AND number = ?", f.Stream, f.Part, f.Number)
	return b, err
}

// Forget drops the content of files that were sent before an instant, for
// privacy and for room: they can not be sent again. What is known about them
// stays.
func (s *Store) Forget(ctx context.Context, stream string, before billing.Millis) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM acct_stream_contents WHERE stream = ? AND EXISTS (SELECT 1 FROM acct_stream_files f
		WHERE f.stream = acct_stream_contents.stream AND f.part = acct_stream_contents.part AND f.number = acct_stream_contents.number
		AND f.sent_ms > 0 AND f.sent_ms < ?)`, stream, int64(before))
	return err
}

// Rejects returns an ExportStore in which the records are those put aside, for
// a stream of rejects: Evidence is the reason, and of an event or of damage
// there is no more than key and node.
func (s *Store) Rejects() ship.ExportStore { return rejects{s} }

type rejects struct{ *Store }

// After implements ship.ExportStore.
func (r rejects) After(ctx context.Context, seq int64, limit int) ([]ship.Sequenced, error) {
	list, err := r.Quarantine(ctx, seq, limit)
	out := make([]ship.Sequenced, len(list))
	for i, p := range list {
		out[i].Seq = p.ID
		c := &out[i].CDR
		var e billing.Event
		switch {
		case p.Kind == ship.PoisonRecord && json.Unmarshal(p.Data, c) == nil:
		case p.Kind == ship.PoisonEvent && e.UnmarshalBinary(p.Data) == nil:
			*c = billing.CDR{CallID: e.CallID, FromTag: e.FromTag, Leg: e.Leg, Caller: e.Caller, Callee: e.Callee, Init: e.Init, End: e.At}
		default:
			*c = billing.CDR{}
		}
		c.Key, c.Evidence = p.Key, string(p.Kind)+": "+p.Reason
		if c.Node == "" {
			c.Node = p.Source
		}
	}
	return out, err
}
