package digest

// Authorization is one value of an Authorization or Proxy-Authorization
// header field, the credentials of one request. Its slices refer to the value
// that was parsed: quotes removed, backslashes kept, because the response is
// computed over the text as it was sent.
type Authorization struct {
	Username  []byte
	Realm     []byte
	Nonce     []byte
	URI       []byte
	Response  []byte // hexadecimal digits, any case, Algorithm.Size()*2 of them
	CNonce    []byte
	Opaque    []byte
	NC        []byte // eight hexadecimal digits, nil without qop
	Count     uint32 // NC as a number, at least 1 with qop
	Algorithm Algorithm
	QOP       QOP
}

// Parse reads one header value. Whatever two readers could understand
// differently is an error: a parameter given twice, a response of the wrong
// length, a nonce count that is not eight digits. Unknown parameters are
// passed over. On ErrAlgorithm and ErrQOP Username and Realm may be set.
func (a *Authorization) Parse(value []byte) error {
	*a = Authorization{}
	s, err := scan(value)
	if err != nil {
		return err
	}
	var algorithm, qop []byte
	for {
		name, v, ok, err := s.next()
		if err != nil {
			return err
		}
		if !ok {
			return a.check(algorithm, qop)
		}
		f := a.field(name, &algorithm, &qop)
		if f == nil {
			continue
		}
		if *f != nil {
			return ErrDuplicate
		}
		*f = v
	}
}

// field is where the parameter of that name goes, nil for an unknown one.
func (a *Authorization) field(name []byte, algorithm, qop *[]byte) *[]byte {
	switch {
	case equalFold(name, "username"):
		return &a.Username
	case equalFold(name, "realm"):
		return &a.Realm
	case equalFold(name, "nonce"):
		return &a.Nonce
	case equalFold(name, "uri"):
		return &a.URI
	case equalFold(name, "response"):
		return &a.Response
	case equalFold(name, "cnonce"):
		return &a.CNonce
	case equalFold(name, "opaque"):
		return &a.Opaque
	case equalFold(name, "nc"):
		return &a.NC
	case equalFold(name, "algorithm"):
		return algorithm
	case equalFold(name, "qop"):
		return qop
	}
	return nil
}

func (a *Authorization) check(algorithm, qop []byte) error {
	if a.Username == nil || a.Realm == nil || len(a.Nonce) == 0 || len(a.URI) == 0 || a.Response == nil {
		return ErrMissing
	}
	var known bool
	if a.Algorithm, known = MD5, true; algorithm != nil {
		a.Algorithm, known = ParseAlgorithm(algorithm)
	}
	if !known {
		return ErrAlgorithm
	}
	if len(a.Response) != 2*a.Algorithm.Size() || !isHex(a.Response) {
		return ErrSyntax
	}
	if qop == nil {
		a.NC = nil
		return nil
	}
	if a.QOP, known = parseQOP(qop); !known {
		return ErrQOP
	}
	if len(a.CNonce) == 0 || a.NC == nil {
		return ErrMissing
	}
	if len(a.NC) != 8 || !isHex(a.NC) {
		return ErrSyntax
	}
	for _, c := range a.NC {
		a.Count = a.Count<<4 | uint32(unhex(c))
	}
	if a.Count == 0 {
		return ErrSyntax
	}
	return nil
}

func isHex(b []byte) bool {
	for _, c := range b {
		if ('0' > c || c > '9') && ('a' > lower(c) || lower(c) > 'f') {
			return false
		}
	}
	return true
}

// unhex is the value of a digit that isHex accepted.
func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return lower(c) - 'a' + 10
}
