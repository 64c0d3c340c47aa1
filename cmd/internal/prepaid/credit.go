package prepaid

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/session"
	"github.com/class5-go/class5/cmd/internal/call"
	"github.com/class5-go/class5/sip/b2bua"
)

// Ledger is what calls are paid from.
type Ledger interface {
	session.Ledger
	Balance(ctx context.Context, account, wallet string, at billing.Millis) (ledger.Balance, error)
}

// Config of a Credit. Ledger and Do are required.
type Config struct {
	Ledger  Ledger
	Session session.Config
	// Funds are what accounts have besides cash; nil for nothing. Calls of one
	// account at the same time don't count on the same free minutes: the first
	// has reserved them.
	Funds Funds
	// Do runs f on the goroutine of a call, as shard.Pool.Do does.
	Do      func(ctx context.Context, callID string, f func(now time.Time)) error
	Status  int           // of a call without credit; 402
	Timeout time.Duration // of one request to the ledger; 2 s
	Backoff time.Duration // the longest pause between attempts to settle; 5 s
	Now     func() time.Time
	Log     *slog.Logger
}

// Credit lets calls begin and go on while there is money.
type Credit struct {
	cfg  Config
	ctx  context.Context
	stop context.CancelFunc
	wait sync.WaitGroup
}

// New makes a Credit. Close has to be called for it.
func New(cfg Config) *Credit {
	if cfg.Status == 0 {
		cfg.Status = 402
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 2 * time.Second
	}
	if cfg.Backoff <= 0 {
		cfg.Backoff = 5 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c := &Credit{cfg: cfg}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// Close waits until all calls that have ended are settled, for as long as ctx
// allows; what is left then is settled by the records of the calls.
func (c *Credit) Close(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		c.wait.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	c.stop()
	<-done
}

// Spender is one call of one account: the call.Spender of a call.
type Spender struct {
	credit  *Credit
	session *session.Session
	rater   *Rater
	id      string // of the session
	account string
	callID  string
	held    []string // wallets besides cash that are reserved

	mu     sync.Mutex
	jobs   []func(context.Context)
	busy   bool
	number int64
	until  time.Time // the end that the record will have
}

var _ call.Spender = (*Spender)(nil)

// Spender makes the Spender of a side of a leg.
func (c *Credit) Spender(leg billing.LegKey, side billing.Side, account, callID string, r *Rater) *Spender {
	id := SessionID(leg, side)
	return &Spender{
		credit: c, rater: r, id: id, account: account, callID: callID,
		session: session.New(c.cfg.Ledger, c.cfg.Session, r, id, account),
	}
}

// Until says when the call has ended, before End does: the record of a call
// whose end nobody signalled says so by evidence.
func (s *Spender) Until(at time.Time) { s.until = at }

// do queues a request. The requests of one call go to the ledger in order.
func (s *Spender) do(job func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs = append(s.jobs, job)
	if !s.busy {
		s.busy = true
		s.credit.wait.Go(s.work)
	}
}

func (s *Spender) work() {
	for {
		s.mu.Lock()
		if len(s.jobs) == 0 {
			s.busy = false
			s.mu.Unlock()
			return
		}
		job := s.jobs[0]
		s.jobs = s.jobs[1:]
		s.mu.Unlock()
		job(s.credit.ctx)
	}
}

// answer runs f on the call's shard.
func (s *Spender) answer(ctx context.Context, f func(now time.Time)) {
	if err := s.credit.cfg.Do(ctx, s.callID, f); err != nil {
		s.credit.cfg.Log.Debug("a grant comes too late", "call_id", s.callID, "error", err)
	}
}

// Begin implements call.Spender.
func (s *Spender) Begin(now time.Time, c call.Talk) {
	s.rater.start(now)
	s.do(func(ctx context.Context) {
		wait, cancel := context.WithTimeout(ctx, s.credit.cfg.Timeout)
		defer cancel()
		s.fund(wait, billing.MillisOf(now))
		g, err := s.session.Start(wait, 0, billing.MillisOf(now))
		if err != nil {
			s.unfund(ctx, billing.MillisOf(now))
			status, phrase := s.credit.refusal(err)
			if status != s.credit.cfg.Status {
				s.credit.cfg.Log.Error("a prepaid call can not begin", "call_id", s.callID, "account", s.account, "error", err)
			}
			s.answer(ctx, func(now time.Time) { c.Refused(now, status, phrase) })
			return
		}
		grant := s.grant(wait, g, 0, now)
		s.answer(ctx, func(now time.Time) { c.Granted(now, grant) })
	})
}

// refusal is what the caller gets for an error of Start.
func (c *Credit) refusal(err error) (status int, phrase string) {
	switch {
	case errors.Is(err, session.ErrCredit), errors.Is(err, ledger.ErrNotFound):
		return c.cfg.Status, ""
	case errors.Is(err, rate.ErrNoFee):
		return 403, "No Price For This Number"
	}
	return 503, "Credit Not Known"
}

// Renew implements call.Spender.
func (s *Spender) Renew(now time.Time, c call.Talk, used time.Duration) {
	answered := c.Answered()
	s.number++
	number, ms := s.number, billing.Millis(used.Milliseconds())
	s.do(func(ctx context.Context) {
		if !answered.IsZero() {
			s.rater.start(answered)
		}
		wait, cancel := context.WithTimeout(ctx, s.credit.cfg.Timeout)
		defer cancel()
		g, err := s.session.Update(wait, number, ms, billing.MillisOf(now))
		if err != nil {
			s.credit.cfg.Log.Warn("the credit of a call is not renewed", "call_id", s.callID, "account", s.account, "error", err)
			s.answer(ctx, func(now time.Time) { c.Refused(now, 0, "") })
			return
		}
		s.keep(wait, number, billing.MillisOf(now))
		grant := s.grant(wait, g, ms, now)
		s.answer(ctx, func(now time.Time) { c.Granted(now, grant) })
	})
}

// grant says a session's grant in the terms of a call.
func (s *Spender) grant(ctx context.Context, g session.Grant, used billing.Millis, now time.Time) b2bua.Grant {
	out := b2bua.Grant{Total: g.Total.Duration(), Final: g.Final, ValidUntil: g.ValidUntil.Time()}
	if g.Final {
		return out
	}
	out.Renew = (used + g.RenewAfter).Duration()
	// How long it can last in all is asked for the sake of the warning only.
	b, err := s.credit.cfg.Ledger.Balance(ctx, s.account, balance.CashWallet, billing.MillisOf(now))
	if err != nil {
		return out
	}
	if all, err := s.rater.lasts(g.Total, b.Available); err == nil && all > g.Total {
		out.Expected = all.Duration()
	}
	return out
}

// End implements call.Spender.
func (s *Spender) End(now time.Time, c call.Talk) {
	answered, end := c.Answered(), c.Ended()
	if !s.until.IsZero() {
		end = s.until
	}
	used := billing.Millis(0)
	if !answered.IsZero() {
		used = max(0, billing.MillisOf(end)-billing.MillisOf(answered))
	}
	s.do(func(ctx context.Context) {
		if !answered.IsZero() {
			s.rater.start(answered)
		}
		s.settle(ctx, used, billing.MillisOf(now))
		if used == 0 {
			s.unfund(ctx, billing.MillisOf(now)) // otherwise its record does, which pays from there
		}
	})
}

// settle pays, again and again until the ledger has taken it.
func (s *Spender) settle(ctx context.Context, used, now billing.Millis) {
	pause := 100 * time.Millisecond
	for {
		wait, cancel := context.WithTimeout(ctx, s.credit.cfg.Timeout)
		_, err := s.session.Stop(wait, last, used, now)
		cancel()
		switch {
		case err == nil:
			return
		case errors.Is(err, ledger.ErrKey): // its record has paid for it
			return
		case !errors.Is(err, ledger.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded):
			s.credit.cfg.Log.Error("a prepaid call is not settled", "call_id", s.callID, "account", s.account, "error", err)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
			pause = min(2*pause, s.credit.cfg.Backoff)
		}
	}
}
