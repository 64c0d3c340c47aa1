package ship

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/spool"
)

// group is what is stored together, in one transaction or several: all that
// came of the log between two positions. The next one is made ready while one
// is being stored.
type group struct {
	records  []Record
	room     []Record // where they are, those included that are stored
	rated    int      // so many of records have their prices
	interims []billing.CDR
	poison   []Poison
	low      spool.Offset // up to where the log is not needed once all of it is stored
	began    time.Time    // when the first record came
	failures int          // of the store, in a row
	stored   bool
	done     chan struct{} // closed when nobody works at storing it
}

// grace is how long Run goes on after its context ended, to store what is
// complete.
const grace = 2 * time.Second

// Run makes and stores records until ctx is done, then those that are complete
// by then. An error is one of the log; those of the store are waited out.
func (s *Shipper) Run(ctx context.Context) error {
	known := horizon{at: s.cfg.Now(), passed: true}
	work, stop := context.WithCancel(ctx)
	defer stop()
	var storing *group
	for ctx.Err() == nil {
		idle, err := s.more(ctx, storing)
		if err != nil {
			stop()
			s.settle(storing)
			return fmt.Errorf("ship: %w", err)
		}
		s.expire(&known)
		s.take()
		ready := s.rate(ctx) && s.due(idle)
		if storing != nil && storing.ended() && s.settle(storing) {
			storing = nil
		}
		if storing == nil && ready && s.due(idle) {
			storing = s.close()
			go s.flush(work, storing)
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return s.finish(last, storing)
}

// horizon is how far the log reached at a moment.
type horizon struct {
	end    spool.Offset
	at     time.Time
	passed bool // it was read up to there
}

// expire closes legs without news every few seconds, by what was known at a
// moment of which the whole log has been read: what ends a call may have been
// written long ago and wait there because the store took nothing.
func (s *Shipper) expire(known *horizon) {
	if now := s.cfg.Now(); known.passed && (now.Sub(known.at) >= 5*time.Second || now.Before(known.at)) {
		*known = horizon{end: s.cfg.Log.Stats().End, at: now}
	}
	if !known.passed && s.next >= known.end {
		s.cdrs = s.mediator.Expire(s.cdrs, known.at)
		known.passed = true
	}
}

// finish stores what is complete at the end: the group under way, and what the
// log holds by now.
func (s *Shipper) finish(ctx context.Context, storing *group) error {
	if storing != nil && !s.settle(storing) {
		storing.done = make(chan struct{})
		if s.flush(ctx, storing); !s.settle(storing) {
			return nil
		}
	}
	if err := s.read(ctx, s.cfg.Log.Stats().End); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("ship: %w", err)
	}
	s.take()
	if s.rate(ctx) && s.due(true) {
		g := s.close()
		s.flush(ctx, g)
		s.settle(g)
	}
	return nil
}

// more reads from the log, or waits for the store when there is enough. It is
// idle when the log has not much more.
func (s *Shipper) more(ctx context.Context, storing *group) (idle bool, err error) {
	if len(s.group.records)+len(s.group.interims) >= s.cfg.Pending {
		if storing == nil {
			return false, nil
		}
		select {
		case <-storing.done:
		case <-ctx.Done():
		}
		return false, nil
	}
	wait, cancel := context.WithTimeout(ctx, s.cfg.Age)
	defer cancel()
	err = s.read(wait, 0)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return true, nil
	}
	return false, err
}

// take makes records of what the mediator finished.
func (s *Shipper) take() {
	g := s.group
	if g.size() == 0 {
		g.began = time.Now()
	}
	for i := range s.cdrs {
		g.records = append(g.records, Record{CDR: s.cdrs[i]})
	}
	g.room = g.records
	s.counts.pending.Add(int64(len(s.cdrs)))
	clear(s.cdrs)
	s.cdrs = s.cdrs[:0]
}

// due reports whether the group that is being made ready should go out: a whole
// batch, or what has waited for long enough.
func (s *Shipper) due(idle bool) bool {
	n := s.group.size()
	if n == 0 {
		return s.low() != s.stored
	}
	return idle || n >= s.cfg.Batch || time.Since(s.group.began) >= s.cfg.Age
}

// size is how much of a group is to be stored.
func (g *group) size() int { return len(g.records) + len(g.interims) + len(g.poison) }

// close begins the next group and returns the one before.
func (s *Shipper) close() *group {
	g := s.group
	g.low, g.done = s.low(), make(chan struct{})
	s.group = &group{began: time.Now(), records: s.spare}
	s.spare = nil
	return g
}

// ended reports whether nobody works at a group any more.
func (g *group) ended() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}

// settle waits for a group and cuts the log behind it. It is false when the
// group was not stored.
func (s *Shipper) settle(g *group) bool {
	if g == nil {
		return true
	}
	<-g.done
	if !g.stored {
		return false
	}
	clear(g.room)
	s.stored, s.spare = g.low, g.room[:0]
	s.counts.stored.Store(uint64(g.low))
	if err := s.cfg.Log.Ack(g.low); err != nil && !errors.Is(err, spool.ErrClosed) {
		s.cfg.Logger.Warn("spool not cut", "error", err)
	}
	return true
}
