package directory

import (
	"context"
	"errors"
	"time"
)

// Checkpoint says how far a source of records was consumed: a spool of a
// node, read up to an offset in a segment. State is what the consumer needs
// to go on from there, such as the open legs of a mediator; it may be empty.
type Checkpoint struct {
	Source  string `db:"source"`
	Segment int64  `db:"segment"`
	Offset  int64  `db:"position"`
	State   []byte `db:"state"`
	Updated time.Time
}

type checkpointRow struct {
	Checkpoint
	UpdatedMS int64 `db:"updated_ms"`
}

// Checkpoint gives what was last stored for a source, [ErrNotFound] for one
// that never stored anything.
func (s *Store) Checkpoint(ctx context.Context, source string) (Checkpoint, error) {
	row, err := one[checkpointRow](ctx, s, "SELECT source, segment, position, state, updated_ms FROM acct_checkpoints WHERE source = ?", source)
	row.Checkpoint.Updated = at(row.UpdatedMS)
	return row.Checkpoint, err
}

// maxState bounds a state in bytes: it goes into one statement, of at most 16
// MiB on MariaDB, in which a byte may need two.
const maxState = 7 << 20

func (c *Checkpoint) check() error {
	if c.State == nil {
		c.State = []byte{}
	}
	if len(c.State) > maxState {
		return invalid(KindCheckpoint, "state", "longer than 7 MiB")
	}
	if c.Segment < 0 || c.Offset < 0 {
		return invalid(KindCheckpoint, "offset", "negative")
	}
	return charset(KindCheckpoint, "source", c.Source, "-_.:/@[]", 128)
}

// advance moves a source's checkpoint forward, never back.
func (t *Tx) advance(ctx context.Context, c Checkpoint) error {
	now := t.store.now()
	n, err := t.exec(ctx, `UPDATE acct_checkpoints SET segment = ?, position = ?, state = ?, updated_ms = ?
		WHERE source = ? AND (segment < ? OR (segment = ? AND position <= ?))`,
		c.Segment, c.Offset, c.State, now, c.Source, c.Segment, c.Segment, c.Offset)
	if err != nil || n > 0 {
		return err
	}
	_, err = one[string](ctx, t, "SELECT source FROM acct_checkpoints WHERE source = ?", c.Source)
	if !errors.Is(err, ErrNotFound) {
		return err // it is further on already
	}
	_, err = t.exec(ctx, "INSERT INTO acct_checkpoints (source, segment, position, state, updated_ms) VALUES (?, ?, ?, ?, ?)",
		c.Source, c.Segment, c.Offset, c.State, now)
	return err
}
