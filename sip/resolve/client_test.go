package resolve

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/class5-go/class5/sip/resolve/dnstest"
)

func serve(t *testing.T, z *dnstest.Zones) netip.AddrPort {
	t.Helper()
	s, err := dnstest.Listen(t.Context(), z)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.Addr()
}

func ask(t *testing.T, c *Client, name string) (*dns.Msg, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return c.Exchange(ctx, new(dns.Msg).SetQuestion(name, dns.TypeA))
}

const smallZone = "x.example. SOA ns. root. 1 3600 600 86400 60\nx.example. A 192.0.2.1\n"

func TestClient(t *testing.T) {
	z := parse(t, smallZone)
	c := &Client{Servers: []netip.AddrPort{serve(t, z)}}
	for name, want := range map[string]int{"x.example.": dns.RcodeSuccess, "y.example.": dns.RcodeNameError} {
		if m, err := ask(t, c, name); err != nil || m.Rcode != want || m.IsEdns0() != nil {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
	z.Script("x.example", dns.TypeA, dnstest.Fault{Truncate: true})
	if m, err := ask(t, c, "x.example."); err != nil || len(m.Answer) != 1 || m.Truncated {
		t.Errorf("over TCP: %v, %v", m, err)
	}
	if n := z.Asked("x.example", dns.TypeA); n != 3 {
		t.Errorf("asked %d times, not over UDP, UDP and TCP", n)
	}
	var b strings.Builder
	b.WriteString("big.example. A 192.0.2.1\n")
	for i := range 64 {
		b.WriteString("big.example. TXT \"" + strings.Repeat("x", 100+i) + "\"\n")
	}
	if err := z.Replace(b.String()); err != nil {
		t.Fatal(err)
	}
	if m, err := c.Exchange(t.Context(), new(dns.Msg).SetQuestion("big.example.", dns.TypeTXT)); err != nil || len(m.Answer) != 64 {
		t.Errorf("an answer too large for a datagram: %v", err)
	}
	c.MixCase = true
	if m, err := ask(t, c, "BIG.example."); err != nil || len(m.Answer) == 0 {
		t.Errorf("in mixed case: %v, %v", m, err)
	}
	if _, err := ask(t, new(Client), "x.example."); err == nil {
		t.Error("an answer from no server")
	}
}

// TestServersFailOver: a server that is silent, unreachable or broken is passed
// over, and the one that answers is asked first from then on.
func TestServersFailOver(t *testing.T) {
	good, silent, broken := parse(t, smallZone), parse(t, smallZone), parse(t, smallZone)
	silent.Script("", 0, dnstest.Fault{Lose: true})
	broken.Script("", 0, dnstest.Fault{Rcode: dns.RcodeRefused})
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := free.LocalAddr().(*net.UDPAddr).AddrPort()
	free.Close()
	c := &Client{Servers: []netip.AddrPort{serve(t, silent), closed, serve(t, broken), serve(t, good)}, Timeout: 50 * time.Millisecond}
	for range 5 {
		if m, err := ask(t, c, "x.example."); err != nil || len(m.Answer) != 1 {
			t.Fatalf("%v, %v", m, err)
		}
	}
	if s, b, g := silent.Asked("", 0), broken.Asked("", 0), good.Asked("", 0); s != 1 || b != 1 || g != 5 {
		t.Errorf("asked %d, %d and %d times", s, b, g)
	}
	c = &Client{Servers: c.Servers[:3], Timeout: 50 * time.Millisecond}
	if m, err := ask(t, c, "x.example."); err != nil || m.Rcode != dns.RcodeRefused {
		t.Errorf("nobody knows: %v, %v", m, err)
	}
	c = &Client{Servers: c.Servers[:2], Timeout: 50 * time.Millisecond}
	if m, err := ask(t, c, "x.example."); err == nil {
		t.Errorf("nobody answers: %v", m)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Exchange(ctx, new(dns.Msg).SetQuestion("x.example.", dns.TypeA)); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

// TestOverSockets is the whole way: a Resolver with a Client and a server that
// cuts short what does not fit.
func TestOverSockets(t *testing.T) {
	z := parse(t, world)
	z.Script("full.example", dns.TypeNAPTR, dnstest.Fault{Truncate: true})
	r := newResolver(t, &Client{Servers: []netip.AddrPort{serve(t, z)}, MixCase: true, Timeout: 5 * time.Second}, func(c *Config) { c.NoIPv6 = true })
	for uri, want := range map[string]string{
		"sip:full.example":  "TLS 192.0.2.1:5061, TCP 192.0.2.2:5062, UDP 192.0.2.1:5063, UDP 192.0.2.2:5064",
		"sip:alias.example": "UDP 192.0.2.3:5060",
	} {
		if got, err := r.Targets(t.Context(), question(t, uri)); show(got) != want {
			t.Errorf("%s: %s, %v", uri, show(got), err)
		}
	}
}

// liar is a UDP server that sends for each query what answers makes of it.
func liar(t *testing.T, answers func(q *dns.Msg) [][]byte) netip.AddrPort {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			q := new(dns.Msg)
			if q.Unpack(buf[:n]) != nil {
				continue
			}
			for _, b := range answers(q) {
				_, _ = pc.WriteTo(b, from)
			}
		}
	}()
	t.Cleanup(func() { pc.Close(); <-done })
	return pc.LocalAddr().(*net.UDPAddr).AddrPort()
}

func pack(m *dns.Msg) []byte {
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

// TestForgeries: what is not the answer to the question is passed over, and the
// answer behind it is read.
func TestForgeries(t *testing.T) {
	answer := func(q *dns.Msg, addr string) *dns.Msg {
		m := new(dns.Msg).SetReply(q)
		m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.ParseIP(addr)}}
		return m
	}
	forgeries := map[string]func(m *dns.Msg){
		"other id":       func(m *dns.Msg) { m.Id++ },
		"other name":     func(m *dns.Msg) { m.Question[0].Name = "z.example." },
		"other type":     func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA },
		"no response":    func(m *dns.Msg) { m.Response = false },
		"no question":    func(m *dns.Msg) { m.Question = nil },
		"other spelling": func(m *dns.Msg) { m.Question[0].Name = strings.ToUpper(m.Question[0].Name) },
	}
	for name, forge := range forgeries {
		server := liar(t, func(q *dns.Msg) [][]byte {
			bad := answer(q, "198.51.100.66")
			bad.Question = slices.Clone(bad.Question)
			forge(bad)
			return [][]byte{{1, 2, 3}, []byte("this is no message of the DNS at all"), pack(bad), pack(answer(q, "192.0.2.1"))}
		})
		m, err := ask(t, &Client{Servers: []netip.AddrPort{server}, MixCase: true, Timeout: 5 * time.Second}, "a-long-name-with-many-letters.example.")
		if err != nil || len(m.Answer) != 1 || !m.Answer[0].(*dns.A).A.Equal(net.IPv4(192, 0, 2, 1)) {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
	flood := liar(t, func(q *dns.Msg) [][]byte {
		bad := answer(q, "198.51.100.66")
		bad.Id++
		return slices.Repeat([][]byte{pack(bad)}, 2*maxStrays)
	})
	if m, err := ask(t, &Client{Servers: []netip.AddrPort{flood}, Timeout: 5 * time.Second, Rounds: 1}, "x.example."); err == nil {
		t.Errorf("a flood: %v", m)
	}
	old := liar(t, func(q *dns.Msg) [][]byte {
		if q.IsEdns0() != nil {
			m := &dns.Msg{MsgHdr: dns.MsgHdr{Id: q.Id, Response: true, Rcode: dns.RcodeFormatError}}
			return [][]byte{pack(m)}
		}
		return [][]byte{pack(answer(q, "192.0.2.1"))}
	})
	if m, err := ask(t, &Client{Servers: []netip.AddrPort{old}}, "x.example."); err != nil || len(m.Answer) != 1 {
		t.Errorf("a server without EDNS: %v, %v", m, err)
	}
}

func TestSystemServers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(file, []byte("search example.com\nnameserver 192.0.2.53\nnameserver 2001:db8::53\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := SystemServers(file)
	want := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("[2001:db8::53]:53")}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := SystemServers(file + ".not"); err == nil {
		t.Error("read a file that is not there")
	}
}
