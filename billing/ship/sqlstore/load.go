package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
)

// Stored is a record as it stands in the store.
type Stored struct {
	ID  int64          // for ever
	Seq int64          // place in the order of storing; a revision gets a new one
	At  billing.Millis // when it was stored
	billing.CDR
}

// cdrRow is a record as its columns stand.
type cdrRow struct {
	ID         int64
	Seq        int64
	StoredMS   int64
	Key        billing.LegKey
	Revision   int
	Generation int
	CallID     string
	FromTag    string
	ToTag      string
	Leg        int
	Type       string
	Status     string
	Code       int
	SourceIP   string
	Node       string
	InitMS     int64
	StartMS    int64
	EndMS      int64
	DurationMS int64
	Flags      uint16
	Evidence   string

	CallerSubscriber string
	CallerAccount    string
	CallerUser       string
	CallerDomain     string
	CallerNumber     string
	CallerDialled    string
	CallerPeer       string
	CalleeSubscriber string
	CalleeAccount    string
	CalleeUser       string
	CalleeDomain     string
	CalleeNumber     string
	CalleeDialled    string
	CalleePeer       string
}

const selectCDR = `SELECT id, seq, stored_ms, leg_key, revision, generation, call_id, from_tag, to_tag, leg, call_type, status, code,
	caller_subscriber, caller_account, caller_user, caller_domain, caller_number, caller_dialled, caller_peer,
	callee_subscriber, callee_account, callee_user, callee_domain, callee_number, callee_dialled, callee_peer,
	source_ip, node, init_ms, start_ms, end_ms, duration_ms, flags, evidence FROM acct_cdrs WHERE `

// fields are the places of what selectCDR selects.
func (r *cdrRow) fields() []any {
	return []any{
		&r.ID, &r.Seq, &r.StoredMS, &r.Key, &r.Revision, &r.Generation, &r.CallID, &r.FromTag, &r.ToTag, &r.Leg, &r.Type, &r.Status, &r.Code,
		&r.CallerSubscriber, &r.CallerAccount, &r.CallerUser, &r.CallerDomain, &r.CallerNumber, &r.CallerDialled, &r.CallerPeer,
		&r.CalleeSubscriber, &r.CalleeAccount, &r.CalleeUser, &r.CalleeDomain, &r.CalleeNumber, &r.CalleeDialled, &r.CalleePeer,
		&r.SourceIP, &r.Node, &r.InitMS, &r.StartMS, &r.EndMS, &r.DurationMS, &r.Flags, &r.Evidence,
	}
}

func (r *cdrRow) value() (Stored, error) {
	c := Stored{ID: r.ID, Seq: r.Seq, At: billing.Millis(r.StoredMS), CDR: billing.CDR{
		Key: r.Key, Revision: r.Revision, Generation: r.Generation,
		CallID: r.CallID, FromTag: r.FromTag, ToTag: r.ToTag, Leg: r.Leg, Code: r.Code,
		Caller: billing.Endpoint{
			Subscriber: r.CallerSubscriber, Account: r.CallerAccount, User: r.CallerUser, Domain: r.CallerDomain,
			Number: r.CallerNumber, Dialled: r.CallerDialled, Peer: r.CallerPeer,
		},
		Callee: billing.Endpoint{
			Subscriber: r.CalleeSubscriber, Account: r.CalleeAccount, User: r.CalleeUser, Domain: r.CalleeDomain,
			Number: r.CalleeNumber, Dialled: r.CalleeDialled, Peer: r.CalleePeer,
		},
		Node: r.Node, Init: billing.Millis(r.InitMS), Start: billing.Millis(r.StartMS), End: billing.Millis(r.EndMS), Duration: billing.Millis(r.DurationMS),
		Flags: billing.Flags(r.Flags), Evidence: r.Evidence,
	}}
	err := c.Type.UnmarshalText([]byte(r.Type))
	if err == nil {
		err = c.Status.UnmarshalText([]byte(r.Status))
	}
	if err == nil && r.SourceIP != "" {
		c.Source, err = netip.ParseAddr(r.SourceIP)
	}
	if err != nil {
		return c, fmt.Errorf("sqlstore: record %d: %w", r.ID, err)
	}
	return c, nil
}

type partyRow struct {
	CDRID     int64
	Side      billing.Side
	Role      billing.Role
	Depth     int
	Account   string
	Direction string
	Profile   string
	Fee       string
	Zone      string
	Amount    int64
	Currency  string
	Charged   int64
	Units     int64
	Capped    bool
	Tariff    billing.Hash
	Reasons   string
}

// fields are the places of the record's identifier and of partyColumns.
func (r *partyRow) fields() []any {
	return []any{
		&r.CDRID, &r.Side, &r.Role, &r.Depth, &r.Account, &r.Direction, &r.Profile, &r.Fee, &r.Zone, &r.Amount, &r.Currency, &r.Charged, &r.Units, &r.Capped,
		&r.Tariff, &r.Reasons,
	}
}

func (r *partyRow) value() (billing.Party, error) {
	p := billing.Party{
		Side: r.Side, Role: r.Role, Depth: r.Depth, Account: r.Account, Profile: r.Profile, Fee: r.Fee, Zone: r.Zone,
		Charged: billing.Millis(r.Charged), Units: r.Units, Capped: r.Capped, Tariff: r.Tariff,
	}
	if r.Reasons != "" {
		p.Explain = json.RawMessage(r.Reasons)
	}
	currency, err := billing.ParseCurrency(r.Currency)
	if err == nil {
		err = p.Direction.UnmarshalText([]byte(r.Direction))
	}
	if err != nil {
		return p, fmt.Errorf("sqlstore: record %d: %w", r.CDRID, err)
	}
	p.Amount = billing.NewAmount(r.Amount, currency)
	return p, nil
}

// Load reads records by their identifiers, in no particular order, from a
// database or within a transaction. Those that are not there are left out, and
// with brief, so are explanations and media figures.
func Load(ctx context.Context, q sqlx.QueryerContext, ids []int64, brief bool) ([]Stored, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return read(ctx, q, brief, "id IN (?)", ids)
}

// load reads complete records. A slice among the arguments stands for its
// elements.
func load(ctx context.Context, q sqlx.QueryerContext, where string, args ...any) ([]Stored, error) {
	return read(ctx, q, false, where, args...)
}

func read(ctx context.Context, q sqlx.QueryerContext, brief bool, where string, args ...any) ([]Stored, error) {
	query, args, err := sqlx.In(selectCDR+where, args...)
	if err != nil {
		return nil, err
	}
	var out []Stored
	var row cdrRow
	err = each(ctx, q, query, args, row.fields(), func() error {
		c, err := row.value()
		out = append(out, c)
		return err
	})
	if err != nil || len(out) == 0 {
		return nil, err
	}
	index := make(map[int64]*Stored, len(out))
	ids := make([]int64, len(out))
	for i := range out {
		ids[i], index[out[i].ID] = out[i].ID, &out[i]
	}
	if err := loadParties(ctx, q, brief, ids, index); err != nil || brief {
		return out, err
	}
	return out, loadMedia(ctx, q, ids, index)
}

func loadParties(ctx context.Context, q sqlx.QueryerContext, brief bool, ids []int64, index map[int64]*Stored) error {
	columns := partyColumns
	if brief {
		columns = strings.TrimSuffix(columns, "reasons") + "'' AS reasons"
	}
	query, args, err := sqlx.In("SELECT cdr_id, "+columns+" FROM acct_cdr_parties WHERE cdr_id IN (?) ORDER BY cdr_id, position", ids)
	if err != nil {
		return err
	}
	var row partyRow
	return each(ctx, q, query, args, row.fields(), func() error {
		p, err := row.value()
		if err != nil {
			return err
		}
		c := index[row.CDRID]
		if c.Parties == nil {
			c.Parties = make([]billing.Party, 0, 4)
		}
		c.Parties = append(c.Parties, p)
		return nil
	})
}

// each has a row of an answer in its fields for every call of row.
func each(ctx context.Context, q sqlx.QueryerContext, query string, args, fields []any, row func() error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(fields...); err != nil {
			return err
		}
		if err := row(); err != nil {
			return err
		}
	}
	return rows.Err()
}

func loadMedia(ctx context.Context, q sqlx.QueryerContext, ids []int64, index map[int64]*Stored) error {
	query, args, err := sqlx.In("SELECT cdr_id, media FROM acct_cdr_quality WHERE cdr_id IN (?)", ids)
	if err != nil {
		return err
	}
	var media []struct {
		CDRID int64  `db:"cdr_id"`
		Media string `db:"media"`
	}
	if err := sqlx.SelectContext(ctx, q, &media, query, args...); err != nil {
		return err
	}
	for _, m := range media {
		index[m.CDRID].Media = json.RawMessage(m.Media)
	}
	return nil
}
