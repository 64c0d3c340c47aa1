package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
)

// CDR is a stored call detail record with its number in the store.
type CDR struct {
	ID     int64
	Stored time.Time
	billing.CDR
}

// CDRs is the repository of call detail records for looking;
// [Store.StoreCDRs] writes them. Of each leg it shows the newest record.
type CDRs struct{ on access }

// CDRCursor is a place in a list of calls, newest first. The zero cursor is
// the beginning.
type CDRCursor struct {
	Init billing.Millis // when the call began
	ID   int64
}

// CDRFilter selects calls; zero fields select all.
type CDRFilter struct {
	From, To   time.Time // of the INVITE; From inclusive, To exclusive
	Subscriber string    // caller or callee
	Account    string    // customer of caller or callee
	Number     string    // of caller or callee, begins with; user name where there is no number
	CallID     string
	Status     string // "ok", "busy", ...; see billing.Status
	Superseded bool   // records that newer ones replaced as well
}

// where are the conditions that hold for caller and callee alike.
func (f CDRFilter) where() (w where) {
	if !f.Superseded {
		w.add("superseded = 0")
	}
	if !f.From.IsZero() {
		w.add("init_ms >= ?", f.From.UnixMilli())
	}
	if !f.To.IsZero() {
		w.add("init_ms < ?", f.To.UnixMilli())
	}
	if f.CallID != "" {
		w.add("call_hash = ? AND call_id = ?", callHash(f.CallID), f.CallID)
	}
	is(&w, "status", f.Status)
	return w
}

// either are the conditions that hold for the caller or for the callee, each
// as two alternatives.
func (f CDRFilter) either() (alternatives [][2]where) {
	add := func(cond func(w *where, side string)) {
		var a [2]where
		cond(&a[0], "caller")
		cond(&a[1], "callee")
		alternatives = append(alternatives, a)
	}
	if f.Subscriber != "" {
		add(func(w *where, side string) { w.add(side+"_subscriber = ?", fit(f.Subscriber)) })
	}
	if f.Account != "" {
		add(func(w *where, side string) { w.add(side+"_account = ?", fit(f.Account)) })
	}
	if number := cut(strings.TrimPrefix(f.Number, "+"), 32); number != "" {
		add(func(w *where, side string) { w.prefix(side+"_search", number) })
	}
	return alternatives
}

func (w *where) or(a [2]where) {
	w.add("("+strings.Join(a[0].conds, " AND ")+" OR "+strings.Join(a[1].conds, " AND ")+")", append(a[0].args, a[1].args...)...)
}

// CDRList is one page of calls. Next is the zero cursor at the end.
type CDRList struct {
	Items []CDR
	Next  CDRCursor
}

// List gives one page of calls, newest first: up to limit (0 means 50, at
// most 500) behind the cursor. They come with their prices, without the
// explanation and the media figures.
func (r CDRs) List(ctx context.Context, f CDRFilter, after CDRCursor, limit int) (CDRList, error) {
	limit = Page{Limit: limit}.limit()
	query, args := f.page(after, limit+1)
	ids, err := all[int64](ctx, r.on, query, args...)
	if err != nil || len(ids) == 0 {
		return CDRList{}, err
	}
	more := len(ids) > limit
	rows, err := in[cdrRow](ctx, r.on, selectCDR+" WHERE id IN (?) ORDER BY init_ms DESC, id DESC", ids[:min(len(ids), limit)])
	if err != nil {
		return CDRList{}, err
	}
	l := CDRList{Items: make([]CDR, len(rows))}
	for i := range rows {
		if l.Items[i], err = rows[i].value(); err != nil {
			return CDRList{}, err
		}
	}
	if more && len(rows) > 0 {
		last := l.Items[len(rows)-1]
		l.Next = CDRCursor{last.Init, last.ID}
	}
	return l, r.parties(ctx, l.Items, "''")
}

// page is the statement for the ids of one page. Of the first condition on
// caller or callee each side is asked by itself, in the order of its own
// index, and both are merged: an OR would make the server read and sort all
// calls of an account for every page.
func (f CDRFilter) page(after CDRCursor, n int) (query string, args []any) {
	w := f.where()
	if after != (CDRCursor{}) {
		w.add("init_ms <= ? AND (init_ms < ? OR id < ?)", int64(after.Init), int64(after.Init), after.ID)
	}
	const newest = " ORDER BY init_ms DESC, id DESC LIMIT ?"
	alternatives := f.either()
	if len(alternatives) == 0 {
		return "SELECT id FROM acct_cdrs" + w.text() + newest, append(w.args, n)
	}
	for _, a := range alternatives[1:] {
		w.or(a)
	}
	var arms []string
	for side, a := range alternatives[0] {
		arm := where{conds: slices.Concat(a.conds, w.conds), args: slices.Concat(a.args, w.args)}
		arms = append(arms, fmt.Sprintf("SELECT id, init_ms FROM (SELECT id, init_ms FROM acct_cdrs%s%s) arm%d", arm.text(), newest, side))
		args = append(append(args, arm.args...), n)
	}
	return "SELECT id FROM (" + strings.Join(arms, " UNION ") + ") sides" + newest, append(args, n)
}

// Count counts what List lists.
func (r CDRs) Count(ctx context.Context, f CDRFilter) (int64, error) {
	w := f.where()
	for _, a := range f.either() {
		w.or(a)
	}
	return count(ctx, r.on, "acct_cdrs", w)
}

// Find gives the call with an id, complete.
func (r CDRs) Find(ctx context.Context, id int64) (CDR, error) {
	row, err := one[cdrRow](ctx, r.on, selectCDR+" WHERE id = ?", id)
	if err != nil {
		return CDR{}, err
	}
	c, err := row.value()
	if err != nil {
		return CDR{}, err
	}
	media, err := all[string](ctx, r.on, "SELECT media FROM acct_cdr_quality WHERE cdr_id = ?", id)
	if err != nil {
		return CDR{}, err
	}
	if len(media) > 0 {
		c.Media = json.RawMessage(media[0])
	}
	list := []CDR{c}
	err = r.parties(ctx, list, "reasons")
	return list[0], err
}

// ByCall gives the legs of a call, complete, in their order.
func (r CDRs) ByCall(ctx context.Context, callID string) ([]CDR, error) {
	w := CDRFilter{CallID: callID}.where()
	ids, err := all[int64](ctx, r.on, "SELECT id FROM acct_cdrs"+w.text()+" ORDER BY init_ms, leg, id", w.args...)
	out := make([]CDR, 0, len(ids))
	for _, id := range ids {
		c, err := r.Find(ctx, id)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, err
}

type partyRow struct {
	CDRID     int64        `db:"cdr_id"`
	Side      billing.Side `db:"side"`
	Role      billing.Role `db:"role"`
	Account   string       `db:"account"`
	Direction string       `db:"direction"`
	Profile   string       `db:"profile"`
	Fee       string       `db:"fee"`
	Zone      string       `db:"zone"`
	Amount    int64        `db:"amount_micro"`
	Currency  string       `db:"currency"`
	Charged   int64        `db:"charged_ms"`
	Tariff    billing.Hash `db:"tariff"`
	Reasons   string       `db:"reasons"`
}

const partyColumns = "side, role, account, direction, profile, fee, zone, amount_micro, currency, charged_ms, tariff, reasons"

// parties reads the prices of a page of calls in one statement. reasons is
// the column with the explanation, or an empty text.
func (r CDRs) parties(ctx context.Context, list []CDR, reasons string) error {
	if len(list) == 0 {
		return nil
	}
	ids := make([]int64, len(list))
	index := make(map[int64]*CDR, len(list))
	for i := range list {
		ids[i], index[list[i].ID] = list[i].ID, &list[i]
	}
	columns := strings.TrimSuffix(partyColumns, "reasons") + reasons + " AS reasons"
	rows, err := in[partyRow](ctx, r.on, "SELECT cdr_id, "+columns+" FROM acct_cdr_parties WHERE cdr_id IN (?) ORDER BY cdr_id, position", ids)
	for _, row := range rows {
		p := billing.Party{
			Side: row.Side, Role: row.Role, Account: row.Account, Profile: row.Profile, Fee: row.Fee, Zone: row.Zone,
			Charged: billing.Millis(row.Charged), Tariff: row.Tariff,
		}
		if row.Reasons != "" {
			p.Explain = json.RawMessage(row.Reasons)
		}
		currency, err := billing.ParseCurrency(row.Currency)
		if err == nil {
			err = p.Direction.UnmarshalText([]byte(row.Direction))
		}
		if err != nil {
			return damaged(row.CDRID, err)
		}
		p.Amount = billing.NewAmount(row.Amount, currency)
		c := index[row.CDRID]
		c.Parties = append(c.Parties, p)
	}
	return err
}

// cdrRow is a record as its columns stand.
type cdrRow struct {
	ID         int64          `db:"id"`
	Key        billing.LegKey `db:"leg_key"`
	Revision   int            `db:"revision"`
	Generation int            `db:"generation"`
	StoredMS   int64          `db:"stored_ms"`
	CallID     string         `db:"call_id"`
	FromTag    string         `db:"from_tag"`
	ToTag      string         `db:"to_tag"`
	Leg        int            `db:"leg"`
	Type       string         `db:"call_type"`
	Status     string         `db:"status"`
	Code       int            `db:"code"`
	SourceIP   string         `db:"source_ip"`
	Node       string         `db:"node"`
	InitMS     int64          `db:"init_ms"`
	StartMS    int64          `db:"start_ms"`
	EndMS      int64          `db:"end_ms"`
	DurationMS int64          `db:"duration_ms"`
	Flags      uint16         `db:"flags"`
	Evidence   string         `db:"evidence"`

	CallerSubscriber string `db:"caller_subscriber"`
	CallerAccount    string `db:"caller_account"`
	CallerUser       string `db:"caller_user"`
	CallerDomain     string `db:"caller_domain"`
	CallerNumber     string `db:"caller_number"`
	CallerDialled    string `db:"caller_dialled"`
	CalleeSubscriber string `db:"callee_subscriber"`
	CalleeAccount    string `db:"callee_account"`
	CalleeUser       string `db:"callee_user"`
	CalleeDomain     string `db:"callee_domain"`
	CalleeNumber     string `db:"callee_number"`
	CalleeDialled    string `db:"callee_dialled"`
}

const selectCDR = `SELECT id, leg_key, revision, generation, stored_ms, call_id, from_tag, to_tag, leg, call_type, status, code,
	caller_subscriber, caller_account, caller_user, caller_domain, caller_number, caller_dialled,
	callee_subscriber, callee_account, callee_user, callee_domain, callee_number, callee_dialled,
	source_ip, node, init_ms, start_ms, end_ms, duration_ms, flags, evidence FROM acct_cdrs`

func (r *cdrRow) value() (CDR, error) {
	c := CDR{ID: r.ID, Stored: at(r.StoredMS), CDR: billing.CDR{
		Key: r.Key, Revision: r.Revision, Generation: r.Generation,
		CallID: r.CallID, FromTag: r.FromTag, ToTag: r.ToTag, Leg: r.Leg, Code: r.Code,
		Caller: billing.Endpoint{Subscriber: r.CallerSubscriber, Account: r.CallerAccount, User: r.CallerUser, Domain: r.CallerDomain, Number: r.CallerNumber, Dialled: r.CallerDialled},
		Callee: billing.Endpoint{Subscriber: r.CalleeSubscriber, Account: r.CalleeAccount, User: r.CalleeUser, Domain: r.CalleeDomain, Number: r.CalleeNumber, Dialled: r.CalleeDialled},
		Node:   r.Node, Init: billing.Millis(r.InitMS), Start: billing.Millis(r.StartMS), End: billing.Millis(r.EndMS), Duration: billing.Millis(r.DurationMS),
		Flags: billing.Flags(r.Flags), Evidence: r.Evidence,
	}}
	err := firstError(c.Type.UnmarshalText([]byte(r.Type)), c.Status.UnmarshalText([]byte(r.Status)))
	if err == nil && r.SourceIP != "" {
		c.Source, err = netip.ParseAddr(r.SourceIP)
	}
	if err != nil {
		return CDR{}, damaged(r.ID, err)
	}
	return c, nil
}
