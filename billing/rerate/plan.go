package rerate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/class5-go/class5/billing"
)

// Rater appends the new prices of a record to dst, as chain.Rater does. It is
// called by several goroutines.
type Rater interface {
	Rate(dst []billing.Party, c *billing.CDR) ([]billing.Party, error)
}

// Options of Plan.
type Options struct {
	// Filter selects records; all when nil.
	Filter func(c *billing.CDR) bool
	// Workers is the number of goroutines; one for each processor when 0.
	Workers int
	// Records keeps the records that differ, for Apply. Without, a Diff has
	// sums only, whose size does not depend on the number of records.
	Records bool
}

// Account names whose sums these are.
type Account struct {
	Role     billing.Role
	Account  string
	Currency billing.Currency
}

// Sums are what an account paid and would pay.
type Sums struct {
	Records int64 // with a price of the account
	Changed int64 // of these, with another one
	Old     billing.Total
	New     billing.Total
}

// Failure is a record that could not be priced anew. Its prices stay.
type Failure struct {
	Key billing.LegKey
	Err error
}

// maxFailures bounds the failures that a Diff lists.
const maxFailures = 1000

// Diff is the difference between the prices that records have and those that
// they would have.
type Diff struct {
	Records int64 // looked at
	Changed int64 // with another price
	Failed  int64
	// Accounts has the sums of each account.
	Accounts map[Account]Sums
	// Failures are the first ones by key, at most 1000.
	Failures []Failure
	// New are the records that differ, with their new prices and the next
	// generation, in the order of their keys.
	New []billing.CDR
}

// chunk is how many records a worker takes at once.
const chunk = 512

// Plan prices the records of an iterator anew and writes nothing. An error is
// that of the iterator, of ctx, or of sums that overflow; a record that can not
// be priced is counted as a Failure.
func Plan(ctx context.Context, records iter.Seq2[*billing.CDR, error], r Rater, o Options) (*Diff, error) {
	n := o.Workers
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	work := make(chan []*billing.CDR, n)
	workers := make([]*worker, n)
	var wg sync.WaitGroup
	for i := range workers {
		w := &worker{rater: r, keep: o.Records, diff: newDiff()}
		workers[i] = w
		wg.Go(func() {
			for list := range work {
				w.all(list)
			}
		})
	}
	err := feed(ctx, work, records, o.Filter)
	close(work)
	wg.Wait()
	out := newDiff()
	for _, w := range workers {
		err = errors.Join(err, w.err, out.merge(w.diff))
	}
	if err != nil {
		return nil, fmt.Errorf("rerate: %w", err)
	}
	out.sort()
	return out, nil
}

func newDiff() *Diff { return &Diff{Accounts: map[Account]Sums{}} }

func feed(ctx context.Context, work chan<- []*billing.CDR, records iter.Seq2[*billing.CDR, error], filter func(*billing.CDR) bool) error {
	list := make([]*billing.CDR, 0, chunk)
	send := func() error {
		select {
		case work <- list:
			list = make([]*billing.CDR, 0, chunk)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for c, err := range records {
		if err != nil {
			return err
		}
		if filter != nil && !filter(c) {
			continue
		}
		if list = append(list, c); len(list) == chunk {
			if err := send(); err != nil {
				return err
			}
		}
	}
	return send()
}

// worker prices a share of the records.
type worker struct {
	rater Rater
	keep  bool
	diff  *Diff
	err   error
	room  []billing.Party
}

func (w *worker) all(list []*billing.CDR) {
	for _, c := range list {
		if w.err == nil {
			w.err = w.one(c)
		}
	}
}

func (w *worker) one(c *billing.CDR) error {
	w.diff.Records++
	parties, err := w.rater.Rate(w.room[:0], c)
	if err != nil {
		w.diff.Failed++
		w.diff.fail(Failure{c.Key, err})
		parties = c.Parties
	} else {
		w.room = parties
	}
	changed := !Same(c.Parties, parties)
	if err := w.diff.add(c.Parties, parties); err != nil {
		return err
	}
	if !changed {
		return nil
	}
	w.diff.Changed++
	if w.keep {
		next := *c
		next.Generation++
		next.Parties = slices.Clone(parties)
		w.diff.New = append(w.diff.New, next)
	}
	return nil
}

// Same reports whether prices are the same, by whatever tariff.
func Same(a, b []billing.Party) bool {
	return slices.EqualFunc(a, b, func(p, q billing.Party) bool {
		return p.Side == q.Side && p.Role == q.Role && p.Depth == q.Depth && p.Account == q.Account && p.Amount == q.Amount &&
			p.Charged == q.Charged && p.Units == q.Units
	})
}

func account(p *billing.Party) Account { return Account{p.Role, p.Account, p.Amount.Currency()} }

// add adds the prices of one record. An account may have several of them.
func (d *Diff) add(old, anew []billing.Party) error {
	for i := range old {
		a := account(&old[i])
		s := d.Accounts[a]
		s.Records++
		if err := s.Old.Add(old[i].Amount); err != nil {
			return err
		}
		if j := twin(anew, &old[i]); j < 0 || anew[j].Amount != old[i].Amount {
			s.Changed++
		}
		d.Accounts[a] = s
	}
	for i := range anew {
		a := account(&anew[i])
		s := d.Accounts[a]
		if err := s.New.Add(anew[i].Amount); err != nil {
			return err
		}
		if j := twin(old, &anew[i]); j < 0 || account(&old[j]) != a {
			s.Records++
			s.Changed++
		}
		d.Accounts[a] = s
	}
	return nil
}

// twin finds the price of the same party.
func twin(list []billing.Party, p *billing.Party) int {
	return slices.IndexFunc(list, func(q billing.Party) bool {
		return p.Side == q.Side && p.Role == q.Role && p.Depth == q.Depth && p.Account == q.Account
	})
}

func (d *Diff) fail(f Failure) {
	d.Failures = append(d.Failures, f)
	if len(d.Failures) > 2*maxFailures {
		d.sort()
	}
}

// merge adds another diff.
func (d *Diff) merge(e *Diff) error {
	d.Records += e.Records
	d.Changed += e.Changed
	d.Failed += e.Failed
	d.Failures = append(d.Failures, e.Failures...)
	d.New = append(d.New, e.New...)
	for a, s := range e.Accounts {
		t := d.Accounts[a]
		t.Records += s.Records
		t.Changed += s.Changed
		if err := errors.Join(t.Old.Merge(s.Old), t.New.Merge(s.New)); err != nil {
			return err
		}
		d.Accounts[a] = t
	}
	return nil
}

// sort makes a diff independent of who found what first.
func (d *Diff) sort() {
	slices.SortFunc(d.Failures, func(a, b Failure) int { return slices.Compare(a.Key[:], b.Key[:]) })
	if len(d.Failures) > maxFailures {
		d.Failures = slices.Delete(d.Failures, maxFailures, len(d.Failures))
	}
	slices.SortFunc(d.New, func(a, b billing.CDR) int { return slices.Compare(a.Key[:], b.Key[:]) })
}

// Sorted lists the accounts by role, name and currency.
func (d *Diff) Sorted() []Account {
	out := make([]Account, 0, len(d.Accounts))
	for a := range d.Accounts {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b Account) int {
		return strings.Compare(string(a.Role)+"\x00"+a.Account+"\x00"+a.Currency.String(), string(b.Role)+"\x00"+b.Account+"\x00"+b.Currency.String())
	})
	return out
}

// Apply stores the records of a diff, a batch at a time, in the order of their
// keys. store puts a batch into one transaction and ignores generations that
// are there. After an error Apply may be called again.
func Apply(ctx context.Context, d *Diff, store func(ctx context.Context, batch []billing.CDR) error) error {
	if d.Changed > 0 && len(d.New) == 0 {
		return errors.New("rerate: the plan was made without records")
	}
	const batch = 500
	for part := range slices.Chunk(d.New, batch) {
		if err := store(ctx, part); err != nil {
			return fmt.Errorf("rerate: %w", err)
		}
	}
	return nil
}
