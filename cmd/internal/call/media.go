package call

import (
	"context"
	"errors"
	"time"

	"github.com/class5-go/class5/media/relay"
)

// Media anchors the streams of a call: the relay in this process, or one
// elsewhere that speaks the same terms.
type Media interface {
	Offer(context.Context, relay.OfferRequest) ([]byte, error)
	Answer(context.Context, relay.AnswerRequest) ([]byte, error)
	Delete(context.Context, relay.DeleteRequest) (relay.Report, error)
}

// question is something that the relay is asked for one call.
type question struct {
	ask  func(ctx context.Context) // maybe beside the shard: it touches what it was given, and nothing of the core
	then func(now time.Time)       // on the shard, when ask has returned
}

// together makes one question of several, nil of none.
func together(all []*question) *question {
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return &question{
		ask: func(ctx context.Context) {
			for _, q := range all {
				q.ask(ctx)
			}
		},
		then: func(now time.Time) {
			for _, q := range all {
				q.then(now)
			}
		},
	}
}

// session is the media session of a call. Its questions go to the relay one
// after the other in the order in which they were asked, so that the end of a
// session never overtakes its offer.
type session struct {
	core   *Core
	id     string // by which the relay knows it
	callID string
	keys   bool // digits are played to parties, or taken from them
	queue  []*question
	busy   bool
}

func (s *session) ask(now time.Time, q *question) {
	s.queue = append(s.queue, q)
	if !s.busy {
		s.next(now)
	}
}

func (s *session) next(now time.Time) {
	c, q := s.core, s.queue[0]
	s.queue = s.queue[1:]
	if c.Beside == nil {
		ctx, cancel := c.context()
		defer cancel()
		q.ask(ctx)
		q.then(now)
		return
	}
	s.busy = true
	c.asking++
	c.Beside(s.callID, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, c.patience())
		defer cancel()
		q.ask(ctx)
	}, func(now time.Time) {
		c.asking--
		s.busy = false
		q.then(now)
		if !s.busy && len(s.queue) > 0 {
			s.next(now)
		}
	})
}

// Busy implements shard.Lingerer: sessions are still to be ended after the calls.
func (c *Core) Busy() bool { return c.asking > 0 }

// end asks the relay to end the session and tells its figures, an empty report
// when there are none.
func (s *session) end(now time.Time, then func(now time.Time, r relay.Report)) {
	var report relay.Report
	var err error
	s.ask(now, &question{
		ask: func(ctx context.Context) {
			report, err = s.core.Media.Delete(ctx, relay.DeleteRequest{CallID: s.id})
		},
		then: func(now time.Time) {
			if err != nil {
				report = relay.Report{}
				if !errors.Is(err, relay.ErrUnknownCall) { // a call without description has no media
					s.core.Stats.MediaFailures.WithLabelValues("delete").Inc()
					s.core.Log.Warn("media not released", "call_id", s.callID, "error", err)
				}
			}
			then(now, report)
		},
	})
}
