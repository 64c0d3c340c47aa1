package scenario

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rerate"
)

// again prices records once more, with other profiles.
type again struct {
	r       *run
	replace map[string]string
}

// Rate implements rerate.Rater.
func (a again) Rate(dst []billing.Party, c *billing.CDR) ([]billing.Party, error) {
	rec := a.r.byKey[c.Key]
	if len(rec.spec.given) > 0 || rec.spec.settled != nil {
		return append(dst, c.Parties...), nil // these prices are facts
	}
	next := record{id: rec.id, cdr: *c, spec: rec.spec}
	if err := a.r.rate(&next, a.replace); err != nil {
		return dst, err
	}
	return append(dst, next.cdr.Parties...), nil
}

func (r *run) rerate(id string, q *Rerate, _ billing.Millis) (*RerateAnswer, error) {
	from, err := r.optional("/from", q.From)
	if err != nil {
		return nil, err
	}
	to, err := r.optional("/to", q.To)
	if err != nil {
		return nil, err
	}
	filter := func(c *billing.CDR) bool {
		return (from == 0 || c.Start >= from) && (to == 0 || c.Start < to) &&
			(len(q.Accounts) == 0 || slices.Contains(q.Accounts, c.Caller.Account) || slices.Contains(q.Accounts, c.Callee.Account) || slices.Contains(q.Accounts, r.byKey[c.Key].spec.payer))
	}
	rater := again{r, q.Profiles}
	diff, err := rerate.Plan(r.ctx, r.all(), rater, rerate.Options{Filter: filter, Records: true})
	if err != nil {
		return nil, err
	}
	out := &RerateAnswer{Records: diff.Records, Changed: diff.Changed, Failed: diff.Failed}
	for _, a := range diff.Sorted() {
		s := diff.Accounts[a]
		was, err := s.Old.Amount()
		if err != nil {
			return nil, err
		}
		is, err := s.New.Amount()
		if err != nil {
			return nil, err
		}
		out.Accounts = append(out.Accounts, Difference{string(a.Role), a.Account, s.Records, s.Changed, r.unit.of(was), r.unit.of(is)})
	}
	if q.Dry {
		return out, nil
	}
	var changed []*record
	for range 2 { // twice is once
		err := rerate.Apply(r.ctx, diff, func(_ context.Context, batch []billing.CDR) error {
			for i := range batch {
				rec, err := r.regenerate(id, &batch[i], q.Profiles)
				if err != nil {
					return err
				}
				if rec != nil {
					changed = append(changed, rec)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(changed, func(a, b *record) int { return slices.Index(r.records, a) - slices.Index(r.records, b) })
	for _, rec := range changed {
		a, err := r.answer(rec)
		if err != nil {
			return nil, err
		}
		out.Calls = append(out.Calls, *a)
	}
	return out, nil
}

func (r *run) all() iter.Seq2[*billing.CDR, error] {
	return func(yield func(*billing.CDR, error) bool) {
		for _, rec := range r.records {
			if !yield(&rec.cdr, nil) {
				return
			}
		}
	}
}

// regenerate puts the next generation of a record in the place of the one that
// there is, and corrects the balances. A generation that is there stays.
func (r *run) regenerate(id string, c *billing.CDR, replace map[string]string) (*record, error) {
	old := r.byKey[c.Key]
	if c.Generation <= old.cdr.Generation {
		return nil, nil
	}
	rec := &record{id: old.id, cdr: *c, spec: old.spec, maximum: old.maximum, session: old.session}
	if err := r.rate(rec, replace); err != nil {
		return nil, err
	}
	rec.cdr.Generation = c.Generation
	if err := r.charge(rec, fmt.Sprintf("rerate/%s/%s/%d", id, c.Key, c.Generation), old); err != nil {
		return nil, err
	}
	r.remember(rec)
	return rec, nil
}
