package native

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/fraud"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/routing"
)

// LimitsIn are limits on spending. It is exported for the description only.
type LimitsIn struct {
	Hour   *MoneyIn `json:"hour,omitempty"`
	Day    *MoneyIn `json:"day,omitempty"`
	Month  *MoneyIn `json:"month,omitempty"`
	Window *CallsIn `json:"window,omitempty"`
	// Reseller and Hysteresis as in package billing/fraud.
	Reseller   *bool `json:"reseller,omitempty" doc:"count the reseller's prices"`
	Hysteresis *int  `json:"hysteresis,omitempty" minimum:"0" maximum:"100" doc:"percent below the limit at which it can be exceeded again"`
}

// ActionIn is what follows from a limit that is reached.
type ActionIn struct {
	Lock   int  `json:"lock,omitempty" minimum:"0" maximum:"5" doc:"0 none, 1 foreign, 2 outgoing, 3 in and out, 4 global, 5 ported"`
	Notify bool `json:"notify,omitempty"`
	Cut    bool `json:"cut,omitempty" doc:"running calls"`
}

// MoneyIn bounds the money of a period.
type MoneyIn struct {
	Limit string `json:"limit" doc:"amount with currency, as in 10.00 EUR"`
	ActionIn
}

// CallsIn bounds the calls of a span of time.
type CallsIn struct {
	Limit int   `json:"limit" minimum:"1" maximum:"10000"`
	Span  int64 `json:"span_ms" minimum:"1"`
	ActionIn
}

// value reads limits; package fraud has the same JSON.
func (in *LimitsIn) value() (l fraud.Limits, err error) {
	b, err := json.Marshal(in)
	if err == nil {
		err = json.Unmarshal(b, &l)
	}
	if err != nil {
		return l, invalidBody("limits", "an amount is not of the form 10.00 EUR")
	}
	return l, nil
}

func showLimits(l fraud.Limits) (out LimitsIn, err error) {
	b, err := json.Marshal(l)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	return out, err
}

// TermsIn is what a billing profile says besides prices.
type TermsIn struct {
	Prepaid bool     `json:"prepaid"`
	Limits  LimitsIn `json:"limits,omitempty"`
	RuleIn
	FreeSeconds int64  `json:"free_seconds,omitempty" minimum:"0" doc:"free time for each balance interval, for calls by fees with free_time"`
	FreeCash    string `json:"free_cash,omitempty" doc:"for each balance interval: amount with currency, as in 5.00 EUR"`
}

// LocksIn is what keeps a customer from calling, as far as it is set by hand.
type LocksIn struct {
	Lock   int      `json:"lock" minimum:"0" maximum:"5" doc:"0 none, 1 foreign, 2 outgoing, 3 in and out, 4 global, 5 ported"`
	Limits LimitsIn `json:"limits,omitempty" doc:"the customer's own, which go before those of the billing profile"`
}

// UnlockIn says which locks of a customer end.
type UnlockIn struct {
	IDIn
	Source string `query:"source" enum:"operator,spending,balance" doc:"who or what locked the customer; without it, spending and balance"`
}

type locks struct {
	LocksIn
	Spent   int `json:"spent_lock" doc:"level set by a limit on spending"`
	Balance int `json:"balance_lock" doc:"level set by the package of the account"`
}

func (s *service) terms() {
	const tag, path = "billing-profiles", "/billing-profiles/{id}/terms"
	read := func(ctx context.Context, id int64) (*bodyOut[TermsIn], error) {
		t, err := s.Store.BillingProfiles().Terms(ctx, id)
		if err != nil {
			return nil, s.fail(err)
		}
		l, err := showLimits(t.Limits)
		return &bodyOut[TermsIn]{TermsIn{
			Prepaid: t.Prepaid, Limits: l, RuleIn: showRule(t.Rule), FreeSeconds: int64(t.FreeTime) / 1000, FreeCash: showAmount(t.FreeCash),
		}}, err
	}
	huma.Register(s.api, operation("read-terms", http.MethodGet, path, "Read whether a billing profile is prepaid, its limits and what is free", tag, 200, 404),
		func(ctx context.Context, in *IDIn) (*bodyOut[TermsIn], error) { return read(ctx, in.ID) })
	huma.Register(s.api, operation("set-terms", http.MethodPut, path, "Make a billing profile prepaid or not, set its limits and what is free", tag, 200, 404),
		func(ctx context.Context, in *struct {
			IDIn
			Body TermsIn
		}) (*bodyOut[TermsIn], error) {
			l, err := in.Body.Limits.value()
			if err != nil {
				return nil, err
			}
			t := directory.Terms{BillingProfileID: in.ID, Prepaid: in.Body.Prepaid, Limits: l}
			if t.Rule, err = in.Body.RuleIn.value(); err != nil {
				return nil, invalidBody("interval", "no such period")
			}
			if t.FreeCash, err = amount("free_cash", in.Body.FreeCash); err != nil {
				return nil, err
			}
			t.FreeTime = billing.Millis(min(in.Body.FreeSeconds, 1e12)) * 1000
			err = s.Store.BillingProfiles().SetTerms(ctx, t)
			if err != nil {
				return nil, s.fail(err)
			}
			return read(ctx, in.ID)
		})
}

type bodyOut[T any] struct{ Body T }

func (s *service) locks() {
	const tag, path = "customers", "/customers/{id}/locks"
	read := func(ctx context.Context, id int64) (*bodyOut[locks], error) {
		l, err := s.Store.Customers().Locks(ctx, id)
		if err != nil {
			return nil, s.fail(err)
		}
		limits, err := showLimits(l.Limits)
		return &bodyOut[locks]{locks{LocksIn: LocksIn{Lock: int(l.Operator), Limits: limits}, Spent: int(l.Spent), Balance: int(l.Balance)}}, err
	}
	huma.Register(s.api, operation("read-locks", http.MethodGet, path, "Read the locks and limits of a customer", tag, 200, 404),
		func(ctx context.Context, in *IDIn) (*bodyOut[locks], error) { return read(ctx, in.ID) })
	huma.Register(s.api, operation("set-locks", http.MethodPut, path, "Lock a customer, and set its own limits", tag, 200, 404),
		func(ctx context.Context, in *struct {
			IDIn
			Body LocksIn
		}) (*bodyOut[locks], error) {
			l, err := in.Body.Limits.value()
			if err != nil {
				return nil, err
			}
			err = s.Store.Customers().SetLocks(ctx, directory.Locks{CustomerID: in.ID, Operator: routing.Lock(in.Body.Lock), Limits: l})
			if err != nil {
				return nil, s.fail(err)
			}
			return read(ctx, in.ID)
		})
	huma.Register(s.api, operation("unlock", http.MethodPost, "/customers/{id}/unlock", "End the locks that came of themselves: by a limit on spending, which counts from now on, and by the balance; or that of one source", tag, 200, 404),
		func(ctx context.Context, in *UnlockIn) (*bodyOut[locks], error) {
			from := []directory.LockSource{directory.LockedBySpending, directory.LockedByBalance}
			if in.Source != "" {
				from = []directory.LockSource{directory.LockSource(in.Source)}
			}
			if err := s.Store.Unlock(ctx, in.ID, from...); err != nil {
				return nil, s.fail(err)
			}
			return read(ctx, in.ID)
		})
}
