package directory

import (
	"context"
	"log/slog"
	"time"
)

// Kind names what a row is, in changes and in errors.
type Kind string

// Kinds of rows.
const (
	KindDomain         Kind = "domain"
	KindCustomer       Kind = "customer"
	KindSubscriber     Kind = "subscriber"
	KindNumber         Kind = "number"
	KindBillingProfile Kind = "billing_profile"
	KindFee            Kind = "fee"
	KindSpecial        Kind = "special"
	KindSetting        Kind = "setting"
	KindAdmin          Kind = "admin"
	KindSession        Kind = "session"
	KindPeer           Kind = "peer"
	KindTerms          Kind = "terms"
	KindPackage        Kind = "package"
	KindVoucher        Kind = "voucher"
	KindRerating       Kind = "rerating"
)

// Action is what was done to a row.
type Action string

// Actions.
const (
	Created Action = "create"
	Updated Action = "update"
	Deleted Action = "delete"
)

// Change is one line of the change log, written in the transaction of the
// change itself. Sequence numbers are in the order of commits and have no
// gaps, so a reader that saw n has seen all up to n. A change of a
// subscriber's numbers or credentials is a change of the subscriber; a change
// of a fee is a change of its billing profile.
type Change struct {
	Seq    int64
	At     time.Time
	Kind   Kind
	ID     int64 // 0 for settings
	Action Action
	Actor  string // who, as given to WithActor
}

type actorKey struct{}

// WithActor says on whose behalf the writes under ctx are done: a name for
// the change log such as "admin:alice". It is cut at 255 bytes.
func WithActor(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, clean(actor, 255))
}

func actor(ctx context.Context) string {
	a, _ := ctx.Value(actorKey{}).(string)
	return a
}

// changed notes a change. The log is written at the end of the transaction,
// because its counter is a row that all transactions need: it should be
// locked for the shortest time, and after all others.
func (t *Tx) changed(kind Kind, id int64, action Action) {
	for _, c := range t.changes {
		if c.Kind == kind && c.ID == id && c.Action == action {
			return
		}
	}
	t.changes = append(t.changes, Change{Kind: kind, ID: id, Action: action})
}

func (t *Tx) logChanges(ctx context.Context) error {
	if len(t.changes) == 0 {
		return nil
	}
	seq, err := t.nextIDs(ctx, "change", int64(len(t.changes)))
	if err != nil {
		return err
	}
	now, who := t.store.now(), actor(ctx)
	for i := range t.changes {
		t.changes[i].Seq, t.changes[i].At, t.changes[i].Actor = seq+int64(i), at(now), who
	}
	return t.insertRows(ctx, "prov_changes", "seq, at_ms, kind, id, action, actor", len(t.changes), func(i int) []any {
		c := t.changes[i]
		return []any{c.Seq, now, string(c.Kind), c.ID, string(c.Action), who}
	})
}

type changeRow struct {
	Seq    int64  `db:"seq"`
	AtMS   int64  `db:"at_ms"`
	Kind   Kind   `db:"kind"`
	ID     int64  `db:"id"`
	Action Action `db:"action"`
	Actor  string `db:"actor"`
}

// Changes gives up to limit changes behind the sequence number after, with
// none left out that will be there later: a reader may go on behind the last.
func (s *Store) Changes(ctx context.Context, after int64, limit int) ([]Change, error) {
	out, err := s.readChanges(ctx, after, limit)
	if err != nil || gapless(after, out) {
		return out, err
	}
	again, err := s.readChanges(ctx, after, limit)
	return settled(after, out, again), err
}

func (s *Store) readChanges(ctx context.Context, after int64, limit int) ([]Change, error) {
	rows, err := all[changeRow](ctx, s, "SELECT seq, at_ms, kind, id, action, actor FROM prov_changes WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
	out := make([]Change, len(rows))
	for i, r := range rows {
		out[i] = Change{r.Seq, at(r.AtMS), r.Kind, r.ID, r.Action, r.Actor}
	}
	return out, err
}

func gapless(after int64, changes []Change) bool {
	return len(changes) == 0 || changes[len(changes)-1].Seq == after+int64(len(changes))
}

// settled is the part of the second of two readings that no late change can
// come into. Changes are committed in the order of their numbers, but InnoDB
// gathers the transactions that a snapshot shall not see one after another:
// one that ends meanwhile, and the next which waited for it, can be missing
// and seen. A second snapshot sees both, so what is missing in both readings
// was pruned, and what is missing in the second alone may yet come.
func settled(after int64, first, second []Change) []Change {
	follows := make(map[int64]int64, len(first))
	last := after
	for _, c := range first {
		follows[last], last = c.Seq, c.Seq
	}
	last = after
	for i, c := range second {
		if c.Seq != last+1 && follows[last] != c.Seq {
			return second[:i]
		}
		last = c.Seq
	}
	return second
}

// LastChange is the sequence number of the newest change, 0 when there is none.
func (s *Store) LastChange(ctx context.Context) (int64, error) {
	return one[int64](ctx, s, "SELECT COALESCE(MAX(seq), 0) FROM prov_changes")
}

// PruneChanges deletes the changes logged before t, up to the first that was
// not. A reader that was away for longer notices the gap and forgets its
// whole cache. The newest change always stays: it holds the sequence number.
func (s *Store) PruneChanges(ctx context.Context, t time.Time) (int64, error) {
	var n int64
	err := s.update(ctx, func(tx *Tx) error {
		last, err := one[int64](ctx, tx, "SELECT COALESCE(MAX(seq), 0) FROM prov_changes")
		if err != nil {
			return err
		}
		// The clocks of writers differ: the numbers, not the times, have no gaps.
		keep, err := one[int64](ctx, tx, "SELECT COALESCE(MIN(seq), ?) FROM prov_changes WHERE at_ms >= ?", last, t.UnixMilli())
		if err != nil {
			return err
		}
		n, err = tx.exec(ctx, "DELETE FROM prov_changes WHERE seq < ?", keep)
		return err
	})
	return n, err
}

// committed tells the readers of this process.
func (s *Store) committed(changes []Change) {
	if len(changes) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.readers {
		r.apply(changes)
	}
}

func attrErr(err error) slog.Attr { return slog.String("error", err.Error()) }
