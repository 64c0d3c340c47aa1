package registrar

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// Config is the policy of a registrar. The zero value is usable.
type Config struct {
	DefaultExpires time.Duration // where the client asks for nothing; default 1 hour
	MinExpires     time.Duration // shorter is refused with 423; default 1 minute
	MaxExpires     time.Duration // longer is cut; default 2 hours

	// MaxContacts bounds the bindings of one address of record; default 10.
	MaxContacts int

	// ReplaceOldest makes room for a contact over the limit by dropping those
	// refreshed longest ago. Otherwise the request is refused with 403.
	ReplaceOldest bool

	// RequirePath refuses a REGISTER with Path from a client that does not
	// support it with 421 (RFC 3327 §5.3 leaves the choice). Otherwise the
	// Path is stored all the same, and returned only to clients that support
	// it.
	RequirePath bool

	// FlowTimer is told to clients with outbound flows (RFC 5626 §6), in
	// whole seconds; 0 for none.
	FlowTimer time.Duration

	// RetryAfter is told with 503; default 10 seconds.
	RetryAfter time.Duration
}

func (c *Config) defaults() {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&c.DefaultExpires, time.Hour)
	set(&c.MinExpires, time.Minute)
	set(&c.MaxExpires, 2*time.Hour)
	set(&c.RetryAfter, 10*time.Second)
	if c.MaxContacts <= 0 {
		c.MaxContacts = 10
	}
}

// Registrar processes REGISTER requests over a Store. It keeps nothing itself
// and may be used by any number of goroutines.
type Registrar struct {
	cfg   Config
	store Store
}

// New makes a registrar.
func New(cfg Config, store Store) (*Registrar, error) {
	cfg.defaults()
	if store == nil {
		return nil, errors.New("registrar: a store is needed")
	}
	if cfg.MinExpires > cfg.MaxExpires || cfg.DefaultExpires > cfg.MaxExpires || cfg.DefaultExpires < cfg.MinExpires {
		return nil, errors.New("registrar: default expiry is not between minimum and maximum")
	}
	return &Registrar{cfg: cfg, store: store}, nil
}

// Request is one REGISTER with what its receiver knows about it. Who sent it
// has been authenticated and may register this address of record.
type Request struct {
	Message *wire.Message

	// AoR is the address of record; "" takes the canonical form of the To
	// URI. A receiver with aliases gives the name it stores them under.
	AoR string

	// MaxContacts replaces Config.MaxContacts for this subscriber unless 0.
	MaxContacts int

	Now time.Time

	Source    netip.AddrPort // as the edge saw it
	Transport string
	Edge      string
}

// Result is the answer to a REGISTER. AppendResponse makes a response of it.
type Result struct {
	Status int
	Reason string

	AoR      string
	Bindings []Binding // all that are alive after a 200

	// What a 200 changed.
	Added, Refreshed, Removed int

	// Err is the store's error behind a 503.
	Err error

	unsupported string // option tags for Unsupported
	path        string // to be returned
	require     string // option tag for Require
	minExpires  time.Duration
	flowTimer   time.Duration
	retryAfter  time.Duration
	now         time.Time
}

// Register processes a request (RFC 3261 §10.3): it reads it, changes the
// bindings in one step or not at all, and gives the result. It blocks where
// the store does.
func (r *Registrar) Register(ctx context.Context, req *Request) *Result {
	res := &Result{AoR: req.AoR, now: req.Now}
	var o op
	if err := r.read(req, res, &o); err != nil {
		return res.refuse(err)
	}
	res.AoR = o.aor
	var err error
	if len(o.contacts) == 0 && !o.star {
		res.Bindings, err = r.store.Lookup(ctx, nil, o.aor, req.Now)
	} else {
		err = r.store.Update(ctx, o.aor, req.Now, func(current []Binding) ([]Binding, error) {
			next, err := o.apply(current, res)
			res.Bindings = append(res.Bindings[:0], next...)
			return next, err
		})
	}
	if err != nil {
		res.retryAfter = r.cfg.RetryAfter
		return res.refuse(err)
	}
	res.Status, res.Reason = 200, "OK"
	return res
}

// refusal is an error that is an answer.
type refusal struct {
	status int
	reason string
}

func (r *refusal) Error() string { return r.reason }

func refuse(status int, reason string) error { return &refusal{status, reason} }

func (res *Result) refuse(err error) *Result {
	res.Bindings, res.Added, res.Refreshed, res.Removed = nil, 0, 0, 0
	var r *refusal
	if errors.As(err, &r) {
		res.Status, res.Reason, res.retryAfter = r.status, r.reason, 0
		return res
	}
	res.Status, res.Reason, res.Err = 503, "Service Unavailable", err
	return res
}
