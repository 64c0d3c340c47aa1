package transaction

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

var invite = []byte("INVITE")

// request finds or makes the server transaction of a request.
func (l *Layer) request(now time.Time, m *wire.Message, from transport.Flow) {
	via, ok := m.TopVia()
	if !ok {
		l.stats.Malformed++
		return
	}
	method := m.Method()
	if method == wire.ACK {
		if tx := l.servers[l.serverKey(m, via, invite)]; tx == nil || !tx.ack(now, m) {
			l.cfg.User.Ack(now, m, from)
		}
		return
	}
	k := l.serverKey(m, via, m.MethodName())
	if tx := l.servers[k]; tx != nil {
		tx.repeat(now)
		return
	}
	if l.full() {
		l.refuse(now, m, via, from)
		return
	}
	m = l.completeVia(m, via, from)
	switch {
	case method == wire.CANCEL:
		l.cancel(now, k, m, via, from)
	case l.isMerged(m):
		l.stats.Merged++
		l.answerAlone(m, from, 482, "Request Merged")
	default:
		l.serve(now, k, m, from)
	}
}

// serve makes the transaction of a new request and hands it to the user.
func (l *Layer) serve(now time.Time, k key, m *wire.Message, from transport.Flow) {
	tx := l.newServer(now, k, m, from)
	if l.merged != nil && len(m.ToTag()) == 0 {
		tx.mergedKey = l.mergedKey(m)
		l.merged[tx.mergedKey] = tx
	}
	l.lent = m
	l.cfg.User.Request(now, tx, m)
	l.lent = nil
	tx.keep()
}

func (l *Layer) isMerged(m *wire.Message) bool {
	if l.merged == nil || len(m.ToTag()) != 0 {
		return false
	}
	return l.merged[l.mergedKey(m)] != nil
}

// cancel answers a CANCEL and tells the user, unless the INVITE it means has
// had its final response (RFC 3261 section 9.2).
func (l *Layer) cancel(now time.Time, k key, m *wire.Message, via wire.Via, from transport.Flow) {
	tx := l.newServer(now, k, m, from)
	l.lent = m
	defer func() {
		l.lent = nil
		tx.keep()
	}()
	target := l.servers[l.serverKey(m, via, invite)]
	if target == nil {
		l.stats.CancelUnmatched++
		_ = tx.Reply(now, 481, "Call/Transaction Does Not Exist") // a lost answer is repeated on demand
		return
	}
	target.makeTag()
	tx.tag, tx.tagged = target.tag, true
	_ = tx.Reply(now, 200, "OK")
	if target.rec.state == Proceeding {
		l.cfg.User.Cancel(now, target, m)
	}
}

// refuse answers a request for which there is no room. A CANCEL is served
// even then, since it makes room.
func (l *Layer) refuse(now time.Time, m *wire.Message, via wire.Via, from transport.Flow) {
	m = l.completeVia(m, via, from)
	if m.Method() != wire.CANCEL {
		l.stats.Refused++
		l.answerAlone(m, from, 503, "Service Unavailable", wire.Field{ID: wire.HdrRetryAfter, Value: []byte("5")})
		return
	}
	target := l.servers[l.serverKey(m, via, invite)]
	if target == nil {
		l.stats.CancelUnmatched++
		l.answerAlone(m, from, 481, "Call/Transaction Does Not Exist")
		return
	}
	l.answerAlone(m, from, 200, "OK")
	if target.rec.state == Proceeding {
		l.cfg.User.Cancel(now, target, m)
	}
}

// answerAlone sends a response that no transaction remembers.
func (l *Layer) answerAlone(m *wire.Message, to transport.Flow, status int, reason string, extra ...wire.Field) {
	var tag [16]byte
	b, err := wire.AppendResponse(l.buf[:0], m, status, reason, string(l.AppendTag(tag[:0])), extra...)
	if err != nil {
		l.stats.Malformed++
		return
	}
	l.buf = b
	_ = l.Send(to, b) // counted there; the sender asks again
}

// completeVia returns m with received and rport in its top Via where RFC 3261
// section 18.2.1 and RFC 3581 ask for them, m itself where they don't.
func (l *Layer) completeVia(m *wire.Message, via wire.Via, from transport.Flow) *wire.Message {
	if _, rport := via.RPort(); !rport && l.sameHost(via.Host, from.Remote.Addr()) {
		return m
	}
	l.edit.Reset()
	l.buf = wire.AppendViaReceived(l.buf[:0], via, from.Remote)
	end := len(l.buf)
	l.buf = wire.AppendUnfolded(l.buf, l.buf[:end]) // what is inserted holds no folds
	l.edit.ReplaceFirstValue(wire.HdrVia, l.buf[end:])
	whole, err := m.Append(l.whole[:0], &l.edit)
	if err != nil {
		return m
	}
	l.whole = whole
	if l.view.Parse(whole, nil) != nil {
		return m
	}
	return &l.view
}

// sameHost reports whether the host of a sent-by is the address a.
func (l *Layer) sameHost(host []byte, a netip.Addr) bool {
	if l.buf = a.AppendTo(l.buf[:0]); bytes.Equal(host, l.buf) {
		return true
	}
	numeric, ok := wire.ParseAddr(host) // other spellings, brackets
	return ok && numeric == a
}
