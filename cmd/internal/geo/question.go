package geo

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/wire"
)

const (
	maxQuestions = 1024
	// patience is for one question, at however many relays: less than what a
	// message may wait in the edge.
	patience = 4 * time.Second
	// unfetched is how long an answer is kept that no message comes back for.
	unfetched = 10 * time.Second
)

var errShed = errors.New("too many questions to media relays are open")

// question is a command to a relay, and its answer when that has come.
type question struct {
	cookie  string
	command Command
	request ng.Dict
	nodes   []int // to be asked in turn
	alone   bool  // no message waits for it
	since   time.Time

	done bool
	node int // that has answered
	sdp  []byte
	err  error
}

// cookie names a message: the same for its retransmissions, at every edge.
func cookie(leg *relay.Leg, m *wire.Message, c Command) string {
	h := sha256.New()
	seq, method := m.CSeq()
	var b []byte
	for _, part := range [][]byte{leg.Branch, method, m.ToTag(), m.Body()} {
		b = append(binary.BigEndian.AppendUint32(b[:0], uint32(len(part))), part...)
		h.Write(b)
	}
	b = append(binary.BigEndian.AppendUint32(b[:0], seq), byte(m.Status()>>8), byte(m.Status()), byte(c))
	if leg.Inward {
		b = append(b, 1)
	}
	h.Write(b)
	return base64.RawURLEncoding.EncodeToString(h.Sum(b[:0])[:24])
}

// ask returns the question with its answer, or nil while that has not come.
// last gives a question up that has none.
func (a *Anchor) ask(q *question, last bool) *question {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.questions[q.cookie]
	switch {
	case known != nil && (known.done || last):
		delete(a.questions, q.cookie)
		if !known.done {
			known.alone = true // and counts until it ends
			return q.failed(ng.ErrTimeout)
		}
		return known
	case known != nil:
		return nil
	case last:
		return q.failed(ng.ErrTimeout)
	case len(q.nodes) == 0:
		return q.failed(ng.ErrNoNode)
	case a.open >= maxQuestions || a.ctx.Err() != nil:
		a.shed.Add(1)
		return q.failed(errShed)
	}
	if q.since = time.Now(); !q.alone {
		a.questions[q.cookie] = q
	}
	a.open++
	a.work.Go(func() { a.answer(q) })
	return nil
}

func (q *question) failed(err error) *question {
	q.done, q.err = true, err
	return q
}

// answer asks one relay after the other.
func (a *Anchor) answer(q *question) {
	ctx, cancel := context.WithTimeout(a.ctx, patience)
	defer cancel()
	node, err := 0, ng.ErrNoNode
	var reply ng.Dict
	for _, node = range q.nodes {
		reply, err = a.do(ctx, node, q)
		var said *ng.ReplyError
		if err == nil || ctx.Err() != nil || errors.As(err, &said) && !said.Full() {
			break
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open--
	if q.node, q.err, q.done = node, err, true; err == nil {
		q.sdp = []byte(reply.Str("sdp"))
	}
	if !q.alone {
		a.cfg.Wake()
	}
}

// expire forgets answers that no message came back for.
func (a *Anchor) expire() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for cookie, q := range a.questions {
		if q.done && time.Since(q.since) > unfetched {
			delete(a.questions, cookie)
		}
	}
}
