package call

import (
	"bytes"
	"time"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// waiting is a message of a call that goes on when the relay has answered. For
// whom it is meant for, it is a message that was a little slow on its way:
//
//   - a request has its server transaction, which sends 100 and takes repeats;
//   - a response has not reached its client transaction;
//   - what comes after it in the same call stands in line behind it, but for a
//     CANCEL and a BYE, which nobody holds up.
type waiting struct {
	call *call
	tx   *transaction.Server // of a request other than ACK
	copy []byte              // of another message

	// need is what the relay has to be asked first, nil for nothing.
	need func(now time.Time, m *wire.Message) *question
	// proceed does what is to be done with the message. The record may have
	// ended meanwhile.
	proceed func(now time.Time, m *wire.Message)
}

// maxLine bounds the messages of one call that wait.
const maxLine = 64

// pass takes a message of the call, in its turn.
func (k *call) pass(now time.Time, m *wire.Message, w *waiting) {
	w.call = k
	if len(k.line) > 0 {
		k.enqueue(now, m, w)
		return
	}
	q := w.need(now, m)
	switch {
	case q == nil:
	case k.core.Beside == nil:
		k.media.ask(now, q)
	default:
		k.enqueue(now, m, w)
		k.media.ask(now, &question{ask: q.ask, then: func(now time.Time) { q.then(now); k.resume(now) }})
		return
	}
	w.proceed(now, m)
}

func (k *call) enqueue(now time.Time, m *wire.Message, w *waiting) {
	switch {
	case w.tx == nil && len(k.line) >= maxLine: // lost, as on a crowded network
		return
	case w.tx == nil:
		w.copy = bytes.Clone(m.Bytes())
	case len(k.line) >= maxLine:
		k.core.refuse(now, w.tx, m, 503, "")
		return
	default:
		w.tx.Value = w
	}
	k.line = append(k.line, w)
}

// resume goes on with the line, whose first message has what it waited for.
func (k *call) resume(now time.Time) {
	for asked := true; len(k.line) > 0; asked = false {
		w, m := k.line[0], &k.core.resumed
		if k.core.closed || !w.read(m) {
			k.line = k.line[1:]
			continue
		}
		if !asked {
			if q := w.need(now, m); q != nil {
				k.media.ask(now, &question{ask: q.ask, then: func(now time.Time) { q.then(now); k.resume(now) }})
				return
			}
		}
		if w.tx != nil {
			w.tx.Value = nil
		}
		w.proceed(now, m)
		k.line = k.line[1:]
	}
	k.line = nil
}

// read parses the message again; false: it was answered meanwhile.
func (w *waiting) read(m *wire.Message) bool {
	b := w.copy
	if w.tx != nil {
		b = w.tx.Request()
	}
	return b != nil && m.Parse(b, nil) == nil
}

// cancel answers an INVITE that waits.
func (w *waiting) cancel(now time.Time) {
	if w == w.call.begins {
		w.call.abandon(now, dialog.CauseCancelled, 487, "")
		return
	}
	_ = w.tx.Reply(now, 487, "") // whoever asked is gone when this fails
}

// abandon ends a call whose INVITE has not been sent to anybody yet.
func (k *call) abandon(now time.Time, cause dialog.Cause, status int, phrase string) {
	tx := k.begins.tx
	k.begins = nil
	k.record.Status = status
	k.core.calls.End(now, k.record, cause)
	_ = tx.Reply(now, status, phrase) // whoever called is gone when this fails
}

// Receive implements shard.Core.
func (c *Core) Receive(now time.Time, m *wire.Message, from transport.Flow) {
	if !m.IsRequest() {
		if k, need := c.answering(m); k != nil {
			k.pass(now, m, &waiting{need: need, proceed: func(now time.Time, m *wire.Message) { c.layer.Receive(now, m, from) }})
			return
		}
	}
	c.layer.Receive(now, m, from)
}

// answering finds the call of a response, and what the relay has to be asked
// before the response goes to its transaction.
func (c *Core) answering(m *wire.Message) (*call, func(now time.Time, m *wire.Message) *question) {
	if b := c.proxy.Branch(m); b != nil {
		switch u := b.Context().Call().(type) {
		case *call:
			return u, func(now time.Time, m *wire.Message) *question {
				switch {
				case u.record.State == dialog.Ended:
				case b.Follows(m) && u.sendsOn(b.Target()):
					return u.askRedirected(now, b.Target(), m, b.Context().Request())
				case b.Shows(m):
					return u.askAnswer(m, string(m.ToTag()), b.Target())
				}
				return nil
			}
		case *exchange:
			return u.call, func(_ time.Time, m *wire.Message) *question {
				if u.anchor == nil || !b.Shows(m) || u.call.record.State == dialog.Ended {
					return nil
				}
				k := u.call
				return u.anchor.askAnswer(m, string(m.ToTag()), k.sources[u.side.Other()], u.early(m), u.anchor.first, k.profiles[u.side])
			}
		}
		return nil, nil
	}
	if b, _ := c.b2bua.Answering(m); b != nil {
		k := b.Handler().(*limited)
		return k.call, func(now time.Time, m *wire.Message) *question {
			if t := c.b2bua.Redirecting(m); t != nil && k.record.State != dialog.Ended {
				return k.askRedirected(now, t, m, b.Invite())
			}
			if _, p := c.b2bua.Answering(m); p != nil {
				return k.answers(p, m)
			}
			return nil
		}
	}
	return nil, nil
}

// askAnswer says what the relay has to be asked for a response to the initial
// INVITE.
func (k *call) askAnswer(m *wire.Message, tag string, t *proxy.Target) *question {
	return k.anchor.askAnswer(m, tag, bindingSource(t), m.Status() < 200, k.profileOf(t), k.profiles[dialog.Caller])
}
