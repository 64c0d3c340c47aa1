package digest

import (
	"context"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// maxValues bounds the credentials looked at in one request: one for each
// proxy on its way that challenged.
const maxValues = 8

// Exchange is what both halves of an authentication have in common: the request
// that is verified, and the response that asks for credentials.
type Exchange struct {
	Role  Role
	Realm string
	// Origin, if not empty, is where the request came from, such as an IP address
	// as octets. It is no condition: it goes into the nonce, so that
	// Result.Answered can tell who got it.
	Origin []byte
	Now    time.Time
}

// Verify verifies the credentials of a request for a realm. Credentials for
// other realms and schemes are passed over; the first for this realm that
// uses an offered algorithm decides. It allocates nothing, unless the user
// name has backslashes in it.
func (s *Server) Verify(ctx context.Context, m *wire.Message, x *Exchange) Result {
	req := Request{Realm: x.Realm, Method: m.MethodName(), URI: m.RequestURI(), Body: m.Body(), Origin: x.Origin, Now: x.Now}
	id := wire.HdrAuthorization
	if x.Role == Proxy {
		id = wire.HdrProxyAuthorization
	}
	var res Result
	v := m.Values(id)
	for i := 0; i < maxValues && v.Next(); i++ {
		r := s.VerifyValue(ctx, v.Value(), &req)
		switch r.Outcome {
		case NoCredentials:
		case WrongRealm:
			if res.Outcome == NoCredentials {
				res = r
			}
		case Unacceptable:
			res = r
		default:
			return r
		}
	}
	return res
}

// reply is the room of one response, kept so that a challenge allocates
// nothing.
type reply struct {
	text   []byte
	fields []wire.Field
}

// AppendResponse appends the response to a request whose verification did not
// end in OK: the status of Status, and for 401 and 407 one challenge for each
// algorithm. extra goes in front of the challenges; see wire.AppendResponse.
func (s *Server) AppendResponse(dst []byte, m *wire.Message, x *Exchange, o Outcome, toTag string, extra ...wire.Field) ([]byte, error) {
	r := s.replies.Get().(*reply)
	defer s.replies.Put(r)
	r.fields, r.text = append(r.fields[:0], extra...), r.text[:0]
	status, reason := s.Status(x.Role, o), ""
	id := wire.HdrWWWAuthenticate
	switch status {
	case 407:
		id = wire.HdrProxyAuthenticate
		fallthrough
	case 401:
		for _, a := range s.offer(x.Realm) {
			start := len(r.text)
			r.text = s.AppendChallenge(r.text, x, a, o.stale())
			r.fields = append(r.fields, wire.Field{ID: id, Value: r.text[start:]})
		}
	case 400:
		reason = "Malformed Credentials"
	}
	dst, err := wire.AppendResponse(dst, m, status, reason, toTag, r.fields...)
	clear(r.fields)
	return dst, err
}

// Challenged takes the strongest challenge of a 401 or 407, as Accept does,
// and gives the header that AppendAuthorization's value belongs in.
func (c *Client) Challenged(m *wire.Message) (wire.HeaderID, error) {
	ask, answer := wire.HdrWWWAuthenticate, wire.HdrAuthorization
	switch m.Status() {
	case 401:
	case 407:
		ask, answer = wire.HdrProxyAuthenticate, wire.HdrProxyAuthorization
	default:
		return wire.HdrOther, ErrNoChallenge
	}
	var values [][]byte
	for v := m.Values(ask); v.Next() && len(values) < maxValues; {
		values = append(values, v.Value())
	}
	return answer, c.Accept(values...)
}
