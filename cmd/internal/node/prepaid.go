package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ledger/redisledger"
	"github.com/class5-go/class5/billing/session"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cmd/internal/books"
	"github.com/class5-go/class5/cmd/internal/call"
	"github.com/class5-go/class5/cmd/internal/prepaid"
	"github.com/class5-go/class5/cmd/internal/watch"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/overload"
	"github.com/class5-go/class5/sip/routing"
	"github.com/class5-go/class5/sip/shard"
)

// ledgerEpoch is that of every node's lease: nothing takes the lease of a node
// over yet.
const ledgerEpoch = 1

// openLedger makes the ledger of the database, behind leases in Redis where
// there is one.
func (s *Stores) openLedger(cfg StoreConfig, env Env) {
	accounts := s.Directory.Accounts()
	s.Ledger = accounts
	if s.redis != nil {
		s.Ledger = redisledger.New(s.redis, accounts, redisledger.Config{
			Prefix: "ledger:" + env.Node + ":", Life: billing.Millis(cfg.Lease.Milliseconds()),
		})
	}
	s.Watch = watch.New(watch.Config{
		Store: s.Directory, Reader: s.Reader, Ledger: accounts, Now: env.Now, Log: env.Log,
		Cut: func(ctx context.Context, callID, id string) error {
			if s.cut == nil {
				return errors.New("no proxy runs")
			}
			return s.cut(ctx, callID, id)
		},
	})
	env.Metrics.MustRegister(s.Watch.Metrics()...)
}

// posting is what is done in the transaction that stores records: accounts
// pay, what was spent is counted.
func (s *Stores) posting(env Env) sqlstore.Hook {
	b := &books.Books{Store: s.Directory, Holder: s.Reader.Holder, Node: env.Node, Now: env.Now}
	return func(ctx context.Context, tx *sqlx.Tx, changes []sqlstore.Change) error {
		if err := s.Watch.Hook(ctx, tx, changes); err != nil {
			return err
		}
		return b.Hook(ctx, tx, changes)
	}
}

// records is where the recorder's records go: prepaid customers pay by their
// sessions, the rest is posting.
func (s *Stores) records(env Env) ship.Store {
	return &prepaid.Settling{
		Records: &watch.Counted{Records: s.Directory.Records(sqlstore.Options{Hook: s.posting(env)}), Watch: s.Watch},
		Ledger:  s.Ledger, Accounts: s.Directory.Accounts(), Spending: s.Reader.Spending, Epoch: ledgerEpoch, Now: env.Now, Log: env.Log,
	}
}

func (c PrepaidConfig) check() error {
	switch session.OnFailure(c.OnFailure) {
	case "", session.Terminate, session.Continue:
	default:
		return fmt.Errorf("%w: proxy: prepaid: on_failure: %q, want terminate or continue", ErrConfig, c.OnFailure)
	}
	if c.Status != 0 && (c.Status < 400 || c.Status > 699) {
		return fmt.Errorf("%w: proxy: prepaid: status: %d refuses no call", ErrConfig, c.Status)
	}
	for _, d := range []time.Duration{c.Quota, c.Early, c.Slack, c.Cap} {
		if d < 0 || d > 24*time.Hour {
			return fmt.Errorf("%w: proxy: prepaid: %v is not between 0 and a day", ErrConfig, d)
		}
	}
	return nil
}

// emergency are the numbers that no lock, limit or credit keeps from.
func (c ProxyConfig) emergency() (*overload.Emergency, error) {
	e, err := overload.NewEmergency(c.Emergency...)
	if err != nil {
		return nil, fmt.Errorf("%w: proxy: emergency: %w", ErrConfig, err)
	}
	return e, nil
}

// services are the numbers of emergency services.
func (c ProxyConfig) services() (routing.Services, error) {
	s := routing.Services{}
	if len(c.Emergency) > 0 {
		s["sos"] = c.Emergency[0]
	}
	for urn, number := range c.EmergencyServices {
		name, err := routing.ParseService(urn)
		if err == nil {
			_, err = overload.NewEmergency(number)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: proxy: emergency_services: %w", ErrConfig, err)
		}
		s[name] = number
	}
	return s, nil
}

// openCredit makes the credit of prepaid callers.
func (p *Proxy) openCredit() call.Credit {
	c := p.cfg.Prepaid
	ms := func(d time.Duration) billing.Millis { return billing.Millis(d.Milliseconds()) }
	p.credit = prepaid.New(prepaid.Config{
		Ledger: p.stores.Ledger, Funds: &prepaid.Book{Ledger: p.stores.Directory.Accounts(), Store: p.stores.Directory, Holder: p.stores.Reader.Holder},
		Status: c.Status, Now: p.env.Now, Log: p.env.Log,
		Session: session.Config{
			Node: p.env.Node, Epoch: ledgerEpoch, Quota: ms(c.Quota), Early: ms(c.Early), Slack: ms(c.Slack),
			OnFailure: session.OnFailure(c.OnFailure), Cap: ms(c.Cap),
		},
		Do: func(ctx context.Context, callID string, f func(now time.Time)) error {
			return p.pool.Do(ctx, callID, func(now time.Time, _ shard.Core) { f(now) })
		},
	})
	p.stores.cut = func(ctx context.Context, callID, id string) error {
		return p.pool.Do(ctx, callID, func(now time.Time, c shard.Core) { c.(*call.Core).End(now, id, dialog.CauseLimit) })
	}
	return &prepaid.Customers{Credit: p.credit, Tariffs: p.stores.Reader}
}

// settle waits until the calls that have ended are paid.
func (p *Proxy) settle(ctx context.Context) {
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	p.credit.Close(wait)
}
