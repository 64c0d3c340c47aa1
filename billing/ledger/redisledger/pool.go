package redisledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ledger"
)

const (
	most = 1 << 53 // of a value
	any1 = -1      // an epoch that is not looked at
)

// take gets a lease for a pool, with room for what is wanted.
func (l *Ledger) take(ctx context.Context, p *pool, r *ledger.Request, value, least int64, until billing.Millis) error {
	name := fmt.Sprintf("lease/%s/%d", l.instance, l.next())
	q := *r
	q.Key = name
	until += l.cfg.Life
	a, err := ledger.Again(l.below.Reserve(ctx, ledger.Reservation{Request: q, Hold: name, Value: max(value, l.cfg.Chunk), Least: max(least, 1), Until: until}))
	if err != nil {
		return err
	}
	if a.Granted >= most {
		return fmt.Errorf("%w: a lease of %d", ledger.ErrRequest, a.Granted)
	}
	p.lease, p.seen = name, "0"
	if _, err = l.run(ctx, p, r, "open", any1, a.Granted, int64(until)); err != nil {
		p.giveUp(r.At, until-r.At)
	}
	return err
}

// grow gets more for the lease of a pool, or makes it longer. It reports
// whether there is more now.
func (l *Ledger) grow(ctx context.Context, p *pool, r *ledger.Request, value int64, until billing.Millis) (bool, error) {
	q := *r
	q.Key = fmt.Sprintf("%s/%d", p.lease, l.next())
	until = max(until, r.At) + l.cfg.Life
	least := min(value, 1)
	if value > 0 {
		value = max(value, l.cfg.Chunk)
	}
	a, err := ledger.Again(l.below.Extend(ctx, ledger.Reservation{Request: q, Hold: p.lease, Value: value, Least: least, Until: until}))
	switch {
	case errors.Is(err, ledger.ErrHold):
		p.giveUp(r.At, 0)
		return true, nil
	case errors.Is(err, ledger.ErrInsufficient):
		return false, nil
	case err != nil:
		return false, err
	}
	out, err := l.run(ctx, p, r, "grow", any1, a.Granted, int64(until))
	if err == nil && out[0] == "none" {
		p.giveUp(r.At, until-r.At)
	}
	return true, err
}

// idle is what a lease has for more holds.
func (l *Ledger) idle(ctx context.Context, p *pool, r *ledger.Request) (int64, error) {
	out, err := l.run(ctx, p, r, "look", any1)
	if err != nil || out[0] != "ok" {
		return 0, err
	}
	n, err := strconv.ParseInt(out[2], 10, 64)
	return max(n, 0), err
}

// give returns to the ledger below what lies idle beyond spare.
func (l *Ledger) give(ctx context.Context, p *pool, r *ledger.Request, spare int64) (int64, error) {
	if p.lease == "" {
		return 0, nil
	}
	out, err := l.run(ctx, p, r, "give", any1, spare)
	if err != nil || out[0] != "ok" {
		return 0, err
	}
	n, err := strconv.ParseInt(out[2], 10, 64)
	if err != nil || n == 0 {
		return 0, err
	}
	q := *r
	q.Key = fmt.Sprintf("%s/%d", p.lease, l.next())
	q.Account, q.Wallet = p.slot.account, p.slot.wallet
	_, err = l.below.Release(ctx, ledger.Settlement{Request: q, Hold: p.lease, Value: n, Keep: true})
	return n, err
}

// Reserve implements ledger.Ledger.
func (l *Ledger) Reserve(ctx context.Context, r ledger.Reservation) (ledger.Answer, error) {
	return l.reserve(ctx, r, "0")
}

// Extend implements ledger.Ledger.
func (l *Ledger) Extend(ctx context.Context, r ledger.Reservation) (ledger.Answer, error) {
	return l.reserve(ctx, r, "1")
}

func (l *Ledger) reserve(ctx context.Context, r ledger.Reservation, extend string) (ledger.Answer, error) {
	if err := r.Check(); err != nil {
		return ledger.Answer{}, err
	}
	if r.Value >= most {
		return ledger.Answer{}, fmt.Errorf("%w: %d", ledger.ErrRequest, r.Value)
	}
	digest, err := ledger.Digest("reserve"+extend, r)
	if err != nil {
		return ledger.Answer{}, err
	}
	p := l.enter(r.Account, r.Wallet)
	defer p.mu.Unlock()
	final := "0"
	for range 6 {
		if p.lease == "" {
			if extend == "1" {
				// Only a repetition can be answered without a pool.
				if a, err := l.again(ctx, p, &r, digest); a != nil || err != nil {
					return ledger.Answer{}, err
				}
				return ledger.Answer{}, fmt.Errorf("%w: %.40q", ledger.ErrHold, r.Hold)
			}
			if a, err := l.again(ctx, p, &r, digest); a != nil || err != nil {
				return ledger.Answer{}, err
			}
			if err := l.take(ctx, p, &r.Request, r.Value, r.Least, r.Until); err != nil {
				return ledger.Answer{}, err
			}
		}
		out, err := l.run(ctx, p, &r.Request, "cut", r.Epoch, r.Hold, r.Value, r.Least, int64(r.Until), extend, final, digest)
		if err != nil {
			return ledger.Answer{}, err
		}
		switch out[0] {
		case "ok":
			a, err := cutAnswer(out[2:])
			p.remember(r.Hold, a.Until, r.At)
			return a, err
		case "done":
			return ledger.Answer{}, done(out[1], digest)
		case "hold":
			return ledger.Answer{}, fmt.Errorf("%w: %.40q", ledger.ErrHold, r.Hold)
		case "there":
			return ledger.Answer{}, fmt.Errorf("%w: hold %.40q is there already", ledger.ErrRequest, r.Hold)
		case "none":
			p.giveUp(r.At, l.cfg.Life)
			continue
		}
		if out[0] == "short" && final == "1" {
			return ledger.Answer{}, fmt.Errorf("%w: %s of %d", ledger.ErrInsufficient, out[1], r.Value)
		}
		if final, err = l.more(ctx, p, &r, out); err != nil {
			return ledger.Answer{}, err
		}
	}
	return ledger.Answer{}, fmt.Errorf("%w: the pool is lost again and again", ledger.ErrUnavailable)
}

// more gets what a cut was missing. What there is then has to do if there was
// no more.
func (l *Ledger) more(ctx context.Context, p *pool, r *ledger.Reservation, out []string) (final string, err error) {
	idle, err := strconv.ParseInt(out[1], 10, 64)
	if err != nil {
		return "0", err
	}
	missing := int64(0)
	if out[0] == "short" {
		missing = max(r.Value-idle, 1)
	}
	got, err := l.grow(ctx, p, &r.Request, missing, r.Until)
	if got && p.lease == "" || out[0] == "grow" {
		return "0", err
	}
	return "1", err
}

// again looks for the first answer to a reservation.
func (l *Ledger) again(ctx context.Context, p *pool, r *ledger.Reservation, digest string) (*ledger.Answer, error) {
	out, err := l.run(ctx, p, &r.Request, "cut", r.Epoch)
	if err != nil || out[0] != "done" {
		return nil, err
	}
	return &ledger.Answer{}, done(out[1], digest)
}

// done is the error for a request that was carried out before.
func done(record, digest string) error {
	first, rest, _ := strings.Cut(record, " ")
	if first != digest {
		return fmt.Errorf("%w", ledger.ErrKey)
	}
	a, err := cutAnswer(strings.Fields(rest))
	if err != nil {
		return err
	}
	return &ledger.DuplicateError{First: a}
}

func cutAnswer(f []string) (ledger.Answer, error) {
	var n [3]int64
	if len(f) < len(n) {
		return ledger.Answer{}, fmt.Errorf("%w: what Redis says is %q", ledger.ErrUnavailable, f)
	}
	for i := range n {
		var err error
		if n[i], err = strconv.ParseInt(f[i], 10, 64); err != nil {
			return ledger.Answer{}, fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
		}
	}
	return ledger.Answer{Granted: n[0], Held: n[1], Until: billing.Millis(n[2])}, nil
}
