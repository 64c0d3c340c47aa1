package native

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/api/login"
	"github.com/class5-go/class5/cluster/directory"
)

// Rerater prices stored calls anew: without the name of a plan it plans, with
// it it carries the plan out. directory.ErrStale means that the plan would be
// another one by now.
type Rerater interface {
	Rerate(ctx context.Context, f directory.RerateFilter, plan, by string) (directory.Rerating, error)
}

// RerateIn says which calls are priced anew.
type RerateIn struct {
	From       time.Time `json:"from" doc:"calls that began then or later"`
	To         time.Time `json:"to" doc:"and before"`
	CustomerID int64     `json:"customer_id,omitempty" minimum:"0" doc:"that takes part in the call or is paid for it"`
	Profile    string    `json:"billing_profile,omitempty" maxLength:"255" doc:"name of a billing profile by which somebody paid"`
	Plan       string    `json:"plan,omitempty" maxLength:"64" doc:"of an answer without it: carries that plan out"`
}

type rerating struct {
	Plan       string                    `json:"plan" doc:"name of the plan, which carries it out"`
	From       time.Time                 `json:"from"`
	To         time.Time                 `json:"to"`
	CustomerID int64                     `json:"customer_id,omitempty"`
	Profile    string                    `json:"billing_profile,omitempty"`
	Applied    bool                      `json:"applied" doc:"it is in force; otherwise nothing was written, or it was broken off: ask again"`
	By         string                    `json:"by,omitempty"`
	Begun      *time.Time                `json:"begun,omitempty"`
	Ended      *time.Time                `json:"ended,omitempty"`
	Records    int64                     `json:"records" doc:"looked at"`
	Changed    int64                     `json:"changed" doc:"with another price"`
	Failed     int64                     `json:"failed" doc:"without a price by the tariffs of now; theirs stays"`
	Refused    int64                     `json:"refused" doc:"that could not be posted; their price stays"`
	Accounts   []directory.RerateSums    `json:"accounts"`
	Failures   []directory.RerateFailure `json:"failures,omitempty" doc:"the first hundred"`
}

func showRerating(v directory.Rerating) rerating {
	out := rerating{
		Plan: v.Plan, From: v.Filter.From.Time(), To: v.Filter.To.Time(), CustomerID: v.Filter.CustomerID, Profile: v.Filter.Profile, Applied: v.Done, By: v.By,
		Records: v.Records, Changed: v.Changed, Failed: v.Failed, Refused: v.Refused, Accounts: v.Accounts, Failures: v.Failures,
	}
	if !v.Begun.IsZero() {
		out.Begun = &v.Begun
	}
	if v.Done {
		out.Ended = &v.Ended
	}
	return out
}

func (s *service) reratings() {
	const tag, path = "calls", "/reratings"
	huma.Register(s.api, operation("rerate", http.MethodPost, path, "See what calls would cost by the tariffs of now, or put that into force", tag, 200, 409),
		func(ctx context.Context, in *struct{ Body RerateIn }) (*bodyOut[rerating], error) {
			b := in.Body
			f := directory.RerateFilter{From: billing.MillisOf(b.From), To: billing.MillisOf(b.To), CustomerID: b.CustomerID, Profile: b.Profile}
			if f.From < 1 || f.To <= f.From {
				return nil, invalidBody("to", "not after from")
			}
			admin, _ := login.From(ctx)
			v, err := s.Rerater.Rerate(ctx, f, b.Plan, admin.Name)
			if err != nil {
				if errors.Is(err, directory.ErrStale) {
					err = huma.NewError(http.StatusConflict, "the plan would be another one by now: plan again")
				} else {
					err = s.fail(err)
				}
				return nil, err
			}
			return &bodyOut[rerating]{showRerating(v)}, nil
		})
	huma.Register(s.api, operation("list-reratings", http.MethodGet, path, "List what was priced anew, the newest first", tag, 200),
		func(ctx context.Context, _ *struct{}) (*listOut[rerating], error) {
			l, err := s.Store.Reratings().List(ctx)
			if err != nil {
				return nil, s.fail(err)
			}
			out := &listOut[rerating]{Body: list[rerating]{Items: make([]rerating, 0, len(l))}}
			for _, v := range l {
				out.Body.Items = append(out.Body.Items, showRerating(v))
			}
			return out, nil
		})
}
