package rerating

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rerate"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cmd/internal/books"
	"github.com/class5-go/class5/cmd/internal/charge"
	"github.com/class5-go/class5/cmd/internal/watch"
)

// Rerating works on one database. All fields are required.
type Rerating struct {
	Store *directory.Store
	Node  string
	Now   func() time.Time
	Log   *slog.Logger
}

// Rerate plans, or carries out the plan that q names, for an operator. A plan
// that would be another one by now is directory.ErrStale.
func (r *Rerating) Rerate(ctx context.Context, q directory.RerateFilter, plan, by string) (directory.Rerating, error) {
	var done directory.Rerating
	var err error
	if plan != "" {
		if done, err = r.Store.Reratings().Find(ctx, plan); err == nil && (done.Done || done.Filter != q) {
			if done.Filter != q {
				err = directory.ErrStale
			}
			return done, err
		}
		if err != nil && !errors.Is(err, directory.ErrNotFound) {
			return done, err
		}
	}
	begun := plan != "" && err == nil
	// A reader of its own has not heard of anything old.
	reader, err := r.Store.NewReader(ctx, directory.ReaderConfig{})
	if err != nil {
		return done, err
	}
	defer reader.Close() //nolint:errcheck // it only stops
	w := &work{Rerating: r, filter: q, rate: charge.Rate(reader)}
	if !begun {
		if done, err = w.plan(ctx); err != nil || plan == "" {
			return done, err
		}
		if done.Plan != plan {
			return done, directory.ErrStale
		}
		done.By = by
		if err := r.Store.Reratings().Begin(ctx, done); err != nil {
			return done, err
		}
	}
	w.records = r.records(reader)
	if err := w.apply(ctx); err != nil {
		return done, err
	}
	return r.Store.Reratings().End(ctx, done.Plan, w.refused)
}

// records is the store whose transactions post. Limits that are exceeded by it
// act with the next judgement of the nodes that have the calls.
func (r *Rerating) records(reader *directory.Reader) ship.Store {
	limits := watch.New(watch.Config{Store: r.Store, Reader: reader, Now: r.Now, Log: r.Log})
	accounts := &books.Books{Store: r.Store, Holder: reader.Holder, Node: r.Node, Now: r.Now}
	return r.Store.Records(sqlstore.Options{Now: r.Now, Hook: func(ctx context.Context, tx *sqlx.Tx, changes []sqlstore.Change) error {
		if err := limits.Hook(ctx, tx, changes); err != nil {
			return err
		}
		return accounts.Hook(ctx, tx, changes)
	}})
}

// work is one rerating.
type work struct {
	*Rerating
	filter  directory.RerateFilter
	rate    func(ctx context.Context, r *ship.Record) error
	records ship.Store
	refused int64
}

// selected reports whether a record is to be priced anew. Those that are not
// to be charged cost nothing by any tariff.
func (w *work) selected(c *billing.CDR) bool {
	f := w.filter
	if !c.Chargeable() {
		return false
	}
	if f.CustomerID != 0 {
		id := strconv.FormatInt(f.CustomerID, 10)
		if c.Caller.Account != id && c.Callee.Account != id && !slices.ContainsFunc(c.Parties, func(p billing.Party) bool { return p.Account == id }) {
			return false
		}
	}
	return f.Profile == "" || slices.ContainsFunc(c.Parties, func(p billing.Party) bool { return p.Profile == f.Profile })
}

// plan prices everything and writes nothing.
func (w *work) plan(ctx context.Context) (directory.Rerating, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	p := &rater{ctx: ctx, stop: stop, rate: w.rate}
	list := w.Store.Records(sqlstore.Options{}).Records(ctx, sqlstore.Filter{From: w.filter.From, To: w.filter.To, Brief: true})
	d, err := rerate.Plan(ctx, list, p, rerate.Options{Filter: w.selected})
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return directory.Rerating{}, err
	}
	out := directory.Rerating{Filter: w.filter, Records: d.Records, Changed: d.Changed, Failed: d.Failed, Plan: p.name(w.filter)}
	for _, a := range d.Sorted() {
		s := d.Accounts[a]
		by := s.New
		was, err := s.Old.Amount()
		if err == nil {
			err = by.Sub(was)
		}
		if err != nil {
			return out, err
		}
		out.Accounts = append(out.Accounts, directory.RerateSums{
			Role: string(a.Role), Account: a.Account, Currency: a.Currency.String(), Records: s.Records, Changed: s.Changed,
			Old: s.Old.String(), New: s.New.String(), Difference: by.String(),
		})
	}
	for _, f := range d.Failures[:min(len(d.Failures), maxReasons)] {
		out.Failures = append(out.Failures, directory.RerateFailure{Leg: f.Key.String(), Reason: f.Err.Error()})
	}
	return out, nil
}

// maxReasons bounds the failures that an answer lists.
const maxReasons = 100

// batch is how many records one transaction stores: accounts are locked for as
// long, and calls that end wait to be paid.
const batch = 100

// apply stores what differs, from the first record on: what an earlier attempt
// stored does not differ any more.
func (w *work) apply(ctx context.Context) error {
	var part []*billing.CDR
	all := w.Store.Records(sqlstore.Options{}).Records(ctx, sqlstore.Filter{From: w.filter.From, To: w.filter.To})
	for c, err := range all {
		if err != nil {
			return err
		}
		if !w.selected(c) {
			continue
		}
		if part = append(part, c); len(part) == batch {
			if err := w.store(ctx, part); err != nil {
				return err
			}
			part = part[:0]
		}
	}
	return w.store(ctx, part)
}

// store stores those of some records that differ.
func (w *work) store(ctx context.Context, list []*billing.CDR) error {
	var b ship.Batch
	for _, c := range list {
		next := ship.Record{CDR: *c}
		next.Generation++
		switch err := w.rate(ctx, &next); {
		case errors.Is(err, ship.ErrUnrated):
			continue // it has been counted by the plan; its price stays
		case err != nil:
			return err
		}
		if !rerate.Same(c.Parties, next.Parties) {
			b.Records = append(b.Records, next)
		}
	}
	for failures := 0; len(b.Records) > 0; {
		err := w.records.Store(ctx, b)
		if err == nil {
			return nil
		}
		var bad *ship.RecordError
		if errors.As(err, &bad) {
			w.refused++
			w.Log.Error("a record is not priced anew", "leg", bad.Key.String(), "error", bad.Err)
			b.Records = slices.DeleteFunc(b.Records, func(r ship.Record) bool { return r.Key == bad.Key })
			continue
		}
		if failures++; failures == attempts {
			return fmt.Errorf("rerating: %w", err)
		}
		select { // such as a deadlock with a call that ended
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond << failures):
		}
	}
	return nil
}

// attempts is how often a batch is tried.
const attempts = 6
