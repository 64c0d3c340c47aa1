package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ledger"
)

// Errors of sessions.
var (
	// ErrCredit says that there is not enough for the first interval: SIP's
	// 402.
	ErrCredit = errors.New("session: no credit")
	// ErrNumber says that a request number is out of order.
	ErrNumber = errors.New("session: request number")
	// ErrState says that a stored state cannot be used.
	ErrState = errors.New("session: bad state")
)

// Ledger is what sessions need of a ledger.
type Ledger interface {
	Reserve(ctx context.Context, r ledger.Reservation) (ledger.Answer, error)
	Extend(ctx context.Context, r ledger.Reservation) (ledger.Answer, error)
	Settle(ctx context.Context, s ledger.Settlement) (ledger.Answer, error)
	Release(ctx context.Context, s ledger.Settlement) (ledger.Answer, error)
}

// Rater prices the call of a session. It must always give the same answers.
type Rater interface {
	// Price is that of the call if it lasts for so long; it never falls with
	// the duration.
	Price(duration billing.Millis) (billing.Amount, error)
	// MaxDuration is how long the call may last, at most as long as wanted, to
	// cost no more than credit at any moment; 0 when the credit is not enough
	// for the first interval.
	MaxDuration(credit billing.Amount, wanted billing.Millis) (billing.Millis, error)
}

// OnFailure is what happens to a running call when the ledger cannot be asked.
type OnFailure string

// Failure handling.
const (
	Terminate OnFailure = "terminate" // the call ends with what was granted
	Continue  OnFailure = "continue"  // it goes on unreserved, up to Config.Cap
)

// Config of sessions. Zero fields have defaults.
type Config struct {
	Node  string // whose lease spends the money
	Epoch int64
	// Quota is granted at a time, 60 s; Early is how long before its end it is
	// to be renewed, 10 s; Slack is how much longer than the quota the
	// reservation is valid, 30 s.
	Quota, Early, Slack billing.Millis
	OnFailure           OnFailure
	Cap                 billing.Millis // for Continue; 5 min
}

func (c Config) filled() Config {
	set := func(v *billing.Millis, d billing.Millis) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&c.Quota, 60_000)
	set(&c.Early, 10_000)
	set(&c.Slack, 30_000)
	set(&c.Cap, 300_000)
	c.Early = min(c.Early, c.Quota/2)
	if c.OnFailure == "" {
		c.OnFailure = Terminate
	}
	return c
}

// Grant is how long a call may go on.
type Grant struct {
	Seconds    int64          `json:"seconds"` // from what was reported as used
	Total      billing.Millis `json:"total_ms"`
	Final      bool           `json:"final"`
	RenewAfter billing.Millis `json:"renew_after_ms,omitempty"` // from what was reported as used; 0 when final
	ValidUntil billing.Millis `json:"valid_until"`
}

// Result is how a call was paid.
type Result struct {
	Price   billing.Amount `json:"price"`
	Settled billing.Amount `json:"settled"`
	Short   billing.Amount `json:"short"`  // not paid, after calls that went on unreserved
	Refund  billing.Amount `json:"refund"` // reserved and not used
}

// State is all that a session knows.
type State struct {
	ID         string           `json:"id"`
	Account    string           `json:"account"`
	Wallet     string           `json:"wallet,omitempty"`
	Number     int64            `json:"number"` // of the last request answered; -1 for none
	Granted    billing.Millis   `json:"granted_ms"`
	Reserved   billing.Amount   `json:"reserved"`
	Unreserved billing.Millis   `json:"unreserved_ms,omitempty"` // granted without money
	Currency   billing.Currency `json:"currency"`
	Grant      Grant            `json:"grant"` // the last one
	Holds      int              `json:"holds"` // made so far: one that is over gets a successor
	Result     *Result          `json:"result,omitempty"`
}

// Session is one call.
type Session struct {
	l     Ledger
	cfg   Config
	rater Rater
	state State
}

// New makes the session of a call that is being set up. Identifiers must be
// unique for ever.
func New(l Ledger, cfg Config, r Rater, id, account string) *Session {
	return &Session{l: l, cfg: cfg.filled(), rater: r, state: State{ID: id, Account: account, Number: -1}}
}

// Restore goes on with a session from its stored state.
func Restore(l Ledger, cfg Config, r Rater, data []byte) (*Session, error) {
	s := &Session{l: l, cfg: cfg.filled(), rater: r}
	if err := json.Unmarshal(data, &s.state); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	if st := &s.state; st.ID == "" || st.Account == "" || st.Number < -1 || st.Granted < 0 || st.Unreserved < 0 || st.Reserved.Sign() < 0 {
		return nil, fmt.Errorf("%w: session %.40q", ErrState, st.ID)
	}
	return s, nil
}

// State returns what Restore needs, in JSON.
func (s *Session) State() ([]byte, error) { return json.Marshal(s.state) }

// fresh is the name of a hold that is to be made, current that of the last.
func (s *Session) fresh() string { return fmt.Sprintf("session/%s/%d", s.state.ID, s.state.Holds) }

func (s *Session) request(number int64, what string, now billing.Millis) ledger.Request {
	return ledger.Request{
		Key: fmt.Sprintf("session/%s/%d%s", s.state.ID, number, what), Node: s.cfg.Node, Epoch: s.cfg.Epoch,
		Account: s.state.Account, Wallet: s.state.Wallet, At: now,
	}
}

// repeated reports whether a request was answered already.
func (s *Session) repeated(number int64) (bool, error) {
	if number < s.state.Number || number < 0 {
		return false, fmt.Errorf("%w: %d after %d", ErrNumber, number, s.state.Number)
	}
	return number == s.state.Number, nil
}

// Start reserves the first quota.
func (s *Session) Start(ctx context.Context, number int64, now billing.Millis) (Grant, error) {
	if again, err := s.repeated(number); again || err != nil {
		return s.state.Grant, err
	}
	if s.state.Number >= 0 {
		return Grant{}, fmt.Errorf("%w: the session is started", ErrNumber)
	}
	return s.grant(ctx, number, 0, now)
}

// Update asks for another quota from what is used on. used is the time since
// the answer.
func (s *Session) Update(ctx context.Context, number int64, used, now billing.Millis) (Grant, error) {
	if again, err := s.repeated(number); again || err != nil {
		return s.state.Grant, err
	}
	if s.state.Number < 0 || s.state.Result != nil {
		return Grant{}, fmt.Errorf("%w: the session is not running", ErrNumber)
	}
	g, err := s.grant(ctx, number, max(used, 0), now)
	if !errors.Is(err, ledger.ErrUnavailable) {
		return g, err
	}
	return s.unreachable(number, max(used, 0), now)
}

// grant reserves what a call costs up to a quota behind what is used.
func (s *Session) grant(ctx context.Context, number int64, used, now billing.Millis) (Grant, error) {
	want := max(used+s.cfg.Quota, s.state.Granted)
	price, err := s.rater.Price(want)
	if err != nil {
		return Grant{}, err
	}
	have, err := s.reserve(ctx, number, price, now)
	if err != nil {
		return Grant{}, err
	}
	total := want
	if c, err := have.Cmp(price); err != nil {
		return Grant{}, err
	} else if c < 0 {
		if total, err = s.rater.MaxDuration(have, want); err != nil {
			return Grant{}, err
		}
		total = max(total/1000*1000, s.state.Granted) // what was granted stays so
	}
	if s.state.Number < 0 && total < 1000 {
		_, err := ledger.Again(s.l.Release(ctx, ledger.Settlement{Request: s.request(number, "/none", now), Hold: s.current()}))
		return Grant{}, errors.Join(ErrCredit, err)
	}
	s.state.Reserved, s.state.Unreserved = have, 0
	return s.answer(number, total, used, total < want, now), nil
}

// reserve brings what is reserved up to a price, or as near as it gets.
func (s *Session) reserve(ctx context.Context, number int64, price billing.Amount, now billing.Millis) (billing.Amount, error) {
	s.state.Currency = price.Currency()
	more, err := price.Sub(s.state.Reserved)
	if err != nil {
		return more, err
	}
	r := ledger.Reservation{Request: s.request(number, "", now), Hold: s.current(), Value: max(more.Micros(), 0), Until: now + s.cfg.Quota + s.cfg.Slack}
	r.Least = min(r.Value, 1)
	if s.state.Holds == 0 {
		return s.first(ctx, r)
	}
	a, err := ledger.Again(s.l.Extend(ctx, r))
	switch {
	case errors.Is(err, ledger.ErrInsufficient):
		return s.state.Reserved, nil
	case errors.Is(err, ledger.ErrHold):
		// Renewed too late: all that the call costs has to be found anew.
		r.Key += "/again"
		r.Hold, r.Value = s.fresh(), max(price.Micros(), 0)
		r.Least = min(r.Value, 1)
		return s.first(ctx, r)
	case err != nil:
		return more, err
	}
	return billing.NewAmount(a.Granted, price.Currency()).Add(s.state.Reserved)
}

// first makes a hold.
func (s *Session) first(ctx context.Context, r ledger.Reservation) (billing.Amount, error) {
	a, err := ledger.Again(s.l.Reserve(ctx, r))
	if errors.Is(err, ledger.ErrInsufficient) {
		return billing.NewAmount(0, s.state.Currency), nil
	}
	if err != nil {
		return billing.Amount{}, err
	}
	s.state.Holds++
	return billing.NewAmount(a.Granted, s.state.Currency), nil
}

// answer notes a grant.
func (s *Session) answer(number int64, total, used billing.Millis, final bool, now billing.Millis) Grant {
	g := Grant{Total: total, Seconds: int64(max(total-used, 0) / 1000), Final: final, ValidUntil: now + s.cfg.Quota + s.cfg.Slack}
	if !final {
		g.RenewAfter = max(total-used-s.cfg.Early, 0)
	}
	s.state.Number, s.state.Granted, s.state.Grant = number, total, g
	return g
}

// unreachable answers for a ledger that cannot be asked.
func (s *Session) unreachable(number int64, used, now billing.Millis) (Grant, error) {
	left := s.cfg.Cap - s.state.Unreserved
	if s.cfg.OnFailure != Continue || left < 1000 {
		return s.answer(number, s.state.Granted, used, true, now), nil
	}
	want := max(used+s.cfg.Quota, s.state.Granted)
	more := min(want-s.state.Granted, left)
	s.state.Unreserved += more
	return s.answer(number, s.state.Granted+more, used, s.state.Unreserved >= s.cfg.Cap, now), nil
}

// Stop pays for what was used, up to what was granted, and ends the session. A
// call that was never answered used nothing and pays nothing.
func (s *Session) Stop(ctx context.Context, number int64, used, now billing.Millis) (Result, error) {
	if s.state.Result != nil {
		return *s.state.Result, nil
	}
	if number <= s.state.Number {
		return Result{}, fmt.Errorf("%w: %d after %d", ErrNumber, number, s.state.Number)
	}
	price := billing.NewAmount(0, s.state.Currency)
	var err error
	if used > 0 {
		if price, err = s.rater.Price(used); err != nil {
			return Result{}, err
		}
	}
	amount := func(micros int64) billing.Amount { return billing.NewAmount(micros, price.Currency()) }
	r := Result{Price: price, Settled: amount(0), Short: amount(0)}
	if s.state.Holds > 0 || price.Sign() != 0 {
		a, err := ledger.Again(s.l.Settle(ctx, ledger.Settlement{
			Request: s.request(number, "/stop", now), Hold: s.current(), Value: price.Micros(), Ref: s.state.ID,
		}))
		if err != nil {
			return Result{}, err
		}
		r.Settled, r.Short = amount(a.Settled), amount(a.Short)
	}
	r.Refund = amount(max(s.state.Reserved.Micros()-r.Settled.Micros(), 0))
	s.state.Number, s.state.Result = number, &r
	return r, nil
}

// current is the hold that was made last.
func (s *Session) current() string {
	return fmt.Sprintf("session/%s/%d", s.state.ID, max(s.state.Holds-1, 0))
}
