package dialog

import (
	"bytes"
	"container/heap"
	"errors"
	"strconv"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// Errors of Begin.
var (
	// ErrExists says that a call with this Call-ID and From tag is tracked already.
	ErrExists = errors.New("dialog: call is tracked already")
	// ErrFull says that MaxCalls is reached.
	ErrFull = errors.New("dialog: too many calls")
)

// Observer is told of the two moments that matter to billing and media.
// Callbacks run on the tracker's goroutine and must not call its methods.
type Observer interface {
	// Opened: the first 2xx of the call has passed; r.Answered is set.
	Opened(r *Record)
	// Closed: the record is gone from the tracker; r.Cause, r.Ended are set.
	// It is called once for every record that Begin returned.
	Closed(r *Record)
}

// Config of a Tracker. The zero value tracks up to 100,000 calls for 12 hours each.
type Config struct {
	Observer    Observer
	MaxCalls    int           // refuse beyond; 0 means 100,000
	MaxDuration time.Duration // longest call; 0 means 12 h, negative none
}

// Tracker follows the calls of one goroutine.
type Tracker struct {
	cfg   Config
	calls map[key]*Record
	due   deadlines
	seq   uint64
}

// key finds a record from either direction: one entry under the caller's tag.
type key struct{ callID, tag string }

// New makes an empty tracker.
func New(cfg Config) *Tracker {
	if cfg.MaxCalls == 0 {
		cfg.MaxCalls = 100_000
	}
	if cfg.MaxDuration == 0 {
		cfg.MaxDuration = 12 * time.Hour
	}
	return &Tracker{cfg: cfg, calls: make(map[key]*Record)}
}

// Len is the number of calls tracked now.
func (t *Tracker) Len() int { return len(t.calls) }

// Begin opens a record for an initial INVITE. id must be unique; self is the
// URI put into Record-Route for this call, by which the element finds itself
// in the route set of the answer (empty when it does not record-route).
func (t *Tracker) Begin(now time.Time, id, self string, invite *wire.Message, facts any) (*Record, error) {
	k := key{string(invite.CallID()), string(invite.FromTag())}
	if _, ok := t.calls[k]; ok {
		return nil, ErrExists
	}
	if len(t.calls) >= t.cfg.MaxCalls {
		return nil, ErrFull
	}
	n, _ := invite.CSeq()
	r := &Record{ID: id, CallID: k.callID, Invited: now, Facts: facts, self: self, at: -1}
	r.Legs[Caller] = Leg{Tag: k.tag, Party: headerValue(invite, wire.HdrFrom), CSeq: n, Target: contact(invite)}
	r.Legs[Callee] = Leg{Party: headerValue(invite, wire.HdrTo)}
	for v := invite.Values(wire.HdrRecordRoute); v.Next(); {
		r.Legs[Caller].Routes = append(r.Legs[Caller].Routes, string(v.Value()))
	}
	t.calls[k] = r
	return r, nil
}

// Response takes a response to the initial INVITE on its way upstream.
// A failure closes the record; a late 2xx to a closed one is ignored.
func (t *Tracker) Response(now time.Time, r *Record, resp *wire.Message) {
	status := resp.Status()
	if r.State == Ended || status < 101 {
		return
	}
	if _, method := resp.CSeq(); string(method) != "INVITE" {
		return
	}
	switch {
	case status < 200:
		if r.Ringing.IsZero() {
			r.Ringing = now
		}
	case status < 300:
		t.answered(now, r, resp)
	case r.State == Early:
		r.Status = status
		cause := CauseRefused
		if status == 487 {
			cause = CauseCancelled
		}
		t.End(now, r, cause)
	}
}

func (t *Tracker) answered(now time.Time, r *Record, resp *wire.Message) {
	tag := string(resp.ToTag())
	if r.open[tag] != nil || len(r.open) >= maxEnds {
		return // repeated before its ACK, or one of too many
	}
	e := &end{leg: Leg{
		Tag: tag, Party: headerValue(resp, wire.HdrTo), Target: contact(resp), Routes: routesAbove(resp, r.self),
		CSeq: r.Legs[Callee].CSeq,
	}}
	if r.State == Confirmed { // a second branch answered
		r.open[tag] = e
		return
	}
	r.State, r.Status, r.Answered = Confirmed, resp.Status(), now
	r.open = map[string]*end{tag: e}
	r.Legs[Callee] = e.leg
	t.refresh(now, r, resp)
	if t.cfg.Observer != nil {
		t.cfg.Observer.Opened(r)
	}
}

// Lookup finds the record of a message inside a dialog and the side that sent it
// (for a response: the side that sent the request).
func (t *Tracker) Lookup(m *wire.Message) (*Record, Side, bool) {
	callID, from, to := string(m.CallID()), string(m.FromTag()), string(m.ToTag())
	if r, ok := t.calls[key{callID, from}]; ok {
		return r, Caller, true
	}
	if r, ok := t.calls[key{callID, to}]; ok {
		return r, Callee, true
	}
	return nil, 0, false
}

// Dialog is like Lookup for requests, and false when the tags fit no dialog of
// the call that is still open.
func (t *Tracker) Dialog(m *wire.Message) (*Record, Side, bool) {
	r, side, ok := t.Lookup(m)
	return r, side, ok && (r.State != Confirmed || r.open[calleeTag(m, side)] != nil)
}

// calleeTag is the tag of the callee in a request of a side.
func calleeTag(m *wire.Message, side Side) string {
	if side == Callee {
		return string(m.FromTag())
	}
	return string(m.ToTag())
}

// Request takes a request inside a dialog (it has a To tag) on its way through.
// It notes CSeq and target, and closes the record when the last of its dialogs
// gets a BYE; one that the caller never acknowledged does not keep it open. When
// other dialogs go on, r.Legs[Callee] becomes the callee of one of them. A BYE whose tags fit no dialog of the call changes nothing.
func (t *Tracker) Request(now time.Time, m *wire.Message) (*Record, Side, bool) {
	r, side, ok := t.Dialog(m)
	if !ok {
		return r, side, false
	}
	tag := calleeTag(m, side)
	switch n, _ := m.CSeq(); {
	case m.Method() == wire.ACK:
		if e := r.open[tag]; e != nil && side == Caller {
			e.acked = true
		}
	case n > r.Legs[side].CSeq:
		r.Legs[side].CSeq = n
	}
	if m.Method() == wire.BYE && r.State == Confirmed && t.hungUp(r, tag) {
		r.EndedBy = side
		t.End(now, r, CauseBye)
	}
	return r, side, true
}

// hungUp takes a dialog of a call out and reports whether the call is over.
// It is when no dialog is left that somebody could talk in: many callers never
// acknowledge the second answer to a fork, so that it ends by a time-out.
func (t *Tracker) hungUp(r *Record, tag string) bool {
	was := r.open[tag]
	delete(r.open, tag)
	var left *end
	for _, e := range r.open {
		if left == nil || e.acked && !left.acked || e.acked == left.acked && e.leg.Tag < left.leg.Tag {
			left = e
		}
	}
	if left == nil || was.acked && !left.acked {
		return true
	}
	if r.Legs[Callee].Tag == tag {
		r.Legs[Callee] = left.leg
	}
	return false
}

// InDialogResponse takes a response to a request inside the dialog. A 2xx to
// re-INVITE or UPDATE refreshes targets and the session timer (RFC 3261
// section 12.2, RFC 4028 section 8).
func (t *Tracker) InDialogResponse(now time.Time, req, resp *wire.Message) {
	if req.Method() != wire.INVITE && req.Method() != wire.UPDATE || resp.Status()/100 != 2 {
		return
	}
	r, side, ok := t.Lookup(resp)
	if !ok || r.State != Confirmed {
		return
	}
	if side == Caller && string(resp.ToTag()) != r.Legs[Callee].Tag || side == Callee && string(resp.FromTag()) != r.Legs[Callee].Tag {
		return // another of its dialogs
	}
	if c := contact(req); c != "" {
		r.Legs[side].Target = c
	}
	if c := contact(resp); c != "" {
		r.Legs[side.Other()].Target = c
	}
	t.refresh(now, r, resp)
}

// End closes a record for a cause that is not in a message. It does nothing
// when the record is closed already.
func (t *Tracker) End(now time.Time, r *Record, cause Cause) {
	if r.State == Ended {
		return
	}
	r.State, r.Cause, r.Ended = Ended, cause, now
	delete(t.calls, key{r.CallID, r.Legs[Caller].Tag})
	if r.at >= 0 {
		heap.Remove(&t.due, r.at)
	}
	if t.cfg.Observer != nil {
		t.cfg.Observer.Closed(r)
	}
}

// Each visits every tracked record until visit returns false.
func (t *Tracker) Each(visit func(*Record) bool) {
	for _, r := range t.calls {
		if !visit(r) {
			return
		}
	}
}

// Expired is a record that Advance closed: the owner sends BYE both ways.
type Expired struct{ Record *Record }

// Advance closes the records whose time is over, appends them to dst and says
// when it wants to be called next (false: no record has a limit).
func (t *Tracker) Advance(now time.Time, dst []Expired) ([]Expired, time.Time, bool) {
	for len(t.due) > 0 && !t.due[0].deadline.After(now) {
		r := t.due[0]
		cause := CauseMaxDuration
		if r.Session > 0 && r.deadline.Before(t.limit(r)) || t.limit(r).IsZero() {
			cause = CauseSessionExpired
		}
		t.End(now, r, cause)
		dst = append(dst, Expired{r})
	}
	if len(t.due) == 0 {
		return dst, time.Time{}, false
	}
	return dst, t.due[0].deadline, true
}

// limit is when the call is cut whatever its session timer says.
func (t *Tracker) limit(r *Record) time.Time {
	if t.cfg.MaxDuration < 0 {
		return time.Time{}
	}
	return r.Answered.Add(t.cfg.MaxDuration)
}

// refresh sets the deadline from a 2xx: Session-Expires there starts the
// interval anew, its absence ends session timing for the call.
func (t *Tracker) refresh(now time.Time, r *Record, resp *wire.Message) {
	r.Session = sessionExpires(resp)
	r.deadline = t.limit(r)
	if r.Session > 0 {
		if end := now.Add(r.Session); r.deadline.IsZero() || end.Before(r.deadline) {
			r.deadline = end
		}
	}
	switch {
	case r.deadline.IsZero() && r.at >= 0:
		heap.Remove(&t.due, r.at)
	case r.deadline.IsZero():
	case r.at >= 0:
		heap.Fix(&t.due, r.at)
	default:
		t.seq++
		r.order = t.seq
		heap.Push(&t.due, r)
	}
}

// headerValue is a value on one line, ready to be written again.
func headerValue(m *wire.Message, id wire.HeaderID) string {
	h, _ := m.First(id)
	return string(wire.AppendUnfolded(nil, h.Value))
}

func contact(m *wire.Message) string {
	v := m.Values(wire.HdrContact)
	if !v.Next() {
		return ""
	}
	addr, err := wire.ParseNameAddr(v.Value())
	if err != nil {
		return ""
	}
	return string(addr.URI)
}

// routesAbove are the Record-Route values that elements beyond us added, in
// the order in which a request towards the callee meets them. Later elements
// stand above earlier ones, so what stands above our own value lies beyond it.
func routesAbove(m *wire.Message, self string) []string {
	var routes []string
	for v := m.Values(wire.HdrRecordRoute); v.Next(); {
		if addr, err := wire.ParseNameAddr(v.Value()); self != "" && err == nil && string(addr.URI) == self {
			break
		}
		routes = append(routes, string(v.Value()))
	}
	for i, j := 0, len(routes)-1; i < j; i, j = i+1, j-1 {
		routes[i], routes[j] = routes[j], routes[i]
	}
	return routes
}

// sessionExpires is 0 when the header is absent or unreadable (RFC 4028 section 4).
func sessionExpires(m *wire.Message) time.Duration {
	h, ok := m.First(wire.HdrSessionExpires)
	if !ok {
		return 0
	}
	digits, _, _ := bytes.Cut(h.Value, []byte{';'})
	n, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// deadlines is a min-heap.
type deadlines []*Record

func (d deadlines) Len() int { return len(d) }
func (d deadlines) Less(i, j int) bool {
	if d[i].deadline.Equal(d[j].deadline) {
		return d[i].order < d[j].order
	}
	return d[i].deadline.Before(d[j].deadline)
}
func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].at, d[j].at = i, j
}
func (d *deadlines) Push(x any) {
	r := x.(*Record)
	r.at = len(*d)
	*d = append(*d, r)
}
func (d *deadlines) Pop() any {
	old := *d
	r := old[len(old)-1]
	old[len(old)-1] = nil
	*d = old[:len(old)-1]
	r.at = -1
	return r
}
