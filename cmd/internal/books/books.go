package books

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/account"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cmd/internal/prepaid"
)

// Books posts. All fields are required.
type Books struct {
	Store *directory.Store
	// Holder says by which terms a customer has an account; directory.Reader
	// does.
	Holder func(ctx context.Context, customerID int64) (*directory.Holder, error)
	Node   string
	Now    func() time.Time
}

// line is a side of a record that an account pays for.
type line struct {
	change  *sqlstore.Change
	side    billing.Side
	party   int // of the record, -1 when the new one has none for the side
	settled string
	before  *balance.Receipt // by which it paid for the record before
}

// Hook is a sqlstore.Hook.
func (b *Books) Hook(ctx context.Context, tx *sqlx.Tx, changes []sqlstore.Change) error {
	return b.Store.In(ctx, tx, func(t *directory.Tx) error {
		accounts, err := b.lines(ctx, t, changes)
		if err != nil || len(accounts) == 0 {
			return err
		}
		var keys []string
		for _, lines := range accounts {
			for _, l := range lines {
				keys = append(keys, l.settled)
			}
		}
		settled, err := t.Answers(ctx, keys...)
		if err != nil {
			return err
		}
		p := posting{Books: b, tx: t, settled: settled, now: billing.MillisOf(b.Now())}
		return p.post(ctx, accounts)
	})
}

// lines are what is to be paid for, by customer: new records that cost
// something or may, and those whose earlier revision did.
func (b *Books) lines(ctx context.Context, t *directory.Tx, changes []sqlstore.Change) (map[int64][]line, error) {
	var old []billing.LegKey
	for i := range changes {
		if changes[i].Old != nil {
			old = append(old, changes[i].New.Key)
		}
	}
	type place struct {
		leg  billing.LegKey
		side billing.Side
	}
	paid := map[place]*directory.Receipt{}
	receipts, err := t.Receipts(ctx, old...)
	if err != nil {
		return nil, err
	}
	for i := range receipts {
		paid[place{receipts[i].Leg, receipts[i].Side}] = &receipts[i]
	}
	out := map[int64][]line{}
	for i := range changes {
		c := &changes[i]
		for _, side := range []billing.Side{billing.SideCaller, billing.SideCallee} {
			l := line{change: c, side: side, party: customer(c.New, side), settled: prepaid.Settled(c.New.Key, side)}
			name := ""
			if l.party >= 0 && c.New.Chargeable() {
				name = c.New.Parties[l.party].Account
			}
			if r := paid[place{c.New.Key, side}]; r != nil {
				l.before = &r.Receipt
				if name != "" && name != r.Account {
					return nil, &ship.RecordError{Key: c.New.Key, Err: fmt.Errorf("books: paid by account %.20q before, by %.20q now", r.Account, name)}
				}
				name = r.Account
			}
			if id, err := strconv.ParseInt(name, 10, 64); err == nil { // a customer of ours
				out[id] = append(out[id], l)
			}
		}
	}
	return out, nil
}

// customer is the place of the party that is a customer on a side, -1 for none.
func customer(r *ship.Record, side billing.Side) int {
	return slices.IndexFunc(r.Parties, func(p billing.Party) bool { return p.Side == side && p.Role == billing.RoleCustomer })
}

// posting is one transaction.
type posting struct {
	*Books
	tx      *directory.Tx
	settled map[string]ledger.Answer
	now     billing.Millis
}

// post has accounts pay for all their lines.
func (p *posting) post(ctx context.Context, accounts map[int64][]line) error {
	var entries []directory.Entry
	var receipts []directory.Receipt
	var again []bool
	var prepaidOnes, holds []string
	var broken *ship.RecordError
	// In order, so that no two transactions wait for each other.
	for _, id := range slices.Sorted(maps.Keys(accounts)) {
		h, err := p.Holder(ctx, id)
		if errors.Is(err, directory.ErrNotFound) {
			continue // the customer is gone
		}
		if err != nil {
			return err
		}
		lines := accounts[id]
		slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.change.New.Start, b.change.New.Start) })
		first := len(receipts)
		for i := range lines {
			receipts = append(receipts, directory.Receipt{Leg: lines[i].change.New.Key, Side: lines[i].side, Account: h.Account()})
			again = append(again, lines[i].before != nil)
		}
		if h.Prepaid(p.now) {
			prepaidOnes = append(prepaidOnes, h.Account())
			for i := range lines {
				holds = append(holds, prepaid.FreeHold(lines[i].change.New.Key, lines[i].side))
			}
		}
		entries = append(entries, directory.Entry{Holder: h, Key: key(id, lines), Do: func(b directory.Books) (balance.Change, any, error) {
			all := balance.Change{Account: b.Account}
			for i := range lines {
				c, r, err := p.pay(b.Terms, &lines[i], all.Account, &b.Available)
				if err != nil {
					broken = &ship.RecordError{Key: lines[i].change.New.Key, Err: err}
					return all, nil, broken
				}
				all.Account, receipts[first+i].Receipt = c.Account, r
				all.Entries, all.Events = append(all.Entries, c.Entries...), append(all.Events, c.Events...)
			}
			return all, nil, nil
		}})
	}
	err := p.tx.BookAll(ctx, "books/"+p.Node, p.now, entries)
	if broken != nil {
		return broken
	}
	if err != nil {
		return err
	}
	if err := p.tx.Free(ctx, prepaidOnes, holds); err != nil {
		return err
	}
	return p.tx.PutReceipts(ctx, receipts, again)
}

// pay takes back what an account paid for a record before and has it pay for
// the one that is in force now. available is the cash that nobody has reserved.
func (p *posting) pay(t *balance.Terms, l *line, a balance.Account, available *int64) (balance.Change, balance.Receipt, error) {
	u, err := usage(l)
	if err != nil {
		return balance.Change{}, balance.Receipt{}, err
	}
	var all balance.Change
	step := func(c balance.Change, err error) error {
		if err != nil {
			return err
		}
		for _, e := range c.Entries {
			if e.Wallet == balance.CashWallet {
				*available -= e.Value
			}
		}
		a = c.Account
		all.Entries, all.Events = append(all.Entries, c.Entries...), append(all.Events, c.Events...)
		return nil
	}
	if l.before != nil {
		if err := step(balance.Reverse(t, a, *l.before, u.Ref, max(p.now, u.Start))); err != nil {
			return all, balance.Receipt{}, err
		}
	}
	if err := step(balance.Advance(t, a, u.Start)); err != nil {
		return all, balance.Receipt{}, err
	}
	// What a session has settled is gone from the ledger and not from the
	// document: its call may spend that, and what nobody has reserved.
	var had int64
	if l.before == nil {
		had = p.settled[l.settled].Settled
	}
	*available += had
	floor := a.Overdraft
	a.Overdraft = billing.NewAmount(min(floor.Micros(), max(*available, 0)-a.Cash().Micros()), a.Currency)
	c, receipt, err := balance.Charge(t, a, u)
	if err != nil {
		return all, receipt, err
	}
	c.Account.Overdraft = floor
	if err := step(c, nil); err != nil {
		return all, receipt, err
	}
	if had != 0 {
		all.Entries = append(all.Entries, balance.Entry{
			At: u.Start, Account: a.ID, Wallet: balance.CashWallet, Unit: balance.Cash, Value: -had, Reason: balance.ReasonUsage, Ref: u.Ref,
		})
	}
	all.Account = a
	return all, receipt, nil
}

// usage is what an account pays for a side of a record: for nothing when the
// record may not be charged.
func usage(l *line) (balance.Usage, error) {
	r := l.change.New
	ref := r.Key.String()
	begun := cmp.Or(r.Start, r.Init, r.End)
	none := balance.Usage{Ref: ref, Start: begun, End: max(begun, r.End)}
	if !r.Chargeable() || l.party < 0 {
		return none, nil
	}
	if prices, ok := r.Detail.([]chain.Price); ok && l.party < len(prices) {
		price := &prices[l.party]
		if !price.Rated {
			return none, nil
		}
		return account.Usage(price.Terms.Snapshot, price.Call, price.Result, ref)
	}
	amount := r.Parties[l.party].Amount
	if amount.IsZero() {
		return none, nil
	}
	u := account.Price(amount, begun, ref)
	u.End = none.End
	return u, nil
}

// key names the posting of some lines: the same ones have the same.
func key(id int64, lines []line) string {
	sum := sha256.New()
	for i := range lines {
		c := &lines[i].change.New.CDR
		fmt.Fprintf(sum, "%s %s %d %d\n", c.Key, lines[i].side, c.Generation, c.Revision)
	}
	_, _ = io.WriteString(sum, strconv.FormatInt(id, 10)) // a hash takes everything
	return "books/" + hex.EncodeToString(sum.Sum(nil)[:16])
}
