package directory

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/class5-go/class5/billing"
)

// cdrBatch is how many records are looked for and inserted at once.
const cdrBatch = 250

// StoreCDRs stores records and how far their source was consumed, in one
// transaction: after a crash the source is read again from the checkpoint,
// and what comes a second time changes nothing. A record whose key and
// generation are stored is dropped unless its revision is higher, which
// replaces it. Records of one key in one call are taken in order.
//
// When it returns nil the records have survived: their source may be cut.
// On any error nothing was stored, and the same call may be made again.
func (s *Store) StoreCDRs(ctx context.Context, c Checkpoint, records []billing.CDR) error {
	if err := c.check(); err != nil {
		return err
	}
	var err error
	for range attempts {
		err = s.update(ctx, func(tx *Tx) error {
			if err := tx.putCDRs(ctx, records); err != nil {
				return err
			}
			return tx.advance(ctx, c)
		})
		// Another node stored one of these legs, or this source's first
		// checkpoint, between our look and our insert: look again.
		if !errors.Is(err, ErrConflict) {
			break
		}
	}
	return err
}

// storedCDR is what is known of a record that is there already.
type storedCDR struct {
	ID         int64          `db:"id"`
	Key        billing.LegKey `db:"leg_key"`
	Revision   int            `db:"revision"`
	Generation int            `db:"generation"`
}

func (s storedCDR) newer(than storedCDR) bool {
	return s.Revision > than.Revision || s.Revision == than.Revision && s.Generation > than.Generation
}

func (t *Tx) putCDRs(ctx context.Context, records []billing.CDR) error {
	for len(records) > 0 {
		n := min(len(records), cdrBatch)
		if err := t.putBatch(ctx, records[:n]); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// putBatch sorts records into new ones, which go in by few statements, and
// higher revisions of old ones, which are rare.
func (t *Tx) putBatch(ctx context.Context, records []billing.CDR) error {
	legs, err := t.storedLegs(ctx, records)
	if err != nil {
		return err
	}
	var fresh []cdrInsert
	place := map[storedCDR]int{} // of fresh ones by key and generation
	for i := range records {
		c := &records[i]
		this := storedCDR{Key: c.Key, Revision: c.Revision, Generation: c.Generation}
		slot := storedCDR{Key: c.Key, Generation: c.Generation}
		if j, ok := place[slot]; ok {
			if c.Revision > fresh[j].cdr.Revision {
				fresh[j].cdr = c
			}
			continue
		}
		old := slices.IndexFunc(legs[c.Key], func(l storedCDR) bool { return l.Generation == c.Generation })
		switch {
		case old < 0:
			place[slot] = len(fresh)
			fresh = append(fresh, cdrInsert{cdr: c})
		case legs[c.Key][old].Revision < c.Revision:
			this.ID = legs[c.Key][old].ID
			if err := t.replaceCDR(ctx, this, c, legs[c.Key]); err != nil {
				return err
			}
		}
	}
	return t.insertCDRs(ctx, fresh, legs)
}

func (t *Tx) storedLegs(ctx context.Context, records []billing.CDR) (map[billing.LegKey][]storedCDR, error) {
	keys := make([]string, len(records))
	for i := range records {
		keys[i] = records[i].Key.String()
	}
	rows, err := in[storedCDR](ctx, t, "SELECT id, leg_key, revision, generation FROM acct_cdrs WHERE leg_key IN (?)", keys)
	legs := make(map[billing.LegKey][]storedCDR, len(rows))
	for _, r := range rows {
		legs[r.Key] = append(legs[r.Key], r)
	}
	return legs, err
}

type cdrInsert struct {
	id  int64
	cdr *billing.CDR
}

const cdrColumns = `leg_key, revision, generation, superseded, stored_ms, call_hash, call_id, from_tag, to_tag, leg, call_type, status, code,
	caller_subscriber, caller_account, caller_user, caller_domain, caller_number, caller_dialled, caller_search,
	callee_subscriber, callee_account, callee_user, callee_domain, callee_number, callee_dialled, callee_search,
	source_ip, node, init_ms, start_ms, end_ms, duration_ms, flags, evidence`

func (t *Tx) insertCDRs(ctx context.Context, fresh []cdrInsert, legs map[billing.LegKey][]storedCDR) error {
	if len(fresh) == 0 {
		return nil
	}
	id, err := t.nextIDs(ctx, "cdr", int64(len(fresh)))
	if err != nil {
		return err
	}
	now := t.store.now()
	for i := range fresh {
		fresh[i].id = id + int64(i)
	}
	err = t.insertRows(ctx, "acct_cdrs", "id, "+cdrColumns, len(fresh), func(i int) []any {
		return append([]any{fresh[i].id}, cdrValues(fresh[i].cdr, now)...)
	})
	if err != nil {
		return err
	}
	for _, f := range fresh {
		legs[f.cdr.Key] = append(legs[f.cdr.Key], storedCDR{f.id, f.cdr.Key, f.cdr.Revision, f.cdr.Generation})
	}
	for _, f := range fresh {
		if len(legs[f.cdr.Key]) > 1 {
			if err := t.elect(ctx, legs[f.cdr.Key]); err != nil {
				return err
			}
		}
	}
	return t.insertDetails(ctx, fresh)
}

// elect marks all records of a leg but the newest as superseded: lists show
// one.
func (t *Tx) elect(ctx context.Context, leg []storedCDR) error {
	best := leg[0]
	for _, l := range leg[1:] {
		if l.newer(best) {
			best = l
		}
	}
	_, err := t.exec(ctx, "UPDATE acct_cdrs SET superseded = CASE WHEN id = ? THEN 0 ELSE 1 END WHERE leg_key = ?", best.ID, best.Key.String())
	return err
}

func (t *Tx) replaceCDR(ctx context.Context, this storedCDR, c *billing.CDR, leg []storedCDR) error {
	for _, table := range []string{"acct_cdr_parties", "acct_cdr_quality"} {
		if _, err := t.exec(ctx, "DELETE FROM "+table+" WHERE cdr_id = ?", this.ID); err != nil {
			return err
		}
	}
	args := append(cdrValues(c, t.store.now()), this.ID)
	if _, err := t.exec(ctx, "UPDATE acct_cdrs SET "+assignments(cdrColumns)+" WHERE id = ?", args...); err != nil {
		return err
	}
	for i := range leg {
		if leg[i].ID == this.ID {
			leg[i].Revision = this.Revision
		}
	}
	if len(leg) > 1 {
		if err := t.elect(ctx, leg); err != nil {
			return err
		}
	}
	return t.insertDetails(ctx, []cdrInsert{{this.ID, c}})
}

func (t *Tx) insertDetails(ctx context.Context, list []cdrInsert) error {
	var parties, media [][]any
	for _, f := range list {
		for i, p := range f.cdr.Parties {
			parties = append(parties, []any{
				f.id, i, cut(valid(string(p.Side)), 16), cut(valid(string(p.Role)), 32), fit(p.Account), name(p.Direction, billing.Out),
				fit(p.Profile), fit(p.Fee), fit(p.Zone), p.Amount.Micros(), p.Amount.Currency().String(), int64(p.Charged), p.Tariff.String(), document(p.Explain),
			})
		}
		if m := document(f.cdr.Media); m != "" {
			media = append(media, []any{f.id, m})
		}
	}
	err := t.insertRows(ctx, "acct_cdr_parties", "cdr_id, position, "+partyColumns, len(parties), func(i int) []any { return parties[i] })
	if err != nil {
		return err
	}
	return t.insertRows(ctx, "acct_cdr_quality", "cdr_id, media", len(media), func(i int) []any { return media[i] })
}

func cdrValues(c *billing.CDR, now int64) []any {
	source := ""
	if c.Source.IsValid() {
		source = c.Source.WithZone("").String()
	}
	v := []any{
		c.Key.String(), c.Revision, c.Generation, 0, now, callHash(c.CallID), valid(c.CallID), valid(c.FromTag), valid(c.ToTag), c.Leg,
		name(c.Type, billing.CallPlain), name(c.Status, billing.StatusOther), c.Code,
	}
	for _, e := range []billing.Endpoint{c.Caller, c.Callee} {
		v = append(v, fit(e.Subscriber), fit(e.Account), valid(e.User), valid(e.Domain), valid(e.Number), valid(e.Dialled), search(e))
	}
	return append(v, source, valid(c.Node), int64(c.Init), int64(c.Start), int64(c.End), int64(c.Duration), int64(c.Flags), valid(c.Evidence))
}

// Records come from the wire by way of a spool that can not leave one out.
// What a database would refuse is therefore changed, not refused: bytes that
// are not UTF-8, texts longer than a column, names that are none, JSON that
// is none.

func valid(s string) string {
	const most = 20_000 // a TEXT column has 65,535 bytes; each bad one becomes three
	return strings.ToValidUTF8(s[:min(len(s), most)], "\uFFFD")
}

func document(raw json.RawMessage) string {
	if !json.Valid(raw) {
		return ""
	}
	return strings.ToValidUTF8(string(raw), "\uFFFD")
}

// name is the text of an enumeration, or that of def when it has none.
func name[T encoding.TextMarshaler](v, def T) string {
	b, err := v.MarshalText()
	if err != nil {
		b, _ = def.MarshalText()
	}
	return string(b)
}

// callHash stands for a Call-ID in the index: those are long and of any
// length.
func callHash(callID string) int64 {
	sum := sha256.Sum256([]byte(callID))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// search is what a person looks for an endpoint by: its number, or its user
// name when it has none.
func search(e billing.Endpoint) string { return cut(valid(either(e.Number, e.User)), 32) }

// cut keeps the first n characters.
func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// fit bounds an identifier to its column. A longer one is cut and ends in a
// hash of the whole, so that two of them do not become one.
func fit(s string) string {
	const most = 255
	s = valid(s)
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return cut(s, most-1-32) + "~" + hex.EncodeToString(sum[:16])
}
