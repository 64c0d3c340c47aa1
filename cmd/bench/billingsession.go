package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/ledger/redisledger"
	"github.com/class5-go/class5/billing/ledger/sqlledger"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/session"
	"github.com/class5-go/class5/cmd/internal/load/billbed"
	"github.com/class5-go/class5/cmd/internal/load/billgen"
	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/internal/peer"
)

// priceOf is a call of a world, as a session asks for its price.
type priceOf struct {
	w    *billgen.World
	call rate.Call
}

// Price implements session.Rater.
func (p priceOf) Price(d billing.Millis) (billing.Amount, error) {
	c := p.call
	c.Duration = d
	r, err := rate.Rate(p.w.Retail, c, rate.Options{})
	return r.Amount, err
}

// MaxDuration implements session.Rater.
func (p priceOf) MaxDuration(credit billing.Amount, wanted billing.Millis) (billing.Millis, error) {
	c := p.call
	c.Duration = wanted
	return rate.MaxDuration(p.w.Retail, c, credit)
}

// billingSession renews the quota of running prepaid calls on Redis, with the
// ledger in a durable MariaDB below.
func billingSession(ctx context.Context, o *billingOptions, r *report, _ io.Writer) error {
	w, err := billgen.NewWorld(o.prefixes, o.seed)
	if err != nil {
		return err
	}
	maria, err := peer.StartMariaDB(ctx, peer.Durable())
	if err != nil {
		return err
	}
	defer maria.Stop() //nolint:errcheck // its data is of no use any more
	cache, err := peer.StartRedis(ctx)
	if err != nil {
		return err
	}
	defer cache.Stop() //nolint:errcheck // nor is that
	bed := billbed.Bed{Server: maria}
	db, err := bed.Open(ctx, "prepaid")
	if err != nil {
		return err
	}
	defer db.Close()
	if err := sqlledger.Migrate(ctx, db); err != nil {
		return err
	}
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: cache.Socket()})
	defer client.Close()
	l := redisledger.New(client, sqlledger.New(db), redisledger.Config{Chunk: 1_000_000_000})
	h, updates, took, err := renewals(ctx, l, w)
	if err != nil {
		return err
	}
	r.most("Session.Update on Redis, p99, ms", "%.3f", us(h.Quantile(0.99))/1000, 1)
	r.add("Session.Update: p50, updates/s, one after the other", "%.0f µs, %.0f/s of %d", us(h.Quantile(0.5)), float64(updates)/took.Seconds(), updates)
	return nil
}

// renewals starts calls on twenty accounts and renews each some times.
func renewals(ctx context.Context, l ledger.Ledger, w *billgen.World) (h meter.Histogram, n int, took time.Duration, err error) {
	const accounts, calls, rounds = 20, 200, 100
	now := billgen.Month
	var sessions []*session.Session
	for i := range calls {
		account := fmt.Sprint("prepaid ", i%accounts)
		if i < accounts {
			_, err := l.Post(ctx, ledger.Posting{
				Request: ledger.Request{Key: "fund " + account, Node: "bench", Account: account, At: now},
				Effect:  ledger.Effect{Entries: []balance.Entry{{At: now, Account: account, Wallet: balance.CashWallet, Unit: balance.Cash, Value: -1 << 50, Reason: balance.ReasonTopUp}}},
			})
			if err != nil {
				return h, 0, 0, err
			}
		}
		s := session.New(l, session.Config{Node: "bench"}, priceOf{w, rate.Call{Destination: w.Numbers[i], Start: now}}, fmt.Sprint("call ", i), account)
		if _, err := s.Start(ctx, 0, now); err != nil {
			return h, 0, 0, err
		}
		sessions = append(sessions, s)
	}
	began := time.Now()
	for round := range billing.Millis(rounds) {
		used := 50_000 * (round + 1)
		for _, s := range sessions {
			at := time.Now()
			g, err := s.Update(ctx, int64(round)+1, used, now+used)
			h.Add(time.Since(at))
			if err == nil && g.Final { // what a session answers when the ledger can not be asked
				err = errors.Join(errors.New("a renewal was refused"), ctx.Err())
			}
			if err != nil {
				return h, 0, 0, err
			}
			n++
		}
	}
	return h, n, time.Since(began), nil
}
