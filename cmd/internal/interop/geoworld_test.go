//go:build interop

package interop

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/sdp"
	"github.com/class5-go/class5/sip/wire"
)

// country is an edge that anchors media, with media nodes near it. A second lb
// with the same keys and addresses can take the first one's place.
type country struct {
	port  int // sip, internal, admin of the lb, then three of each media node
	dir   string
	lb    *process
	media map[int]*process // those that run
}

func (c *country) admin() int        { return c.port + 2 }
func (c *country) control(n int) int { return c.port + 4 + 3*n }
func (c *country) nodeAdm(n int) int { return c.port + 5 + 3*n }
func pub(country, n int) string      { return fmt.Sprintf("127.0.%d.%d", 50+country, 10+n) }
func priv(country, n int) string     { return fmt.Sprintf("127.0.%d.%d", 60+country, 10+n) }
func home(country, phone int) string { return fmt.Sprintf("127.0.%d.%d", 70+country, 10+phone) }
func nodesOf(list ...any) (s string) {
	return "  media: " + fmt.Sprintf("{anchor: lb, interfaces: {outside: pub, inside: priv}, relays: [%s]}\n", fmt.Sprint(list...))
}
func (c *country) relay(n int, more string) string {
	return fmt.Sprintf("{url: 'udp://127.0.0.1:%d'%s}", c.control(n), more)
}

// geo is two countries and a core that the test plays.
type geo struct {
	*core
	countries [2]*country
	foreign   bool // a node is not ours
}

func newGeo(t *testing.T, nodes int) *geo {
	t.Helper()
	g := &geo{core: newCore(t)}
	for i := range g.countries {
		c := &country{port: freePorts(t, 4+3*nodes), dir: t.TempDir(), media: map[int]*process{}}
		g.countries[i] = c
		if err := os.WriteFile(filepath.Join(c.dir, "edge.key"), []byte("1 0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		list := ""
		for n := range nodes {
			c.startNode(t, i, n)
			list += c.relay(n, "") + ", "
		}
		g.startLB(t, i, "lb", list)
	}
	return g
}

// startNode starts cmd/media.
func (c *country) startNode(t *testing.T, country, n int) {
	t.Helper()
	name := fmt.Sprintf("media%d.yaml", n)
	text := fmt.Sprintf(`node: media%d%d
admin: 127.0.0.1:%d
log: info
media:
  interfaces: [pub/%s, priv/%s]
  allow_loopback: true
  port_min: %d
  port_max: %d
  delete_delay: -1s
  ng: {udp: ["127.0.0.1:%d"]}
`, country, n, c.nodeAdm(n), pub(country, n), priv(country, n), 33000, 33998, c.control(n))
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, c.dir, built.path(t, "cmd/media"), "-config", name)
	p.ready(t, c.nodeAdm(n))
	c.media[n] = p
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("media node %d of country %d:\n%s", n, country, tail(p.output()))
		}
	})
}

// startLB starts an lb, in place of the one before.
func (g *geo) startLB(t *testing.T, i int, name, relays string) {
	t.Helper()
	c := g.countries[i]
	if c.lb != nil {
		c.lb.kill()
	}
	text := fmt.Sprintf(`node: %s
admin: 127.0.0.1:%d
log: info
keys: edge.key
lb:
  internal: 127.0.0.1:%d
  proxies: [%v]
  hosts: [class5.test]
  listeners: [{protocol: udp, addr: "127.0.0.1:%d"}]
%s`, name, c.admin(), c.port+1, g.conn.LocalAddr(), c.port, nodesOf(relays))
	if err := os.WriteFile(filepath.Join(c.dir, name+".yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, c.dir, built.path(t, "cmd/lb"), "-config", name+".yaml")
	p.ready(t, c.admin())
	c.lb = p
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s of country %d:\n%s", name, i, tail(p.output()))
		}
	})
}

// killNode ends a media node as a crash does.
func (c *country) killNode(n int) {
	c.media[n].kill()
	delete(c.media, n)
}

// startRTPEngine puts rtpengine in the place of a media node.
func (c *country) startRTPEngine(t *testing.T, country, n int) {
	t.Helper()
	c.killNode(n)
	p := start(t, c.dir, "rtpengine", "--config-file=none", "--foreground", "--table=-1", "--log-stderr", "--log-level=5", "--num-threads=1",
		"--interface=pub/"+pub(country, n), "--interface=priv/"+priv(country, n), fmt.Sprintf("--listen-ng=127.0.0.1:%d", c.control(n)),
		"--port-min=33000", "--port-max=33998", "--delete-delay=0")
	c.media[n] = p
	eventually(t, 10*time.Second, func() error {
		_, err := c.ask(t, n, "ping")
		return err
	})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("rtpengine:\n%s", tail(p.output()))
		}
	})
}

// ask sends a command without a call to a media node.
func (c *country) ask(t *testing.T, n int, command string) (ng.Dict, error) {
	t.Helper()
	client, err := ng.NewClient(ng.ClientConfig{URL: fmt.Sprintf("udp://127.0.0.1:%d", c.control(n)), Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	return client.Do(t.Context(), ng.Of("command", command, "limit", 100))
}

// sessions are those that a media node lists.
func (c *country) sessions(t *testing.T, n int) []string {
	t.Helper()
	d, err := c.ask(t, n, "list")
	if err != nil {
		t.Fatal(err)
	}
	return d.Strings("calls")
}

// over waits until no media node has a session, and the ports named are free.
func (g *geo) over(t *testing.T, ports ...netip.AddrPort) {
	t.Helper()
	eventually(t, patience, func() error {
		for i, c := range g.countries {
			for n := range c.media {
				if s := c.sessions(t, n); len(s) > 0 {
					return fmt.Errorf("node %d of country %d has %q", n, i, s)
				}
			}
		}
		return nil
	})
	eventually(t, patience, func() error {
		for _, p := range ports {
			conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(p))
			if err != nil {
				return fmt.Errorf("port of a call that is over: %w", err)
			}
			_ = conn.Close()
		}
		return nil
	})
}

// core is a stateless proxy that forks, and keeps the descriptions it sees.
type core struct {
	t    *testing.T
	conn *net.UDPConn

	mu      sync.Mutex
	paths   map[string]string // of registrations, by user
	contact map[string]string
	targets []string // users that INVITEs without To-tag go to
	bodies  []string
}

func newCore(t *testing.T) *core {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(loopback(0)))
	if err != nil {
		t.Fatal(err)
	}
	c := &core{t: t, conn: conn, paths: map[string]string{}, contact: map[string]string{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 65536)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			m := new(wire.Message)
			if err := m.Parse(bytes.Clone(buf[:n]), nil); err != nil {
				t.Errorf("what comes to the core is no SIP: %v", err)
				continue
			}
			c.handle(m, from)
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return c
}

func (c *core) send(to string, m *wire.Message, e *wire.Edit) {
	b, err := m.Append(nil, e)
	addr, err2 := netip.ParseAddrPort(to)
	if err != nil || err2 != nil {
		c.t.Errorf("core: %v, %v", err, err2)
		return
	}
	_, _ = c.conn.WriteToUDPAddrPort(b, addr)
}

func (c *core) handle(m *wire.Message, from netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, client := m.First(wire.HdrPEdge)
	switch method := m.Method(); {
	case !m.IsRequest():
		c.note(m)
		c.back(m)
	case method == wire.OPTIONS && !client, method == wire.REGISTER:
		if path, ok := m.First(wire.HdrPath); ok {
			n, _ := m.NameAddr(wire.HdrFrom)
			u, _ := wire.ParseURI(n.URI)
			at, _ := m.First(wire.HdrContact)
			c.paths[string(u.User)], c.contact[string(u.User)] = string(path.Value), strings.Trim(string(at.Value), "<>")
		}
		if b, err := wire.AppendResponse(nil, m, 200, "OK", "core"); err == nil {
			_, _ = c.conn.WriteToUDPAddrPort(b, from)
		}
	default:
		c.note(m)
		c.forward(m)
	}
}

func (c *core) note(m *wire.Message) {
	if len(m.Body()) > 0 {
		c.bodies = append(c.bodies, string(m.Body()))
	}
}

// forward sends a request along its Routes, or to the targets.
func (c *core) forward(m *wire.Message) {
	self := c.conn.LocalAddr().String()
	via := func(e *wire.Edit, fork int) {
		e.Prepend(wire.HdrVia, fmt.Appendf(nil, "SIP/2.0/UDP %s;branch=%s-%d", self, m.TopBranch(), fork))
	}
	if m.Count(wire.HdrRoute) > 0 {
		var e wire.Edit
		via(&e, 0)
		e.RemoveFirstValue(wire.HdrRoute)
		routes := m.Values(wire.HdrRoute)
		if routes.Next(); routes.Next() {
			c.send(hostPort(routes.Value()), m, &e)
		}
		return
	}
	for i, user := range c.targets {
		var e wire.Edit
		via(&e, i)
		e.Prepend(wire.HdrRoute, []byte(c.paths[user]))
		if m.Method() == wire.INVITE {
			e.Prepend(wire.HdrRecordRoute, []byte("<sip:"+self+";lr>"))
		}
		e.RequestURI([]byte(c.contact[user]))
		c.send(hostPort([]byte(c.paths[user])), m, &e)
	}
}

// back sends a response to where its request came from. Of forks the failures
// end here.
func (c *core) back(m *wire.Message) {
	if len(c.targets) > 1 && m.Status() >= 300 {
		return
	}
	vias := m.Values(wire.HdrVia)
	if ours := vias.Next(); !ours {
		return
	}
	if below := vias.Next(); !below {
		return
	}
	via, err := vias.Via()
	if err != nil {
		return
	}
	var e wire.Edit
	e.RemoveFirstValue(wire.HdrVia)
	c.send(fmt.Sprintf("%s:%d", via.Host, via.Port), m, &e)
}

func hostPort(route []byte) string {
	n, err := wire.ParseNameAddr(route)
	if err != nil {
		return ""
	}
	u, err := wire.ParseURI(n.URI)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s:%d", u.Host, u.Port)
}

func (c *core) fork(users ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.targets, c.bodies = users, nil
}

// clean fails the test when the core has seen an address of a client in a
// description, or none of a media node.
func (c *core) clean(t *testing.T, least int) []string {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.bodies) < least {
		t.Errorf("the core has seen %d descriptions, want %d", len(c.bodies), least)
	}
	for _, b := range c.bodies {
		onlyOf(t, "the core", b, "127.0.60.", "127.0.61.")
	}
	return c.bodies
}

// onlyOf looks at every address in a description.
func onlyOf(t *testing.T, who, body string, networks ...string) {
	t.Helper()
	found := 0
next:
	for _, word := range strings.FieldsFunc(body, func(r rune) bool { return !strings.ContainsRune("0123456789.", r) }) {
		if a, err := netip.ParseAddr(word); err != nil || !a.Is4() {
			continue
		}
		found++
		for _, n := range networks {
			if strings.HasPrefix(word, n) {
				continue next
			}
		}
		t.Errorf("%s sees %s in\n%s", who, word, body)
	}
	if found == 0 {
		t.Errorf("%s sees no address in\n%s", who, body)
	}
}

// talker is an agent with a socket for RTP.
type talker struct {
	*agent
	country int
	tag     string
	rtp     *net.UDPConn
	to      netip.AddrPort // of the last description
}

func (g *geo) talker(t *testing.T, country, number int) *talker {
	t.Helper()
	host := netip.MustParseAddr(home(country, number))
	d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(host, 0))}
	conn, err := d.DialContext(t.Context(), "udp", fmt.Sprintf("127.0.0.1:%d", g.countries[country].port))
	if err != nil {
		t.Fatal(err)
	}
	rtp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(host, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(); _ = rtp.Close() })
	name := fmt.Sprintf("t%d%d", country, number)
	x := &talker{agent: &agent{t: t, conn: conn, domain: "class5.test", phone: phone{user: name}}, country: country, tag: "tag" + name, rtp: rtp}
	x.fresh()
	if status, m := x.ask(x.request("REGISTER", "sip:class5.test", "sip:"+name+"@class5.test")); status != 200 {
		t.Fatalf("REGISTER: %d %v", status, m)
	}
	x.fresh()
	return x
}

func (x *talker) sdp() string {
	a := x.rtp.LocalAddr().(*net.UDPAddr)
	return fmt.Sprintf("v=0\r\no=%s 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %[2]s\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=rtcp:%d IN IP4 %[2]s\r\n", x.user, a.IP, a.Port, a.Port+1)
}

func carrying(msg []byte, body string) []byte {
	if body == "" {
		return msg
	}
	return []byte(strings.Replace(string(msg), "Content-Length: 0\r\n\r\n", fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(body), body), 1))
}

// answer responds to a request.
func (x *talker) answer(m *wire.Message, status int, body string, fields ...wire.Field) {
	x.t.Helper()
	fields = append(fields, wire.Field{ID: wire.HdrContact, Value: []byte("<sip:" + x.user + "@" + x.local() + ">")})
	b, err := wire.AppendResponse(nil, m, status, "", x.tag, fields...)
	if err != nil {
		x.t.Fatal(err)
	}
	x.send(carrying(b, body))
}

// gets waits for a request or, by its status, a response.
func (x *talker) gets(what string) *wire.Message {
	x.t.Helper()
	m := x.receive(patience, func(m *wire.Message) bool {
		if m.IsRequest() {
			return m.Method().String() == what
		}
		return fmt.Sprint(m.Status(), " ", m.CSeqMethod()) == what
	})
	if m == nil {
		x.t.Fatalf("%s: no %s", x.user, what)
	}
	if len(m.Body()) > 0 {
		x.hears(m)
	}
	return m
}

// hears takes a description, which names the node of the country only.
func (x *talker) hears(m *wire.Message) {
	x.t.Helper()
	onlyOf(x.t, x.user, string(m.Body()), fmt.Sprintf("127.0.%d.", 50+x.country))
	d, err := sdp.Parse(m.Body(), nil)
	if err != nil {
		x.t.Fatalf("%v\n%s", err, m.Body())
	}
	x.to = d.Media(0).Addr()
}

// speaks sends packets until the other hears some of them; what arrives there
// comes from the node that it was told.
func (x *talker) speaks(y *talker) {
	x.t.Helper()
	b := make([]byte, 172)
	b[0], b[1], b[11] = 0x80, 8, byte(x.country+1)
	copy(b[12:], x.user)
	buf := make([]byte, 2000)
	for i := range 100 {
		b[3], b[7] = byte(i), byte(i*160)
		if _, err := x.rtp.WriteToUDPAddrPort(b, x.to); err != nil {
			x.t.Fatal(err)
		}
		_ = y.rtp.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		for {
			n, from, err := y.rtp.ReadFromUDPAddrPort(buf)
			if err != nil {
				break
			}
			if from != y.to {
				x.t.Fatalf("%s hears packets from %v, was told %v", y.user, from, y.to)
			}
			if n == len(b) && strings.HasPrefix(string(buf[12:n]), x.user) {
				return
			}
		}
	}
	x.t.Fatalf("%s does not hear %s", y.user, x.user)
}
