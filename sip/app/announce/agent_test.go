package announce

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

type player struct {
	fail     error
	sessions []*session
	done     func()
}

type session struct{ offers, closed int }

func (p *player) Answer(_ context.Context, _ []byte, done func()) (Session, []byte, error) {
	if p.fail != nil {
		return nil, nil, p.fail
	}
	s := &session{}
	p.sessions, p.done = append(p.sessions, s), done
	return s, []byte("v=0\r\n"), nil
}

func (s *session) Reoffer([]byte) ([]byte, error) { s.offers++; return []byte("v=0\r\n"), nil }
func (s *session) Close()                         { s.closed++ }

type bench struct {
	t      *testing.T
	agent  *Agent
	player *player
	now    time.Time
	sent   []string
	later  []func(time.Time)
	flow   transport.Flow
}

func newBench(t *testing.T, cfg Config) *bench {
	b := &bench{t: t, player: &player{}, now: time.Unix(1000, 0)}
	b.flow = transport.Flow{Remote: netip.MustParseAddrPort("192.0.2.1:5062")}
	cfg.Send = func(_ transport.Flow, msg []byte) error { b.sent = append(b.sent, string(msg)); return nil }
	cfg.Contact, cfg.Via, cfg.Player = "sip:echo@127.0.0.1:5090", "127.0.0.1:5090", b.player
	cfg.Do = func(_ string, f func(time.Time)) { b.later = append(b.later, f) }
	b.agent = New(cfg)
	return b
}

func (b *bench) receive(method string, cseq int, toTag string) {
	b.t.Helper()
	if toTag != "" {
		toTag = ";tag=" + toTag
	}
	m := new(wire.Message)
	text := fmt.Sprintf("%s sip:5000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK%s%d\r\nMax-Forwards: 70\r\n"+
		"Record-Route: <sip:192.0.2.1:5062;lr>\r\nFrom: <sip:a@example.com>;tag=a\r\nTo: <sip:5000@example.com>%s\r\nCall-ID: c\r\nCSeq: %d %s\r\n"+
		"Contact: <sip:a@192.0.2.9>\r\nContent-Length: 5\r\n\r\nv=0\r\n", method, method, cseq, toTag, cseq, method)
	if err := m.Parse([]byte(text), nil); err != nil {
		b.t.Fatal(err)
	}
	b.agent.Receive(b.now, m, b.flow)
}

func (b *bench) advance(d time.Duration) {
	end := b.now.Add(d)
	for {
		next, ok := b.agent.Advance(b.now)
		if !ok || next.After(end) {
			b.now = end
			return
		}
		b.now = next
	}
}

// take returns the start lines sent since the last call.
func (b *bench) take() string {
	var lines []string
	for _, s := range b.sent {
		line, _, _ := strings.Cut(s, "\r\n")
		lines = append(lines, strings.TrimSuffix(line, " SIP/2.0"))
	}
	b.sent = nil
	return strings.Join(lines, ", ")
}

func (b *bench) tag() string {
	b.t.Helper()
	m := new(wire.Message)
	if err := m.Parse([]byte(b.sent[len(b.sent)-1]), nil); err != nil {
		b.t.Fatal(err)
	}
	return string(m.ToTag())
}

func (b *bench) want(what, want string) {
	b.t.Helper()
	if got := b.take(); got != want {
		b.t.Errorf("%s: sent %q, want %q", what, got, want)
	}
}

const ok = "SIP/2.0 200 OK"

func TestCall(t *testing.T) {
	b := newBench(t, Config{})
	b.receive("INVITE", 1, "")
	tag := b.tag()
	b.want("invite", ok)
	b.advance(1600 * time.Millisecond)
	b.want("repeats", ok+", "+ok)
	b.receive("ACK", 1, tag)
	b.advance(time.Minute)
	b.want("after the ACK", "")
	b.receive("INVITE", 2, tag)
	b.want("re-INVITE", ok)
	b.receive("ACK", 2, tag)
	b.receive("BYE", 3, "wrong")
	b.want("BYE of another dialog", "SIP/2.0 481 Call/Transaction Does Not Exist")
	b.receive("BYE", 4, tag)
	b.want("BYE", ok)
	if s := b.player.sessions[0]; s.offers != 1 || s.closed != 1 || b.agent.Len() != 0 {
		t.Errorf("session %+v, %d calls", s, b.agent.Len())
	}
}

func TestNoAck(t *testing.T) {
	b := newBench(t, Config{})
	b.receive("INVITE", 1, "")
	b.take()
	b.advance(33 * time.Second)
	if got := b.take(); !strings.HasSuffix(got, "BYE sip:a@192.0.2.9") || strings.Count(got, "200 OK") < 8 {
		t.Errorf("sent %q", got)
	}
	if b.player.sessions[0].closed != 1 || b.agent.Len() != 0 {
		t.Error("the session goes on")
	}
}

func TestRefusals(t *testing.T) {
	b := newBench(t, Config{})
	b.player.fail = fmt.Errorf("no codec: %w", ErrNotAcceptable)
	b.receive("INVITE", 1, "")
	b.want("no codec", "SIP/2.0 488 Not Acceptable Here")
	b.receive("ACK", 1, "x")
	b.player.fail = errors.New("no port")
	b.receive("INVITE", 2, "")
	b.want("no port", "SIP/2.0 500 Server Internal Error")
	b.receive("SUBSCRIBE", 3, "")
	b.want("unknown method", "SIP/2.0 405 Method Not Allowed")
	b.receive("OPTIONS", 4, "")
	b.want("options", ok)
	if b.agent.Len() != 0 {
		t.Errorf("%d calls", b.agent.Len())
	}
}

func TestHangsUp(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(*bench)
	}{
		{"player is done", func(b *bench) { b.player.done(); b.later[0](b.now) }},
		{"time is over", func(b *bench) { b.advance(10 * time.Minute) }},
		{"agent closes", func(b *bench) { b.agent.Close(b.now) }},
	} {
		b := newBench(t, Config{})
		b.receive("INVITE", 1, "")
		b.receive("ACK", 1, b.tag())
		b.take()
		c.end(b)
		b.want(c.name, "BYE sip:a@192.0.2.9")
		if b.player.sessions[0].closed != 1 || b.agent.Len() != 0 {
			t.Errorf("%s: the session goes on", c.name)
		}
	}
}

// TestDoneAfterEnd: a player that reports its end after the caller hung up
// must not hurt anybody.
func TestDoneAfterEnd(t *testing.T) {
	b := newBench(t, Config{})
	b.receive("INVITE", 1, "")
	tag := b.tag()
	b.receive("ACK", 1, tag)
	b.receive("BYE", 2, tag)
	b.take()
	b.player.done()
	b.later[0](b.now)
	b.want("late end", "")
}
