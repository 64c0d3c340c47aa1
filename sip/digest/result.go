package digest

// Outcome is the verdict on the credentials of a request.
type Outcome uint8

// The outcomes.
const (
	// NoCredentials: no digest credentials in the request.
	NoCredentials Outcome = iota
	// OK: the user is who he says.
	OK
	// Stale: the nonce is not ours, has run out or was forgotten. Nothing is
	// said about the password.
	Stale
	// Replayed: right password, but this nonce count was used before.
	Replayed
	// WrongPassword: the response does not fit the user's HA1.
	WrongPassword
	// UnknownUser: no such user. Must not be told apart from WrongPassword
	// by the client.
	UnknownUser
	// WrongRealm: there are credentials, for other realms only.
	WrongRealm
	// Unacceptable: an algorithm or qop that was not offered.
	Unacceptable
	// WrongURI: the uri parameter names another resource than the
	// Request-URI (RFC 7616 §3.4.6: 400). See Config.
	WrongURI
	// Malformed: credentials that cannot be read in one way only.
	Malformed
	// Unavailable: the Credentials failed; see Result.Err.
	Unavailable
)

// String is a label for logs and metrics.
func (o Outcome) String() string {
	switch o {
	case NoCredentials:
		return "no-credentials"
	case OK:
		return "ok"
	case Stale:
		return "stale"
	case Replayed:
		return "replayed"
	case WrongPassword:
		return "wrong-password"
	case UnknownUser:
		return "unknown-user"
	case WrongRealm:
		return "wrong-realm"
	case Unacceptable:
		return "unacceptable"
	case WrongURI:
		return "wrong-uri"
	case Malformed:
		return "malformed"
	case Unavailable:
		return "unavailable"
	}
	return "unknown"
}

// Result is the outcome with what is known about the credentials.
type Result struct {
	Outcome   Outcome
	User      []byte // the user name given, also when it was refused
	Algorithm Algorithm
	QOP       QOP
	// Answered means that credentials which were refused answer a challenge of
	// ours to this very Origin, of any age within its lifetime. As nobody else has
	// seen it, the request came from there: what it says may be held against it.
	Answered bool
	Err      error // why the outcome is Unavailable
}

// Role tells the two kinds of digest authentication in SIP apart.
type Role uint8

// The roles.
const (
	// Origin: registrars and user agents. 401, WWW-Authenticate,
	// Authorization.
	Origin Role = iota
	// Proxy: 407, Proxy-Authenticate, Proxy-Authorization.
	Proxy
)

// Status is the status code to answer an outcome with: 0 for OK; 401 or 407
// where a challenge is due; 400; 403 where the configuration asks for it;
// 503 when the credentials could not be had.
func (s *Server) Status(role Role, o Outcome) int {
	switch o {
	case OK:
		return 0
	case Malformed, WrongURI:
		return 400
	case Unavailable:
		return 503
	case WrongPassword, UnknownUser:
		if s.cfg.RefuseWrong {
			return 403
		}
	case Replayed:
		if s.cfg.RefuseReplay {
			return 403
		}
	}
	if role == Proxy {
		return 407
	}
	return 401
}

// stale reports whether the challenge after an outcome says so: the client
// may try again with the same password without asking its user.
func (o Outcome) stale() bool { return o == Stale || o == Replayed }
