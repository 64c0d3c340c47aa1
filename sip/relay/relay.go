package relay

import (
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/sip/overload"
	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Relay is a stateless SIP edge. Make it with [New]; all methods may be called
// from many goroutines at once.
type Relay struct {
	listeners      []*listener
	inner4, inner6 *listener // where requests to proxies leave from, by address family
	face4, face6   *listener // what Path and Record-Route name
	hides          bool      // whether any listener hides Contacts
	own            []netip.AddrPort
	texts          map[string]struct{} // of our URIs in Path and Record-Route, without scheme and token
	names          map[string]struct{}
	ports          map[uint16]struct{}

	ring       *token.Ring
	hash       *token.Hasher
	dispatch   Dispatcher
	resolve    Resolver
	hearer     hearer // the Resolver, if it wants to hear responses
	offer      string // of the Overload
	alive      func(transport.Flow) bool
	alias      func(transport.Flow, uint16) error
	answered   func(status int, after time.Duration)
	limits     atomic.Pointer[wire.Limits]
	understood []string
	server     []byte
	epoch      uint32
	edge       []byte // end of the text of P-Edge: ";lb=66f0a1b2;nat=0"

	guard     Guard
	overload  Overload
	emergency atomic.Pointer[overload.Emergency]
	inside    Inside
	media     Media
	repair    *Repair
	parked    parking
	compat    Compat
	wake      chan struct{}
	now       func() time.Time

	scratch sync.Pool // of *Scratch
	causes  [numCauses]atomic.Uint64
	refused [256]atomic.Uint64 // by wire.Reason
}

// Scratch is the working memory for one message at a time. The zero value is
// ready; reuse it, it is large.
type Scratch struct {
	m    wire.Message
	edit wire.Edit

	in       transport.Flow
	at       time.Time
	listener *listener      // the one it came in by
	via      wire.Via       // topmost
	sentBy   netip.Addr     // host of via; invalid when that is a name, or of a response
	mark     mark           // media node of the call
	target   netip.AddrPort // proxy of a request from outside
	path     wire.Params    // of a Path without token, in the dialect of NGCP
	last     bool           // the resolver, or the media node, has had its time
	again    bool           // the message has waited and is looked at once more
	queued   bool           // and one of the same call in front of it still waits
	status   int            // to refuse with, as the Media hook says
	text     string         // reason phrase of our response, if not the usual one

	value  []byte // header value being composed
	branch []byte // of our Via for this message
	foot   []byte // parameter of our Via that tells a loop
	bound  []byte // what a token is bound to
	lower  []byte // host name in lower case
}

// Outcome is what to do about a message.
type Outcome struct {
	// Cause says what happened to it.
	Cause Cause
	// Reason says more for the cause Malformed.
	Reason wire.Reason
	// Status is that of our own response in Data, zero when Data is not one.
	Status int
	// Flow is where Data goes.
	Flow transport.Flow
	// Data is the message to send, nil when there is none. It begins with what
	// was in dst.
	Data []byte
}

// Handle decides about one message and composes what is to be sent, without
// sending, counting or keeping anything: the whole relay as a function. The
// message to send is appended to dst, which must not overlap p.Data; s is
// overwritten.
func (r *Relay) Handle(s *Scratch, p transport.Packet, dst []byte) Outcome {
	s.last, s.again, s.queued = false, false, false
	return r.handle(s, &p, dst)
}

func (r *Relay) handle(s *Scratch, p *transport.Packet, dst []byte) Outcome {
	if int(p.Flow.Listener) >= len(r.listeners) {
		return Outcome{Cause: NoListener}
	}
	s.listener = r.listeners[p.Flow.Listener]
	if !answerableSource(p.Flow.Remote) {
		return Outcome{Cause: BadSource}
	}
	guarded := r.guard != nil && !s.listener.internal && !s.again
	suspect := guarded && !r.guard.Source(p.At, p.Flow.Remote, p.Flow.Protocol)
	if suspect && !r.guard.SecondLook(p.At, p.Flow.Remote, p.Flow.Protocol) {
		return Outcome{Cause: Guarded}
	}
	s.in, s.at = p.Flow, p.At
	s.mark, s.text, s.path = 0, "", nil
	s.edit.Reset()
	var err error
	if p.Flow.Protocol == transport.UDP {
		err = s.m.Parse(p.Data, r.limits.Load())
	} else {
		err = s.m.ParseStream(p.Data, r.limits.Load())
	}
	s.m.TopViaInto(&s.via)
	if s.sentBy = (netip.Addr{}); s.m.IsRequest() {
		s.sentBy, _ = wire.ParseAddr(s.via.Host)
	}
	if suspect && (err != nil || !r.vouched(s)) {
		return Outcome{Cause: Guarded}
	}
	if err != nil {
		return r.malformed(s, err, dst)
	}
	switch {
	case !s.m.IsRequest():
		return r.response(s, dst)
	case s.listener.internal:
		return r.outward(s, dst)
	case guarded:
		if o, done := r.guardRequest(s, dst); done {
			return o
		}
	}
	return r.inward(s, dst)
}

// answerableSource tells addresses that nothing may ever be sent to.
func answerableSource(a netip.AddrPort) bool {
	ip := a.Addr()
	return ip.IsValid() && a.Port() != 0 && !ip.IsUnspecified() && !ip.IsMulticast() && ip != broadcast
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

func (r *Relay) malformed(s *Scratch, err error, dst []byte) Outcome {
	o := Outcome{Cause: Malformed}
	we, ok := errors.AsType[*wire.Error](err)
	if !ok {
		return o
	}
	o.Reason = we.Reason
	status := we.Status
	if r.guard != nil && !s.listener.internal {
		status = r.guard.Malformed(s.at, s.in.Remote, s.in.Protocol, we.Reason, status)
	}
	return r.reply(s, o, status, dst)
}

// ServeSIP implements [transport.Handler].
func (r *Relay) ServeSIP(batch []transport.Packet, out *transport.Outbox) {
	s := r.scratch.Get().(*Scratch)
	var causes [numCauses]uint32
	var kinds [numKinds]uint32
	for i := range batch {
		s.last, s.again, s.queued = false, false, false
		o := r.handle(s, &batch[i], out.Buffer())
		if o.Cause.waits() && !r.parked.add(batch[i], s.callOf(o.Cause)) {
			s.last = true // no room to wait
			o = r.handle(s, &batch[i], out.Buffer())
		}
		if o.Cause.read() {
			kinds[kind(&s.m)]++
		}
		o = r.send(s, o, out)
		causes[o.Cause]++
		if o.Cause == Malformed {
			r.refused[o.Reason].Add(1)
		}
	}
	if i := int(batch[0].Flow.Listener); i < len(r.listeners) { // a batch is of one listener
		for k, n := range kinds {
			if n > 0 {
				r.listeners[i].kinds[k].Add(uint64(n))
			}
		}
	}
	for c, n := range causes {
		if n > 0 {
			r.causes[c].Add(uint64(n))
		}
	}
	out.Refused(int(causes[Malformed] + causes[Guarded] + causes[Refused] + causes[BadSource] + causes[ForeignVia]))
	r.scratch.Put(s)
}

// send sends what o says and returns what became of it.
func (r *Relay) send(s *Scratch, o Outcome, out *transport.Outbox) Outcome {
	if o.Data == nil {
		return o
	}
	if r.repair != nil && o.Cause.Relayed() {
		if o = r.notice(s, o); o.Data == nil {
			return o
		}
	}
	if err := out.Send(o.Flow, o.Data); err != nil {
		return r.unsent(s, o, err, out)
	}
	if r.repair != nil {
		r.remember(s, o)
	}
	return o
}

// unsent answers the request that o wanted to send but the transport did not
// take. s still holds that request.
func (r *Relay) unsent(s *Scratch, o Outcome, err error, out *transport.Outbox) Outcome {
	gone := errors.Is(err, transport.ErrFlowGone)
	if gone && r.inside != nil {
		if o, ok := r.sidestep(s, o, out); ok {
			return o
		}
	}
	if o.Cause != RequestIn && o.Cause != RequestOut {
		return Outcome{Cause: Unsendable}
	}
	cause := NoListener
	switch {
	case gone && o.Cause == RequestIn:
		cause = Disconnected
	case gone:
		cause = FlowGone
	case errors.Is(err, transport.ErrTooLarge):
		cause = TooLarge
	}
	s.edit.Reset()
	o = r.refuse(s, cause, out.Buffer())
	if o.Data != nil {
		_ = out.Send(o.Flow, o.Data) // the transport counts what it drops
	}
	return o
}

// SetLimits exchanges the bounds of messages, as Config.Limits; nil is the default
// of package wire. limits must not change afterwards.
func (r *Relay) SetLimits(limits *wire.Limits) { r.limits.Store(limits) }

// SetEmergency exchanges the numbers of emergency services, as Config.Emergency.
func (r *Relay) SetEmergency(e *overload.Emergency) { r.emergency.Store(e) }

// Stats returns the counters of all messages that went through ServeSIP.
func (r *Relay) Stats() Stats {
	st := Stats{Refused: map[wire.Reason]uint64{}}
	for c := range r.causes {
		st.Causes[c] = r.causes[c].Load()
	}
	for reason := range wire.Reasons {
		if n := r.refused[reason].Load(); n > 0 {
			st.Refused[reason] = n
		}
	}
	return st
}

// compose writes the edited message for flow.
func (r *Relay) compose(s *Scratch, cause Cause, flow transport.Flow, dst []byte) Outcome {
	if flow.Protocol != transport.UDP {
		s.edit.EnsureContentLength()
	}
	data, err := s.m.Append(dst, &s.edit)
	if err != nil {
		return Outcome{Cause: Internal}
	}
	return Outcome{Cause: cause, Flow: flow, Data: data}
}
