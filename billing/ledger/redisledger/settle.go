package redisledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/class5-go/class5/billing/ledger"
)

// Settle implements ledger.Ledger. The pool sets aside what is to be paid
// before the ledger below is asked, and the key makes both steps repeatable.
func (l *Ledger) Settle(ctx context.Context, s ledger.Settlement) (ledger.Answer, error) {
	if err := s.Check(); err != nil {
		return ledger.Answer{}, err
	}
	if s.Value >= most || s.Value <= -most {
		return ledger.Answer{}, fmt.Errorf("%w: %d", ledger.ErrRequest, s.Value)
	}
	p := l.enter(s.Account, s.Wallet)
	defer p.mu.Unlock()
	side, err := l.aside(ctx, p, &s)
	if err != nil {
		return ledger.Answer{}, err
	}
	if side == nil {
		if s.From = p.elsewhere(s.Hold); s.From == "" {
			s.From = p.oldest(&s)
		}
		return l.below.Settle(ctx, s)
	}
	s.From, s.Limit = p.lease, &side.pay
	a, err := l.below.Settle(ctx, s)
	first, again := ledger.Again(a, err)
	if again != nil {
		return a, err // what is set aside stays so until it is repeated
	}
	spent := max(first.Settled, 0)
	if err != nil && !side.before {
		spent = 0 // the first time took it off the pool
	}
	if err2 := l.paid(ctx, p, &s, first, spent); err2 != nil || err != nil {
		return a, errors.Join(err, err2)
	}
	a.Held, a.Until = side.rest, 0
	return a, nil
}

// paid takes what was paid off the pool, and gives back what lies idle.
func (l *Ledger) paid(ctx context.Context, p *pool, s *ledger.Settlement, a ledger.Answer, spent int64) error {
	out, err := l.run(ctx, p, &s.Request, "paid", any1, s.Key, spent)
	if err != nil {
		return err
	}
	if out[0] == "none" {
		p.giveUp(s.At, l.cfg.Life)
		return nil
	}
	spare := l.cfg.Chunk
	if a.Available < 0 {
		spare = 0
	}
	_, err = l.give(ctx, p, &s.Request, spare)
	return err
}

// aside is what a pool set aside for a payment.
type aside struct {
	pay, rest int64
	before    bool // by an earlier attempt
}

// aside sets what a hold pays aside in the pool; nil when the pool has nothing
// to do with it.
func (l *Ledger) aside(ctx context.Context, p *pool, s *ledger.Settlement) (*aside, error) {
	keep, final, known := "0", "0", "0"
	if s.Keep {
		keep = "1"
	}
	if p.oldest(s) != "" {
		known = "1" // a hold that is not in the pool may be of a lost lease
	}
	for range 6 {
		if p.lease == "" || p.elsewhere(s.Hold) != "" {
			return nil, nil
		}
		out, err := l.run(ctx, p, &s.Request, "take", s.Epoch, s.Hold, s.Value, keep, final, s.Key, known)
		if err != nil {
			return nil, err
		}
		switch out[0] {
		case "ok":
			a := &aside{before: out[4] == "1"}
			var err1, err2 error
			a.pay, err1 = strconv.ParseInt(out[2], 10, 64)
			a.rest, err2 = strconv.ParseInt(out[3], 10, 64)
			return a, errors.Join(err1, err2)
		case "hold":
			return nil, nil
		case "none":
			p.giveUp(s.At, l.cfg.Life)
		case "short":
			have, err := strconv.ParseInt(out[1], 10, 64)
			if err != nil {
				return nil, err
			}
			if _, err = l.grow(ctx, p, &s.Request, s.Value-have, s.At); err != nil {
				return nil, err
			}
			final = "1"
		}
	}
	return nil, fmt.Errorf("%w: the pool is lost again and again", ledger.ErrUnavailable)
}

// oldest is the lost lease that pays first, "" for none.
func (p *pool) oldest(s *ledger.Settlement) string {
	for len(p.lost) > 0 && p.lost[0].until <= s.At {
		p.lost = p.lost[1:]
	}
	if len(p.lost) == 0 {
		return ""
	}
	return p.lost[0].name
}

// Release implements ledger.Ledger.
func (l *Ledger) Release(ctx context.Context, s ledger.Settlement) (ledger.Answer, error) {
	if err := s.Check(); err != nil {
		return ledger.Answer{}, err
	}
	p := l.enter(s.Account, s.Wallet)
	defer p.mu.Unlock()
	if p.lease == "" {
		return ledger.Answer{}, nil
	}
	out, err := l.run(ctx, p, &s.Request, "drop", s.Epoch, s.Hold)
	if err != nil {
		return ledger.Answer{}, err
	}
	if out[0] == "none" {
		p.giveUp(s.At, l.cfg.Life)
		return ledger.Answer{}, nil
	}
	_, err = l.give(ctx, p, &s.Request, l.cfg.Chunk)
	return ledger.Answer{}, err
}
