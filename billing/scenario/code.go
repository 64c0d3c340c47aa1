package scenario

import (
	"context"
	"errors"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/session"
)

// Errors of steps that no other package has.
var (
	errLocked  = errors.New("scenario: locked")
	errSession = errors.New("scenario: no such session")
)

// codes are the values of StepAnswer.Error.
var codes = [...]struct {
	err  error
	code string
}{
	{session.ErrCredit, "no_credit"},
	{errLocked, "locked"},
	{errSession, "no_session"},
	{session.ErrNumber, "number"},
	{rate.ErrNoFee, "no_fee"},
	{chain.ErrNoTariff, "no_tariff"},
	{chain.ErrDepth, "depth"},
	{rate.ErrCall, "impossible_call"},
	{billing.ErrOverflow, "overflow"},
	{billing.ErrCurrency, "currency"},
	{billing.ErrEvent, "quarantined"},
	{ledger.ErrInsufficient, "insufficient"},
	{ledger.ErrFenced, "fenced"},
	{ledger.ErrDuplicate, "duplicate"},
	{ledger.ErrKey, "key"},
	{ledger.ErrUnavailable, "unavailable"},
	{ledger.ErrNotFound, "not_found"},
	{balance.ErrVoucher, "voucher"},
	{balance.ErrWallet, "wallet"},
	{balance.ErrTime, "time"},
	{balance.ErrUsage, "usage"},
	{balance.ErrTerms, "terms"},
	{ErrName, "name"},
	{billing.ErrSyntax, "syntax"},
	{billing.ErrPrecision, "precision"},
}

func code(err error) string {
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.code
		}
	}
	return "failed"
}

// gate is the ledger as sessions reach it.
type gate struct {
	l    ledger.Ledger
	down bool
}

var _ session.Ledger = (*gate)(nil)

func (g *gate) reach() error {
	if g.down {
		return ledger.ErrUnavailable
	}
	return nil
}

func (g *gate) Reserve(ctx context.Context, r ledger.Reservation) (ledger.Answer, error) {
	if err := g.reach(); err != nil {
		return ledger.Answer{}, err
	}
	return g.l.Reserve(ctx, r)
}

func (g *gate) Extend(ctx context.Context, r ledger.Reservation) (ledger.Answer, error) {
	if err := g.reach(); err != nil {
		return ledger.Answer{}, err
	}
	return g.l.Extend(ctx, r)
}

func (g *gate) Settle(ctx context.Context, s ledger.Settlement) (ledger.Answer, error) {
	if err := g.reach(); err != nil {
		return ledger.Answer{}, err
	}
	return g.l.Settle(ctx, s)
}

func (g *gate) Release(ctx context.Context, s ledger.Settlement) (ledger.Answer, error) {
	if err := g.reach(); err != nil {
		return ledger.Answer{}, err
	}
	return g.l.Release(ctx, s)
}
