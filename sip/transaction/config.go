package transaction

import (
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Timers are the base values of RFC 3261 table 4. Zero fields have the
// defaults of the RFC; all other timers follow from these.
type Timers struct {
	T1     time.Duration // round-trip estimate, 500 ms. B, F, H, J, L and M are 64*T1.
	T2     time.Duration // longest interval between retransmissions of a non-INVITE request and of an INVITE response, 4 s
	T4     time.Duration // longest life of a message in the network, 5 s. I and K are T4.
	D      time.Duration // wait for repeated INVITE responses over datagrams, at least 32 s
	Trying time.Duration // an INVITE without a response for so long is answered 100, 200 ms
}

func (t Timers) withDefaults() Timers {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&t.T1, 500*time.Millisecond)
	set(&t.T2, 4*time.Second)
	set(&t.T4, 5*time.Second)
	set(&t.D, 64*t.T1)
	set(&t.Trying, 200*time.Millisecond)
	return t
}

// lifetime is the value of B, F, H, J, L and M.
func (t Timers) lifetime() time.Duration { return 64 * t.T1 }

// trying4320 is how long a client takes until its Timer E has grown to T2,
// the moment from which a request other than INVITE is answered 100 (RFC 4320
// section 4.1).
func (t Timers) trying4320() time.Duration {
	sum := time.Duration(0)
	for e := t.T1; e < t.T2; e *= 2 {
		sum += e
	}
	return max(sum, t.T1)
}

// Config of a Layer. Send and User are required.
type Config struct {
	// Send puts one message on a flow. It must not block. An error ends the
	// transaction, except transport.ErrQueueFull on a datagram flow, which is
	// taken as a packet lost on the way.
	Send func(flow transport.Flow, msg []byte) error

	// User is the transaction user: it gets every new request.
	User User

	Timers Timers

	// Random fills b with unguessable bytes for branches and tags. nil means
	// crypto/rand. It must not fail.
	Random func(b []byte)

	// MaxTransactions bounds servers and clients together; beyond it new
	// requests are answered 503 and NewClient returns ErrFull. 0 means 200,000.
	MaxTransactions int

	// RefuseMerged answers 482 to a request that reached this element twice on
	// different ways (RFC 3261 section 8.2.2.2). It is a rule for user agents
	// and registrars: a proxy must leave it off, since a spiral looks the same.
	RefuseMerged bool
}

// User is the transaction user on the server side. m is lent until the
// callback returns; for Request and Cancel it reads the same bytes as
// Server.Request.
type User interface {
	// Request is a new server transaction. It must be answered by
	// Server.Respond or Server.Reply, now or later, or given up by
	// Server.Discard.
	Request(now time.Time, tx *Server, m *wire.Message)

	// Ack is an ACK that the layer has no use for: that of a 2xx.
	Ack(now time.Time, m *wire.Message, from transport.Flow)

	// Cancel asks to end an INVITE that has no final response yet. The CANCEL
	// is answered already; the user still has to answer the INVITE. When
	// MaxTransactions is reached, a repeated CANCEL is told again.
	Cancel(now time.Time, invite *Server, m *wire.Message)

	// Stray is a response that fits no client transaction. A stateful proxy
	// drops it (RFC 6026 section 7.2 and RFC 4320 section 4.3).
	Stray(now time.Time, m *wire.Message, from transport.Flow)
}

// ServerFailureUser is a User that wants to know when a server transaction
// ended without success: ErrTimeout when a final response to INVITE was never
// acknowledged or a request was never answered, the error of Send otherwise.
type ServerFailureUser interface {
	ServerFailed(now time.Time, tx *Server, err error)
}

// ClientUser is the transaction user of one client transaction.
type ClientUser interface {
	// Response is a response to the request. A client of INVITE reports every
	// provisional response until the final one and each 2xx as often as it
	// comes, from any branch of a fork; repeats of other final responses are
	// acknowledged inside.
	Response(now time.Time, c *Client, m *wire.Message)

	// Failed ends the transaction without a final response: ErrTimeout, or the
	// error of Send. After a 2xx it is never called.
	Failed(now time.Time, c *Client, err error)
}
