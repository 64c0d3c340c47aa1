package directory

import (
	"context"
	"strconv"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// Tariff gives the tariff of a billing profile compiled for rating, from
// memory until the profile or one of its fees changes. The fees' identifiers
// in it are their ids in decimal digits. Unlike profiles, a tariff that has
// changed is not answered from memory when the database is away: a call can
// be rated later, and not at a price that was.
func (r *Reader) Tariff(ctx context.Context, profileID int64) (*tariff.Snapshot, error) {
	return r.tariffs.get(ctx, profileID, r.store.tariff)
}

// tariff reads a profile and its fees, row by row: decks have up to half a
// million.
func (s *Store) tariff(ctx context.Context, id int64) (*tariff.Snapshot, error) {
	p, err := s.BillingProfiles().Find(ctx, id)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(p.TimeZone)
	if err != nil {
		return nil, damaged(id, err)
	}
	b, err := tariff.NewBuilder(tariff.Config{Name: p.Name, Currency: p.Currency, Location: zone})
	if err != nil {
		return nil, damaged(id, err)
	}
	err = each(ctx, s, func(r feeRow) error {
		if err := b.Add(r.value().compiled(p.Currency)); err != nil {
			return damaged(r.ID, err)
		}
		return nil
	}, selectFee+" WHERE profile_id = ?", id)
	if err != nil {
		return nil, err
	}
	snapshot, err := b.Build()
	if err != nil {
		return nil, damaged(id, err)
	}
	return snapshot, nil
}

func (f Fee) compiled(c billing.Currency) tariff.Fee {
	return tariff.Fee{
		ID: strconv.FormatInt(f.ID, 10), Direction: f.Direction, Destination: f.Destination, Source: f.Source, Zone: f.Zone,
		Connect: billing.NewAmount(f.Connect, c),
		Rate: tariff.Rate{
			Init:   tariff.Interval{Price: f.Init, Seconds: f.InitInterval},
			Follow: tariff.Interval{Price: f.Follow, Seconds: f.FollowInterval}, FreeTime: f.FreeTime,
		},
	}
}
