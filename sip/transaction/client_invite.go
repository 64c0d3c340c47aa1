package transaction

import (
	"bytes"
	"strconv"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// receiveInvite is the INVITE client machine of RFC 3261 figure 5 as RFC 6026
// figure 2 changes it.
func (c *Client) receiveInvite(now time.Time, m *wire.Message, from transport.Flow) {
	status := m.Status()
	switch c.rec.state {
	case Calling, Proceeding:
		switch {
		case status < 200:
			c.ring(now, m)
		case status < 300:
			c.accept(now, m)
		default:
			c.refused(now, m)
		}
	case Accepted:
		// Only 2xx count here; what else a fork still says was overtaken.
		if status/100 == 2 {
			c.user.Response(now, c, m)
		}
	case Completed:
		switch {
		case status >= 300:
			c.layer.stats.ResponseRepeats++
			if err := c.layer.Send(c.rec.flow, c.rec.ack); err != nil {
				c.terminate()
			}
		case status >= 200:
			c.layer.stats.Strays++
			c.layer.cfg.User.Stray(now, m, from)
		}
	}
}

func (c *Client) ring(now time.Time, m *wire.Message) {
	if c.rec.state == Calling {
		c.rec.state = Proceeding
		c.rec.retry, c.rec.end = 0, 0
		c.arm()
	}
	if c.rec.cancel == cancelWanted {
		c.sendCancel(now)
	}
	c.user.Response(now, c, m)
}

func (c *Client) accept(now time.Time, m *wire.Message) {
	c.rec.state = Accepted
	c.rec.request, c.rec.reason = nil, nil
	c.rec.retry = 0
	c.rec.end = c.layer.since(now) + int64(c.layer.cfg.Timers.lifetime())
	c.arm()
	c.user.Response(now, c, m)
}

func (c *Client) refused(now time.Time, m *wire.Message) {
	l := c.layer
	to, _ := m.First(wire.HdrTo)
	l.buf = l.appendHop(l.buf[:0], c.rec.request, "ACK", to.Value, nil)
	reliable := c.rec.flow.Protocol.Reliable()
	if !reliable {
		c.rec.ack = bytes.Clone(l.buf)
	}
	c.rec.reason = nil
	err := l.Send(c.rec.flow, l.buf)
	c.complete(now, l.cfg.Timers.D)
	if err != nil {
		c.terminate() // counted; the response itself is good
	}
	c.user.Response(now, c, m)
}

// Cancel asks the other side to end an INVITE that is not answered yet. It
// waits for a provisional response if there was none (RFC 3261 section 9.1).
// reason is the value of a Reason header (RFC 3326), or nil. The transaction
// goes on until a final response comes, at most for 64*T1 after the CANCEL
// was sent. In any other state, and when called again, Cancel does nothing.
func (c *Client) Cancel(now time.Time, reason []byte) {
	if c.rec.method != wire.INVITE || c.rec.cancel != notCancelled {
		return
	}
	switch c.rec.state {
	case Calling:
		c.rec.cancel = cancelWanted
		c.rec.reason = bytes.Clone(reason)
	case Proceeding:
		c.rec.reason = reason
		c.sendCancel(now)
	}
}

func (c *Client) sendCancel(now time.Time) {
	l := c.layer
	c.rec.cancel = cancelSent
	c.rec.end = l.since(now) + int64(l.cfg.Timers.lifetime())
	c.arm()
	l.buf = l.appendHop(l.buf[:0], c.rec.request, "CANCEL", nil, c.rec.reason)
	c.rec.reason = nil
	// A CANCEL that cannot be sent changes nothing: the INVITE ends by its
	// response or by the wait set above.
	_, _ = l.NewClient(now, l.buf, c.rec.flow, cancelUser{})
}

// cancelUser has no interest in how a CANCEL was answered: the INVITE tells.
type cancelUser struct{}

func (cancelUser) Response(time.Time, *Client, *wire.Message) {}
func (cancelUser) Failed(time.Time, *Client, error)           {}

// appendHop makes the ACK or CANCEL of an INVITE that we sent (RFC 3261
// sections 17.1.1.3 and 9.1). to replaces the To value when it is not nil.
func (l *Layer) appendHop(dst, request []byte, method string, to, reason []byte) []byte {
	m := &l.local
	if m.Parse(request, nil) != nil {
		return dst // NewClient has parsed these bytes before
	}
	if to == nil {
		h, _ := m.First(wire.HdrTo)
		to = h.Value
	}
	from, _ := m.First(wire.HdrFrom)
	via, _ := m.TopVia()
	cseq, _ := m.CSeq()
	dst = append(dst, method...)
	dst = append(dst, ' ')
	dst = append(dst, m.RequestURI()...)
	dst = append(dst, " SIP/2.0\r\n"...)
	dst = appendField(dst, "Via", via.Raw)
	for i := range m.Len() {
		if h := m.At(i); h.ID == wire.HdrRoute {
			dst = append(dst, h.Line...)
		}
	}
	dst = appendField(dst, "Max-Forwards", []byte("70"))
	dst = appendField(dst, "From", from.Value)
	dst = appendField(dst, "To", to)
	dst = appendField(dst, "Call-ID", m.CallID())
	dst = append(dst, "CSeq: "...)
	dst = strconv.AppendUint(dst, uint64(cseq), 10)
	dst = append(dst, ' ')
	dst = append(dst, method...)
	dst = append(dst, "\r\n"...)
	dst = appendReason(dst, reason)
	return append(dst, "Content-Length: 0\r\n\r\n"...)
}

// appendReason writes a Reason line and sees to it that the value, which may
// come from anywhere, stays one line.
func appendReason(dst, reason []byte) []byte {
	before := len(dst)
	dst = append(dst, "Reason: "...)
	dst = wire.AppendUnfolded(dst, reason)
	if len(reason) == 0 || bytes.ContainsAny(dst[before:], "\r\n\x00") {
		return dst[:before]
	}
	return append(dst, "\r\n"...)
}

func appendField(dst []byte, name string, value []byte) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}
