package proxy

import (
	"hash/maphash"
	"strconv"
	"time"

	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Config of a Proxy. Layer, SentBy and Self are required.
type Config struct {
	// Layer runs the transactions. Its User passes on to the proxy what belongs
	// to it: Cancel to Proxy.Cancel.
	Layer *transaction.Layer

	// SentBy is the sent-by part of our Via on a flow: host and port under
	// which its listener can be reached, such as "192.0.2.1:5060".
	SentBy func(flow transport.Flow) string

	// Self reports whether a host and port in Route, Request-URI or Via mean
	// this element. An absent port is 0, an IPv6 host has brackets.
	Self func(host []byte, port uint16) bool

	// Resolve finds the flow to the next hop named by a Route or Request-URI.
	// It must not block. nil means Numeric with a zero base flow.
	Resolve func(uri wire.URI) (transport.Flow, error)

	// TimerC ends a branch that rings for so long without a new provisional
	// response (RFC 3261 section 16.6 step 11). 0 means 3 minutes and a second,
	// just above the least value of the RFC.
	TimerC time.Duration

	// Extensions are the option tags that may stand in Proxy-Require.
	Extensions []string
}

// Proxy makes response contexts. See the package comment for its contract.
type Proxy struct {
	cfg   Config
	seed  maphash.Seed // of loop marks and of branches without state
	along []Group      // the plan of Relay
	stats Stats

	request  wire.Message // a server transaction's request, read again
	response wire.Message // a stored or locally made response
	edit     wire.Edit
	out      []byte // message being built
	scratch  []byte // values being built
}

// Stats counts what happened since the proxy was made. Contexts are those
// that wait for a branch now.
type Stats struct {
	Contexts int

	Started    uint64 // contexts
	Branches   uint64 // requests sent
	Refused    uint64 // requests refused, by Check or by the owner
	Acks       uint64 // ACKs forwarded
	AcksLost   uint64 // ACKs that could not be
	TimerC     uint64 // branches ended by Timer C
	RingLimits uint64 // groups ended by their Timeout
	Unusable   uint64 // responses that could not be forwarded
	Redirects  uint64 // 3xx that were followed
}

// New makes a proxy. It panics when a required field of cfg is absent, which
// is a mistake of the program.
func New(cfg Config) *Proxy {
	if cfg.Layer == nil || cfg.SentBy == nil || cfg.Self == nil {
		panic("proxy: Config needs Layer, SentBy and Self")
	}
	if cfg.TimerC == 0 {
		cfg.TimerC = 3*time.Minute + time.Second
	}
	if cfg.Resolve == nil {
		cfg.Resolve = Numeric(transport.Flow{})
	}
	return &Proxy{cfg: cfg, seed: maphash.MakeSeed(), along: []Group{{Targets: make([]Target, 1)}}}
}

// Stats is a snapshot of the counters.
func (p *Proxy) Stats() Stats { return p.stats }

// Target is one place a request is forwarded to. The zero value sends it where
// the request itself points: to its next Route or its Request-URI. What a
// Target refers to is kept until its group was tried.
type Target struct {
	URI   []byte         // new Request-URI; empty keeps it
	Route [][]byte       // Route values put on top, first hop first: the Path vector of a binding (RFC 3327)
	Flow  transport.Flow // next hop; zero asks Config.Resolve about Route or URI
	Value any            // the owner's
}

// Group is a set of targets tried at the same time.
type Group struct {
	Targets []Target
	// Timeout is how long the group may ring before it is cancelled and the
	// next one tried; 0 leaves it to Timer C.
	Timeout time.Duration
}

// Plan is what to do with a request.
type Plan struct {
	// Groups are tried one after the other until a 2xx or a 6xx comes.
	Groups []Group
	// RecordRoute is the whole value to add, such as
	// "<sip:192.0.2.1;lr;did=7>"; empty adds none.
	RecordRoute []byte
	// Call sees and edits the messages; nil for none.
	Call Call
}

// Call is the owner's side of one response context. Messages are lent until
// the method returns. Methods may not start another context or end this one
// by other means than Context.Cancel.
type Call interface {
	// Forward is shown the request of a new branch: m as it came, e with the
	// edits that send it to b.Target. An error keeps the branch from being
	// tried; a *Refusal names the status it counts as, any other means 500.
	Forward(now time.Time, b *Branch, m *wire.Message, e *wire.Edit) error

	// Response is shown each response on its way upstream, with the edits made
	// to it so far: every provisional response but 100, each 2xx as often as it
	// passes, and the final response chosen. b is the branch it came from, nil
	// when it was made here. Context.Request can be read meanwhile.
	Response(now time.Time, c *Context, b *Branch, m *wire.Message, e *wire.Edit)

	// Ended comes once, when no branch is pending and the final response is
	// sent; c.Server().Status() says which. A status below 200 means that there
	// was none to send, or no way upstream left. Repeats of a 2xx still pass
	// after it.
	Ended(now time.Time, c *Context)
}

// BranchCall is a Call that wants to hear how each branch ended: by the status
// of its final response, or by the one that a failure counts as (408 for a
// timeout, 503 for a transport error).
type BranchCall interface {
	BranchEnded(now time.Time, b *Branch, status int)
}

// RedirectCall is a Call that follows redirections itself. m is a 3xx of a
// branch; the groups returned are tried next, in place of that response. With
// none, it is a final response like others.
type RedirectCall interface {
	Redirected(now time.Time, b *Branch, m *wire.Message) []Group
}

// Refusal is an error with the response that it stands for.
type Refusal struct {
	Status int
	Reason string       // "" for the usual phrase
	Fields []wire.Field // further header fields of the response
}

func (r *Refusal) Error() string {
	return "proxy: refused with " + strconv.Itoa(r.Status) + " " + r.Reason
}
