package transaction

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/internal/script"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// TestScripts runs the message flows of testdata. See world for the commands.
func TestScripts(t *testing.T) {
	script.RunDir(t, "testdata", func(t *testing.T) func(*script.Command) string {
		w := newWorld(t)
		return w.do
	})
}

var (
	epoch   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	udpFlow = transport.Flow{Protocol: transport.UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("192.0.2.9:5060")}
	tcpFlow = transport.Flow{Protocol: transport.TCP, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("192.0.2.9:5060"), Generation: 1}
)

// world is a layer with a user that does what a script says. Commands:
//
//	layer [merged] [max=n]             make the layer anew
//	recv udp|tcp METHOD [param] [k=v]  a request comes: branch cseq uri from to call via; param of the top Via, _ is a fold
//	reply STATUS [METHOD] [to=tag]     a response comes to the last request of that method sent
//	respond STATUS [tx=n]              the user answers the n-th server transaction, the last by default
//	discard                            the user gives it up
//	client udp|tcp METHOD [branch=b]   the user sends a request
//	cancel [reason=r]                  the user cancels its last INVITE
//	advance DURATION
//	send ok|broken|full                what becomes of messages sent from now on
//	show METHOD                        the last request of that method sent, whole
//	via                                top Via of the last request the user got
//	states, stats                      what is alive, what was counted
type world struct {
	t       *testing.T
	layer   *Layer
	now     time.Time
	out     strings.Builder
	sendErr error
	servers []*Server
	replies map[*Server][]byte // request of each, to answer it even when it is over
	clients []*Client
	sent    map[string][]byte // last request sent by method
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: epoch}
	w.reset(Config{})
	return w
}

func (w *world) reset(cfg Config) {
	var seed byte
	cfg.User = w
	cfg.Send = w.send
	cfg.Random = func(b []byte) {
		for i := range b {
			b[i] = seed
			seed++
		}
	}
	w.layer = New(cfg)
	w.servers, w.clients = nil, nil
	w.replies, w.sent = map[*Server][]byte{}, map[string][]byte{}
}

func (w *world) logf(format string, args ...any) {
	fmt.Fprintf(&w.out, "%.3f ", w.now.Sub(epoch).Seconds())
	fmt.Fprintf(&w.out, format+"\n", args...)
}

func (w *world) send(flow transport.Flow, b []byte) error {
	if w.sendErr != nil {
		return w.sendErr
	}
	var m wire.Message
	if err := m.Parse(b, nil); err != nil {
		w.t.Errorf("layer sent what cannot be read: %v\n%s", err, b)
		return nil
	}
	if m.IsRequest() {
		w.sent[m.Method().String()] = bytes.Clone(b)
	}
	w.logf("%s <- %s", strings.ToLower(flow.Protocol.String()), describe(&m))
	return nil
}

// describe is a message in one line.
func describe(m *wire.Message) string {
	n, method := m.CSeq()
	var s string
	if m.IsRequest() {
		via, _ := m.TopVia()
		s = fmt.Sprintf("%s %s branch=%s", m.MethodName(), m.RequestURI(), bytes.TrimPrefix(via.Branch(), []byte(cookie)))
		if string(method) != string(m.MethodName()) {
			s += " CSEQ " + string(method)
		}
	} else {
		s = fmt.Sprintf("%d %s", m.Status(), method)
	}
	if n != 1 {
		s += fmt.Sprintf(" cseq=%d", n)
	}
	if tag := m.ToTag(); tag != nil {
		s += " to=" + string(tag)
	}
	return s
}

func (w *world) Request(_ time.Time, tx *Server, m *wire.Message) {
	if !bytes.Equal(m.Bytes(), tx.Request()) {
		w.t.Error("the message shown is not the request kept")
	}
	w.logf("user: %s", describe(m))
	w.servers = append(w.servers, tx)
	w.replies[tx] = bytes.Clone(m.Bytes())
}
func (w *world) Ack(_ time.Time, m *wire.Message, _ transport.Flow) { w.logf("user: %s", describe(m)) }
func (w *world) Cancel(_ time.Time, tx *Server, m *wire.Message) {
	for i, s := range w.servers {
		if s == tx {
			w.logf("user: cancel tx=%d", i+1)
		}
	}
}
func (w *world) Stray(_ time.Time, m *wire.Message, _ transport.Flow) {
	w.logf("user: stray %s", describe(m))
}
func (w *world) ServerFailed(_ time.Time, _ *Server, err error) {
	w.logf("user: server failed: %v", err)
}
func (w *world) Response(_ time.Time, _ *Client, m *wire.Message) {
	w.logf("client: %s", describe(m))
}
func (w *world) Failed(_ time.Time, _ *Client, err error) { w.logf("client: failed: %v", err) }

func (w *world) do(c *script.Command) string {
	w.out.Reset()
	switch c.Name {
	case "layer":
		limit, _ := strconv.Atoi(c.Arg("max", "0"))
		w.reset(Config{RefuseMerged: c.Word(0) == "merged", MaxTransactions: limit})
	case "recv":
		w.receive(composeRequest(c), flowNamed(c.Word(0)))
	case "reply":
		w.reply(c)
	case "respond":
		w.respond(c)
	case "discard":
		w.servers[len(w.servers)-1].Discard()
	case "client":
		req := composeRequest(c)
		cl, err := w.layer.NewClient(w.now, req, flowNamed(c.Word(0)), w)
		if err != nil {
			w.logf("error: %v", err)
			break
		}
		w.clients = append(w.clients, cl)
	case "cancel":
		var reason []byte
		if r := c.Arg("reason", ""); r != "" {
			reason = []byte(r)
		}
		w.clients[len(w.clients)-1].Cancel(w.now, reason)
	case "advance":
		w.advance(c)
	case "send":
		w.sendErr = map[string]error{"ok": nil, "broken": transport.ErrFlowGone, "full": transport.ErrQueueFull}[c.Word(0)]
	case "show":
		return strings.TrimRight(strings.ReplaceAll(string(w.sent[c.Word(0)]), "\r\n", "\n"), "\n")
	case "via":
		var m wire.Message
		if err := m.Parse(w.replies[w.servers[len(w.servers)-1]], nil); err != nil {
			w.t.Fatal(err)
		}
		via, _ := m.TopVia()
		return string(via.Raw)
	case "states":
		w.states()
	case "stats":
		w.stats()
	default:
		w.t.Fatalf("line %d: no command %q", c.Line, c.Name)
	}
	return w.out.String()
}

func flowNamed(name string) transport.Flow {
	if name == "tcp" {
		return tcpFlow
	}
	return udpFlow
}

func composeRequest(c *script.Command) []byte {
	method := c.Word(1)
	branch := c.Arg("branch", "1")
	if old, ok := strings.CutPrefix(branch, "old"); ok {
		branch = old // RFC 2543: anything, or nothing
	} else {
		branch = cookie + branch
	}
	if branch != "" {
		branch = ";branch=" + branch
	}
	if c.Word(2) != "" {
		branch += ";" + strings.ReplaceAll(c.Word(2), "_", "\n ")
	}
	to := c.Arg("to", "")
	if to != "" {
		to = ";tag=" + to
	}
	return []byte(strings.ReplaceAll(fmt.Sprintf(`%s %s SIP/2.0
Via: SIP/2.0/%s %s%s
Via: SIP/2.0/UDP caller.example.com;branch=z9hG4bKc
Route: <sip:edge.example.com;lr>, <sip:next.example.com;lr>
Max-Forwards: 69
From: <sip:alice@example.com>;tag=%s
To: <sip:bob@example.com>%s
Call-ID: %s
CSeq: %s %s
Content-Length: 0

`, method, c.Arg("uri", "sip:bob@example.com"), strings.ToUpper(c.Word(0)), c.Arg("via", "192.0.2.9:5060"), branch,
		c.Arg("from", "f"), to, c.Arg("call", "call"), c.Arg("cseq", "1"), method), "\n", "\r\n"))
}

func (w *world) receive(b []byte, from transport.Flow) {
	var m wire.Message
	if err := m.Parse(b, nil); err != nil {
		w.t.Fatalf("%v\n%s", err, b)
	}
	w.layer.Receive(w.now, &m, from)
}

func (w *world) reply(c *script.Command) {
	method := c.Word(1)
	if method == "" {
		method = "INVITE"
	}
	var req wire.Message
	if err := req.Parse(w.sent[method], nil); err != nil {
		w.t.Fatalf("line %d: no %s was sent", c.Line, method)
	}
	status, _ := strconv.Atoi(c.Word(0))
	b, err := wire.AppendResponse(nil, &req, status, "", c.Arg("to", "t"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.receive(b, udpFlow)
}

func (w *world) respond(c *script.Command) {
	n, err := strconv.Atoi(c.Arg("tx", strconv.Itoa(len(w.servers))))
	if err != nil {
		w.t.Fatal(err)
	}
	tx := w.servers[n-1]
	var req wire.Message
	if err := req.Parse(w.replies[tx], nil); err != nil {
		w.t.Fatal(err)
	}
	status, _ := strconv.Atoi(c.Word(0))
	b, err := wire.AppendResponse(nil, &req, status, "", c.Arg("to", "t"))
	if err != nil {
		w.t.Fatal(err)
	}
	if err := tx.Respond(w.now, b); err != nil {
		w.logf("error: %v", err)
	}
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
	}
	w.now = end
	w.layer.Advance(w.now)
}

func (w *world) states() {
	for i, s := range w.servers {
		fmt.Fprintf(&w.out, "tx=%d %s %s\n", i+1, s.Method(), s.State())
	}
	for i, c := range w.clients {
		fmt.Fprintf(&w.out, "client=%d %s %s\n", i+1, c.Method(), c.State())
	}
	s := w.layer.Stats()
	fmt.Fprintf(&w.out, "alive: %d servers, %d clients\n", s.Servers, s.Clients)
}

func (w *world) stats() {
	s := w.layer.Stats()
	fields := strings.Fields(strings.Trim(fmt.Sprintf("%+v", s), "{}"))
	for _, f := range fields {
		if name, n, _ := strings.Cut(f, ":"); n != "0" {
			fmt.Fprintf(&w.out, "%s %s\n", name, n)
		}
	}
}

func TestStatusOf(t *testing.T) {
	for text, want := range map[string]int{"SIP/2.0 200 OK\r\n": 200, "SIP/2.0 2": 0, "": 0, "SIP/2.0 2x0 OK": 0} {
		if got := statusOf([]byte(text)); got != want {
			t.Errorf("statusOf(%q) = %d, want %d", text, got, want)
		}
	}
}

func TestRespondRefusesWhatIsNoResponse(t *testing.T) {
	w := newWorld(t)
	w.do(&script.Command{Name: "recv", Words: []string{"udp", "OPTIONS"}})
	if err := w.servers[0].Respond(w.now, []byte("OPTIONS sip:a@b SIP/2.0\r\n")); !errors.Is(err, ErrRequest) {
		t.Errorf("got %v", err)
	}
}
