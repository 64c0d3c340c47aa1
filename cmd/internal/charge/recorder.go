package charge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/spool"
)

// Config of a Recorder. Dir, Source, Store and Contracts are required.
type Config struct {
	Dir       string // of the spool
	Source    string // name of this node
	Store     ship.Store
	Contracts Contracts
	Now       func() time.Time
	Log       *slog.Logger
	Metrics   prometheus.Registerer
	// MaxBytes bounds the spool, and Policy says what happens to new calls when
	// it is nearly full; both have the defaults of package spool.
	MaxBytes int64
	Policy   spool.Policy
	// Interims keeps every so many-th interim mark as a record of a running call.
	Interims int
}

// Recorder keeps the events of one node and makes records of them.
type Recorder struct {
	log     *spool.Log
	shipper *ship.Shipper
	rate    func(ctx context.Context, r *ship.Record) error
	now     func() time.Time
	logger  *slog.Logger
	failed  atomic.Int64 // when the disk last refused an event, in Unix nanoseconds
}

// Open opens the spool and reads what an earlier process left in it. Calls that
// were running then are closed by evidence: their end can not come any more.
// The records made are stored by Run.
func Open(ctx context.Context, cfg Config) (*Recorder, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	log, err := spool.Open(spool.Config{FS: spool.Dir(cfg.Dir), MaxBytes: cfg.MaxBytes, Policy: cfg.Policy})
	if err != nil {
		return nil, fmt.Errorf("spool %s: %w", cfg.Dir, err)
	}
	rate := Rate(cfg.Contracts)
	shipper, err := ship.Open(ctx, ship.Config{
		Log: log, Source: cfg.Source, Store: cfg.Store, Rate: rate, CallsEnded: true, Interims: cfg.Interims, Now: cfg.Now, Logger: cfg.Log,
	})
	if err != nil {
		_ = log.Close()
		return nil, fmt.Errorf("spool %s: %w", cfg.Dir, err)
	}
	r := &Recorder{log: log, shipper: shipper, rate: rate, now: cfg.Now, logger: cfg.Log}
	if cfg.Metrics != nil {
		cfg.Metrics.MustRegister(r.metrics()...)
	}
	return r, nil
}

// Record implements call.Recorder: the event is on disk when it returns.
func (r *Recorder) Record(ctx context.Context, e *billing.Event) error {
	b, err := e.MarshalBinary()
	if err != nil {
		return err
	}
	if _, err = r.log.Append(ctx, spool.Key(e.Key()), b); err != nil {
		r.failed.Store(r.now().UnixNano())
	}
	return err
}

// Note implements call.Recorder.
func (r *Recorder) Note(e *billing.Event) {
	b, err := e.MarshalBinary()
	if err == nil {
		_, err = r.log.Begin(spool.Key(e.Key()), b)
	}
	if err != nil {
		r.logger.Warn("billing event not noted", "call_id", e.CallID, "kind", e.Kind.String(), "error", err)
	}
}

var errFailed = errors.New("charge: an event could not be stored")

// distrust is how long no new call is taken on after the disk refused an event.
const distrust = 10 * time.Second

// Ready implements call.Recorder: what is above the high watermark of the
// spool is for the ends of running calls.
func (r *Recorder) Ready() error {
	if at := r.failed.Load(); at != 0 && r.now().Sub(time.Unix(0, at)) < distrust {
		return errFailed
	}
	return r.log.Ready()
}

// Run makes and stores records until ctx is done, then those that are complete
// by then.
func (r *Recorder) Run(ctx context.Context) error { return r.shipper.Run(ctx) }

// Source is the name under which the store keeps the position of the spool.
func (r *Recorder) Source() string { return r.shipper.Source() }

// Close closes the spool.
func (r *Recorder) Close() error { return r.log.Close() }
