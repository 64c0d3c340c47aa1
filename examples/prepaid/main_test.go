package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// phone is a user agent in its simplest form: it answers what it is asked.
type phone struct {
	t    *testing.T
	conn net.PacketConn
	byes chan string // Reason of a BYE that came
	ok   chan *wire.Message
	tag  string
}

func newPhone(t *testing.T, tag string) *phone {
	conn, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &phone{t: t, conn: conn, tag: tag, byes: make(chan string, 8), ok: make(chan *wire.Message, 8)}
	var done sync.WaitGroup
	done.Go(p.serve)
	t.Cleanup(func() { conn.Close(); done.Wait() })
	return p
}

func (p *phone) serve() {
	b := make([]byte, 65536)
	for {
		n, from, err := p.conn.ReadFrom(b)
		if err != nil {
			return
		}
		m := new(wire.Message)
		if m.Parse([]byte(string(b[:n])), nil) != nil {
			continue
		}
		switch {
		case m.Status() >= 200:
			p.ok <- m
		case !m.IsRequest() || m.Method() == wire.ACK:
		default:
			if m.Method() == wire.BYE {
				reason, _ := m.First(wire.HdrReason)
				p.byes <- string(reason.Value)
			}
			contact := wire.Field{ID: wire.HdrContact, Value: []byte("<sip:" + p.tag + "@" + p.conn.LocalAddr().String() + ">")}
			if out, err := wire.AppendResponse(nil, m, 200, "", p.tag, contact); err == nil {
				_, _ = p.conn.WriteTo(out, from)
			}
		}
	}
}

func (p *phone) send(to, method, uri, callee string, cseq int) {
	addr, err := net.ResolveUDPAddr("udp", to)
	if err != nil {
		p.t.Fatal(err)
	}
	self := p.conn.LocalAddr().String()
	text := fmt.Sprintf("%s %s SIP/2.0\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%d\nMax-Forwards: 70\nFrom: <sip:alice@example.com>;tag=a\nTo: %s\n"+
		"Call-ID: call%d\nCSeq: %d %s\nContact: <sip:alice@%s>\nContent-Length: 0\n\n", method, uri, self, method, cseq, callee, cseq, cseq, method, self)
	if _, err := p.conn.WriteTo([]byte(strings.ReplaceAll(text, "\n", "\r\n")), addr); err != nil {
		p.t.Fatal(err)
	}
}

func wait[T any](t *testing.T, c chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("no ", what)
		panic("unreachable")
	}
}

// TestPrepaid: the call ends when the two cents are spent, and there is no
// second one.
func TestPrepaid(t *testing.T) {
	alice, bob := newPhone(t, "a"), newPhone(t, "b")
	out, in := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"-listen", "127.0.0.1:0", "-to", "sip:bob@" + bob.conn.LocalAddr().String(), "-credit", "0.02", "-price", "0.01/1"}, in)
		in.Close()
	}()
	lines := make(chan string, 64)
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := out.Read(b)
			if err != nil {
				close(lines)
				return
			}
			lines <- string(b[:n])
		}
	}()
	self := strings.Fields(wait(t, lines, "address"))[2]

	alice.send(self, "INVITE", "sip:bob@example.com", "<sip:bob@example.com>", 1)
	ok := wait(t, alice.ok, "answer")
	if ok.Status() != 200 {
		t.Fatalf("status %d", ok.Status())
	}
	to, _ := ok.First(wire.HdrTo)
	contact, _ := ok.NameAddr(wire.HdrContact)
	alice.send(self, "ACK", string(contact.URI), string(to.Value), 1)
	for _, p := range []*phone{alice, bob} {
		if reason := wait(t, p.byes, "BYE"); !strings.Contains(reason, "402") {
			t.Errorf("Reason is %q", reason)
		}
	}
	said := ""
	for !strings.Contains(said, "paid") {
		said += wait(t, lines, "account")
	}
	if !strings.Contains(said, "alice may talk for 2s") || !strings.Contains(said, "alice has talked for 2s and paid 0.02 EUR") {
		t.Errorf("it said\n%s", said)
	}
	alice.send(self, "INVITE", "sip:bob@example.com", "<sip:bob@example.com>", 2)
	if no := wait(t, alice.ok, "refusal"); no.Status() != 402 {
		t.Errorf("without money: status %d", no.Status())
	}
	stop()
	for range lines { // until it ends
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
