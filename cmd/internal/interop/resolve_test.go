//go:build interop

package interop

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/resolve/dnstest"
	"github.com/class5-go/class5/sip/wire"
)

// TestSecondServer: a carrier has two servers by SRV and the first is silent. A
// proxy that does nothing but repeat its INVITE (RFC 3261 section 17.1.1) reaches
// the second, a sipp, with the fourth one, 3.5 s after the first.
func TestSecondServer(t *testing.T) {
	dead, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(loopback(0)))
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close() //nolint:errcheck // nothing was written
	port := freePorts(t, 1)
	zones, err := dnstest.Parse(fmt.Sprintf(`
carrier.test.           SOA   ns. root. 1 3600 600 86400 60
carrier.test.           NAPTR 10 50 "s" "SIP+D2U" "" _sip._udp.carrier.test.
_sip._udp.carrier.test. SRV   10 1 %d one.carrier.test.
_sip._udp.carrier.test. SRV   20 1 %d two.carrier.test.
one.carrier.test.       A     127.0.0.1
two.carrier.test.       A     127.0.0.1
`, dead.LocalAddr().(*net.UDPAddr).Port, port))
	if err != nil {
		t.Fatal(err)
	}
	dns, err := dnstest.Listen(t.Context(), zones)
	if err != nil {
		t.Fatal(err)
	}
	defer dns.Close() //nolint:errcheck // a test's server
	uas := callee(t, t.TempDir(), port, "-sn", "uas", "-m", "2")
	e := newEdge(t, "  resolve:", fmt.Sprintf("    servers: ['%v']", dns.Addr()))

	if sent := e.call(t, "first"); sent != 4 {
		t.Errorf("%d INVITEs until an answer, want 4", sent)
	}
	// The next call knows that the first server is dead.
	if sent := e.call(t, "second"); sent != 1 {
		t.Errorf("%d INVITEs of the next call until an answer, want 1", sent)
	}
	if err := uas.wait(10 * time.Second); err != nil {
		t.Errorf("sipp: %v\n%s", err, tail(uas.output()))
	}
	if got := datagrams(t, dead); got != 3 {
		t.Errorf("the silent server got %d INVITEs, want 3", got)
	}
}

// call is one call by the proxy, with the retransmissions that it takes.
func (e *edge) call(t *testing.T, id string) (sent int) {
	t.Helper()
	uri, to := "sip:+431@carrier.test", "<sip:+431@carrier.test>"
	request := func(method, branch string, seq int) {
		e.send(t, fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %v;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <sip:a@class5.test>;tag=%s\r\n"+
			"To: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:a@%v>\r\nContent-Length: 0\r\n\r\n",
			method, uri, e.proxy.LocalAddr(), id+branch, id, to, id, seq, method, e.proxy.LocalAddr()))
	}
	var first *wire.Message
	for wait := 500 * time.Millisecond; first == nil; wait *= 2 {
		if wait > 4*time.Second {
			t.Fatalf("no answer to %d INVITEs", sent)
		}
		request("INVITE", "i", 1)
		sent++
		select {
		case b := <-e.statuses:
			first = new(wire.Message)
			if err := first.Parse(b, nil); err != nil {
				t.Fatalf("%v\n%s", err, b)
			}
		case <-time.After(wait):
		}
	}
	m := first
	for m.Status() < 200 {
		m = e.answer(t)
	}
	h, _ := m.First(wire.HdrTo)
	contact, ok := m.First(wire.HdrContact)
	if m.Status() != 200 || !ok {
		t.Fatalf("the call ends with %d", m.Status())
	}
	to, uri = string(h.Value), strings.Trim(string(contact.Value), "<>")
	request("ACK", "a", 1)
	request("BYE", "b", 2)
	for {
		if m = e.answer(t); string(m.CallID()) == id {
			if _, method := m.CSeq(); string(method) == "BYE" && m.Status() == 200 {
				return sent
			}
		}
	}
}

// datagrams counts what lies in a socket.
func datagrams(t *testing.T, c *net.UDPConn) (n int) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 65536)
	for {
		if _, err := c.Read(b); err != nil {
			return n
		}
		n++
	}
}
