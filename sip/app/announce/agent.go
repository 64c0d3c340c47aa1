package announce

import (
	"context"
	"errors"
	"time"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// ErrNotAcceptable is a Player's answer to an offer that it can't use: 488.
var ErrNotAcceptable = errors.New("announce: no usable media in the offer")

// Player makes the media of calls. done is called once, from any goroutine,
// when a session has nothing more to say; a session that goes on until the
// caller hangs up never calls it.
type Player interface {
	Answer(ctx context.Context, offer []byte, done func()) (Session, []byte, error)
}

// Session is the media of one call.
type Session interface {
	// Reoffer answers a new offer in the same call, such as a hold.
	Reoffer(offer []byte) ([]byte, error)
	// Close ends the media. It is called once.
	Close()
}

// Config of an Agent. Send, Contact and Player are required.
type Config struct {
	Send    func(flow transport.Flow, msg []byte) error
	Contact string // own URI, such as "sip:announce@127.0.0.1:5090"
	Via     string // sent-by of requests of its own, "127.0.0.1:5090"
	Player  Player
	// Do runs a function on the goroutine of the agent, later: shard.Pool.Do.
	// It is used when a player is done; without it players never end a call.
	Do func(callID string, f func(now time.Time))

	MaxCalls    int           // refuse with 486 beyond; 0 means 1,000
	MaxDuration time.Duration // hang up after; 0 means 10 minutes
	Timers      transaction.Timers
}

// Agent answers calls. It belongs to one goroutine.
type Agent struct {
	cfg     Config
	layer   *transaction.Layer
	calls   *dialog.Tracker
	view    wire.Message
	expired []dialog.Expired
}

// call is what the agent adds to a dialog record.
type call struct {
	session Session
	flow    transport.Flow
	pending *answer // 2xx not acknowledged yet
	record  *dialog.Record
}

// New makes an agent.
func New(cfg Config) *Agent {
	if cfg.MaxCalls == 0 {
		cfg.MaxCalls = 1000
	}
	if cfg.MaxDuration == 0 {
		cfg.MaxDuration = 10 * time.Minute
	}
	if cfg.Timers.T1 == 0 {
		cfg.Timers.T1 = 500 * time.Millisecond
	}
	if cfg.Timers.T2 == 0 {
		cfg.Timers.T2 = 4 * time.Second
	}
	a := &Agent{cfg: cfg}
	a.layer = transaction.New(transaction.Config{Send: cfg.Send, User: a, Timers: cfg.Timers, RefuseMerged: true})
	a.calls = dialog.New(dialog.Config{Observer: a, MaxCalls: cfg.MaxCalls, MaxDuration: cfg.MaxDuration})
	return a
}

// Len is the number of running calls.
func (a *Agent) Len() int { return a.calls.Len() }

// Receive implements shard.Core.
func (a *Agent) Receive(now time.Time, m *wire.Message, from transport.Flow) {
	a.layer.Receive(now, m, from)
}

// Advance implements shard.Core: it also hangs up on calls that lasted too long.
func (a *Agent) Advance(now time.Time) (time.Time, bool) {
	expired, next, ok := a.calls.Advance(now, a.expired[:0])
	for _, e := range expired {
		a.bye(now, e.Record)
	}
	a.expired = expired[:0]
	at, armed := a.layer.Advance(now)
	if !ok || armed && at.Before(next) {
		return at, armed
	}
	return next, true
}

// Close implements shard.Core: it ends the media of all calls and says goodbye.
func (a *Agent) Close(now time.Time) {
	var all []*dialog.Record
	a.calls.Each(func(r *dialog.Record) bool { all = append(all, r); return true })
	for _, r := range all {
		a.hangUp(now, r, dialog.CauseShutdown)
	}
}

// Request implements transaction.User.
func (a *Agent) Request(now time.Time, tx *transaction.Server, m *wire.Message) {
	switch m.Method() {
	case wire.INVITE:
		if len(m.ToTag()) > 0 {
			a.reinvite(now, tx, m)
			return
		}
		a.invite(now, tx, m)
	case wire.BYE:
		if _, _, ok := a.calls.Request(now, m); !ok {
			a.reply(now, tx, 481)
			return
		}
		a.reply(now, tx, 200)
	case wire.OPTIONS:
		a.reply(now, tx, 200)
	case wire.UPDATE, wire.INFO:
		if _, _, ok := a.calls.Request(now, m); !ok {
			a.reply(now, tx, 481)
		} else if m.Method() == wire.UPDATE && len(m.Body()) > 0 {
			a.reinvite(now, tx, m)
		} else {
			a.reply(now, tx, 200)
		}
	default:
		a.reply(now, tx, 405)
	}
}

// reply answers without a body; an error means that the flow is gone, and with
// it whoever could be told.
func (a *Agent) reply(now time.Time, tx *transaction.Server, status int) {
	allow := wire.Field{ID: wire.HdrAllow, Value: []byte("INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO")}
	_ = tx.Reply(now, status, "", allow)
}

func (a *Agent) invite(now time.Time, tx *transaction.Server, m *wire.Message) {
	c := &call{flow: tx.Flow()}
	id := string(m.CallID())
	done := func() {
		if a.cfg.Do != nil {
			a.cfg.Do(id, func(now time.Time) {
				if c.record != nil {
					a.hangUp(now, c.record, dialog.CauseAdministrative)
				}
			})
		}
	}
	record, err := a.calls.Begin(now, id+string(m.FromTag()), "", m, c)
	switch {
	case errors.Is(err, dialog.ErrExists):
		a.reply(now, tx, 482)
		return
	case err != nil:
		a.reply(now, tx, 486)
		return
	}
	c.record = record
	session, sdp, err := a.cfg.Player.Answer(context.Background(), m.Body(), done)
	if err != nil {
		status := 500
		if errors.Is(err, ErrNotAcceptable) {
			status = 488
		}
		a.reply(now, tx, status)
		record.Status = status
		a.calls.End(now, record, dialog.CauseRefused)
		return
	}
	c.session = session
	a.accept(now, tx, c, m, sdp)
}

// accept sends a 2xx with a body and repeats it until the ACK.
func (a *Agent) accept(now time.Time, tx *transaction.Server, c *call, m *wire.Message, sdp []byte) {
	ok, err := wire.AppendResponse(nil, m, 200, "", tx.Tag(),
		wire.Field{ID: wire.HdrContact, Value: []byte("<" + a.cfg.Contact + ">")},
		wire.Body("application/sdp", sdp))
	if err != nil || a.view.Parse(ok, nil) != nil {
		a.reply(now, tx, 500)
		a.calls.End(now, c.record, dialog.CauseRefused)
		return
	}
	if m.Method() == wire.INVITE {
		a.repeat(now, tx, c, ok)
		a.calls.Response(now, c.record, &a.view)
	}
	if len(m.ToTag()) > 0 {
		a.calls.InDialogResponse(now, m, &a.view) // the caller may have moved
		c.flow = tx.Flow()
	}
	_ = tx.Respond(now, ok) // lost or not, it is repeated until the ACK
}

func (a *Agent) reinvite(now time.Time, tx *transaction.Server, m *wire.Message) {
	r, _, ok := a.calls.Request(now, m)
	if !ok {
		a.reply(now, tx, 481)
		return
	}
	c := r.Facts.(*call)
	sdp, err := c.session.Reoffer(m.Body())
	if err != nil {
		a.reply(now, tx, 488)
		return
	}
	a.accept(now, tx, c, m, sdp)
}

// Ack implements transaction.User.
func (a *Agent) Ack(now time.Time, m *wire.Message, _ transport.Flow) {
	if r, _, ok := a.calls.Request(now, m); ok {
		a.acknowledged(r.Facts.(*call), m)
	}
}

// Cancel implements transaction.User: every INVITE has its final response by then.
func (a *Agent) Cancel(time.Time, *transaction.Server, *wire.Message) {}

// Stray implements transaction.User.
func (a *Agent) Stray(time.Time, *wire.Message, transport.Flow) {}

// Response and Failed implement transaction.ClientUser for the agent's BYE,
// whose outcome changes nothing.
func (a *Agent) Response(time.Time, *transaction.Client, *wire.Message) {}

// Failed implements transaction.ClientUser.
func (a *Agent) Failed(time.Time, *transaction.Client, error) {}

// Opened implements dialog.Observer.
func (a *Agent) Opened(*dialog.Record) {}

// Closed implements dialog.Observer: the media end with the call.
func (a *Agent) Closed(r *dialog.Record) {
	c := r.Facts.(*call)
	if c.pending != nil {
		a.layer.Stop(&c.pending.timer)
		c.pending = nil
	}
	c.record = nil
	if c.session != nil {
		c.session.Close()
	}
}

// hangUp closes a call and tells the caller.
func (a *Agent) hangUp(now time.Time, r *dialog.Record, cause dialog.Cause) {
	confirmed := r.State == dialog.Confirmed
	a.calls.End(now, r, cause)
	if confirmed {
		a.bye(now, r)
	}
}

func (a *Agent) bye(now time.Time, r *dialog.Record) {
	via := append([]byte("SIP/2.0/UDP "+a.cfg.Via+";branch="), a.layer.AppendBranch(nil)...)
	req, err := r.AppendBye(nil, dialog.Caller, string(via), "")
	if err != nil {
		return // never confirmed: nothing to end
	}
	_, _ = a.layer.NewClient(now, req, r.Facts.(*call).flow, a) // the call is over either way
}
