//go:build interop

package interop

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// TestForgery: what only the platform may say is not taken from clients, and
// nobody is led to where he has no business.
func TestForgery(t *testing.T) {
	c := newCarrier(t).run(t, "--demo")
	bob := newAgent(t, "udp", c.sip, c.domain, c.bob)
	bob.register()
	alice := newAgent(t, "udp", c.sip, c.domain, c.alice)
	uri := "sip:bob@" + c.domain
	third, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	isINVITE := func(m *wire.Message) bool { return m.Method() == wire.INVITE }

	t.Run("identity", func(t *testing.T) {
		alice.t, bob.t = t, t
		alice.fresh()
		forged := []string{
			`P-Asserted-Identity: "CEO" <sip:ceo@` + c.domain + ">", "P-Asserted-Identity : <tel:+431>",
			"P-Edge: src=192.0.2.1:5060;tp=TLS;m=AAAAAAAAAAAAAAAAAAAAAA", "P-Edge-Result: auth=ok",
		}
		_, m := alice.ask(alice.request("INVITE", uri, uri, forged...))
		alice.challenged(m)
		alice.send(alice.request("INVITE", uri, uri, append(forged, alice.credentials(407, "INVITE", uri))...))
		in := bob.receive(patience, isINVITE)
		if in == nil {
			t.Fatal("no INVITE reached the callee")
		}
		text := string(in.Bytes())
		for _, bad := range []string{"ceo@", "tel:+431", "P-Edge", "p-edge", "192.0.2.1", "roxy-Authorization"} {
			if strings.Contains(text, bad) {
				t.Errorf("%q reached the callee:\n%s", bad, text)
			}
		}
		bob.respond(in, 486)
		alice.final(3 * time.Second)
		var ladder struct {
			Items []struct {
				To   string `json:"to"`
				Data string `json:"data"`
			} `json:"items"`
		}
		c.api(t, "GET", "/api/v1/active-calls/ladder?call_id="+alice.callID, nil, &ladder)
		seen := 0
		for _, m := range ladder.Items {
			if m.To != fmt.Sprintf("127.0.0.1:%d", c.internal+2) || !strings.HasPrefix(m.Data, "INVITE ") {
				continue
			}
			seen++
			if strings.Contains(m.Data, "192.0.2.1") || strings.Contains(m.Data, "ceo@") || strings.Count(m.Data, "P-Edge") != 1 {
				t.Errorf("a forged header reached the proxy:\n%s", m.Data)
			}
		}
		if seen != 2 {
			t.Errorf("%d INVITEs to the proxy in %d messages", seen, len(ladder.Items))
		}
	})

	t.Run("past the edge", func(t *testing.T) {
		for _, to := range []int{c.internal + 2, c.internal} {
			s := newAgent(t, "udp", to, c.domain, c.alice)
			status, _ := s.ask(s.request("REGISTER", "sip:"+c.domain, "sip:alice@"+c.domain, "P-Edge: src=127.0.0.1:5060;tp=UDP"))
			if to == c.internal+2 && status != 403 || status/100 == 2 {
				t.Errorf("port %d: status %d", to, status)
			}
		}
	})

	t.Run("routes", func(t *testing.T) {
		alice.t, bob.t = t, t
		for _, route := range []string{
			"Route: <sip:" + third.LocalAddr().String() + ";lr>",
			"Route: <sip:" + alice.conn.RemoteAddr().String() + ";lr>, <sip:" + third.LocalAddr().String() + ";lr>",
			"Route: <sip:forged@" + alice.conn.RemoteAddr().String() + ";lr>, <sip:" + third.LocalAddr().String() + ";lr>",
		} {
			alice.fresh()
			status, _ := alice.proved("INVITE", uri, uri, route)
			if status == 403 {
				continue
			}
			if in := bob.receive(time.Second, isINVITE); in != nil { // Routes stripped
				bob.respond(in, 486)
				alice.final(3 * time.Second)
				continue
			}
			t.Errorf("%s: status %d", route, status)
		}
	})

	t.Run("dialog", func(t *testing.T) {
		alice.t, bob.t = t, t
		ok := answered(t, alice, bob)
		var routes []string
		for v := ok.Values(wire.HdrRecordRoute); v.Next(); {
			routes = append([]string{string(v.Value())}, routes...)
		}
		for name, forge := range map[string]func(string) string{
			"did": func(r string) string { return strings.Replace(r, "did=", "did=A", 1) },
			"no did": func(r string) string {
				before, _, _ := strings.Cut(r, ";did=")
				return strings.TrimSuffix(before, ">") + ">"
			},
		} {
			forged := append([]string(nil), routes...)
			for i := range forged {
				if strings.Contains(forged[i], "did=") {
					forged[i] = forge(forged[i])
				}
			}
			alice.cseq++
			if status, _ := alice.ask(alice.inDialog(ok, "BYE", forged...)); status != 403 {
				t.Errorf("%s forged: status %d", name, status)
			}
		}
		for name, forged := range map[string][]string{
			"token":   {strings.Replace(routes[0], "sip:", "sip:A", 1)},
			"third":   {"<sip:" + third.LocalAddr().String() + ";lr>"},
			"further": append(append([]string(nil), routes[:2]...), "<sip:"+third.LocalAddr().String()+";lr>"),
		} {
			alice.cseq++
			if status, _ := alice.ask(alice.inDialog(ok, "BYE", forged...)); status != 403 {
				t.Errorf("%s: status %d", name, status)
			}
		}
		// Another call's routes do not lead into this one.
		other := newAgent(t, "udp", c.sip, c.domain, c.alice)
		if status, _ := other.ask(other.inDialog(ok, "BYE", routes...)); status != 403 {
			t.Errorf("routes of another call: status %d", status)
		}
		if m := bob.receive(100*time.Millisecond, func(m *wire.Message) bool { return m.Method() == wire.BYE }); m != nil {
			t.Errorf("a forged BYE reached the callee:\n%s", m.Bytes())
		}
	})
	_ = third.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	b := make([]byte, 2000)
	if n, _, err := third.ReadFrom(b); err == nil {
		t.Errorf("a third party was sent\n%s", b[:n])
	}
}
