package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/internal/sqlrows"
)

const cdrColumns = `seq, leg_key, revision, generation, superseded, stored_ms, call_hash, call_id, from_tag, to_tag, leg, call_type, status, code,
	caller_subscriber, caller_account, caller_user, caller_domain, caller_number, caller_dialled, caller_search, caller_peer,
	callee_subscriber, callee_account, callee_user, callee_domain, callee_number, callee_dialled, callee_search, callee_peer,
	source_ip, node, init_ms, start_ms, end_ms, duration_ms, flags, evidence`

const partyColumns = "side, role, depth, account, direction, profile, fee, zone, amount_micro, currency, charged_ms, units, capped, tariff, reasons"

// values appends a record in the order of cdrColumns.
func (w *writer) values(v []any, c *billing.CDR, seq int64) []any {
	source := ""
	if c.Source.IsValid() {
		source = c.Source.WithZone("").String()
	}
	v = append(v, seq, c.Key.String(), c.Revision, c.Generation, 0, w.now, CallHash(c.CallID), valid(c.CallID), valid(c.FromTag), valid(c.ToTag), c.Leg,
		name(c.Type, billing.CallPlain), name(c.Status, billing.StatusOther), c.Code)
	for _, e := range []*billing.Endpoint{&c.Caller, &c.Callee} {
		v = append(v, Identifier(e.Subscriber), Identifier(e.Account), valid(e.User), valid(e.Domain), valid(e.Number), valid(e.Dialled), search(e), Identifier(e.Peer))
	}
	return append(v, source, valid(c.Node), int64(c.Init), int64(c.Start), int64(c.End), int64(c.Duration), int64(c.Flags), valid(c.Evidence))
}

// partyValues appends a price in the order of partyColumns, behind its key.
func partyValues(v []any, id int64, i int, p *billing.Party) []any {
	capped := 0
	if p.Capped {
		capped = 1
	}
	return append(v, id, i, cut(valid(string(p.Side)), 16), cut(valid(string(p.Role)), 32), p.Depth, Identifier(p.Account), name(p.Direction, billing.Out),
		Identifier(p.Profile), Identifier(p.Fee), Identifier(p.Zone), p.Amount.Micros(), p.Amount.Currency().String(), int64(p.Charged), p.Units, capped,
		p.Tariff.String(), document(p.Explain))
}

func (w *writer) insert(ctx context.Context, fresh []*row) error {
	return w.rows(ctx, "acct_cdrs", "id, "+cdrColumns, len(fresh), func(to []any, i int) []any {
		r := fresh[i]
		return w.values(append(to, r.ID), &r.rec.CDR, r.ID)
	})
}

func (w *writer) details(ctx context.Context, list []*row) error {
	type place struct{ row, party int }
	var parties []place
	var media []*row
	for i, r := range list {
		for j := range r.rec.Parties {
			parties = append(parties, place{i, j})
		}
		if document(r.rec.Media) != "" {
			media = append(media, r)
		}
	}
	err := w.rows(ctx, "acct_cdr_parties", "cdr_id, position, "+partyColumns, len(parties), func(to []any, i int) []any {
		r := list[parties[i].row]
		return partyValues(to, r.ID, parties[i].party, &r.rec.Parties[parties[i].party])
	})
	if err != nil {
		return err
	}
	return w.rows(ctx, "acct_cdr_quality", "cdr_id, media", len(media), func(to []any, i int) []any {
		return append(to, media[i].ID, document(media[i].rec.Media))
	})
}

// replace writes a higher revision in the place of a lower one.
func (w *writer) replace(ctx context.Context, r *row, seq int64) error {
	for _, table := range []string{"acct_cdr_parties", "acct_cdr_quality"} {
		if err := w.exec(ctx, "DELETE FROM "+table+" WHERE cdr_id = ?", r.ID); err != nil {
			return err
		}
	}
	set := strings.ReplaceAll(cdrColumns, ",", " = ?,") + " = ?"
	err := w.exec(ctx, "UPDATE acct_cdrs SET "+set+" WHERE id = ?", append(w.values(nil, &r.rec.CDR, seq), r.ID)...)
	return err
}

// rows inserts n rows in as few statements as fit.
func (w *writer) rows(ctx context.Context, table, columns string, n int, row func(to []any, i int) []any) error {
	return sqlrows.Insert(table, columns, n, row, func(query string, args []any) error { return w.exec(ctx, query, args...) })
}

// Records come from the wire by way of a spool that can not leave one out.
// What a database would refuse is therefore changed, not refused: bytes that
// are not UTF-8, texts longer than a column, names that are none, JSON that
// is none.

func valid(s string) string {
	const most = 20_000 // a TEXT column has 65,535 bytes; each bad one becomes three
	if len(s) <= most && utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s[:min(len(s), most)], "\uFFFD")
}

func document(raw json.RawMessage) string {
	if len(raw) == 0 || !json.Valid(raw) {
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

// CallHash stands for a Call-ID in the column call_hash, which has an index:
// Call-IDs are of any length.
func CallHash(callID string) int64 {
	sum := sha256.Sum256([]byte(callID))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// search is what a person looks for an endpoint by: its number, or its user
// name when it has none.
func search(e *billing.Endpoint) string {
	if e.Number != "" {
		return Search(e.Number)
	}
	return Search(e.User)
}

// Search is how a number, or a user name, stands in the columns caller_search
// and callee_search.
func Search(text string) string { return cut(valid(text), 32) }

// cut keeps the first n characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// Identifier is how an identifier of a subscriber, an account and the like
// stands in its column. A longer one than fits is cut and ends in a hash of the
// whole, so that two of them do not become one.
func Identifier(s string) string {
	const most = 255
	s = valid(s)
	if len(s) <= most || utf8.RuneCountInString(s) <= most {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return cut(s, most-1-32) + "~" + hex.EncodeToString(sum[:16])
}
