package native

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
)

type profile struct {
	ID       int64     `json:"id"`
	Name     string    `json:"name"`
	Currency string    `json:"currency" doc:"ISO 4217"`
	TimeZone string    `json:"time_zone" doc:"IANA name"`
	Rev      int64     `json:"rev"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
}

type profileIn struct {
	Name     string `json:"name" maxLength:"255"`
	Currency string `json:"currency" pattern:"^[A-Z]{3}$"`
	TimeZone string `json:"time_zone,omitempty" maxLength:"64"`
}

func (in profileIn) value() (directory.BillingProfile, error) {
	c, err := billing.ParseCurrency(in.Currency)
	if err != nil {
		return directory.BillingProfile{}, invalidBody("currency", "not a currency code")
	}
	return directory.BillingProfile{Name: in.Name, Currency: c, TimeZone: in.TimeZone}, nil
}

func (s *service) profiles() {
	const tag, path = "billing-profiles", "/billing-profiles"
	repo := s.Store.BillingProfiles()
	show := func(p directory.BillingProfile) profile {
		return profile{p.ID, p.Name, p.Currency.String(), p.TimeZone, p.Rev, p.Created, p.Updated}
	}
	readers(s, tag, path, func(ctx context.Context, p directory.Page) (directory.List[directory.BillingProfile], error) {
		return repo.List(ctx, directory.BillingProfileFilter{}, p)
	}, repo.Find, show, func(p directory.BillingProfile) int64 { return p.Rev })
	writers(s, tag, path, "billing profile", profileIn.value, repo.Create, repo.Update, show,
		func(p *directory.BillingProfile) (id, rev *int64) { return &p.ID, &p.Rev })
	deleter(s, tag, path, repo.Delete)
}

type fee struct {
	ID        int64 `json:"id"`
	ProfileID int64 `json:"billing_profile_id"`
	FeeIn
	Rev     int64     `json:"rev"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// FeeIn is what a fee is made of. It is exported for the description only.
type FeeIn struct {
	Direction      string `json:"direction" enum:"out,in"`
	Source         string `json:"source,omitempty" maxLength:"32" doc:"prefix of the caller's number"`
	Destination    string `json:"destination" maxLength:"32" doc:"prefix of the called number; empty for all"`
	Zone           string `json:"zone,omitempty" maxLength:"255"`
	Connect        string `json:"connect,omitempty" doc:"due once when the call is answered; a decimal of six places"`
	Init           string `json:"init" doc:"price of the first interval: a decimal, a slash and the seconds it is for, as in 0.10/60"`
	InitInterval   int    `json:"init_interval" minimum:"1" maximum:"86400" doc:"seconds"`
	Follow         string `json:"follow" doc:"price of each further interval begun"`
	FollowInterval int    `json:"follow_interval" minimum:"1" maximum:"86400" doc:"seconds"`
	FreeTime       bool   `json:"free_time,omitempty" doc:"free time of the billing profile pays before money does"`
}

func (in FeeIn) value(profile int64) (f directory.Fee, err error) {
	f = directory.Fee{
		ProfileID: profile, Source: in.Source, Destination: in.Destination, Zone: in.Zone,
		InitInterval: in.InitInterval, FollowInterval: in.FollowInterval, FreeTime: in.FreeTime, Direction: billing.Out,
	}
	if in.Direction == billing.In.String() {
		f.Direction = billing.In
	}
	if f.Init, err = billing.ParsePrice(in.Init); err != nil {
		return f, invalidBody("init", "not a price such as 0.10/60")
	}
	if f.Follow, err = billing.ParsePrice(in.Follow); err != nil {
		return f, invalidBody("follow", "not a price such as 0.10/60")
	}
	if in.Connect != "" {
		a, err := billing.ParseAmount(in.Connect)
		if err != nil || !a.Currency().IsZero() {
			return f, invalidBody("connect", "not a decimal of at most six places")
		}
		f.Connect = a.Micros()
	}
	return f, nil
}

func showFee(f directory.Fee) fee {
	return fee{ID: f.ID, ProfileID: f.ProfileID, Rev: f.Rev, Created: f.Created, Updated: f.Updated, FeeIn: FeeIn{
		Direction: f.Direction.String(), Source: f.Source, Destination: f.Destination, Zone: f.Zone,
		Connect: billing.NewAmount(f.Connect, billing.Currency{}).String(),
		Init:    f.Init.String(), InitInterval: f.InitInterval, Follow: f.Follow.String(), FollowInterval: f.FollowInterval, FreeTime: f.FreeTime,
	}}
}

func (s *service) fees() {
	const tag, path = "fees", "/fees"
	repo := s.Store.Fees()
	huma.Register(s.api, operation("list-fees", http.MethodGet, "/billing-profiles/{id}/fees", "List the fees of a billing profile", tag, 200, 404),
		func(ctx context.Context, in *struct {
			PageIn
			IDIn
			Destination string `query:"destination" doc:"begins with"`
		}) (*listOut[fee], error) {
			p, err := in.page()
			if err != nil {
				return nil, err
			}
			l, err := repo.List(ctx, directory.FeeFilter{ProfileID: in.ID, Destination: in.Destination}, p)
			if err != nil {
				return nil, s.fail(err)
			}
			return toList(l, showFee), nil
		})
	huma.Register(s.api, operation("create-fee", http.MethodPost, "/billing-profiles/{id}/fees", "Add a fee", tag, 201, 404, 409),
		func(ctx context.Context, in *struct {
			IDIn
			Body FeeIn
		}) (*rowOut[fee], error) {
			f, err := in.Body.value(in.ID)
			if err != nil {
				return nil, err
			}
			made, err := repo.Create(ctx, f)
			if err != nil {
				return nil, s.fail(err)
			}
			return created(path, made[0].ID, made[0].Rev, showFee(made[0])), nil
		})
	reader(s, tag, path, repo.Find, showFee, func(f directory.Fee) int64 { return f.Rev })
	huma.Register(s.api, operation("update-fee", http.MethodPut, path+"/{id}", "Replace a fee", tag, 200, 404, 409, 412, 428),
		func(ctx context.Context, in *struct {
			RevIn
			Body FeeIn
		}) (*rowOut[fee], error) {
			f, err := in.Body.value(0)
			if err != nil {
				return nil, err
			}
			if f.Rev, err = in.rev(); err != nil {
				return nil, err
			}
			f.ID = in.ID
			if f, err = repo.Update(ctx, f); err != nil {
				return nil, s.fail(err)
			}
			return row(f.Rev, showFee(f)), nil
		})
	deleter(s, tag, path, repo.Delete)
}
