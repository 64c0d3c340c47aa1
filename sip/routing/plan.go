package routing

import (
	"context"
	"errors"
	"fmt"

	"github.com/class5-go/class5/sip/wire"
)

// Errors that a Directory answers with.
var (
	ErrNotFound = errors.New("routing: not found")
)

// Subscriber is what routing knows of a user of this platform.
type Subscriber struct {
	ID       string
	Username string
	Domain   string
	Number   string // primary E.164 number without "+", empty if none
	Locked   bool
	Lock     Lock // besides Locked, which stands for everything
}

// AoR is the subscriber's address of record as "user@domain".
func (s Subscriber) AoR() string { return s.Username + "@" + s.Domain }

// Destination is what a user part stands for in a domain: exactly one of the
// two fields is set.
type Destination struct {
	Subscriber  *Subscriber
	Application string // name of a local application
}

// Directory finds domains, users and numbers. An error other than
// ErrNotFound means that it cannot answer now.
type Directory interface {
	// LocalDomain says whether the platform serves the domain.
	LocalDomain(ctx context.Context, domain string) (bool, error)
	// Destination finds a subscriber by user name or a subscriber or
	// application by E.164 number. number is empty when user is no number.
	Destination(ctx context.Context, user, number, domain string) (Destination, error)
}

// Peer is a foreign network.
type Peer struct {
	Name    string
	Gateway string // where its calls go to: host, or host:port, and parameters of a SIP URI
}

// Peers finds the way to foreign networks.
type Peers interface {
	// Peer finds the peer that takes calls to an E.164 number, other than the one
	// that the call comes from; ErrNotFound when there is none.
	Peer(ctx context.Context, number, from string) (Peer, error)
}

// Facts are the inputs of a plan.
type Facts struct {
	Caller     *Subscriber // the authenticated user, nil if there is none
	Peer       string      // the foreign network that the call comes from, "" for none
	RequestURI []byte
}

// Outcome is the kind of a plan.
type Outcome uint8

// The outcomes.
const (
	Refuse      Outcome = iota // Status and Reason say how
	Deliver                    // to the contacts of Callee
	Application                // to the application named
	Outward                    // to the foreign network Peer
)

// Step is one rule that was looked at.
type Step struct {
	Rule  string `json:"rule"`
	Value string `json:"value"`
	Taken bool   `json:"taken"`
	Why   string `json:"why"`
}

// Plan is the decision with its reasons.
type Plan struct {
	Outcome     Outcome
	Status      int    // of a refusal
	Reason      string // of a refusal
	Callee      Subscriber
	Application string
	Peer        Peer
	Number      string // what was dialled, in E.164 form without "+", or the user part
	Emergency   bool   // an emergency service was dialled: no lock, limit or credit may stop the call
	Trace       []Step
}

// Router plans calls.
type Router struct {
	dir Directory
	// Peers takes calls to numbers that nobody here has. nil knows none. It is
	// set before the first plan.
	Peers Peers
	// Emergency tells Request-URIs of emergency services, such as an
	// overload.Emergency does: locks of caller and callee don't count for them.
	// nil knows none. It is set before the first plan.
	Emergency func(uri []byte) bool
	// Services are the numbers of emergency services that are named by URN; what
	// is not there is refused with 404. It is set before the first plan.
	Services Services
}

// New makes a Router over a directory.
func New(dir Directory) *Router { return &Router{dir: dir} }

// Plan never fails: what cannot be decided is a refusal whose status says so.
func (r *Router) Plan(ctx context.Context, f Facts) Plan {
	var p Plan
	uri, err := wire.ParseURI(f.RequestURI)
	if err != nil {
		return p.refuse(400, "Bad Request-URI", "request-uri", string(f.RequestURI), err.Error())
	}
	if wire.EqualFold(uri.Scheme, "urn") {
		return r.service(ctx, f, uri)
	}
	if !wire.EqualFold(uri.Scheme, "sip") && !wire.EqualFold(uri.Scheme, "sips") {
		return p.refuse(416, "Unsupported URI Scheme", "scheme", string(uri.Scheme), "only sip, sips and urn are routed")
	}
	domain := string(lower(uri.Host))
	local, err := r.dir.LocalDomain(ctx, domain)
	switch {
	case err != nil:
		return p.unavailable("domain", domain, err)
	case !local:
		return p.refuse(404, "Not Found", "domain", domain, "not a domain of this platform, and no peer serves it")
	}
	p.step("domain", domain, "served here")
	if p.Emergency = r.Emergency != nil && r.Emergency(f.RequestURI); p.Emergency {
		p.step("emergency", string(f.RequestURI), "locks don't count")
	}
	if c := f.Caller; c != nil && !p.Emergency && (c.Locked || !c.Lock.Places(true)) {
		return p.refuse(403, "Forbidden", "caller lock", c.AoR(), "the caller is locked: "+c.level())
	}
	user := wire.Unescape(uri.User)
	if user == "" {
		return p.refuse(404, "Not Found", "user", string(uri.User), "no user to look for")
	}
	number, ok := E164(user)
	p.Number = user
	if ok {
		p.Number = number
		p.step("number", number, "E.164 form of "+user)
	}
	if p = r.destination(ctx, p, user, number, domain); p.Outcome == Refuse && p.Status == 404 && number != "" && r.Peers != nil {
		p = r.outward(ctx, p, f.Peer)
	}
	if c := f.Caller; c != nil && !p.Emergency && p.Outcome != Refuse && !c.Lock.Places(own(c, domain, p)) {
		return p.refuse(403, "Forbidden", "caller lock", c.AoR(), "the caller is locked: "+c.level())
	}
	return p
}

// outward looks for a peer that takes a number which nobody here has.
func (r *Router) outward(ctx context.Context, p Plan, from string) Plan {
	to, err := r.Peers.Peer(ctx, p.Number, from)
	switch {
	case errors.Is(err, ErrNotFound):
		return p.refuse(404, "Not Found", "peer", p.Number, "no foreign network takes the number")
	case err != nil:
		return p.unavailable("peer", p.Number, err)
	}
	p.Outcome, p.Status, p.Reason, p.Peer = Outward, 0, "", to
	p.step("peer", to.Name, "takes the number")
	return p
}

// own reports whether a call stays in the caller's domain.
func own(c *Subscriber, domain string, p Plan) bool {
	if p.Outcome == Outward {
		return false
	}
	if p.Outcome == Deliver {
		domain = p.Callee.Domain
	}
	return wire.EqualFold(domain, c.Domain)
}

// level says which lock a subscriber has.
func (s *Subscriber) level() string {
	if s.Locked {
		return "by its status"
	}
	return s.Lock.String()
}

func (r *Router) destination(ctx context.Context, p Plan, user, number, domain string) Plan {
	d, err := r.dir.Destination(ctx, user, number, domain)
	switch {
	case errors.Is(err, ErrNotFound):
		return p.refuse(404, "Not Found", "destination", p.Number, "neither a subscriber, an alias nor an application")
	case err != nil:
		return p.unavailable("destination", p.Number, err)
	case d.Application != "":
		p.Outcome, p.Application = Application, d.Application
		p.step("application", d.Application, "the number belongs to it")
		return p
	case d.Subscriber == nil:
		return p.refuse(404, "Not Found", "destination", p.Number, "the directory named nobody")
	case !p.Emergency && (d.Subscriber.Locked || !d.Subscriber.Lock.Receives()):
		return p.refuse(403, "Forbidden", "callee lock", d.Subscriber.AoR(), "the callee is locked: "+d.Subscriber.level())
	}
	p.Outcome, p.Callee = Deliver, *d.Subscriber
	if p.Callee.Number != "" {
		p.Number = p.Callee.Number
	}
	p.step("subscriber", d.Subscriber.AoR(), "user name or alias")
	return p
}

func (p *Plan) step(rule, value, why string) {
	p.Trace = append(p.Trace, Step{Rule: rule, Value: value, Taken: true, Why: why})
}

func (p Plan) refuse(status int, reason, rule, value, why string) Plan {
	p.Callee, p.Application, p.Peer = Subscriber{}, "", Peer{}
	p.Outcome, p.Status, p.Reason = Refuse, status, reason
	p.Trace = append(p.Trace, Step{Rule: rule, Value: value, Why: why})
	return p
}

// unavailable is 503 for a directory that cannot answer; the cause stays in
// the trace, which callers do not see.
func (p Plan) unavailable(rule, value string, err error) Plan {
	return p.refuse(503, "Service Unavailable", rule, value, fmt.Sprintf("directory: %v", err))
}
