package directory

import (
	"context"
	"log/slog"
	"time"
)

// changesPerPoll bounds one reading of the change log.
const changesPerPoll = 1000

// Run follows the change log until ctx is done. Without it, changes by other
// processes are not seen. It returns nil when ctx ends.
func (r *Reader) Run(ctx context.Context) error {
	tick := time.NewTicker(r.cfg.Poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := r.Sync(ctx)
		if was := r.behind.Swap(err != nil); err != nil && !was && ctx.Err() == nil {
			r.log().LogAttrs(ctx, slog.LevelError, "directory: change log can not be read; answers from memory may be old", attrErr(Cause(err)))
		} else if was && err == nil {
			r.log().InfoContext(ctx, "directory: change log is read again")
		}
	}
}

// Sync applies all changes that are in the log now.
func (r *Reader) Sync(ctx context.Context) error {
	for {
		r.mu.Lock()
		last := r.last
		r.mu.Unlock()
		// The last change seen is asked for as well: when it is gone, the log
		// was pruned beyond it or the database is another one (restored).
		changes, err := r.store.Changes(ctx, max(last-1, 0), changesPerPoll)
		if err != nil {
			return err
		}
		if last > 0 && (len(changes) == 0 || changes[0].Seq != last) || last == 0 && len(changes) > 0 && changes[0].Seq > 1 {
			if err := r.restart(ctx, last); err != nil {
				return err
			}
			continue
		}
		r.applyLog(changes)
		if len(changes) < changesPerPoll {
			return nil
		}
	}
}

// restart forgets everything and goes on from the end of the log.
func (r *Reader) restart(ctx context.Context, was int64) error {
	last, err := r.store.LastChange(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last != was {
		return nil // a commit of this process came between: look again
	}
	r.last = last
	r.cache.forget(everyone)
	r.catalog.forget()
	r.tariffs.forgetAll()
	r.contracts.forgetAll()
	r.spending.forgetAll()
	r.forgetAgreed()
	return nil
}

// applyLog applies what was read from the log: in order, and with no later
// change to come between.
func (r *Reader) applyLog(changes []Change) {
	r.apply(changes)
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(changes); n > 0 {
		r.last = max(r.last, changes[n-1].Seq)
	}
}

// apply forgets what changed. Changes come in order from the log, and out of
// order from the commits of this process; those that follow on the last one
// applied need not be read from the log again.
func (r *Reader) apply(changes []Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range changes {
		if c.Seq <= r.last {
			continue
		}
		r.forget(c)
		if c.Seq == r.last+1 {
			r.last = c.Seq
		}
	}
}

func (r *Reader) forget(c Change) {
	switch c.Kind {
	case KindSubscriber:
		r.cache.forget(c.ID)
	case KindCustomer:
		if c.Action != Created {
			r.cache.forgetCustomer(c.ID)
		}
		r.contracts.forget(c.ID)
		r.spending.forget(c.ID)
		r.holders.forget(c.ID)
	case KindDomain, KindSpecial, KindPeer:
		r.catalog.forget()
	case KindBillingProfile:
		r.tariffs.forget(c.ID)
		r.spending.forgetAll()
		r.forgetAgreed()
	case KindTerms: // seldom, and of all who have the profile
		r.cache.forget(everyone)
		r.spending.forgetAll()
		r.forgetAgreed()
	case KindPackage:
		r.forgetAgreed()
	}
}

// forgetAgreed forgets the terms of all, and who holds an account by them.
func (r *Reader) forgetAgreed() {
	r.agreed.forgetAll()
	r.holders.forgetAll()
}
