package transaction

import (
	"bytes"
	"fmt"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// clientRecord is all that a client transaction has to remember; what an
// export writes and a restore reads. Times are nanoseconds since the layer's
// base, 0 for none.
type clientRecord struct {
	key      key
	flow     transport.Flow
	method   wire.Method
	state    State
	cancel   cancelling
	interval time.Duration // Timer A, E
	retry    int64         // next A or E
	end      int64         // B, D, F, K, M, or the wait after CANCEL
	request  []byte        // until the final response
	ack      []byte        // of a final response other than 2xx, to repeat it
	reason   []byte        // Reason value of a CANCEL that waits
}

// cancelling is how far the CANCEL of an INVITE got.
type cancelling uint8

const (
	notCancelled cancelling = iota
	cancelWanted            // waits for a provisional response (RFC 3261 section 9.1)
	cancelSent
)

// Client is a client transaction.
type Client struct {
	timer timer
	layer *Layer
	user  ClientUser
	rec   clientRecord
}

// NewClient sends a request and follows its transaction. The request is
// complete: its top Via holds the branch, from AppendBranch, under which no
// other request was sent. When the first sending fails there is no
// transaction, and the error says why.
func (l *Layer) NewClient(now time.Time, request []byte, flow transport.Flow, user ClientUser) (*Client, error) {
	m := &l.local
	if err := m.Parse(request, nil); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	via, ok := m.TopVia()
	if !ok || !m.IsRequest() || m.Method() == wire.ACK {
		return nil, ErrRequest
	}
	if !hasCookie(via.Branch()) {
		return nil, ErrRequest
	}
	k := l.clientKey(via.Branch(), m.MethodName())
	if l.clients[k] != nil {
		return nil, fmt.Errorf("%w: branch in use", ErrRequest)
	}
	if l.full() {
		return nil, ErrFull
	}
	c := &Client{layer: l, user: user}
	c.timer.owner = c
	c.rec = clientRecord{key: k, flow: flow, method: m.Method(), state: Trying, request: bytes.Clone(request)}
	if err := l.Send(flow, c.rec.request); err != nil {
		return nil, err
	}
	c.begin(now)
	return c, nil
}

func (c *Client) begin(now time.Time) {
	l, t := c.layer, &c.layer.cfg.Timers
	at := l.since(now)
	if c.rec.method == wire.INVITE {
		c.rec.state = Calling
	}
	if !c.rec.flow.Protocol.Reliable() {
		c.rec.interval = t.T1
		c.rec.retry = at + int64(t.T1)
	}
	c.rec.end = at + int64(t.lifetime())
	l.clients[c.rec.key] = c
	l.stats.ClientsMade++
	c.arm()
}

// State of the machine.
func (c *Client) State() State { return c.rec.state }

// Flow is where the request went.
func (c *Client) Flow() transport.Flow { return c.rec.flow }

// Method of the request.
func (c *Client) Method() wire.Method { return c.rec.method }

// Request is the request as sent, until the final response; nil after it.
func (c *Client) Request() []byte { return c.rec.request }

// User of the transaction, as NewClient got it.
func (c *Client) User() ClientUser { return c.user }

// Match finds the client transaction that a response belongs to, nil when there
// is none. It changes nothing: an element may want to know what a response
// answers before it gives it to Receive.
func (l *Layer) Match(m *wire.Message) *Client {
	via, ok := m.TopVia()
	if !ok || m.IsRequest() {
		return nil
	}
	_, method := m.CSeq()
	return l.clients[l.clientKey(via.Branch(), method)]
}

// response finds the client transaction of a response.
func (l *Layer) response(now time.Time, m *wire.Message, from transport.Flow) {
	if c := l.Match(m); c != nil {
		c.receive(now, m, from)
		return
	}
	l.stats.Strays++
	l.cfg.User.Stray(now, m, from)
}

func (c *Client) receive(now time.Time, m *wire.Message, from transport.Flow) {
	if c.rec.method == wire.INVITE {
		c.receiveInvite(now, m, from)
		return
	}
	c.receiveOther(now, m)
}

// arm sets the wheel to the earlier of the two deadlines.
func (c *Client) arm() {
	at := c.rec.end
	if c.rec.retry != 0 && (at == 0 || c.rec.retry < at) {
		at = c.rec.retry
	}
	if at == 0 {
		c.layer.wheel.stop(&c.timer)
		return
	}
	c.layer.wheel.set(&c.timer, at)
}

func (c *Client) expire(now time.Time) {
	switch at := c.layer.since(now); {
	case c.rec.end != 0 && c.rec.end <= at:
		if c.rec.state == Completed || c.rec.state == Accepted { // D, K, M
			c.terminate()
			return
		}
		c.layer.stats.Timeouts++
		c.fail(now, ErrTimeout)
	case c.rec.retry == 0 || c.rec.retry > at: // the clock went back
		c.arm()
	default:
		c.retransmit(now, at)
	}
}

// retransmit is Timer A, which doubles without end, and Timer E, which grows
// up to T2 and starts there once a provisional response came.
func (c *Client) retransmit(now time.Time, at int64) {
	t2 := c.layer.cfg.Timers.T2
	c.rec.interval *= 2
	switch c.rec.state {
	case Proceeding:
		c.rec.interval = t2
	case Trying:
		c.rec.interval = min(c.rec.interval, t2)
	}
	c.rec.retry = at + int64(c.rec.interval)
	c.arm()
	c.layer.stats.RequestsResent++
	if err := c.layer.Send(c.rec.flow, c.rec.request); err != nil {
		c.fail(now, err)
	}
}

// complete waits for repeats of the final response, or ends at once when
// nothing can be repeated.
func (c *Client) complete(now time.Time, wait time.Duration) {
	c.rec.state = Completed
	c.rec.request = nil
	c.rec.retry = 0
	if c.rec.flow.Protocol.Reliable() {
		c.terminate()
		return
	}
	c.rec.end = c.layer.since(now) + int64(wait)
	c.arm()
}

func (c *Client) fail(now time.Time, err error) {
	c.terminate()
	c.user.Failed(now, c, err)
}

// terminate forgets the transaction. It may be called again.
func (c *Client) terminate() {
	if c.rec.state == Terminated {
		return
	}
	c.rec.state = Terminated
	c.rec.request, c.rec.ack, c.rec.reason = nil, nil, nil
	c.layer.wheel.stop(&c.timer)
	delete(c.layer.clients, c.rec.key)
}
