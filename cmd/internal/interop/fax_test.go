//go:build interop

package interop

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/sdp"
	"github.com/class5-go/class5/media/t38"
	"github.com/class5-go/class5/sip/wire"
)

// described puts a description into a request that has no body.
func described(msg []byte, description string) []byte {
	head, ok := bytes.CutSuffix(msg, []byte("Content-Length: 0\r\n\r\n"))
	if !ok {
		return msg
	}
	return fmt.Appendf(head, "Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(description), description)
}

// accept answers a request with 200 and a description.
func (a *agent) accept(m *wire.Message, description string) {
	a.t.Helper()
	contact := wire.Field{ID: wire.HdrContact, Value: []byte("<sip:" + a.user + "@" + a.local() + ">")}
	b, err := wire.AppendResponse(nil, m, 200, "", "callee", contact, wire.Body("application/sdp", []byte(description)))
	if err != nil {
		a.t.Fatal(err)
	}
	a.send(b)
}

// faxParty is an agent with a port for audio and one for UDPTL, which are the
// same where it changes the one m= line that it has.
type faxParty struct {
	*agent
	audio *rtpParty
	conn  *net.UDPConn
	fax   netip.AddrPort // at the relay
}

func newFaxParty(t *testing.T, c *carrier, who phone) *faxParty {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	p := &faxParty{agent: newAgent(t, "udp", c.sip, c.domain, who), audio: newRTPParty(t, "127.0.0.1"), conn: conn}
	p.register()
	return p
}

// image describes a fax: in place of the audio, or as a second m= line.
func (p *faxParty) image(instead bool) string {
	const attributes = "a=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxRateManagement:transferredTCF\r\na=T38FaxMaxDatagram:400\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"
	audio := "m=audio 0 RTP/AVP 8\r\n"
	if instead {
		audio = ""
	}
	return fmt.Sprintf("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n%sm=image %d udptl t38\r\n%s",
		audio, p.conn.LocalAddr().(*net.UDPAddr).Port, attributes)
}

// told takes the relay's port for UDPTL from a description.
func (p *faxParty) told(m *wire.Message, instead bool) {
	p.t.Helper()
	d, err := sdp.Parse(m.Body(), nil)
	if err != nil {
		p.t.Fatalf("%v\n%s", err, m.Bytes())
	}
	i := 1
	if instead {
		i = 0
	}
	last := d.Media(i)
	if d.Len() != i+1 || last.Kind() != "image" || last.Proto() != "udptl" || last.Rejected() || last.Addr().Port() == uint16(p.conn.LocalAddr().(*net.UDPAddr).Port) {
		p.t.Fatalf("%s is told\n%s", p.user, m.Body())
	}
	if v, ok := last.Attr("T38FaxUdpEC"); !ok || v != "t38UDPRedundancy" {
		p.t.Errorf("%s is told\n%s", p.user, m.Body())
	}
	p.fax = last.Addr()
}

// heard waits for UDPTL.
func (p *faxParty) heard(want []byte) error {
	b := make([]byte, 2048)
	_ = p.conn.SetReadDeadline(time.Now().Add(3 * time.Second))
	n, err := p.conn.Read(b)
	if err == nil && !bytes.Equal(b[:n], want) {
		err = fmt.Errorf("%x arrived, not %x", b[:n], want)
	}
	return err
}

// sendFax passes packets to the other party, each of which arrives as it was.
func (p *faxParty) sendFax(to *faxParty, packets [][]byte) {
	p.t.Helper()
	for i, b := range packets {
		if _, err := p.conn.WriteToUDPAddrPort(b, p.fax); err != nil {
			p.t.Fatal(err)
		}
		if err := to.heard(b); err != nil {
			p.t.Fatalf("UDPTL %d of %s: %v", i, p.user, err)
		}
	}
}

// talked has both send audio, of which nothing is lost.
func talked(t *testing.T, a, b *faxParty) {
	t.Helper()
	for _, p := range []*faxParty{a, b} {
		p.audio.anew()
	}
	talkRTP(500*time.Millisecond, a.audio, b.audio)
	call := &rtpCall{a: a.audio, b: b.audio}
	eventually(t, patience, func() error { return call.heardOver(20) })
}

// TestFaxInCall: a call begins with audio, the called machine changes it to
// T.38 by re-INVITE, and the caller back to audio. In between UDPTL passes both
// ways, and tshark dissects what the relay sends.
func TestFaxInCall(t *testing.T) {
	n := newRelayNode(t)
	for _, c := range []struct {
		name    string
		instead bool // the m= line of audio becomes that of the image
		remote  bool
	}{{"relay inside, one m= line", true, false}, {"relay inside, two m= lines", false, false}, {"relay elsewhere, one m= line", true, true}} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"--demo"}
			if c.remote {
				args = append(args, "--media-relays", fmt.Sprintf("udp://127.0.0.1:%d", n.udp))
			}
			carrier := newCarrier(t).run(t, args...)
			caller, callee := newFaxParty(t, carrier, carrier.alice), newFaxParty(t, carrier, carrier.bob)

			caller.fresh()
			uri := "sip:" + carrier.bob.user + "@" + carrier.domain
			_, m := caller.ask(described(caller.request("INVITE", uri, uri), caller.audio.sdp()))
			caller.challenged(m)
			caller.send(described(caller.request("INVITE", uri, uri, caller.credentials(407, "INVITE", uri)), caller.audio.sdp()))
			in := callee.wants(wire.INVITE)
			callee.audio.to = mediaAddr(t, string(in.Body()))
			callee.accept(in, callee.audio.sdp())
			callee.invite, callee.callID, callee.cseq = in, string(in.CallID()), 0
			ok := caller.fine()
			caller.audio.to = mediaAddr(t, string(ok.Body()))
			caller.send(caller.inDialog(ok, "ACK"))
			callee.wants(wire.ACK)
			talked(t, caller, callee)

			w := newCapture(t, "udp and (host 127.0.0.1 or host "+n.ip+")")
			callee.send(described(callee.fromCallee("INVITE"), callee.image(c.instead)))
			again := caller.wants(wire.INVITE)
			caller.told(again, c.instead)
			caller.accept(again, caller.image(c.instead))
			fax := callee.fine()
			callee.told(fax, c.instead)
			callee.cseq--
			callee.send(callee.fromCallee("ACK"))
			caller.wants(wire.ACK)
			ced, cng, preamble, hdlc := []byte{4}, []byte{2}, []byte{6}, []byte{0xc0, 0x01, 0x80, 0x00, 0x02, 0xff, 0xc0, 0x02}
			callee.sendFax(caller, [][]byte{t38.Append(nil, 0, ced), t38.Append(nil, 1, preamble, ced), t38.Append(nil, 2, hdlc, preamble, ced)})
			caller.sendFax(callee, [][]byte{t38.Append(nil, 0, cng), t38.Append(nil, 1, preamble, cng), t38.Append(nil, 2, hdlc, preamble, cng)})
			w.end(t)
			for _, d := range []struct {
				from, to *faxParty
				first    string
			}{{callee, caller, "2"}, {caller, callee, "1"}} { // of t30_indicator: CED, CNG
				port := d.to.conn.LocalAddr().(*net.UDPAddr).Port
				rows := strings.TrimSpace(tool(t, "tshark", "-r", w.file, "-d", fmt.Sprintf("udp.port==%d,t38", port), "-Y", fmt.Sprintf("t38 && !_ws.malformed && udp.dstport == %d && udp.srcport == %d", port, d.to.fax.Port()),
					"-T", "fields", "-e", "t38.seq_number", "-e", "t38.t30_indicator", "-e", "t38.t30_data", "-e", "t38.field_data"))
				if want := "0\t" + d.first + "\t\t\n1\t3," + d.first + "\t\t\n2\t3," + d.first + "\t0\tffc002"; rows != want {
					t.Errorf("tshark, to %s:\n%s\nwant:\n%s", d.to.user, rows, want)
				}
			}

			caller.cseq++
			back := caller.audio.sdp()
			if !c.instead {
				back += "m=image 0 udptl t38\r\n"
			}
			caller.send(described(caller.inDialog(ok, "INVITE"), back))
			in = callee.wants(wire.INVITE)
			callee.audio.to = mediaAddr(t, string(in.Body()))
			answer := callee.audio.sdp()
			if !c.instead {
				answer += "m=image 0 udptl t38\r\n"
			}
			callee.accept(in, answer)
			final := caller.fine()
			caller.audio.to = mediaAddr(t, string(final.Body()))
			caller.send(caller.inDialog(ok, "ACK"))
			callee.wants(wire.ACK)
			talked(t, caller, callee)

			caller.cseq++
			caller.send(caller.inDialog(ok, "BYE"))
			bye := callee.wants(wire.BYE)
			callee.respond(bye, 200)
			caller.fine()
			eventually(t, patience, func() error {
				if all := carrier.records(t); len(all) != 1 || all[0].Status != "ok" {
					return fmt.Errorf("records %+v", all)
				}
				return nil
			})
		})
	}
}

// wants waits for a request.
func (a *agent) wants(method wire.Method) *wire.Message {
	a.t.Helper()
	m := a.receive(patience, func(m *wire.Message) bool { return m.IsRequest() && m.Method() == method })
	if m == nil {
		a.t.Fatalf("%s gets no %v", a.user, method)
	}
	return m
}

// fine waits for the 2xx to the last request.
func (a *agent) fine() *wire.Message {
	a.t.Helper()
	m := a.final(3 * time.Second)
	if m == nil || m.Status() != 200 {
		a.t.Fatalf("%s: request %d is not answered well: %v", a.user, a.cseq, m)
	}
	return m
}
