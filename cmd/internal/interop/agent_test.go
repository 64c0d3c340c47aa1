//go:build interop

package interop

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/wire"
)

// agent is a user agent that sends exactly what a test wants.
type agent struct {
	t      *testing.T
	conn   net.Conn
	domain string
	phone
	auth   digest.Client
	claims string // address in Via and Contact, if not that of conn: behind NAT
	callID string
	cseq   int
	rest   []byte        // read from a connection, not looked at yet
	invite *wire.Message // the last call that came in and was answered
}

func newAgent(t *testing.T, network string, port int, domain string, p phone) *agent {
	t.Helper()
	host := "127.0.0.1"
	if ip := net.ParseIP(domain); ip != nil {
		host = domain
	}
	conn, err := net.Dial(network, net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	a := &agent{t: t, conn: conn, domain: domain, phone: p, auth: digest.Client{User: p.user, Password: p.password}}
	a.fresh()
	return a
}

// fresh begins another call.
func (a *agent) fresh() {
	a.callID, a.cseq = rand.Text(), 0
	a.auth.Forget()
}

func (a *agent) local() string {
	if a.claims != "" {
		return a.claims
	}
	return a.conn.LocalAddr().String()
}

// request is a request outside of dialogs; more are header lines to add or, by
// their names, to put in place of others.
func (a *agent) request(method, uri, to string, more ...string) []byte {
	a.cseq++
	lines := []string{
		"Via: SIP/2.0/" + strings.ToUpper(a.conn.LocalAddr().Network()) + " " + a.local() + ";branch=z9hG4bK" + rand.Text() + ";rport",
		"Max-Forwards: 70",
		"From: <sip:" + a.user + "@" + a.domain + ">;tag=f" + a.callID[:8],
		"To: <" + to + ">",
		"Call-ID: " + a.callID,
		"CSeq: " + strconv.Itoa(a.cseq) + " " + method,
		"Contact: <sip:" + a.user + "@" + a.local() + ">",
	}
next:
	for _, m := range more {
		name, _, _ := strings.Cut(m, ":")
		for i, l := range lines {
			if n, _, _ := strings.Cut(l, ":"); n == name {
				lines[i] = m
				continue next
			}
		}
		lines = append(lines, m)
	}
	return []byte(method + " " + uri + " SIP/2.0\r\n" + strings.Join(lines, "\r\n") + "\r\nContent-Length: 0\r\n\r\n")
}

func (a *agent) send(msg []byte) {
	a.t.Helper()
	if _, err := a.conn.Write(msg); err != nil {
		a.t.Fatal(err)
	}
}

// receive waits for the next message that fits, nil when none comes in time.
func (a *agent) receive(limit time.Duration, fits func(*wire.Message) bool) *wire.Message {
	a.t.Helper()
	_ = a.conn.SetReadDeadline(time.Now().Add(limit))
	for {
		b := a.rest
		if a.rest = nil; len(b) == 0 {
			b = make([]byte, 65536)
			n, err := a.conn.Read(b)
			if err != nil {
				return nil
			}
			b = b[:n]
		}
		m := new(wire.Message)
		if err := m.Parse(b, nil); err != nil {
			a.t.Errorf("received what cannot be read: %v\n%s", err, b)
			continue
		}
		if a.conn.LocalAddr().Network() == "tcp" { // another may have come with it
			a.rest = b[len(m.Bytes()):]
		}
		if fits(m) {
			return m
		}
	}
}

// final waits for the final response to the last request.
func (a *agent) final(limit time.Duration) *wire.Message {
	return a.receive(limit, func(m *wire.Message) bool {
		n, _ := m.CSeq()
		return !m.IsRequest() && m.Status() >= 200 && string(m.CallID()) == a.callID && int(n) == a.cseq
	})
}

// ask sends a request and returns its status, 0 without an answer.
func (a *agent) ask(msg []byte) (int, *wire.Message) {
	a.t.Helper()
	a.send(msg)
	m := a.final(3 * time.Second)
	if m == nil {
		return 0, nil
	}
	return m.Status(), m
}

// proved asks, and asks again with credentials for the challenge.
func (a *agent) proved(method, uri, to string, more ...string) (int, *wire.Message) {
	a.t.Helper()
	status, m := a.ask(a.request(method, uri, to, more...))
	if status != 401 && status != 407 {
		return status, m
	}
	a.challenged(m)
	return a.ask(a.request(method, uri, to, append(more, a.credentials(status, method, uri))...))
}

func (a *agent) challenged(m *wire.Message) {
	a.t.Helper()
	if _, err := a.auth.Challenged(m); err != nil {
		a.t.Fatalf("challenge: %v\n%s", err, m.Bytes())
	}
}

func (a *agent) credentials(status int, method, uri string) string {
	name := "Proxy-Authorization: "
	if status == 401 {
		name = "Authorization: "
	}
	return name + string(a.auth.AppendAuthorization(nil, method, []byte(uri), nil))
}

func (a *agent) register() {
	a.t.Helper()
	a.fresh()
	uri := "sip:" + a.domain
	if status, m := a.proved("REGISTER", uri, "sip:"+a.user+"@"+a.domain, "Expires: 300"); status != 200 {
		a.t.Fatalf("REGISTER of %s: %d %v", a.user, status, m)
	}
}

// respond answers a request that the agent received.
func (a *agent) respond(m *wire.Message, status int) {
	a.t.Helper()
	contact := wire.Field{ID: wire.HdrContact, Value: []byte("<sip:" + a.user + "@" + a.local() + ">")}
	b, err := wire.AppendResponse(nil, m, status, "", "callee", contact)
	if err != nil {
		a.t.Fatal(err)
	}
	a.send(b)
}

// counters are the values of /metrics by name with labels.
func (c *carrier) counters(t *testing.T) map[string]float64 {
	t.Helper()
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", c.adm))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for line := range bytes.Lines(b) {
		if name, value, ok := bytes.Cut(bytes.TrimSpace(line), []byte("} ")); ok && line[0] != '#' {
			out[string(name)+"}"], _ = strconv.ParseFloat(string(value), 64)
		}
	}
	return out
}

// moved are the counters that grew since before, of edge and proxy.
func moved(before, after map[string]float64) []string {
	var names []string
	for name := range maps.Keys(after) {
		if after[name] > before[name] && (strings.HasPrefix(name, "class5_edge_") || strings.HasPrefix(name, "class5_proxy_requests")) {
			names = append(names, name)
		}
	}
	return names
}
