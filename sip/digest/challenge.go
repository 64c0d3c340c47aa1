package digest

// AppendChallenge appends the value of one WWW-Authenticate or
// Proxy-Authenticate header field: one algorithm, a fresh nonce.
func (s *Server) AppendChallenge(dst []byte, x *Exchange, a Algorithm, stale bool) []byte {
	dst = append(dst, "Digest realm="...)
	dst = appendQuoted(dst, x.Realm)
	dst = append(dst, `, nonce="`...)
	dst = s.keys.Load().appendNonce(dst, x.Realm, x.Origin, x.Now)
	dst = append(dst, `", algorithm=`...)
	dst = append(dst, a.String()...)
	if s.cfg.Integrity {
		dst = append(dst, `, qop="auth,auth-int"`...)
	} else {
		dst = append(dst, `, qop="auth"`...)
	}
	if stale {
		dst = append(dst, ", stale=true"...)
	}
	return dst
}

// Challenge is one challenge as a client reads it. Its slices refer to the
// value that was parsed, quotes removed, backslashes kept.
type Challenge struct {
	Realm     []byte
	Nonce     []byte
	Opaque    []byte // nil if absent
	Algorithm Algorithm
	Auth      bool // qop auth is offered
	Integrity bool // qop auth-int is offered
	Stale     bool
}

// Parse reads the value of one WWW-Authenticate or Proxy-Authenticate header
// field. It fails with ErrAlgorithm or ErrQOP when nothing in the challenge is
// known here.
func (c *Challenge) Parse(value []byte) error {
	*c = Challenge{}
	s, err := scan(value)
	if err != nil {
		return err
	}
	var algorithm, qop, stale []byte
	for {
		name, v, ok, err := s.next()
		if err != nil {
			return err
		}
		if !ok {
			return c.check(algorithm, qop, stale)
		}
		var f *[]byte
		switch {
		case equalFold(name, "realm"):
			f = &c.Realm
		case equalFold(name, "nonce"):
			f = &c.Nonce
		case equalFold(name, "opaque"):
			f = &c.Opaque
		case equalFold(name, "algorithm"):
			f = &algorithm
		case equalFold(name, "qop"):
			f = &qop
		case equalFold(name, "stale"):
			f = &stale
		default:
			continue
		}
		if *f != nil {
			return ErrDuplicate
		}
		*f = v
	}
}

func (c *Challenge) check(algorithm, qop, stale []byte) error {
	if c.Realm == nil || len(c.Nonce) == 0 {
		return ErrMissing
	}
	c.Stale = equalFold(stale, "true")
	known := true
	if c.Algorithm = MD5; algorithm != nil {
		c.Algorithm, known = ParseAlgorithm(algorithm)
	}
	if !known {
		return ErrAlgorithm
	}
	for rest := qop; len(rest) > 0; {
		n := 0
		for n < len(rest) && isToken(rest[n]) {
			n++
		}
		switch q, _ := parseQOP(rest[:n]); q {
		case QOPAuth:
			c.Auth = true
		case QOPInt:
			c.Integrity = true
		}
		for n < len(rest) && (isSpace(rest[n]) || rest[n] == ',') {
			n++
		}
		if n == 0 {
			return ErrSyntax
		}
		rest = rest[n:]
	}
	if len(qop) > 0 && !c.Auth && !c.Integrity {
		return ErrQOP
	}
	return nil
}
