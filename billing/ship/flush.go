package ship

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/spool"
)

// low is up to where nothing in the log is needed once all that is pending is
// stored: the first event of the oldest open leg.
func (s *Shipper) low() spool.Offset {
	if open, ok := s.mediator.Low(); ok && spool.Offset(open) < s.next {
		return spool.Offset(open)
	}
	return s.next
}

// flush stores a group, batch by batch, and tries again as long as ctx lasts.
func (s *Shipper) flush(ctx context.Context, g *group) {
	defer close(g.done)
	for !g.stored {
		n := min(len(g.records), s.cfg.Batch)
		b := Batch{
			Records: g.records[:n], Poison: g.poison[:min(len(g.poison), s.cfg.Batch)],
			Interims: g.interims[:min(len(g.interims), s.cfg.Batch)],
		}
		last := n+len(b.Interims)+len(b.Poison) == g.size()
		if last {
			// Only now everything before the position is in the store.
			b.Position = Position{s.source, g.low}
		}
		if s.store(ctx, g, b) {
			g.stored = last
		} else if ctx.Err() != nil {
			return
		}
	}
}

// store stores a batch and forgets what is stored. A record that can not be
// stored is put aside instead, together with the batch or with the next one.
func (s *Shipper) store(ctx context.Context, g *group, b Batch) bool {
	err := s.cfg.Store.Store(ctx, b)
	var bad *RecordError
	if errors.As(err, &bad) && s.condemn(g, bad) {
		return s.store(ctx, g, Batch{
			Position: b.Position, Interims: b.Interims, Poison: g.poison[:min(len(g.poison), len(b.Poison)+1)],
			Records: g.records[:len(b.Records)-1],
		})
	}
	if err != nil {
		g.failures++
		s.pause(ctx, g.failures, err)
		return false
	}
	g.failures = 0
	s.counts.records.Add(int64(len(b.Records)))
	s.counts.pending.Add(-int64(len(b.Records)))
	s.counts.interims.Add(int64(len(b.Interims)))
	g.interims = g.interims[len(b.Interims):]
	clear(b.Records)
	g.records = g.records[len(b.Records):]
	g.poison = g.poison[len(b.Poison):]
	return true
}

// condemn moves a record of a group to its poison.
func (s *Shipper) condemn(g *group, bad *RecordError) bool {
	i := slices.IndexFunc(g.records, func(r Record) bool { return r.Key == bad.Key })
	if i < 0 {
		return false // an error about something else: wait and see
	}
	s.drop(g, i, bad.Err)
	return true
}

// drop puts a record of a group aside.
func (s *Shipper) drop(g *group, i int, err error) {
	s.putAside(g, s.poisoned(&g.records[i], err))
	g.records = slices.Delete(g.records, i, i+1)
	s.counts.pending.Add(-1)
}

func (s *Shipper) poisoned(r *Record, err error) Poison {
	data, jsonErr := json.Marshal(&r.CDR)
	if jsonErr != nil {
		data = nil // the events are in the log no longer, but the reason says what it was
		err = errors.Join(err, jsonErr)
	}
	return Poison{Kind: PoisonRecord, Key: r.Key, Data: data, Reason: err.Error(), Offset: spool.Offset(s.counts.stored.Load())}
}

// rate prices what has no price yet. It is false when the tariffs can't be
// asked at the moment.
func (s *Shipper) rate(ctx context.Context) bool {
	g := s.group
	for g.rated < len(g.records) {
		r := &g.records[g.rated]
		if r.Generation == 0 {
			r.Generation = 1
		}
		err := s.cfg.Rate(ctx, r)
		var bad *RecordError
		switch {
		case errors.As(err, &bad):
			s.drop(g, g.rated, bad.Err)
			continue
		case errors.Is(err, ErrUnrated):
			s.counts.unrated.Add(1)
			s.cfg.Logger.Error("call without a price", "call_id", r.CallID, "leg", r.Key.String(), "error", err)
		case err != nil:
			r.Parties, r.Detail = nil, nil
			s.failures++
			s.pause(ctx, s.failures, err)
			return false
		}
		s.failures = 0
		g.rated++
	}
	return true
}

// pause waits a little longer after each failure in a row: a deadlock is over
// at once, a server that is down is not.
func (s *Shipper) pause(ctx context.Context, failures int, err error) {
	if ctx.Err() != nil {
		return
	}
	s.counts.retries.Add(1)
	d := min(5*time.Millisecond<<min(failures-1, 20), s.cfg.Backoff)
	d = d/2 + rand.N(d/2+1)
	s.cfg.Logger.Error("records not stored yet", "records", s.counts.pending.Load(), "error", err)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// Replay tries again what was put aside: an event goes through the log, a
// record to rating and the store. When it returns nil the poison is gone from
// the store, and what became of it is there or on its way. It must not be
// called while Run is running, except for events.
func (s *Shipper) Replay(ctx context.Context, p Poison) error {
	switch p.Kind {
	case PoisonEvent:
		var e billing.Event
		if err := e.UnmarshalBinary(p.Data); err != nil {
			return err
		}
		if _, err := s.cfg.Log.Append(ctx, spool.Key(p.Key), p.Data); err != nil {
			return err
		}
		// Twice in the log is harmless, so the order of these two is right.
		return s.cfg.Store.Store(ctx, Batch{Cured: []int64{p.ID}})
	case PoisonRecord:
		var r Record
		if err := json.Unmarshal(p.Data, &r.CDR); err != nil {
			return err
		}
		r.Parties = nil
		if err := s.cfg.Rate(ctx, &r); err != nil {
			return err
		}
		return s.cfg.Store.Store(ctx, Batch{Records: []Record{r}, Cured: []int64{p.ID}})
	}
	return errors.New("ship: damaged bytes can not be tried again")
}
