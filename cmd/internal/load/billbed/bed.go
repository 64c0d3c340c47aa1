package billbed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/rerate"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/billing/spool"
	"github.com/class5-go/class5/cmd/internal/load/billgen"
	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/internal/peer"
)

// Bed is a server and how to use it.
type Bed struct {
	Server *peer.MariaDB
	Load   *billgen.Load
	Batch  int // records of one transaction
}

// Figures are what a part of the way took.
type Figures struct {
	Records int
	Elapsed time.Duration
	Ours    time.Duration // processor time of this process
	Server  time.Duration // and of MariaDB
}

// Rate is records per second.
func (f Figures) Rate() float64 { return float64(f.Records) / f.Elapsed.Seconds() }

// CPU is processor time of all for one record.
func (f Figures) CPU() time.Duration { return (f.Ours + f.Server) / time.Duration(max(f.Records, 1)) }

// Open opens an empty database of the server.
func (b *Bed) Open(ctx context.Context, name string) (*sqlx.DB, error) {
	if err := b.Server.Create(ctx, name); err != nil {
		return nil, err
	}
	return Connect(b.Server.DSN(name))
}

// Connect makes a pool with what is best for rows by the hundred.
func Connect(dsn string) (*sqlx.DB, error) {
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	c.InterpolateParams, c.Logger, c.MaxAllowedPacket = true, &mysql.NopLogger{}, 64<<20
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	return sqlx.NewDb(sql.OpenDB(connector), "mysql"), nil
}

// measure runs f and counts what it takes.
func (b *Bed) measure(records int, f func() error) (Figures, error) {
	read := func() (ours, server time.Duration, err error) {
		a, err1 := meter.Tree(b.Server.PID())
		s, err2 := Self()
		return s, a.CPU(), errors.Join(err1, err2)
	}
	ours, server, err := read()
	if err != nil {
		return Figures{}, err
	}
	began := time.Now()
	if err := f(); err != nil {
		return Figures{}, err
	}
	r := Figures{Records: records, Elapsed: time.Since(began)}
	ours2, server2, err := read()
	r.Ours, r.Server = ours2-ours, server2-server
	return r, err
}

// Durable carries the events of all calls into a database and returns when all
// of their records are there. The spool is in dir.
func (b *Bed) Durable(ctx context.Context, db *sqlx.DB, dir string, options sqlstore.Options) (Figures, error) {
	if err := sqlstore.Migrate(ctx, db); err != nil {
		return Figures{}, err
	}
	log, err := spool.Open(spool.Config{FS: spool.Dir(dir)})
	if err != nil {
		return Figures{}, err
	}
	defer log.Close() //nolint:errcheck // everything was waited for
	events, err := encoded(b.Load)
	if err != nil {
		return Figures{}, err
	}
	return b.measure(b.Load.Calls, func() error { return b.carry(ctx, log, db, events, options) })
}

// WhatIf reads all records of a database and prices them by the decks of a
// directory. It writes nothing.
func (b *Bed) WhatIf(ctx context.Context, db *sqlx.DB, d chain.Directory) (Figures, error) {
	all := sqlstore.New(db, sqlstore.Options{}).Records(ctx, sqlstore.Filter{Brief: true})
	return b.measure(b.Load.Calls, func() error {
		diff, err := rerate.Plan(ctx, all, &chain.Rater{Directory: d}, rerate.Options{})
		if err == nil && diff.Records != int64(b.Load.Calls) {
			err = fmt.Errorf("%d records of %d", diff.Records, b.Load.Calls)
		}
		return err
	})
}

func (b *Bed) carry(ctx context.Context, log *spool.Log, db *sqlx.DB, events *arena, options sqlstore.Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rater := chain.Rater{Directory: b.Load.World}
	s, err := ship.Open(ctx, ship.Config{
		Log: log, Source: "bench", Store: sqlstore.New(db, options), Batch: b.Batch,
		Rate: func(_ context.Context, r *ship.Record) (err error) {
			r.Parties, err = rater.Rate(nil, &r.CDR)
			return err
		},
	})
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	var failed error
	wg.Go(func() { failed = s.Run(ctx) })
	err = write(ctx, log, events)
	end := log.Stats().End
	for err == nil && s.Stats().Stored < end && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	err = errors.Join(err, ctx.Err())
	cancel()
	wg.Wait()
	return errors.Join(err, failed)
}

// arena is events as a spool takes them, one behind the other: what a node gets
// from calls must not look like memory that the node keeps.
type arena struct {
	keys []spool.Key
	ends []int
	text []byte
}

// encoded makes the events of a load.
func encoded(l *billgen.Load) (*arena, error) {
	var a arena
	var events []billing.Event
	for n := range l.Calls {
		events = l.Events(events[:0], n)
		for i := range events {
			raw, err := events[i].MarshalBinary()
			if err != nil {
				return nil, err
			}
			a.text = append(a.text, raw...)
			a.keys = append(a.keys, spool.Key(events[i].Key()))
			a.ends = append(a.ends, len(a.text))
		}
	}
	return &a, nil
}

// write appends events as nodes under load do: some hundred calls wait for
// their record to be on disk at any moment.
func write(ctx context.Context, log *spool.Log, events *arena) error {
	const waiting = 256
	var tickets [waiting]spool.Ticket
	from := 0
	for i, k := range events.keys {
		if i >= waiting {
			if _, err := tickets[i%waiting].Wait(ctx); err != nil {
				return err
			}
		}
		var err error
		if tickets[i%waiting], err = log.Begin(k, events.text[from:events.ends[i]]); err != nil {
			return err
		}
		from = events.ends[i]
	}
	for i := range min(waiting, len(events.keys)) {
		if _, err := tickets[i].Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Dir makes a directory for a spool, removed by the caller.
func Dir() (string, error) { return os.MkdirTemp("", "billbed") }
