package directory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ledger/sqlledger"
	"github.com/class5-go/class5/billing/ship/sqlstore"
)

// CDR is a stored call detail record with its number in the store.
type CDR struct {
	ID     int64
	Stored time.Time
	billing.CDR
}

// CDRs is the repository of call detail records for looking; [Store.Records]
// writes them. Of each leg it shows the newest record.
type CDRs struct{ on access }

// Records is the store of call records, of positions of their sources, of
// exports and of what was put aside, in this database. Its errors are those of
// the driver.
func (s *Store) Records(opt sqlstore.Options) *sqlstore.Store {
	if opt.Now == nil {
		opt.Now = s.cfg.Now
	}
	return sqlstore.New(s.writer, opt)
}

// Accounts is the ledger in this database.
func (s *Store) Accounts() *sqlledger.Ledger { return sqlledger.New(s.writer) }

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
		w.add("call_hash = ? AND call_id = ?", sqlstore.CallHash(f.CallID), f.CallID)
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
		add(func(w *where, side string) { w.add(side+"_subscriber = ?", sqlstore.Identifier(f.Subscriber)) })
	}
	if f.Account != "" {
		add(func(w *where, side string) { w.add(side+"_account = ?", sqlstore.Identifier(f.Account)) })
	}
	if number := sqlstore.Search(strings.TrimPrefix(f.Number, "+")); number != "" {
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
	items, err := r.load(ctx, ids[:min(len(ids), limit)], true)
	if err != nil {
		return CDRList{}, err
	}
	l := CDRList{Items: items}
	if more && len(items) > 0 {
		last := items[len(items)-1]
		l.Next = CDRCursor{last.Init, last.ID}
	}
	return l, nil
}

// load reads calls in the order of their ids given.
func (r CDRs) load(ctx context.Context, ids []int64, brief bool) ([]CDR, error) {
	rows, err := sqlstore.Load(ctx, r.on.view(ctx), ids, brief)
	if err != nil {
		return nil, r.on.owner().failure(ctx, err)
	}
	place := make(map[int64]int, len(ids))
	for i, id := range ids {
		place[id] = i
	}
	slices.SortFunc(rows, func(a, b sqlstore.Stored) int { return cmp.Compare(place[a.ID], place[b.ID]) })
	out := make([]CDR, len(rows))
	for i := range rows {
		out[i] = CDR{ID: rows[i].ID, Stored: rows[i].At.Time(), CDR: rows[i].CDR}
	}
	return out, nil
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
	list, err := r.load(ctx, []int64{id}, false)
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return CDR{}, err
	}
	return list[0], nil
}

// ByCall gives the legs of a call, complete, in their order.
func (r CDRs) ByCall(ctx context.Context, callID string) ([]CDR, error) {
	w := CDRFilter{CallID: callID}.where()
	ids, err := all[int64](ctx, r.on, "SELECT id FROM acct_cdrs"+w.text()+" ORDER BY init_ms, leg, id", w.args...)
	if err != nil {
		return nil, err
	}
	return r.load(ctx, ids, false)
}
