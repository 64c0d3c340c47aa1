package ship

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/mediate"
	"github.com/class5-go/class5/billing/spool"
)

// Config of a Shipper. Log, Source, Store and Rate are required.
type Config struct {
	// Log is the spool of encoded events. The caller opens and closes it.
	Log *spool.Log
	// Source names the node. The identity of the log is added, since offsets
	// mean nothing in another one.
	Source string
	Store  Store
	// Rate adds the prices of a record. ErrUnrated stores it without, a
	// *RecordError puts it aside, and after any other error it is tried again.
	Rate func(ctx context.Context, r *Record) error
	// Mediation makes records of events; the zero Config has the defaults of
	// package mediate.
	Mediation mediate.Config
	// CallsEnded says that calls which were running when an earlier process
	// wrote its last event can not report their end any more: they are closed
	// by evidence when the log was read up to there.
	CallsEnded bool

	// Interims keeps every so many-th interim mark of a running call as an
	// interim record, numbered through by call; none when 0.
	Interims int

	// Batch is the records of one transaction; 1000 when 0. What a commit costs is
	// shared by as many: half of it stores a sixth less in a second, and twice as
	// many hold accounts for longer than a call should wait that ends.
	Batch   int
	Age     time.Duration // a smaller batch goes out after that time; 200 ms when 0
	Pending int           // records that wait in memory while the store takes none; 10 batches when 0
	Backoff time.Duration // the longest pause between two attempts; 1 s when 0

	Now    func() time.Time // time.Now when nil
	Logger *slog.Logger     // nothing is logged when nil
}

// Shipper carries the events of one log to the central database. Its methods
// but Run and Replay may be called by any goroutine.
type Shipper struct {
	cfg      Config
	mediator *mediate.Mediator
	source   string
	next     spool.Offset // read up to here
	earlier  spool.Offset // up to here earlier processes wrote, whose calls have ended; 0 when that is read
	stored   spool.Offset // and this is what the store knows
	cdrs     []billing.CDR
	group    *group   // that is being made ready
	spare    []Record // room of the group that was stored last
	failures int      // of rating, in a row
	counts   counts
}

type counts struct {
	events, records, interims, unrated, retries, quarantined, pending atomic.Int64
	stored, read                                                      atomic.Uint64
}

// Stats are counters and gauges of a Shipper.
type Stats struct {
	Events      int64 // read from the log
	Records     int64 // stored
	Interims    int64 // records of running calls stored
	Unrated     int64 // of these, without a price that they should have
	Quarantined int64 // events, records and damaged places put aside
	Retries     int64 // attempts to store that failed
	Pending     int64 // records in memory
	// Read and Stored are how far the log was read, and up to where it is not
	// needed any more.
	Read, Stored spool.Offset
}

func (c *Config) defaults() error {
	if c.Log == nil || c.Store == nil || c.Rate == nil || c.Source == "" || len(c.Source) > 90 {
		return errors.New("ship: log, store, rating function and a source of at most 90 bytes are required")
	}
	if c.Batch <= 0 {
		c.Batch = 1000
	}
	if c.Age <= 0 {
		c.Age = 200 * time.Millisecond
	}
	if c.Pending <= 0 {
		c.Pending = 10 * c.Batch
	}
	if c.Backoff <= 0 {
		c.Backoff = time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Open asks the store for the position of the log. What the log holds from
// there on is read by Run, no faster than it is stored: after a long time
// without the store there is more than fits in memory.
func Open(ctx context.Context, cfg Config) (*Shipper, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	id := cfg.Log.ID()
	s := &Shipper{cfg: cfg, mediator: mediate.New(cfg.Mediation), source: cfg.Source + "/" + hex.EncodeToString(id[:8]), group: &group{}}
	p, err := cfg.Store.Position(ctx, s.source)
	if err != nil {
		return nil, fmt.Errorf("ship: position of %s: %w", s.source, err)
	}
	stats := cfg.Log.Stats()
	s.next = max(p.Offset, stats.First)
	s.stored = s.next
	s.counts.stored.Store(uint64(s.stored))
	s.counts.read.Store(uint64(s.next))
	if cfg.CallsEnded && s.next < stats.End {
		s.earlier = stats.End
	}
	return s, nil
}

// Source is the name under which the store keeps the position.
func (s *Shipper) Source() string { return s.source }

// Stats returns counters and gauges.
func (s *Shipper) Stats() Stats {
	return Stats{
		Events: s.counts.events.Load(), Records: s.counts.records.Load(), Interims: s.counts.interims.Load(), Unrated: s.counts.unrated.Load(),
		Quarantined: s.counts.quarantined.Load(), Retries: s.counts.retries.Load(), Pending: s.counts.pending.Load(),
		Read: spool.Offset(s.counts.read.Load()), Stored: spool.Offset(s.counts.stored.Load()),
	}
}

// read takes entries from the log: up to a batch, or up to the offset until
// when that is not 0. It ends early when ctx does.
func (s *Shipper) read(ctx context.Context, until spool.Offset) error {
	if until != 0 && s.next >= until {
		return nil
	}
	defer func() { s.counts.read.Store(uint64(s.next)) }()
	n := 0
	for entry, err := range s.cfg.Log.Read(ctx, s.next) {
		var damage *spool.DamageError
		switch {
		case errors.As(err, &damage):
			reason := fmt.Sprintf("damaged up to offset %d", damage.To)
			s.putAside(s.group, Poison{Offset: damage.From, Kind: PoisonDamage, Reason: reason})
			s.next = damage.To
		case err != nil:
			return err
		default:
			s.feed(entry)
			s.next = entry.Next
		}
		if s.earlier != 0 && s.next >= s.earlier {
			s.earlier = 0
			s.cdrs = s.mediator.Restart(s.cdrs, s.cfg.Now())
		}
		if n++; until == 0 && n >= s.cfg.Batch || until != 0 && s.next >= until {
			break
		}
	}
	return nil
}

// feed mediates one entry. What can't be understood is put aside: it must not
// hold up the others.
func (s *Shipper) feed(entry spool.Entry) {
	s.counts.events.Add(1)
	var e billing.Event
	err := e.UnmarshalBinary(entry.Data)
	if err == nil {
		s.cdrs, err = s.mediator.Feed(s.cdrs, uint64(entry.Offset), e)
	}
	if err == nil {
		s.mark(&e)
	}
	if err != nil {
		s.putAside(s.group, Poison{
			Offset: entry.Offset, Key: billing.LegKey(entry.Key), Kind: PoisonEvent,
			Data: append([]byte(nil), entry.Data...), Reason: err.Error(),
		})
	}
}

// mark makes an interim record of an interim mark when it is its turn. Which
// ones it makes, and their numbers, are the same when the log is read again.
func (s *Shipper) mark(e *billing.Event) {
	every := uint32(max(s.cfg.Interims, 0))
	if every == 0 || e.Kind != billing.EventInterim || e.Seq == 0 || e.Seq%every != 0 {
		return
	}
	c, ok := s.mediator.Running(e.Key())
	if !ok || c.Interim != e.Seq {
		return // it has ended, or a later mark came first
	}
	c.Interim /= every
	s.group.interims = append(s.group.interims, c)
}

func (s *Shipper) putAside(g *group, p Poison) {
	p.Source = s.source
	p.Reason = clip(p.Reason, maxReason)
	g.poison = append(g.poison, p)
	s.counts.quarantined.Add(1)
	s.cfg.Logger.Error("billing data put aside", "kind", string(p.Kind), "offset", uint64(p.Offset), "leg", p.Key.String(), "reason", p.Reason)
}

// maxReason bounds the text of a quarantined thing.
const maxReason = 1000

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
