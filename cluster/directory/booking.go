package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/account"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/ledger/sqlledger"
	"github.com/class5-go/class5/sip/routing"
)

// Books are an account that an operation is asked for.
type Books struct {
	Terms     *balance.Terms
	Account   balance.Account
	Available int64 // cash that nobody has reserved, in micro-units
}

// open reads the document of an account, or makes it, and has it follow the
// contract. fresh, unless it is nil, reads that again: when a package brings
// profiles, the account may know of one that this holder has not heard of. cash
// is what the ledger has: an account that was none before begins with that.
func (h *Holder) open(state ledger.State, at billing.Millis, cash int64, fresh func() (Contract, error)) (*balance.Terms, balance.Change, error) {
	if len(state.Data) == 0 {
		profile := []balance.Mapping{{Profile: h.profile(at)}}
		seed := balance.Account{
			ID: h.Account(), Currency: h.Currency, Created: min(h.Created, at), Assignments: []balance.Assignment{{Profiles: profile}},
		}
		t := h.Terms(at, &seed)
		c, err := balance.Open(t, seed)
		if err == nil && cash != 0 {
			i := &c.Account.Intervals[len(c.Account.Intervals)-1]
			i.Cash, err = i.Cash.Add(billing.NewAmount(cash, h.Currency))
		}
		return t, c, err
	}
	a, err := account.Decode(state)
	if err != nil {
		return nil, balance.Change{}, err
	}
	if len(a.Intervals) == 0 {
		return nil, balance.Change{}, damaged(h.CustomerID, errors.New("an account without balance intervals"))
	}
	if p := h.agreed.packages[a.Package]; fresh != nil && len(p.TopUp)+len(p.Underrun) > 0 {
		contract, err := fresh()
		if err != nil {
			return nil, balance.Change{}, err
		}
		now := *h
		now.contract, h = &contract, &now
	}
	profile := []balance.Mapping{{Profile: h.profile(at)}}
	t := h.Terms(at, &a)
	// When the customer got its profile is not known. Its free amounts are given
	// from the interval on that follows the one in which the account was used
	// last.
	from := at
	if i := a.Running(); i.End != 0 && i.End < at {
		from = i.End
	}
	if n := len(a.Assignments); a.ProfileAt(at) != profile[0].Profile && (n == 0 || a.Assignments[n-1].From <= from) {
		c, err := balance.Assign(t, a, profile, from)
		return t, c, err
	}
	return t, balance.Change{Account: a}, nil
}

// Booking says what is booked.
type Booking struct {
	Key  string         // of the operation: what was booked by it is not booked again
	Node string         // who does
	At   billing.Millis // now
	// Content tells operations with the same key apart: another one is
	// [ErrConflict] on "token".
	Content string
	Force   bool // of what happened already
}

// Operation is what is done with an account. What it returns besides the change
// is in the answer.
type Operation func(Books) (balance.Change, any, error)

// working is an operation on an account, and what came of it.
type working struct {
	h       *Holder
	at      billing.Millis
	op      Operation
	refused error
	events  []balance.Event
	brought []balance.Assignment // by the package of the account
	fresh   func() (Contract, error)
}

// effect opens the account if need be and carries the operation out.
func (w *working) effect(state ledger.State, cash ledger.Balance) (e ledger.Effect, err error) {
	defer func() { w.refused = err }()
	terms, opened, err := w.h.open(state, w.at, cash.Value, w.fresh)
	if err != nil {
		return e, err
	}
	available := cash.Available
	for _, n := range opened.Entries {
		if n.Wallet == balance.CashWallet {
			available -= n.Value
		}
	}
	c, result, err := w.op(Books{terms, opened.Account, available})
	if err != nil {
		return e, err
	}
	c.Entries = append(opened.Entries, c.Entries...)
	w.events = append(opened.Events, c.Events...)
	w.brought = nil
	known := slices.Clone(opened.Account.Assignments)
	for _, s := range c.Account.Assignments {
		i := slices.IndexFunc(known, func(o balance.Assignment) bool { return o.From == s.From && slices.Equal(o.Profiles, s.Profiles) })
		if i >= 0 {
			known = slices.Delete(known, i, i+1)
			continue
		}
		w.brought = append(w.brought, s)
	}
	return account.Effect(c, result)
}

// failed is the error of a booking.
func (w *working) failed(t *Tx, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ledger.ErrKey):
		return &FieldError{Err: ErrConflict, Kind: KindCustomer, Field: "token", Reason: "used for something else"}
	case w.refused != nil:
		var f *FieldError
		if errors.As(w.refused, &f) {
			return w.refused
		}
		return fmt.Errorf("%w: %w", ErrAccount, w.refused)
	case errors.Is(err, ledger.ErrInsufficient), errors.Is(err, ledger.ErrRequest):
		return fmt.Errorf("%w: %w", ErrAccount, err)
	}
	return t.ended(err)
}

// Book carries an operation out on the account of a customer and opens that
// before if need be. A lock level that the account comes to is set. The error of
// the operation is behind [ErrAccount], unless it is one of this package.
func (t *Tx) Book(ctx context.Context, h *Holder, b Booking, op Operation) (ledger.Answer, error) {
	l := sqlledger.In(t.tx)
	name := h.Account()
	states, err := l.Documents(ctx, name) // from here on nobody else changes the account
	if err != nil {
		return ledger.Answer{}, t.ended(err)
	}
	have, err := l.Balance(ctx, name, balance.CashWallet, b.At)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return ledger.Answer{}, t.ended(err)
	}
	w := working{h: h, at: b.At, op: op, fresh: func() (Contract, error) { return t.Contracts().Find(ctx, h.CustomerID) }}
	answer, err := l.Post(ctx, ledger.Posting{
		Request: ledger.Request{Key: b.Key, Node: b.Node, Account: name, At: b.At}, Force: b.Force,
		Effect: ledger.Effect{Result: quoted(b.Content)},
		Make:   func([]ledger.State) (ledger.Effect, error) { return w.effect(states[0], have) },
	})
	var again *ledger.DuplicateError
	if errors.As(err, &again) {
		return again.First, nil
	}
	if err != nil {
		return answer, w.failed(t, err)
	}
	return answer, t.follow(ctx, &w)
}

// Entry is one of many bookings.
type Entry struct {
	Holder *Holder
	Key    string
	Do     Operation
}

// BookAll is [Tx.Book] of what happened already in the accounts of many
// customers, each of them once, by few statements. A key that was used before is
// [ErrConflict], and nothing is booked.
func (t *Tx) BookAll(ctx context.Context, node string, now billing.Millis, list []Entry) error {
	l := sqlledger.In(t.tx)
	for part := range slices.Chunk(list, sqlledger.MaxBulk) {
		works := make([]working, len(part))
		postings := make([]sqlledger.Bulk, len(part))
		var current *working
		for i := range part {
			w := &works[i]
			w.h, w.at, w.op = part[i].Holder, now, part[i].Do
			w.fresh = func() (Contract, error) { return t.Contracts().Find(ctx, w.h.CustomerID) }
			postings[i] = sqlledger.Bulk{
				Request: ledger.Request{Key: part[i].Key, Node: node, Account: w.h.Account(), At: now},
				Make: func(s ledger.State, b ledger.Balance) (ledger.Effect, error) {
					current = w
					return w.effect(s, b)
				},
			}
		}
		if _, err := l.PostAll(ctx, postings); err != nil {
			if current == nil {
				current = &works[0]
			}
			return current.failed(t, err)
		}
		for i := range works {
			if err := t.follow(ctx, &works[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// ended notes that the transaction is not to be committed.
func (t *Tx) ended(err error) error {
	t.broken = err
	return err
}

func quoted(text string) json.RawMessage {
	b, err := json.Marshal(text)
	if err != nil {
		return nil // a string can always be written
	}
	return b
}

// follow does what follows from a booking outside of the account.
func (t *Tx) follow(ctx context.Context, w *working) error {
	for _, s := range w.brought {
		for _, m := range s.Profiles {
			a := Assignment{CustomerID: w.h.CustomerID, From: s.From.Time()}
			var err error
			if a.BillingProfileID, err = strconv.ParseInt(m.Profile, 10, 64); err != nil {
				return damaged(w.h.CustomerID, err)
			}
			if m.Network != "" {
				if a.Network, err = netip.ParsePrefix(m.Network); err != nil {
					return damaged(w.h.CustomerID, err)
				}
			}
			if _, err := t.Contracts().Assign(ctx, a); err != nil {
				return err
			}
		}
	}
	return t.lockBy(ctx, w.h.CustomerID, w.events)
}

// lockBy sets the lock level that an account came to last.
func (t *Tx) lockBy(ctx context.Context, customerID int64, events []balance.Event) error {
	level := -1
	for _, e := range events {
		if e.Kind != balance.EventLock {
			continue
		}
		n, err := strconv.Atoi(e.Text)
		if err != nil {
			return fmt.Errorf("%w: lock level %.20q", ErrAccount, e.Text)
		}
		level = n
	}
	if level < 0 {
		return nil
	}
	return t.Customers().SetBalanceLock(ctx, customerID, routing.Lock(level))
}

// In lends a transaction of the caller's in this database, such as that of
// the records that accounts pay for. Changes are logged when fn returns;
// readers of this process hear of them from the log.
func (s *Store) In(ctx context.Context, tx *sqlx.Tx, fn func(*Tx) error) error {
	_, err := s.lend(ctx, tx, fn)
	return err
}

// booked is update for transactions with bookings, which run again when the
// ledger says so.
func (s *Store) booked(ctx context.Context, fn func(*Tx) error) error {
	var err error
	for try := range attempts {
		if try > 0 && !sleep(ctx, time.Duration(try)*time.Millisecond) {
			break
		}
		if err = s.update(ctx, fn); !errors.Is(err, sqlledger.ErrRetry) {
			break
		}
	}
	return err
}

// Book is [Tx.Book] in a transaction of its own.
func (s *Store) Book(ctx context.Context, customerID int64, b Booking, op Operation) (ledger.Answer, error) {
	h, err := s.Holder(ctx, customerID)
	if err != nil {
		return ledger.Answer{}, err
	}
	return s.BookFor(ctx, h, b, op)
}

// BookFor is Book for a customer that is known already.
func (s *Store) BookFor(ctx context.Context, h *Holder, b Booking, op Operation) (a ledger.Answer, err error) {
	err = s.booked(ctx, func(tx *Tx) (err error) { a, err = tx.Book(ctx, h, b, op); return err })
	return a, err
}
