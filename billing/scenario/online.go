package scenario

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/session"
)

// online is a session of the timeline.
type online struct {
	mu      sync.Mutex // a session belongs to one request at a time
	s       *session.Session
	spec    *spec
	account string
	start   billing.Millis
	stopped bool
}

func (r *run) session(name string) (*online, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.sessions[name]
	if o == nil {
		return nil, fmt.Errorf("%w: %.40q", errSession, name)
	}
	return o, nil
}

func (r *run) start(here, mark string, c *Start, when billing.Millis) (*SessionAnswer, error) {
	name := c.Session + mark
	r.mu.Lock()
	o := r.sessions[name]
	r.mu.Unlock()
	if o == nil {
		var err error
		if o, err = r.newSession(here, name, c, when); err != nil {
			return nil, err
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	g, err := o.s.Start(r.ctx, c.Number, when)
	if err != nil {
		if errors.Is(err, session.ErrCredit) { // it never began
			r.mu.Lock()
			delete(r.sessions, name)
			r.mu.Unlock()
		}
		return nil, err
	}
	return r.granted(o, name, c.Number, g, when)
}

func (r *run) newSession(here, name string, c *Start, when billing.Millis) (*online, error) {
	s, err := r.spec(here, &c.Call)
	if err != nil {
		return nil, err
	}
	pays := cmp.Or(s.payer, r.accountOf(s.cdr.Caller.Account))
	if pays == "" {
		return nil, fmt.Errorf("%w: a session of no account", ErrName)
	}
	if level, _, _ := r.lockOf(pays, when); r.barred(level, s) {
		return nil, fmt.Errorf("%w: level %d", errLocked, level)
	}
	rater, _, _, err := r.accountRater(s, pays, when)
	if err != nil {
		return nil, err
	}
	if rater.Snapshot == nil {
		return nil, fmt.Errorf("%w: a session without a price", ErrName)
	}
	cfg := r.world.session
	cfg.Node, cfg.Epoch = cmp.Or(c.Node, node), c.Epoch
	o := &online{s: session.New(&r.gate, cfg, rater, name, pays), spec: s, account: pays, start: when}
	r.mu.Lock()
	defer r.mu.Unlock()
	if again := r.sessions[name]; again != nil {
		return again, nil
	}
	r.sessions[name] = o
	return o, nil
}

// granted tells a grant.
func (r *run) granted(o *online, name string, number int64, g session.Grant, when billing.Millis) (*SessionAnswer, error) {
	b, err := r.available(o.account, when)
	if err != nil {
		return nil, err
	}
	reserved, err := o.reserved()
	return &SessionAnswer{
		Session: name, Number: number, Grant: g.Seconds, Total: seconds(g.Total), Final: g.Final, RenewAfter: seconds(g.RenewAfter),
		ValidUntil: absolute(g.ValidUntil), Price: "0", Settled: "0", Short: "0", Refund: "0", Reserved: r.unit.of(reserved), Available: r.unit.write(b.Available),
	}, err
}

// reserved is what a session has set aside.
func (o *online) reserved() (billing.Amount, error) {
	data, err := o.s.State()
	if err != nil {
		return billing.Amount{}, err
	}
	var s session.State
	err = json.Unmarshal(data, &s)
	if s.Result != nil {
		return billing.Amount{}, err
	}
	return s.Reserved, err
}

func (r *run) update(mark string, u *Update, when billing.Millis) (*SessionAnswer, error) {
	o, err := r.session(u.Session + mark)
	if err != nil {
		return nil, err
	}
	used, err := span("", u.Used)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	g, err := o.s.Update(r.ctx, u.Number, used, when)
	if err != nil {
		return nil, err
	}
	return r.granted(o, u.Session+mark, u.Number, g, when)
}

// stop settles a session and charges its call.
func (r *run) stop(id, mark string, u *Update, when billing.Millis) (*SessionAnswer, *CallAnswer, error) {
	name := u.Session + mark
	o, err := r.session(name)
	if err != nil {
		return nil, nil, err
	}
	used, err := span("", u.Used)
	if err != nil {
		return nil, nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	res, err := o.s.Stop(r.ctx, u.Number, used, when)
	if err != nil {
		return nil, nil, err
	}
	call, err := r.stopped(id, name, o, used, res)
	if err != nil {
		return nil, nil, err
	}
	b, err := r.available(o.account, when)
	return &SessionAnswer{
		Session: name, Number: u.Number, Total: seconds(used), Price: r.unit.of(res.Price), Settled: r.unit.of(res.Settled), Short: r.unit.of(res.Short),
		Refund: r.unit.of(res.Refund), Reserved: "0", Available: r.unit.write(b.Available),
	}, call, err
}

// stopped charges the call of a session, once.
func (r *run) stopped(id, name string, o *online, used billing.Millis, res session.Result) (*CallAnswer, error) {
	key := billing.NewLegKey("session/"+name, "", 0, 0, o.start)
	if o.stopped {
		r.mu.Lock()
		rec := r.byKey[key]
		r.mu.Unlock()
		if rec == nil {
			return nil, nil
		}
		return r.answer(rec)
	}
	o.stopped = true
	if used <= 0 {
		return nil, nil
	}
	rec := &record{id: id, spec: o.spec, cdr: o.spec.cdr, session: &settlement{micros: res.Settled.Micros()}}
	c := &rec.cdr
	c.CallID, c.Revision, c.Generation, c.Key = name, 1, 1, key
	c.Init, c.Start, c.End, c.Duration = o.start, o.start, o.start+used, used
	if micros := res.Settled.Micros(); micros != 0 {
		r.mu.Lock()
		r.journal[o.account] = append(r.journal[o.account], balance.Entry{
			At: o.start + used, Account: o.account, Wallet: balance.CashWallet, Unit: balance.Cash, Value: micros, Reason: balance.ReasonUsage, Ref: name,
		})
		r.mu.Unlock()
	}
	if err := r.rate(rec, nil); err != nil {
		return nil, err
	}
	if err := r.charge(rec, "session/"+name+"/charge", nil); err != nil {
		return nil, err
	}
	r.remember(rec)
	return r.answer(rec)
}
