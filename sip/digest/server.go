package digest

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrUnknownUser is what Credentials answer for a user that does not exist in
// the realm, or has no HA1 for that algorithm.
var ErrUnknownUser = errors.New("digest: unknown user")

// Credentials know the users of all realms by their HA1. Clear text passwords
// never pass here.
type Credentials interface {
	// HA1 appends the HA1 of the user for the algorithm to dst, either raw
	// (Algorithm.Size() octets) or as hexadecimal digits (twice as many), and
	// returns the result. It fails with ErrUnknownUser, possibly wrapped, or
	// with another error when it cannot tell. user is lent and must not be
	// kept. It is called on the caller's goroutine of Verify and may block
	// as long as ctx allows.
	HA1(ctx context.Context, dst []byte, user []byte, realm string, a Algorithm) ([]byte, error)
}

// Config is what a Server is made of. Keys and Credentials are needed, all
// else has defaults.
type Config struct {
	Keys        *Keys
	Credentials Credentials

	// Window may be shared by several servers. Default: room for 65,536
	// nonces (2 MiB).
	Window *Window

	// Algorithms are offered in this order and no others are accepted.
	// Default: SHA256, MD5 (RFC 8760 §2.4 puts the strongest first). Mind
	// that clients exist which fail on a challenge they do not know instead
	// of passing it over, wherever it stands.
	Algorithms []Algorithm

	// Offer gives the algorithms of one realm in place of Algorithms, nil
	// for those. The slice must not change afterwards. It is called for each
	// request and must not block.
	Offer func(realm string) []Algorithm

	// Integrity offers auth-int beside auth. Off by default: phones exist
	// that do not read a list of two.
	Integrity bool

	// NonceLifetime is how long a nonce may be used. Default 5 minutes.
	NonceLifetime time.Duration

	// ClockSkew is how far in the future a nonce of another node may seem to
	// be issued. Default 10 seconds.
	ClockSkew time.Duration

	// WithoutQOP accepts credentials without qop, which RFC 7616 forbids and
	// RFC 2069 clients send. Their nonces serve for one request each.
	WithoutQOP bool

	// The uri parameter must name the resource of the Request-URI (see
	// SameResource), or be a sip URI without a user part: several clients
	// name the server they send to instead of the callee. Their credentials
	// are bound to no callee, those of all others are. StrictURI takes the
	// same resource only, AnyURI takes anything, for nodes behind something
	// that rewrites the Request-URI.
	StrictURI, AnyURI bool

	// RefuseWrong answers a wrong password or unknown user with 403 instead
	// of a new challenge, which stops phones that would try for ever.
	RefuseWrong bool

	// RefuseReplay answers a replayed nonce count with 403 instead of a
	// challenge with stale=true. Phones exist that never count.
	RefuseReplay bool
}

// Server verifies credentials. It may be used by any number of goroutines.
type Server struct {
	cfg     Config
	keys    atomic.Pointer[Keys]
	window  *Window
	dummy   [32]byte  // stands in for the HA1 of unknown users
	scratch sync.Pool // of *scratch
	replies sync.Pool // of *reply
}

// scratch is the room of one verification.
type scratch struct {
	ha1, hexed, text, sum []byte
	auth                  Authorization
}

// NewServer makes a server; now is the time its replay window begins.
func NewServer(cfg Config, now time.Time) (*Server, error) {
	if cfg.Keys == nil || cfg.Credentials == nil {
		return nil, errors.New("digest: keys and credentials are needed")
	}
	if len(cfg.Algorithms) == 0 {
		cfg.Algorithms = []Algorithm{SHA256, MD5}
	}
	for _, a := range cfg.Algorithms {
		if a.Size() == 0 {
			return nil, ErrAlgorithm
		}
	}
	if cfg.NonceLifetime <= 0 {
		cfg.NonceLifetime = 5 * time.Minute
	}
	if cfg.ClockSkew <= 0 {
		cfg.ClockSkew = 10 * time.Second
	}
	if cfg.Window == nil {
		cfg.Window = NewWindow(1<<16, now)
	}
	s := &Server{cfg: cfg, window: cfg.Window}
	s.keys.Store(cfg.Keys)
	_, _ = rand.Read(s.dummy[:]) // never fails
	s.scratch.New = func() any { return &scratch{} }
	s.replies.New = func() any { return &reply{} }
	return s, nil
}

// SetKeys replaces the key ring, at once for all goroutines.
func (s *Server) SetKeys(k *Keys) { s.keys.Store(k) }

// Request is what credentials are verified against.
type Request struct {
	Realm  string
	Method []byte // as sent, case matters
	URI    []byte // the Request-URI
	Body   []byte // for auth-int
	Origin []byte // see Exchange
	Now    time.Time
}

// VerifyValue verifies one header value, the credentials of one request.
// Message-level users call Verify.
func (s *Server) VerifyValue(ctx context.Context, value []byte, req *Request) Result {
	sc := s.scratch.Get().(*scratch)
	defer s.scratch.Put(sc)
	a := &sc.auth
	err := a.Parse(value)
	defer func() { *a = Authorization{} }() // do not hold on to the message
	if errors.Is(err, ErrScheme) {
		return Result{Outcome: NoCredentials}
	}
	res := Result{User: unescape(a.Username), Algorithm: a.Algorithm, QOP: a.QOP}
	switch {
	case errors.Is(err, ErrAlgorithm), errors.Is(err, ErrQOP):
		res.Outcome = Unacceptable
	case err != nil:
		res.Outcome = Malformed
	case !equalUnescaped(a.Realm, req.Realm):
		res.Outcome = WrongRealm
	case !s.accepted(a, req.Realm):
		res.Outcome = Unacceptable
	case !s.cfg.fits(a.URI, req.URI):
		res.Outcome = WrongURI
	default:
		s.verify(ctx, sc, req, &res)
	}
	return res
}

// offer lists the algorithms of a realm.
func (s *Server) offer(realm string) []Algorithm {
	if s.cfg.Offer != nil {
		if list := s.cfg.Offer(realm); len(list) > 0 {
			return list
		}
	}
	return s.cfg.Algorithms
}

// accepted reports whether credentials use what was offered.
func (s *Server) accepted(a *Authorization, realm string) bool {
	if a.QOP == QOPNone && !s.cfg.WithoutQOP || a.QOP == QOPInt && !s.cfg.Integrity {
		return false
	}
	return slices.Contains(s.offer(realm), a.Algorithm)
}

// verify does the part that costs: nonce, HA1, response, replay.
func (s *Server) verify(ctx context.Context, sc *scratch, req *Request, res *Result) {
	a := &sc.auth
	n, err := s.keys.Load().readNonce(a.Nonce, req.Realm)
	if err != nil || !s.young(n, req.Now) {
		res.Outcome = Stale
		return
	}
	known, err := s.ha1(ctx, sc, res.User, req.Realm)
	if err != nil {
		res.Outcome, res.Err = Unavailable, err
		return
	}
	in := input{
		algorithm: a.Algorithm, qop: a.QOP, method: req.Method, uri: a.URI, body: req.Body,
		nonce: a.Nonce, nc: a.NC, cnonce: a.CNonce,
	}
	sc.sum, sc.text = in.appendResponse(sc.sum[:0], sc.text, sc.hexed)
	for i, c := range a.Response { // digits may be in capitals
		sc.text[i] = lower(c)
	}
	same := subtle.ConstantTimeCompare(sc.sum, sc.text[:len(a.Response)]) == 1
	defer func() {
		res.Answered = res.Outcome != OK && len(req.Origin) > 0 && n.madeFor(req.Origin)
	}()
	switch {
	case !known:
		res.Outcome = UnknownUser
	case !same:
		res.Outcome = WrongPassword
	default:
		res.Outcome = s.count(n, a)
	}
}

func (s *Server) young(n nonce, now time.Time) bool {
	age := now.UnixMilli() - n.issued
	return age <= s.cfg.NonceLifetime.Milliseconds() && age >= -s.cfg.ClockSkew.Milliseconds()
}

// ha1 puts the hexadecimal HA1 into sc.hexed. For an unknown user that is a
// dummy of the same length, so that all that follows costs the same.
func (s *Server) ha1(ctx context.Context, sc *scratch, user []byte, realm string) (known bool, err error) {
	a := sc.auth.Algorithm
	sc.ha1, err = s.cfg.Credentials.HA1(ctx, sc.ha1[:0], user, realm, a)
	if known = err == nil; !known {
		if !errors.Is(err, ErrUnknownUser) {
			return false, err
		}
		sc.ha1 = append(sc.ha1[:0], s.dummy[:a.Size()]...)
	}
	switch len(sc.ha1) {
	case a.Size():
		sc.hexed = hex.AppendEncode(sc.hexed[:0], sc.ha1)
	case 2 * a.Size():
		sc.hexed = sc.hexed[:0]
		for _, c := range sc.ha1 {
			sc.hexed = append(sc.hexed, lower(c))
		}
	default:
		return false, errLength
	}
	return known, nil
}

var errLength = errors.New("digest: HA1 has the wrong length for its algorithm")

// count enters the use of a nonce by somebody who knows the password.
func (s *Server) count(n nonce, a *Authorization) Outcome {
	c := a.Count
	if a.QOP == QOPNone {
		c = 1
	}
	switch s.window.use(n, c) {
	case countUsed:
		return Replayed
	case countTooOld:
		return Stale
	}
	return OK
}
