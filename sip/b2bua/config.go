package b2bua

import (
	"time"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Config of a B2BUA. Layer, SentBy and Host are required.
type Config struct {
	// Layer runs the transactions.
	Layer *transaction.Layer
	// SentBy is the sent-by part of our Via on a flow, as of a proxy.
	SentBy func(flow transport.Flow) string
	// Host is host and port of our Contacts, such as "192.0.2.1:5060".
	Host string
	// Resolve finds the flow to the next hop. It must not block. nil means
	// numeric addresses over UDP.
	Resolve func(uri wire.URI) (transport.Flow, error)

	// Warn is how long before the end of its credit a call is warned; 30 s.
	Warn time.Duration
	// Early is how long before a reservation is over it is renewed when nothing
	// else asks for it, as while the callee rings; 10 s.
	Early time.Duration
	// Overrun is how long a call may go on beyond its grant while a renewal has
	// no answer; 0 for not at all.
	Overrun time.Duration

	// Decision is how long an Authorizer may take to answer Begin, 10 s; then
	// the caller gets 503.
	Decision time.Duration

	// Ring ends a branch that rings for so long; 3 minutes and a second.
	Ring time.Duration
	// MaxDuration is the longest call, 12 h.
	MaxDuration time.Duration
	// MaxCalls bounds the calls, 100,000.
	MaxCalls int
}

func (c *Config) fill() {
	if c.Layer == nil || c.SentBy == nil || c.Host == "" {
		panic("b2bua: Layer, SentBy and Host are needed")
	}
	if c.Resolve == nil {
		c.Resolve = proxy.Numeric(transport.Flow{Protocol: transport.UDP})
	}
	set := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&c.Warn, 30*time.Second)
	set(&c.Early, 10*time.Second)
	set(&c.Decision, 10*time.Second)
	set(&c.Ring, 3*time.Minute+time.Second)
	set(&c.MaxDuration, 12*time.Hour)
	if c.MaxCalls <= 0 {
		c.MaxCalls = 100_000
	}
}

// Plan is what to do with an INVITE.
type Plan struct {
	// ID names the call. It must be unique and fit for the user part of a URI.
	ID string
	// Groups are the targets, tried like those of a proxy.
	Groups []proxy.Group
	// RecordRoute is put on both legs, for networks that find the way back by
	// Route and not by Contact, such as "<sip:192.0.2.1;lr;did=7>".
	RecordRoute string
	// CallID of the callee's leg; empty keeps the caller's.
	CallID string
	// Authorizer limits the call; nil for no limit.
	Authorizer Authorizer
	// Handler sees messages and hears of the call; nil for none.
	Handler Handler
}

// Authorizer says how long a call may last. Its methods must not block: the
// answer, by Call.Granted or Call.Refused, may come before they return or any
// time later, on the goroutine of the B2BUA. The seam to billing is here, and
// this package knows nothing of money.
type Authorizer interface {
	// Begin asks before the callee is called.
	Begin(now time.Time, c *Call)
	// Renew asks for more. used is the time since the answer, 0 before it.
	Renew(now time.Time, c *Call, used time.Duration)
	// End reports what was used. It comes once after Begin, whether that or a
	// Renew has been answered or not; answers after it are ignored.
	End(now time.Time, c *Call, used time.Duration)
}

// Grant is how long a call may last.
type Grant struct {
	// Total is counted from the answer of the callee. By Granted it only grows.
	// Less than a second is a refusal.
	Total time.Duration
	// Renew is when more is to be asked for, counted like Total; 0 for never.
	Renew time.Duration
	// Final says that there will be no more: Total is the end of the call.
	Final bool
	// Expected is how long the call can last as far as is known, when Total is
	// not the end; 0 when nothing is known. The warning goes by it.
	Expected time.Duration
	// ValidUntil is when the reservation is over unless it is renewed; zero
	// for never.
	ValidUntil time.Time
}

// Passage is one request with its responses, on its way through a call.
type Passage struct {
	Call *Call
	From dialog.Side // who sent the request
	// Caller and Callee are the tags of the two sides in the caller's dialog;
	// Callee is empty for the INVITE that begins the call.
	Caller, Callee string
	// Target is where a branch of that INVITE goes, nil for other requests.
	Target *proxy.Target
	Method wire.Method
	// Value is the Handler's: it stays from a request to its last response.
	Value any
}

// Offerer and Answerer are the tags of the side that sent the request and of
// the other one.
func (p *Passage) Offerer() string {
	if p.From == dialog.Caller {
		return p.Caller
	}
	return p.Callee
}

// Answerer is the tag of the side that the request goes to.
func (p *Passage) Answerer() string {
	if p.From == dialog.Caller {
		return p.Callee
	}
	return p.Caller
}

// Handler is the owner's side of one call. Messages are lent until the method
// returns; edits are to messages as they came.
type Handler interface {
	// Request is shown a request before it leaves on the other leg, ACK
	// included. An error keeps it from being sent; a *proxy.Refusal names the
	// status that its sender gets, any other means 500. That of an ACK ends
	// the call.
	Request(now time.Time, p *Passage, m *wire.Message, e *wire.Edit) error
	// Response is shown a response that one side made before it goes to the
	// other. Repeats are not shown. An error of a 2xx to INVITE ends what it
	// answers.
	Response(now time.Time, p *Passage, m *wire.Message, e *wire.Edit) error
	// Answered comes once, before the 2xx goes to the caller.
	Answered(now time.Time, c *Call)
	// Ended comes once for every call, before anybody hears of it.
	Ended(now time.Time, c *Call)
}

// Warner is a Handler that wants to know when the end of the credit is near.
type Warner interface {
	// Warn is called once, Config.Warn before the end or as soon as it is known
	// to be nearer; again when there was more credit and that ends too.
	Warn(now time.Time, c *Call, left time.Duration)
}

// nobody is the Handler of plans without one.
type nobody struct{}

func (nobody) Request(time.Time, *Passage, *wire.Message, *wire.Edit) error  { return nil }
func (nobody) Response(time.Time, *Passage, *wire.Message, *wire.Edit) error { return nil }
func (nobody) Answered(time.Time, *Call)                                     {}
func (nobody) Ended(time.Time, *Call)                                        {}
