package charge

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/mediate"
	"github.com/class5-go/class5/billing/spool"
	"github.com/class5-go/class5/cluster/directory"
)

// Store is where records go. directory.Store is one.
type Store interface {
	StoreCDRs(ctx context.Context, c directory.Checkpoint, records []billing.CDR) error
	Checkpoint(ctx context.Context, source string) (directory.Checkpoint, error)
	Customers() directory.Customers
}

// Config of a Recorder. All fields but Metrics are required.
type Config struct {
	Dir     string // of the spool
	Source  string // name of this node
	Store   Store
	Tariffs Tariffs
	Now     func() time.Time
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Recorder keeps the events of one node and makes records of them.
type Recorder struct {
	cfg      Config
	log      *spool.Log
	mediator *mediate.Mediator
	rater    rater
	source   string       // with the identity of the log: offsets mean nothing in another one
	next     spool.Offset // read up to here
	stored   spool.Offset // and this is what the database knows
	pending  []billing.CDR
	counts   counts
	failed   atomic.Int64 // when the disk last refused an event, in Unix nanoseconds
}

type counts struct {
	events, records, quarantined, unrated, retries prometheus.Counter
}

// Open opens the spool and reads what an earlier process left in it. Calls that
// were running then are closed by evidence: their end can not come any more.
// The records made are stored by Run.
func Open(ctx context.Context, cfg Config) (*Recorder, error) {
	log, err := spool.Open(spool.Config{FS: spool.Dir(cfg.Dir)})
	if err != nil {
		return nil, fmt.Errorf("spool %s: %w", cfg.Dir, err)
	}
	id := log.ID()
	r := &Recorder{
		cfg: cfg, log: log, mediator: mediate.New(mediate.Config{}),
		rater:  rater{tariffs: cfg.Tariffs, customers: cfg.Store.Customers().Find},
		source: cfg.Source + "/" + hex.EncodeToString(id[:8]),
	}
	r.count()
	if err := r.recover(ctx); err != nil {
		_ = log.Close()
		return nil, fmt.Errorf("spool %s: %w", cfg.Dir, err)
	}
	return r, nil
}

func (r *Recorder) count() {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "class5", Subsystem: "charge", Name: name, Help: help})
	}
	r.counts = counts{
		events:      counter("events_total", "Billing events read from the spool."),
		records:     counter("records_total", "Call records stored."),
		quarantined: counter("quarantined_total", "Spooled bytes or events that no record can be made of."),
		unrated:     counter("unrated_total", "Records stored without the price of a side that should have one."),
		retries:     counter("retries_total", "Attempts to store records that failed."),
	}
	if r.cfg.Metrics != nil {
		r.cfg.Metrics.MustRegister(r.counts.events, r.counts.records, r.counts.quarantined, r.counts.unrated, r.counts.retries)
	}
}

func (r *Recorder) recover(ctx context.Context) error {
	c, err := r.cfg.Store.Checkpoint(ctx, r.source)
	if err != nil && !errors.Is(err, directory.ErrNotFound) {
		return err
	}
	stats := r.log.Stats()
	r.next = max(spool.Offset(c.Offset), stats.First)
	r.stored = r.next
	// What is in the log by now was written before this process: read to its
	// end, and no further.
	for end := stats.End; r.next < end; {
		if err := r.read(ctx, end); err != nil {
			return err
		}
	}
	r.pending = r.mediator.Restart(r.pending, r.cfg.Now())
	return nil
}

// Record implements call.Recorder: the event is on disk when it returns.
func (r *Recorder) Record(ctx context.Context, e *billing.Event) error {
	b, err := e.MarshalBinary()
	if err != nil {
		return err
	}
	if _, err = r.log.Append(ctx, spool.Key(e.Key()), b); err != nil {
		r.failed.Store(r.cfg.Now().UnixNano())
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
		r.cfg.Log.Warn("billing event not noted", "call_id", e.CallID, "kind", e.Kind.String(), "error", err)
	}
}

var (
	errNearlyFull = errors.New("charge: the spool is nearly full")
	errFailed     = errors.New("charge: an event could not be stored")
)

// distrust is how long no new call is taken on after the disk refused an event.
const distrust = 10 * time.Second

// Ready implements call.Recorder: the last tenth of the spool is for the ends
// of running calls.
func (r *Recorder) Ready() error {
	if s := r.log.Stats(); s.Bytes > s.MaxBytes/10*9 {
		return errNearlyFull
	}
	if at := r.failed.Load(); at != 0 && r.cfg.Now().Sub(time.Unix(0, at)) < distrust {
		return errFailed
	}
	return nil
}

// Close closes the spool.
func (r *Recorder) Close() error { return r.log.Close() }

// Batches are as large as this, and as old. While the database takes nothing,
// no more than the most records wait in memory; the others wait in the spool.
const (
	batch = 200
	age   = 200 * time.Millisecond
	most  = 50 * batch
)

// Run makes records until ctx is done, then those that are complete by then.
func (r *Recorder) Run(ctx context.Context) error {
	expire := r.cfg.Now()
	for ctx.Err() == nil {
		var err error
		if len(r.pending) < most {
			wait, cancel := context.WithTimeout(ctx, age)
			err = r.read(wait, 0)
			cancel()
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			return err
		}
		if now := r.cfg.Now(); now.Sub(expire) >= 5*time.Second {
			expire = now
			r.pending = r.mediator.Expire(r.pending, now)
		}
		r.flush(ctx)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := r.read(last, r.log.Stats().End); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	r.flush(last)
	return nil
}

// read takes entries from the log: up to a batch, or up to the offset until
// when that is not 0. It ends early when ctx does, which is an error only for
// the reader.
func (r *Recorder) read(ctx context.Context, until spool.Offset) error {
	n := 0
	if until != 0 && r.next >= until {
		return nil
	}
	for entry, err := range r.log.Read(ctx, r.next) {
		var damage *spool.DamageError
		switch {
		case errors.As(err, &damage):
			r.counts.quarantined.Inc()
			r.cfg.Log.Error("spool damaged", "from", int64(damage.From), "to", int64(damage.To))
			r.next = damage.To
		case err != nil:
			return err
		default:
			r.feed(entry)
			r.next = entry.Next
		}
		if n++; until == 0 && n >= batch || until != 0 && r.next >= until {
			return nil
		}
	}
	return nil
}

// feed mediates one entry. What can't be understood is put aside: it must not
// hold up the others.
func (r *Recorder) feed(entry spool.Entry) {
	r.counts.events.Inc()
	var e billing.Event
	err := e.UnmarshalBinary(entry.Data)
	if err == nil {
		r.pending, err = r.mediator.Feed(r.pending, uint64(entry.Offset), e)
	}
	if err != nil {
		r.counts.quarantined.Inc()
		r.cfg.Log.Error("billing event put aside", "offset", int64(entry.Offset), "data", hex.EncodeToString(entry.Data[:min(len(entry.Data), 512)]), "error", err)
	}
}

// flush prices and stores what is complete, and frees the spool behind it.
// While the database does not answer, everything stays for the next time.
func (r *Recorder) flush(ctx context.Context) {
	low := r.next
	if open, ok := r.mediator.Low(); ok && spool.Offset(open) < low {
		low = spool.Offset(open)
	}
	if len(r.pending) == 0 && low == r.stored {
		return
	}
	for i := range r.pending {
		c := &r.pending[i]
		if c.Generation != 0 {
			continue // priced before the last attempt failed
		}
		err := r.rater.price(ctx, c)
		switch {
		case errors.Is(err, errUnrated):
			r.counts.unrated.Inc()
			r.cfg.Log.Error("call without a price", "call_id", c.CallID, "error", err)
		case err != nil:
			c.Generation, c.Parties = 0, nil
			r.retry(ctx, err)
			return
		}
	}
	if err := r.cfg.Store.StoreCDRs(ctx, directory.Checkpoint{Source: r.source, Offset: int64(low)}, r.pending); err != nil {
		r.retry(ctx, err)
		return
	}
	r.counts.records.Add(float64(len(r.pending)))
	r.pending, r.stored = r.pending[:0], low
	if err := r.log.Ack(low); err != nil {
		r.cfg.Log.Warn("spool not cut", "error", err)
	}
}

func (r *Recorder) retry(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	r.counts.retries.Inc()
	r.cfg.Log.Error("records not stored yet", "records", len(r.pending), "error", directory.Cause(err))
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
}
