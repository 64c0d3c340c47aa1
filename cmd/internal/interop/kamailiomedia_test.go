//go:build interop

package interop

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// mediaProxy is a Kamailio whose rtpengine module drives media relays, with the
// callee behind it.
type mediaProxy struct {
	*process
	port, callee int
}

func newMediaProxy(t *testing.T, relays ...string) *mediaProxy {
	t.Helper()
	p := freePorts(t, 2)
	m := &mediaProxy{port: p, callee: p + 1}
	m.run(t, "", "", relays...)
	return m
}

// run starts Kamailio with flags for offers and answers.
func (m *mediaProxy) run(t *testing.T, offer, answer string, relays ...string) {
	t.Helper()
	params := fmt.Sprintf(`modparam("rtpengine", "rtpengine_sock", "%s")`, strings.Join(relays, " "))
	m.process = kamailio(t, "kamailio-media.cfg", m.port, "PORT", fmt.Sprint(m.port), "CALLEE", fmt.Sprint(m.callee), "RELAYS", params, "OFFER", offer, "ANSWER", answer)
}

// calls has sipp make calls of two seconds with audio that the callee echoes.
// All have to succeed.
func (m *mediaProxy) calls(t *testing.T, n int) {
	t.Helper()
	dir := t.TempDir()
	alawTone(t, dir)
	callee(t, dir, m.callee, "-sf", scenario(t, "uas.xml"), "-rtp_echo", "-mp", fmt.Sprint(freePorts(t, 4)))
	p := &platform{sip: m.port, logs: m.output}
	p.sipp(t, dir, 40*time.Second, "-sf", scenario(t, "uac-plain.xml"), "-p", fmt.Sprint(freePorts(t, 1)),
		"-m", fmt.Sprint(n), "-d", "2000", "-r", "10", "-mp", fmt.Sprint(freePorts(t, 4)))
}

var figuresLine = regexp.MustCompile(`figures (\S+) RTP: (\d+) bytes, (\d+) packets, (\d+) errors`)

// totals are what Kamailio read of all its calls.
func (m *mediaProxy) totals(t *testing.T) (calls, packets, octets int) {
	t.Helper()
	for _, f := range figuresLine.FindAllStringSubmatch(m.output(), -1) {
		o, _ := strconv.Atoi(f[2])
		p, _ := strconv.Atoi(f[3])
		if f[4] != "0" {
			t.Errorf("call %s: %s errors", f[1], f[4])
		}
		calls, packets, octets = calls+1, packets+p, octets+o
	}
	return calls, packets, octets
}

// TestKamailioDrivesRelay: the figures that Kamailio's module reads at the end of
// calls are those of a capture, over UDP and over WebSocket.
func TestKamailioDrivesRelay(t *testing.T) {
	for _, way := range []string{"udp", "ws"} {
		t.Run(way, func(t *testing.T) {
			n := newRelayNode(t)
			url := map[string]string{"udp": fmt.Sprintf("udp:127.0.0.1:%d", n.udp), "ws": fmt.Sprintf("ws://127.0.0.1:%d/ng", n.http)}[way]
			m := newMediaProxy(t, url)
			w := newCapture(t, "udp and host "+n.ip)
			const calls = 20
			m.calls(t, calls)
			w.end(t)
			got, packets, octets := m.totals(t)
			in := w.dissect(t, &carrier{}, fmt.Sprintf("rtp and ip.dst == %s", n.ip), "udp.length")
			out := w.dissect(t, &carrier{}, fmt.Sprintf("rtp and ip.src == %s", n.ip), "frame.number")
			sent := 0
			for _, l := range in {
				v, _ := strconv.Atoi(l)
				sent += v - 8
			}
			if got != calls || packets != len(in) || octets != sent || len(out) != len(in) {
				t.Errorf("Kamailio read %d packets, %d octets of %d calls; %d packets, %d octets were sent to the relay and %d packets by it", packets, octets, got, len(in), sent, len(out))
			}
			if len(in) < calls*150 {
				t.Errorf("only %d packets in %d calls", len(in), calls)
			}
			wellFormed(t, w, n.ip)
			if mos := regexp.MustCompile(`mos \S+ 4\.[0-9]`).FindAllString(m.output(), -1); len(mos) != calls {
				t.Errorf("%d calls with a mean opinion score above 4", len(mos))
			}
			t.Logf("%d calls: Kamailio read %d packets, %d octets; the capture has %d and %d", got, packets, octets, len(in), sent)
		})
	}
}

// wellFormed: the dissector has nothing to say of what an address of ours sent.
func wellFormed(t *testing.T, w *capture, ip string) {
	t.Helper()
	ours := "udp and ip.src == " + ip
	if plain := w.dissect(t, &carrier{}, ours+" and not (rtp or rtcp or stun or dtls)", "frame.number", "udp.srcport", "udp.dstport", "udp.payload"); len(plain) > 0 {
		t.Errorf("%d datagrams are none of RTP, RTCP, STUN and DTLS: %.500s", len(plain), strings.Join(plain, "\n"))
	}
	marked := w.dissect(t, &carrier{}, ours+" and (_ws.malformed or _ws.expert.severity >= warning)",
		"frame.number", "udp.srcport", "udp.dstport", "_ws.col.Protocol", "_ws.expert.message", "_ws.col.Info")
	if len(marked) > 0 {
		t.Errorf("%d packets marked, of them:\n%.2000s", len(marked), strings.Join(marked, "\n"))
	}
	t.Logf("sent by the relay, without a mark: %d RTP, %d RTCP, %d STUN, %d DTLS", len(w.dissect(t, &carrier{}, ours+" and rtp", "frame.number")),
		len(w.dissect(t, &carrier{}, ours+" and rtcp", "frame.number")), len(w.dissect(t, &carrier{}, ours+" and stun", "frame.number")), len(w.dissect(t, &carrier{}, ours+" and dtls", "frame.number")))
}

// securelyFormed is wellFormed for an address that speaks SRTP: a dissector
// cannot read RTCP and the length of padding, which are encrypted, and does not
// like that a handshake begins again when ICE finds a better path.
func securelyFormed(t *testing.T, w *capture, ip string) {
	t.Helper()
	ours := "udp and ip.src == " + ip
	if plain := w.dissect(t, &carrier{}, ours+" and not (rtp or rtcp or stun or dtls) and not (udp.payload[0] & 0xc0 == 80 and (udp.payload[0] & 0x20 == 20 or udp.payload[1] & 0xe0 == c0))", "frame.number", "udp.payload"); len(plain) > 0 {
		t.Errorf("%d datagrams are none of RTP, RTCP, STUN and DTLS: %.500s", len(plain), strings.Join(plain, "\n"))
	}
	marked := w.dissect(t, &carrier{}, ours+" and (rtp or stun or dtls) and not rtcp and (_ws.malformed or _ws.expert.severity >= error)",
		"frame.number", "_ws.col.Protocol", "_ws.expert.message", "_ws.col.Info")
	marked = slices.DeleteFunc(marked, func(l string) bool { return strings.Contains(l, "(retransmission?)") })
	if len(marked) > 0 {
		t.Errorf("%d packets marked, of them:\n%.2000s", len(marked), strings.Join(marked, "\n"))
	}
	t.Logf("sent by the relay, without a mark: %d RTP, %d STUN, %d DTLS", len(w.dissect(t, &carrier{}, ours+" and rtp", "frame.number")),
		len(w.dissect(t, &carrier{}, ours+" and stun", "frame.number")), len(w.dissect(t, &carrier{}, ours+" and dtls", "frame.number")))
}

// forgetful passes control messages on to a relay without what they say about
// the client's knowledge of "load limit", as clients of old had none.
func forgetful(t *testing.T, relay int) (port int) {
	t.Helper()
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = front.Close() })
	go func() {
		for b := make([]byte, 65536); ; {
			n, from, err := front.ReadFromUDP(b)
			if err != nil {
				return
			}
			msg := bytes.Replace(b[:n], []byte("8:supportsl10:load limite"), nil, 1)
			back, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: relay})
			if err != nil {
				return
			}
			_, _ = back.Write(msg)
			_ = back.SetReadDeadline(time.Now().Add(time.Second))
			if n, err := back.Read(b); err == nil {
				_, _ = front.WriteToUDP(b[:n], from)
			}
			_ = back.Close()
		}
	}()
	return front.LocalAddr().(*net.UDPAddr).Port
}

// TestKamailioMovesOn: a relay that takes no more calls, in each of the three
// ways of saying so, costs no call: Kamailio asks the second relay.
func TestKamailioMovesOn(t *testing.T) {
	for _, c := range []struct {
		name, limit, said string
		old               bool
	}{
		{"load limit", "sessions: 2", "load limit", false},
		{"sessions, to an old client", "sessions: 2", "Parallel session limit reached", true},
		{"ports", "port_max: 30011", "Ran out of ports", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			first, second := newRelayNode(t, c.limit), newRelayNode(t)
			port := first.udp
			if c.old {
				port = forgetful(t, port)
			}
			// The first has nearly all the weight.
			m := newMediaProxy(t, fmt.Sprintf("udp:127.0.0.1:%d=1000", port), fmt.Sprintf("udp:127.0.0.1:%d=1", second.udp))
			w := newCapture(t, fmt.Sprintf("udp and (host %s or host %s or port %d)", first.ip, second.ip, first.udp))
			const calls = 12
			m.calls(t, calls)
			w.end(t)
			got, packets, _ := m.totals(t)
			one := len(w.dissect(t, &carrier{}, "rtp and ip.dst == "+first.ip, "frame.number"))
			two := len(w.dissect(t, &carrier{}, "rtp and ip.dst == "+second.ip, "frame.number"))
			if got != calls || packets != one+two || one == 0 || two == 0 {
				t.Errorf("%d calls, %d packets read, %d sent to the first relay, %d to the second", got, packets, one, two)
			}
			refused := w.dissect(t, &carrier{}, fmt.Sprintf("udp.srcport == %d and frame contains %q", first.udp, c.said), "frame.number")
			if len(refused) == 0 {
				t.Errorf("the first relay never said %q", c.said)
			}
			t.Logf("%d packets through the first relay, which said %q %d times, %d through the second; none of %d calls failed", one, c.said, len(refused), two, calls)
		})
	}
}

// TestRepeatedCookie: a control message that comes again is answered with the
// same octets, and makes nothing new, over datagrams and WebSocket.
func TestRepeatedCookie(t *testing.T) {
	n := newRelayNode(t)
	const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9000 RTP/AVP 8\r\n"
	offer := func(cookie, id string) []byte {
		return fmt.Appendf(nil, "%s d7:call-id%d:%s7:command5:offer8:from-tag1:a3:sdp%d:%se", cookie, len(id), id, len(sdp), sdp)
	}
	udp, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", n.udp))
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	ws, _, err := websocket.Dial(t.Context(), fmt.Sprintf("ws://127.0.0.1:%d/ng", n.http), &websocket.DialOptions{Subprotocols: []string{"ng.rtpengine.com"}})
	if err != nil {
		t.Fatal(err)
	}
	over := websocket.NetConn(t.Context(), ws, websocket.MessageBinary)
	defer over.Close()
	for name, conn := range map[string]io.ReadWriter{"udp": udp, "ws": over} {
		var replies [3]string
		b := make([]byte, 65536)
		for i := range replies {
			if _, err := conn.Write(offer(name+"_1", name)); err != nil {
				t.Fatal(err)
			}
			_ = udp.SetReadDeadline(time.Now().Add(5 * time.Second))
			k, err := conn.Read(b)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			replies[i] = string(b[:k])
		}
		if !strings.Contains(replies[0], "6:result2:ok") || replies[1] != replies[0] || replies[2] != replies[0] {
			t.Errorf("%s: %q", name, replies)
		}
	}
	if got := ordered(t, n.client(t), "command", "list").Strings("calls"); len(got) != 2 {
		t.Errorf("%d sessions after two offers sent three times each: %q", len(got), got)
	}
}
