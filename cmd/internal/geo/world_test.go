package geo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// far is a media relay that writes down what it is asked.
type far struct {
	name string
	url  string

	mu    sync.Mutex
	asked []string
	err   error
	hold  chan struct{} // closed when it may answer
}

func (f *far) HandleNG(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	if req.Command == "ping" {
		return ng.Of("result", "pong"), nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hold != nil {
		select {
		case <-f.hold:
		case <-ctx.Done():
		}
	}
	d := req.Dict
	text := req.Command + " " + d.Str("call-id") + " " + d.Str("from-tag") + "=" + d.Str("to-tag")
	for _, key := range []string{"via-branch", "SIP-code", "delete-delay"} {
		if v, ok := d.Value(key); ok {
			text += fmt.Sprint(" ", key, "=", v)
		}
	}
	if w := d.Strings("direction"); len(w) == 2 {
		text += " " + w[0] + ">" + w[1]
	}
	if w := d.Strings("received-from"); len(w) == 2 {
		text += " from " + w[1]
	}
	f.asked = append(f.asked, text)
	if f.err != nil {
		return ng.Dict{}, f.err
	}
	return ng.Of("sdp", fmt.Sprintf("v=0\r\ns=%s %d\r\n", f.name, len(f.asked))), nil
}

// said are the commands since the last time.
func (f *far) said() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.asked
	f.asked = nil
	return list
}

func (f *far) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func newFar(t *testing.T, name string) *far {
	t.Helper()
	f := &far{name: name}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	f.url = "udp://" + conn.LocalAddr().String()
	ctx, stop := context.WithCancel(context.Background())
	server := ng.NewServer(f, ng.Config{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := server.ServeUDP(ctx, conn); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); wg.Wait() })
	return f
}

// edge shows messages to an Anchor, and again when it is woken.
type edge struct {
	*Anchor
	t    *testing.T
	wake chan struct{}
}

func newEdge(t *testing.T, change func(*Config), urls ...string) *edge {
	t.Helper()
	e := &edge{t: t, wake: make(chan struct{}, 1)}
	c := Config{Outside: "pub", Inside: "priv", Secret: []byte("secret"), Wake: func() {
		select {
		case e.wake <- struct{}{}:
		default:
		}
	}}
	for _, u := range urls {
		c.Relays = append(c.Relays, ng.Node{ClientConfig: ng.ClientConfig{URL: u, Timeout: 2 * time.Second, Tries: 1}})
	}
	if change != nil {
		change(&c)
	}
	var err error
	if e.Anchor, err = New(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

var client = netip.MustParseAddrPort("203.0.113.7:5060")

const sdp = "v=0\r\no=- 1 1 IN IP4 203.0.113.7\r\n"

// leg is a message's with a branch.
func leg(inward bool, branch string, d relay.Decision) relay.Leg {
	return relay.Leg{Inward: inward, Client: transport.Flow{Remote: client}, Branch: []byte(branch), Node: d.Node, Memo: d.Memo}
}

// message is one with tags, as "a" or "a b". start is a method or a status and a
// method.
func message(t *testing.T, start, tags, body string, more ...string) *wire.Message {
	t.Helper()
	from, to, _ := strings.Cut(tags, " ")
	if to != "" {
		to = ";tag=" + to
	}
	status, method, response := strings.Cut(start, " ")
	line := "SIP/2.0 " + status + " Text"
	if !response {
		method = start
		line = method + " sip:b@example.com SIP/2.0"
	}
	if body != "" && !strings.Contains(strings.Join(more, "\n"), "Content-Type") {
		more = append(more, "Content-Type: application/sdp")
	}
	text := line + "\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nFrom: <sip:a@example.com>;tag=" + from + "\r\nTo: <sip:b@example.com>" + to +
		"\r\nCall-ID: call@x\r\nCSeq: 7 " + method + "\r\nMax-Forwards: 70\r\n" + strings.Join(append(more, ""), "\r\n") + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	m := new(wire.Message)
	if err := m.Parse([]byte(text), nil); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return m
}

// request shows a request until it does not wait; body is what leaves.
func (e *edge) request(l relay.Leg, m *wire.Message) (d relay.Decision, body string) {
	e.t.Helper()
	e.until(func(edit *wire.Edit) bool {
		d = e.Anchor.Request(l, m, edit)
		body = e.left(m, edit)
		return d.Status != relay.Pending
	})
	return d, body
}

func (e *edge) response(l relay.Leg, m *wire.Message) (status int, body string) {
	e.t.Helper()
	e.until(func(edit *wire.Edit) bool {
		status = e.Anchor.Response(l, m, edit)
		body = e.left(m, edit)
		return status != relay.Pending
	})
	return status, body
}

func (e *edge) until(done func(*wire.Edit) bool) {
	e.t.Helper()
	for !done(new(wire.Edit)) {
		select {
		case <-e.wake:
		case <-time.After(10 * time.Second):
			e.t.Fatal("nobody wakes the message")
		}
	}
}

// left is the body of a message after its edits.
func (e *edge) left(m *wire.Message, edit *wire.Edit) string {
	e.t.Helper()
	b, err := m.Append(nil, edit)
	if err != nil {
		e.t.Fatal(err)
	}
	after := new(wire.Message)
	if err := after.Parse(b, nil); err != nil {
		e.t.Fatalf("%v\n%s", err, b)
	}
	if _, typed := after.First(wire.HdrContentType); typed && len(after.Body()) == 0 {
		e.t.Error("a type without a body")
	}
	return string(after.Body())
}

// settled waits until nothing is open.
func (e *edge) settled() {
	e.t.Helper()
	for end := time.Now().Add(10 * time.Second); e.Stats().Open > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			e.t.Fatal("questions stay open")
		}
	}
}

var errBad = errors.New("no common codec")
