package proxy

import (
	"bytes"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/internal/script"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// TestScripts runs the message flows of testdata. See world for the commands.
func TestScripts(t *testing.T) {
	script.RunDir(t, "testdata", func(t *testing.T) func(*script.Command) string {
		return newWorld(t).do
	})
}

var (
	epoch  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	local  = netip.MustParseAddrPort("192.0.2.1:5060")
	remote = map[string]netip.AddrPort{
		"alice": netip.MustParseAddrPort("192.0.2.10:5060"),
		"bob":   netip.MustParseAddrPort("192.0.2.20:5060"),
		"carol": netip.MustParseAddrPort("192.0.2.30:5060"),
		"dave":  netip.MustParseAddrPort("192.0.2.40:5060"), // over TCP
	}
)

func flowOf(name string) transport.Flow {
	f := transport.Flow{Protocol: transport.UDP, Local: local, Remote: remote[name]}
	if name == "dave" {
		f.Protocol, f.Generation = transport.TCP, 1
	}
	return f
}

func nameOf(f transport.Flow) string {
	for name, addr := range remote {
		if addr == f.Remote {
			return name
		}
	}
	return f.Remote.String()
}

// world is a proxy whose owner does what a script says. Commands:
//
//	plan [NAME...] [| NAME...] [timeout=d] [rr] [edit|veto|call] [path|strict] [moved=NAME]
//	        what to do with requests outside of a dialog: groups of targets,
//	        ring time of all groups, Record-Route; hooks that edit bodies,
//	        refuse branches, or only show themselves; targets behind a Path or
//	        a strict router; whom to try in place of the first 3xx
//	in NAME METHOD|STATUS [uri=] [branch=] [cseq=] [to=tag] [mf=] [via=] [of=METHOD]
//	        a message comes; lines below are header lines and, behind an empty
//	        one written as ".", the body
//	bounce NAME METHOD [uri=]   NAME sends the last such request back to us
//	cancel [reason=r]     the owner ends the last context
//	advance DURATION
//	break NAME, mend      sending to NAME fails; everything works again
//	auto                  CANCELs and final refusals are from now on answered by
//	                      the other side without a word
//	show NAME METHOD|response   the last such message to NAME, whole
//	stats
//
// Requests with a To tag are relayed, all others go by the plan.
type world struct {
	t       *testing.T
	layer   *transaction.Layer
	proxy   *Proxy
	now     time.Time
	out     strings.Builder
	plan    *script.Command
	custom  Call
	last    *Context
	broken  string
	auto    bool
	answers []func()          // what auto has to do after the command
	sent    map[string][]byte // by name and method, or name and "response"
	message wire.Message
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: epoch, sent: map[string][]byte{}, plan: &script.Command{}}
	var n byte
	w.layer = transaction.New(transaction.Config{Send: w.send, User: w, Random: func(b []byte) {
		for i := range b {
			b[i] = n
			n++
		}
	}})
	w.proxy = New(Config{
		Layer:      w.layer,
		SentBy:     func(transport.Flow) string { return local.String() },
		Self:       func(host []byte, port uint16) bool { return string(host) == "192.0.2.1" && (port == 5060 || port == 0) },
		Resolve:    Numeric(flowOf("alice")),
		Extensions: []string{"known"},
	})
	return w
}

func (w *world) logf(format string, args ...any) {
	fmt.Fprintf(&w.out, "%.3f ", w.now.Sub(epoch).Seconds())
	fmt.Fprintf(&w.out, format+"\n", args...)
}

func (w *world) send(flow transport.Flow, b []byte) error {
	name := nameOf(flow)
	if name == w.broken {
		return transport.ErrFlowGone
	}
	var m wire.Message
	if err := m.Parse(b, nil); err != nil {
		w.t.Errorf("sent what cannot be read: %v\n%s", err, b)
	}
	kind := "response"
	if m.IsRequest() {
		kind = m.Method().String()
	}
	w.sent[name+kind] = bytes.Clone(b)
	if w.auto {
		w.answer(name, bytes.Clone(b), &m)
	}
	w.logf("%s <- %s", name, describe(&m))
	return nil
}

func describe(m *wire.Message) string {
	n, method := m.CSeq()
	s := fmt.Sprintf("%d %s", m.Status(), method)
	if m.IsRequest() {
		s = fmt.Sprintf("%s %s", m.MethodName(), m.RequestURI())
	}
	if n != 1 {
		s += fmt.Sprintf(" cseq=%d", n)
	}
	if tag := m.ToTag(); tag != nil {
		s += " to=" + string(tag)
	}
	return s
}

func (w *world) Request(now time.Time, tx *transaction.Server, m *wire.Message) {
	if len(m.ToTag()) > 0 {
		way, err := w.proxy.Way(m)
		w.logf("owner: way uri=%s own=%s next=%s %v", way.URI, way.Own, way.Next, err)
		w.last = w.proxy.Relay(now, tx, m, w.call(tx))
		return
	}
	if w.has("later") {
		return
	}
	plan := Plan{Groups: w.groups(), Call: w.call(tx)}
	if w.has("rr") {
		plan.RecordRoute = []byte("<sip:192.0.2.1;lr;did=7>")
	}
	w.last = w.proxy.Start(now, tx, m, plan)
}

func (w *world) has(word string) bool {
	for _, s := range w.plan.Words {
		if s == word {
			return true
		}
	}
	return false
}

func (w *world) groups() []Group {
	timeout, _ := time.ParseDuration(w.plan.Arg("timeout", "0s"))
	groups := []Group{{Timeout: timeout}}
	for _, s := range w.plan.Words {
		if s == "|" {
			groups = append(groups, Group{Timeout: timeout})
		}
		addr, ok := remote[s]
		if !ok {
			continue
		}
		t := Target{URI: []byte("sip:" + s + "@" + addr.String()), Value: s}
		switch {
		case w.has("path"):
			t.URI = []byte("sip:" + s + "@198.51.100.7:4321")
			t.Route = [][]byte{[]byte("<sip:token@" + addr.String() + ";lr;ob>"), []byte("<sip:203.0.113.5;lr>")}
		case w.has("strict"):
			t.Route = [][]byte{[]byte("<sip:strict@" + addr.String() + ">")}
		case s == "dave":
			t.Flow = flowOf(s)
		}
		last := &groups[len(groups)-1]
		last.Targets = append(last.Targets, t)
	}
	return groups
}

// hooks is a Call that logs and, when the plan says so, edits bodies.
type hooks struct {
	w  *world
	tx *transaction.Server
}

func (w *world) call(tx *transaction.Server) Call {
	if w.custom != nil {
		return w.custom
	}
	if !w.has("call") && !w.has("edit") && !w.has("veto") {
		return nil
	}
	return &hooks{w, tx}
}

func (h *hooks) Forward(_ time.Time, b *Branch, m *wire.Message, e *wire.Edit) error {
	h.w.logf("call: forward %s to %s", m.MethodName(), nameOf(b.Flow()))
	if h.w.has("edit") {
		e.SetBody("application/sdp", []byte("offer for "+nameOf(b.Flow())))
	}
	if h.w.has("veto") {
		return &Refusal{Status: 488}
	}
	return nil
}

func (h *hooks) Response(_ time.Time, c *Context, b *Branch, m *wire.Message, e *wire.Edit) {
	from := "here"
	if b != nil {
		from = nameOf(b.Flow())
	}
	method := "none"
	if req := c.Request(); req != nil {
		method = req.Method().String()
	}
	h.w.logf("call: response %d from %s to %s", m.Status(), from, method)
	if h.w.has("edit") && len(m.Body()) > 0 {
		e.SetBody("application/sdp", []byte("answer of "+from))
	}
}

func (h *hooks) Ended(_ time.Time, c *Context) {
	h.w.logf("call: ended %d", c.Server().Status())
}

func (h *hooks) BranchEnded(_ time.Time, b *Branch, status int) {
	h.w.logf("call: branch %s %d", nameOf(b.Flow()), status)
}

func (h *hooks) Redirected(_ time.Time, b *Branch, m *wire.Message) []Group {
	to := h.w.plan.Arg("moved", "")
	if to == "" || nameOf(b.Flow()) == to {
		return nil
	}
	h.w.logf("call: %d from %s, on to %s", m.Status(), nameOf(b.Flow()), to)
	return []Group{{Targets: []Target{{URI: []byte("sip:" + to + "@" + remote[to].String())}}}}
}

func (w *world) Ack(_ time.Time, m *wire.Message, _ transport.Flow) {
	if err := w.proxy.Ack(m, nil); err != nil {
		w.logf("owner: ACK lost: %v", err)
	}
}

func (w *world) Cancel(now time.Time, tx *transaction.Server, m *wire.Message) {
	if !w.proxy.Cancel(now, tx, m) {
		w.logf("owner: CANCEL without context")
	}
}

func (w *world) Stray(_ time.Time, m *wire.Message, from transport.Flow) {
	w.logf("owner: stray %s from %s", describe(m), nameOf(from))
}

func (w *world) ServerFailed(now time.Time, tx *transaction.Server, err error) {
	w.logf("owner: server failed: %v", err)
	w.proxy.ServerFailed(now, tx)
}

// answer prepares the 200 to a CANCEL, or the ACK to a refusal.
func (w *world) answer(name string, b []byte, m *wire.Message) {
	var reply []byte
	_, method := m.CSeq()
	switch {
	case m.Method() == wire.CANCEL:
		reply, _ = wire.AppendResponse(nil, m, 200, "", name)
	case m.Status() >= 300 && string(method) == "INVITE":
		text := string(b[bytes.Index(b, []byte("\r\n")):])
		reply = []byte("ACK sip:bob@example.com SIP/2.0" + strings.Replace(text, " INVITE", " ACK", 1))
	default:
		return
	}
	w.answers = append(w.answers, func() {
		if err := w.message.Parse(reply, nil); err != nil {
			w.t.Fatalf("%v\n%s", err, reply)
		}
		w.layer.Receive(w.now, &w.message, flowOf(name))
	})
}

func (w *world) do(c *script.Command) string {
	w.out.Reset()
	w.carryOut(c)
	w.flush()
	return w.out.String()
}

func (w *world) flush() {
	for len(w.answers) > 0 {
		do := w.answers[0]
		w.answers = w.answers[1:]
		do()
	}
}

func (w *world) carryOut(c *script.Command) {
	switch c.Name {
	case "auto":
		w.auto = true
	case "plan":
		w.plan = c
	case "in":
		w.in(c)
	case "bounce":
		w.bounce(c)
	case "cancel":
		w.last.Cancel(w.now, []byte(c.Arg("reason", "")))
	case "advance":
		w.advance(c)
	case "break":
		w.broken = c.Word(0)
	case "mend":
		w.broken = ""
	case "show":
		w.out.WriteString(w.show(c))
	case "stats":
		w.stats()
	default:
		w.t.Fatalf("line %d: no command %q", c.Line, c.Name)
	}
}

func (w *world) in(c *script.Command) {
	b := w.compose(c)
	if err := w.message.Parse(b, nil); err != nil {
		w.t.Fatalf("line %d: %v\n%s", c.Line, err, b)
	}
	w.layer.Receive(w.now, &w.message, flowOf(c.Word(0)))
}

func (w *world) bounce(c *script.Command) {
	var m wire.Message
	if err := m.Parse(w.sent[c.Word(0)+c.Word(1)], nil); err != nil {
		w.t.Fatal(err)
	}
	var e wire.Edit
	e.RequestURI([]byte(c.Arg("uri", "sip:bob@example.com")))
	e.Prepend(wire.HdrVia, []byte("SIP/2.0/UDP "+remote[c.Word(0)].String()+";branch=z9hG4bKbounce"+strconv.Itoa(c.Line)))
	b, err := m.Append(nil, &e)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.message.Parse(b, nil); err != nil {
		w.t.Fatal(err)
	}
	w.layer.Receive(w.now, &w.message, flowOf(c.Word(0)))
}

func (w *world) compose(c *script.Command) []byte {
	extra, body := c.Input, ""
	for i, line := range c.Input {
		if line == "." {
			extra, body = c.Input[:i], strings.Join(c.Input[i+1:], "\r\n")
		}
	}
	var head string
	if status, err := strconv.Atoi(c.Word(1)); err == nil {
		head = w.composeResponse(c, status)
	} else {
		head = composeRequest(c)
	}
	for _, line := range extra {
		head += strings.ReplaceAll(line, "_", "\r\n ") + "\r\n"
	}
	return fmt.Appendf(nil, "%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
}

func (w *world) composeResponse(c *script.Command, status int) string {
	of := c.Arg("of", "INVITE")
	var req wire.Message
	if err := req.Parse(w.sent[c.Word(0)+of], nil); err != nil {
		w.t.Fatalf("line %d: %s got no %s", c.Line, c.Word(0), of)
	}
	b, err := wire.AppendResponse(nil, &req, status, "", c.Arg("to", c.Word(0)))
	if err != nil {
		w.t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(b), "Content-Length")
	return head
}

func composeRequest(c *script.Command) string {
	method, to := c.Word(1), c.Arg("to", "")
	if to != "" {
		to = ";tag=" + to
	}
	forwards := "Max-Forwards: " + c.Arg("mf", "70") + "\n"
	if c.Arg("mf", "") == "none" {
		forwards = ""
	}
	return strings.ReplaceAll(fmt.Sprintf("%s %s SIP/2.0\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s\n"+
		"%sFrom: <sip:alice@example.com>;tag=a\nTo: <sip:bob@example.com>%s\nCall-ID: call\nCSeq: %s %s\n",
		method, c.Arg("uri", "sip:bob@example.com"), c.Arg("via", remote[c.Word(0)].String()), c.Arg("branch", "1"),
		forwards, to, c.Arg("cseq", "1"), method), "\n", "\r\n")
}

// Loop marks and stateless branches are hashes with a random key.
var marks = regexp.MustCompile(`(branch=z9hG4bK)(a[0-9a-z]{6,}|\w{16})\.[0-9a-z]+`)

func (w *world) show(c *script.Command) string {
	text := strings.ReplaceAll(string(w.sent[c.Word(0)+c.Word(1)]), "\r\n", "\n")
	text = marks.ReplaceAllString(text, "${1}OURS")
	text = strings.ReplaceAll(text, "\n\n", "\n.\n") // an empty line would end the block
	return strings.TrimRight(text, "\n")
}

// advance jumps from deadline to deadline, so that the log has exact times.
func (w *world) advance(c *script.Command) {
	d, err := time.ParseDuration(c.Word(0))
	if err != nil {
		w.t.Fatal(err)
	}
	end := w.now.Add(d)
	for {
		next, ok := w.layer.Next()
		if !ok || next.After(end) {
			break
		}
		w.now = next
		w.layer.Advance(w.now)
		w.flush()
	}
	w.now = end
	w.layer.Advance(w.now)
}

func (w *world) stats() {
	for _, f := range strings.Fields(strings.Trim(fmt.Sprintf("%+v", w.proxy.Stats()), "{}")) {
		if name, n, _ := strings.Cut(f, ":"); n != "0" {
			fmt.Fprintf(&w.out, "%s %s\n", name, n)
		}
	}
	s := w.layer.Stats()
	fmt.Fprintf(&w.out, "alive: %d servers, %d clients\n", s.Servers, s.Clients)
}
