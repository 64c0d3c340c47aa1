package proxy

import (
	"fmt"
	"strings"
	"time"

	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// caller is a user agent that calls once, cancels after a while or not, and
// hangs up every dialog it gets.
type caller struct {
	*node
	cancelAfter time.Duration
	talk        time.Duration
	proxy       transport.Flow

	client   *transaction.Client
	timer    transaction.Timer
	dialogs  map[string]*leg // by To tag
	refusals int             // final responses other than 2xx
	refused  int             // the last of them
	failed   error
	mixed    bool // a 2xx after a refusal, or the other way round
}

// leg is a dialog of the caller.
type leg struct {
	c     *caller
	ack   []byte
	bye   []byte
	timer transaction.Timer
	ended int // status of BYE
}

func request(method, branch, to, uri, routes string, cseq int) []byte {
	return []byte(strings.ReplaceAll(fmt.Sprintf("%s %s SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=%s\n%sMax-Forwards: 70\n"+
		"From: <sip:alice@example.com>;tag=a\nTo: <sip:bob@example.com>%s\nCall-ID: call\nCSeq: %d %s\nContent-Length: 0\n\n",
		method, uri, branch, routes, to, cseq, method), "\n", "\r\n"))
}

func (c *caller) call() {
	c.dialogs = map[string]*leg{}
	branch := string(c.layer.AppendBranch(nil))
	var err error
	if c.client, err = c.layer.NewClient(c.net.now, request("INVITE", branch, "", "sip:bob@example.com", "", 1), c.proxy, c); err != nil {
		c.net.t.Fatal(err)
	}
	c.layer.Start(&c.timer, c.net.now.Add(c.cancelAfter), c)
}

func (c *caller) Expire(now time.Time) { c.client.Cancel(now, nil) }

func (c *caller) Response(now time.Time, _ *transaction.Client, m *wire.Message) {
	switch status := m.Status(); {
	case status < 200:
	case status < 300:
		c.mixed = c.mixed || c.refusals > 0
		c.answered(now, m)
	default:
		c.mixed = c.mixed || len(c.dialogs) > 0
		c.refusals++
		c.refused = status
	}
}

func (c *caller) Failed(_ time.Time, _ *transaction.Client, err error) { c.failed = err }

// answered acknowledges each 2xx and hangs up later, once for each dialog.
func (c *caller) answered(now time.Time, m *wire.Message) {
	tag := string(m.ToTag())
	l := c.dialogs[tag]
	if l == nil {
		contact := m.Values(wire.HdrContact)
		contact.Next()
		addr, _ := contact.NameAddr()
		var routes string
		for v := m.Values(wire.HdrRecordRoute); v.Next(); {
			routes = fmt.Sprintf("Route: %s\n", v.Value()) + routes
		}
		l = &leg{c: c}
		l.ack = request("ACK", string(c.layer.AppendBranch(nil)), ";tag="+tag, string(addr.URI), routes, 1)
		l.bye = request("BYE", string(c.layer.AppendBranch(nil)), ";tag="+tag, string(addr.URI), routes, 2)
		c.dialogs[tag] = l
		c.layer.Start(&l.timer, now.Add(c.talk), l)
	}
	_ = c.layer.Send(c.proxy, l.ack)
}

func (l *leg) Expire(now time.Time) {
	if _, err := l.c.layer.NewClient(now, l.bye, l.c.proxy, l); err != nil {
		l.c.net.t.Fatal(err)
	}
}
func (l *leg) Response(_ time.Time, _ *transaction.Client, m *wire.Message) { l.ended = m.Status() }
func (l *leg) Failed(time.Time, *transaction.Client, error)                 { l.ended = 408 }

func (c *caller) Request(now time.Time, tx *transaction.Server, _ *wire.Message) {
	_ = tx.Reply(now, 501, "")
}
func (c *caller) Ack(time.Time, *wire.Message, transport.Flow)         {}
func (c *caller) Cancel(time.Time, *transaction.Server, *wire.Message) {}
func (c *caller) Stray(_ time.Time, _ *wire.Message, _ transport.Flow) {}

// callee is a user agent that rings and then answers as drawn.
type callee struct {
	*node
	ringAfter, answerAfter time.Duration
	ring                   bool
	answer                 int // final status, 0 for none

	tx      *transaction.Server
	request []byte
	step    transaction.Timer
	resend  transaction.Timer
	ringing bool
	wait    time.Duration
	waited  time.Duration
	ok      []byte
	acked   bool
	hungUp  bool
	gaveUp  bool // 2xx never acknowledged
	final   int
	calls   int
}

func (u *callee) Request(now time.Time, tx *transaction.Server, m *wire.Message) {
	switch m.Method() {
	case wire.INVITE:
		u.calls++
		u.tx, u.request = tx, append([]byte(nil), m.Bytes()...)
		u.layer.Start(&u.step, now.Add(u.ringAfter), u)
	case wire.BYE:
		u.hungUp = true
		u.layer.Stop(&u.resend)
		_ = tx.Reply(now, 200, "")
	}
}

func (u *callee) respond(now time.Time, status int) []byte {
	var m wire.Message
	if err := m.Parse(u.request, nil); err != nil {
		u.net.t.Fatal(err)
	}
	contact := wire.Field{ID: wire.HdrContact, Value: []byte("<sip:" + u.addr.String() + ">")}
	b, err := wire.AppendResponse(nil, &m, status, "", "t"+u.addr.Addr().String(), contact)
	if err != nil {
		u.net.t.Fatal(err)
	}
	_ = u.tx.Respond(now, b) // late when cancelled: that is the point
	return b
}

// Expire goes from silence to ringing to the answer.
func (u *callee) Expire(now time.Time) {
	if !u.ringing && u.ring {
		u.ringing = true
		u.respond(now, 180)
		u.layer.Start(&u.step, now.Add(u.answerAfter), u)
		return
	}
	if u.final != 0 {
		return
	}
	if u.answer == 0 { // nobody is there; a phone gives up long after everybody else
		u.answer = 480
		u.layer.Start(&u.step, now.Add(5*time.Minute), u)
		return
	}
	u.final = u.answer
	b := u.respond(now, u.answer)
	if u.answer == 200 {
		u.ok, u.wait = b, 500*time.Millisecond
		u.layer.Start(&u.resend, now.Add(u.wait), (*repeater)(u))
	}
}

// repeater sends the 2xx again until the ACK comes (RFC 3261 section 13.3.1.4).
type repeater callee

func (r *repeater) Expire(now time.Time) {
	if r.waited += r.wait; r.waited >= 32*time.Second {
		r.gaveUp = true
		return
	}
	_ = r.tx.Respond(now, r.ok)
	r.wait = min(2*r.wait, 4*time.Second)
	r.layer.Start(&r.resend, now.Add(r.wait), r)
}

func (u *callee) Ack(time.Time, *wire.Message, transport.Flow) {
	u.acked = true
	u.layer.Stop(&u.resend)
}

func (u *callee) Cancel(now time.Time, _ *transaction.Server, _ *wire.Message) {
	if u.final == 0 {
		u.final = 487
		u.layer.Stop(&u.step)
		u.respond(now, 487)
	}
}
func (u *callee) Stray(time.Time, *wire.Message, transport.Flow) {}

// middle is the proxy under test with an owner that forks to all callees.
type middle struct {
	*node
	proxy   *Proxy
	groups  func() []Group
	started int
	ended   int
	branch  map[int]int // statuses of branches

	shown    int // responses of branches that were shown as they came
	followed int // and those whose redirection was asked for
}

// foresee holds what the proxy says of a response before its transaction takes
// it against what happens then.
func (p *middle) foresee(m *wire.Message) func() {
	b := p.proxy.Branch(m)
	p.shown, p.followed = 0, 0
	shows, follows := 0, 0
	if b != nil && b.Shows(m) {
		shows = 1
	}
	if b != nil && b.Follows(m) {
		follows = 1
	}
	line := string(m.Bytes()[:min(40, len(m.Bytes()))])
	return func() {
		if p.shown != shows || p.followed != follows {
			p.net.t.Fatalf("%q was shown %d times and followed %d, foreseen %d and %d", line, p.shown, p.followed, shows, follows)
		}
	}
}

func (p *middle) Request(now time.Time, tx *transaction.Server, m *wire.Message) {
	p.started++
	if len(m.ToTag()) > 0 {
		p.proxy.Relay(now, tx, m, p)
		return
	}
	p.proxy.Start(now, tx, m, Plan{Groups: p.groups(), RecordRoute: []byte("<sip:10.0.0.2;lr>"), Call: p})
}
func (p *middle) Ack(_ time.Time, m *wire.Message, _ transport.Flow) {
	// Without our Route it is the ACK of a refusal that came after Timer H.
	if way, err := p.proxy.Way(m); err != nil || way.Own == nil {
		return
	}
	if err := p.proxy.Ack(m, nil); err != nil {
		p.net.t.Fatalf("ACK lost: %v\n%s", err, m.Bytes())
	}
}
func (p *middle) Cancel(now time.Time, tx *transaction.Server, m *wire.Message) {
	if !p.proxy.Cancel(now, tx, m) {
		p.net.t.Fatal("no context to cancel")
	}
}
func (p *middle) Stray(time.Time, *wire.Message, transport.Flow)              {}
func (p *middle) Forward(time.Time, *Branch, *wire.Message, *wire.Edit) error { return nil }
func (p *middle) Response(_ time.Time, _ *Context, b *Branch, m *wire.Message, _ *wire.Edit) {
	if b != nil && m.Status() < 300 {
		p.shown++
	}
}
func (p *middle) Redirected(time.Time, *Branch, *wire.Message) []Group {
	p.followed++
	return nil
}
func (p *middle) Ended(time.Time, *Context)                      { p.ended++ }
func (p *middle) BranchEnded(_ time.Time, _ *Branch, status int) { p.branch[status]++ }
