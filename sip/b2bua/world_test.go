package b2bua

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

const (
	host   = "192.0.2.1:5060"
	caller = "192.0.2.10:5060" // alice
	callee = "192.0.2.20:5060" // bob
	second = "192.0.2.30:5060" // bob's other phone
	record = "<sip:192.0.2.1:5060;lr;did=7>"
)

// sent is a message that the element sent.
type sent struct {
	wire.Message
	to string
}

func (s *sent) value(id wire.HeaderID) string {
	h, _ := s.First(id)
	return string(h.Value)
}

// world is a B2BUA with a clock and what its owner and its ledger saw.
type world struct {
	t     rapid.TB
	now   time.Time
	layer *transaction.Layer
	b     *B2BUA
	plan  Plan
	call  *Call
	out   []*sent
	view  wire.Message
	count int
	log   []string

	grant *Grant // what is answered at once, nil for nothing yet
	edit  func(p *Passage, m *wire.Message, e *wire.Edit) error
	end   bool     // the owner ends the call as it is answered
	shown []string // to the owner, of the message received last
}

func newWorld(t rapid.TB, cfg Config) *world {
	w := &world{t: t, now: time.Unix(1_000_000, 0)}
	w.layer = transaction.New(transaction.Config{User: w, Send: w.send})
	cfg.Layer, cfg.Host = w.layer, host
	cfg.SentBy = func(transport.Flow) string { return host }
	w.b = New(cfg)
	w.plan = Plan{ID: "call1", RecordRoute: record, Groups: []proxy.Group{{Targets: []proxy.Target{{URI: []byte("sip:bob@" + callee)}}}}}
	return w
}

func (w *world) send(f transport.Flow, b []byte) error {
	s := &sent{to: f.Remote.String()}
	if err := s.Parse(bytes.Clone(b), nil); err != nil {
		w.t.Fatalf("sent what cannot be read: %v\n%s", err, b)
	}
	w.out = append(w.out, s)
	return nil
}

// The world is the user of the layer.
func (w *world) Request(now time.Time, tx *transaction.Server, m *wire.Message) {
	switch {
	case len(m.ToTag()) > 0:
		if !w.b.Request(now, tx, m) {
			_ = tx.Reply(now, 481, "")
		}
	case m.Method() == wire.INVITE:
		plan := w.plan
		w.call = w.b.Start(now, tx, m, plan)
	default:
		_ = tx.Reply(now, 405, "")
	}
}
func (w *world) Ack(now time.Time, m *wire.Message, _ transport.Flow) { w.b.Ack(now, m) }
func (w *world) Cancel(now time.Time, tx *transaction.Server, m *wire.Message) {
	w.b.Cancel(now, tx, m)
}
func (w *world) ServerFailed(now time.Time, tx *transaction.Server, _ error) {
	w.b.ServerFailed(now, tx)
}
func (w *world) Stray(time.Time, *wire.Message, transport.Flow) {}

func (w *world) note(format string, v ...any) { w.log = append(w.log, fmt.Sprintf(format, v...)) }

// owner is the Handler, bank the Authorizer.
type owner struct{ *world }
type bank struct{ *world }

func (w owner) Request(_ time.Time, p *Passage, m *wire.Message, e *wire.Edit) error {
	if p.Target == nil {
		w.shown = append(w.shown, passed(p))
	}
	if w.edit != nil {
		return w.edit(p, m, e)
	}
	return nil
}

func (w owner) Response(_ time.Time, p *Passage, m *wire.Message, e *wire.Edit) error {
	if m.Status() < 300 {
		w.shown = append(w.shown, passed(p))
	}
	if w.edit != nil {
		return w.edit(p, m, e)
	}
	return nil
}

func (w owner) Answered(now time.Time, c *Call) {
	w.note("answered")
	if w.end {
		c.End(now, dialog.CauseAdministrative, 503, "")
	}
}
func (w owner) Ended(_ time.Time, c *Call) { cause, _ := c.Cause(); w.note("ended %v", cause) }
func (w owner) Warn(_ time.Time, _ *Call, left time.Duration) {
	w.note("warned %v", left)
}

func (w bank) Begin(now time.Time, c *Call) {
	w.call = c
	w.note("begin")
	w.answerCredit(now, c)
}

func (w bank) Renew(now time.Time, c *Call, used time.Duration) {
	w.note("renew %v", used)
	w.answerCredit(now, c)
}
func (w bank) End(_ time.Time, _ *Call, used time.Duration) { w.note("used %v", used) }

func (w *world) answerCredit(now time.Time, c *Call) {
	if w.grant != nil {
		c.Granted(now, *w.grant)
	}
}

func (w *world) lines() string {
	s := strings.Join(w.log, ", ")
	w.log = nil
	return s
}

func (w *world) receive(from, text string) {
	w.t.Helper()
	if err := w.view.Parse([]byte(text), nil); err != nil {
		w.t.Fatalf("%v\n%s", err, text)
	}
	foreseen, bare := w.foresee(&w.view), len(w.view.ToTag()) == 0
	request := w.view.IsRequest()
	w.shown = nil
	w.layer.Receive(w.now, &w.view, transport.Flow{Protocol: transport.UDP, Local: netip.MustParseAddrPort(host), Remote: netip.MustParseAddrPort(from)})
	// A request may be repeated or out of order, and is not shown then.
	if got := strings.Join(w.shown, ", "); got != foreseen && !bare && (got != "" || !request) {
		w.t.Errorf("%q was foreseen, and %q shown, of\n%s", foreseen, got, text)
	}
}

// foresee is what the B2BUA says the owner will be shown of a message before its
// transaction takes it.
func (w *world) foresee(m *wire.Message) string {
	if m.IsRequest() {
		if p := w.b.Passage(m); p != nil && m.Method() != wire.BYE {
			return passed(p)
		}
		return ""
	}
	if _, p := w.b.Answering(m); p != nil && m.Status() < 300 {
		return passed(p)
	}
	return ""
}

func passed(p *Passage) string {
	return fmt.Sprint(p.From, " ", p.Caller, " ", p.Callee, " ", p.Method, " ", p.Target != nil)
}

func (w *world) advance(d time.Duration) {
	end := w.now.Add(d)
	for range 1_000_000 {
		next, ok := w.layer.Advance(w.now)
		if !ok || next.After(end) {
			w.now = end
			w.layer.Advance(end)
			return
		}
		if next.After(w.now) {
			w.now = next
		}
	}
	w.t.Fatal("it never rests")
}

// take returns what was sent since the last time; short is that in words.
func (w *world) take() []*sent {
	out := w.out
	w.out = nil
	return out
}

func short(list []*sent) string {
	var words []string
	for _, s := range list {
		who := map[string]string{caller: "alice", callee: "bob", second: "bob2"}[s.to]
		if s.IsRequest() {
			words = append(words, fmt.Sprintf("%s>%s", s.MethodName(), who))
			continue
		}
		_, method := s.CSeq()
		words = append(words, fmt.Sprintf("%d %s>%s", s.Status(), method, who))
	}
	return strings.Join(words, ", ")
}

// expect takes what was sent and compares.
func (w *world) expect(want string) []*sent {
	w.t.Helper()
	list := w.take()
	if got := short(list); got != want {
		w.t.Errorf("sent %q, want %q", got, want)
	}
	return list
}

func find(t rapid.TB, list []*sent, what string) *sent {
	t.Helper()
	for _, s := range list {
		if short([]*sent{s}) == what {
			return s
		}
	}
	t.Fatalf("no %s in %s", what, short(list))
	return nil
}

// compose writes a request of a phone.
func (w *world) compose(from, method, uri string, cseq int, headers []string, body string) string {
	w.count++
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKt%d\r\nMax-Forwards: 70\r\nCall-ID: 1@alice\r\nCSeq: %d %s\r\n",
		method, uri, from, w.count, cseq, method)
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

const alice = "From: <sip:alice@example.com>;tag=a"

// dial sends alice's INVITE and returns it.
func (w *world) dial(headers ...string) string {
	headers = append([]string{alice, "To: <sip:bob@example.com>", "Contact: <sip:alice@" + caller + ">", "Record-Route: <sip:" + caller + ";lr;edge>"}, headers...)
	inv := w.compose(caller, "INVITE", "sip:bob@example.com", 10, headers, "offer")
	w.receive(caller, inv)
	return inv
}

// respond answers a request that was sent to a phone.
func (w *world) respond(to *sent, status int, tag string, fields ...wire.Field) {
	w.t.Helper()
	if to.Method() == wire.INVITE && status > 100 && status < 300 {
		fields = append(fields, wire.Field{ID: wire.HdrContact, Value: []byte("<sip:" + tag + "@" + to.to + ">")})
		if len(to.ToTag()) == 0 {
			// AppendResponse copies our Record-Route; the callee's edge adds one.
			fields = append([]wire.Field{{ID: wire.HdrServer, Value: []byte("phone")}}, fields...)
		}
	}
	if status == 200 && (to.Method() == wire.INVITE || to.Method() == wire.UPDATE) {
		fields = append(fields, wire.Body("application/sdp", []byte("answer of "+tag)))
	}
	b, err := wire.AppendResponse(nil, &to.Message, status, "", tag, fields...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.receive(to.to, string(b))
}

// talk is an answered call.
type talk struct {
	*world
	toCaller, toCallee *sent // the 200, and the INVITE that was answered
	seqA, seqB         int
}

func (w *world) talk() *talk {
	w.t.Helper()
	w.dial()
	inv := find(w.t, w.take(), "INVITE>bob")
	w.respond(inv, 200, "b")
	x := &talk{world: w, toCallee: inv, seqA: 10}
	x.toCaller = find(w.t, w.take(), "200 INVITE>alice")
	x.ack()
	w.expect("ACK>bob")
	return x
}

func (x *talk) ack() { x.byCaller("ACK", 10, "") }

func (x *talk) byCaller(method string, seq int, body string, headers ...string) {
	headers = append([]string{alice, "To: " + x.toCaller.value(wire.HdrTo), "Contact: <sip:alice2@" + caller + ">", "Route: " + record}, headers...)
	x.receive(caller, x.compose(caller, method, "sip:call1@"+host, seq, headers, body))
}

func (x *talk) byCallee(method, body string, headers ...string) {
	x.seqB++
	headers = append([]string{"From: <sip:bob@example.com>;tag=b", "To: " + x.toCallee.value(wire.HdrFrom), "Contact: <sip:b2@" + callee + ">", "Route: " + record}, headers...)
	x.receive(callee, x.compose(callee, method, "sip:call1@"+host, x.seqB, headers, body))
}

// over checks that nothing is left and that the call was reported once.
func (w *world) over() {
	w.t.Helper()
	if n := w.b.Len(); n != 0 || len(w.b.local)+len(w.b.begun) != 0 {
		w.t.Errorf("%d calls and %d tags are left", n, len(w.b.local))
	}
}

func has(log []string, prefix string) int {
	return len(slices.DeleteFunc(slices.Clone(log), func(s string) bool { return !strings.HasPrefix(s, prefix) }))
}
