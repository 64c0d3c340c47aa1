package proxy

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/internal/script"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

func TestNumeric(t *testing.T) {
	udp := transport.Flow{Protocol: transport.UDP, Listener: 3, Local: local}
	tcp := udp
	tcp.Protocol = transport.TCP
	for _, c := range []struct {
		uri  string
		base transport.Flow
		want string // "" for ErrUnresolved
	}{
		{"sip:192.0.2.5", udp, "192.0.2.5:5060"},
		{"sip:bob@192.0.2.5:5070", udp, "192.0.2.5:5070"},
		{"sip:bob@[2001:db8::1]:5070;lr", udp, "[2001:db8::1]:5070"},
		{"sip:192.0.2.5;transport=UDP", udp, "192.0.2.5:5060"},
		{"sip:bob@example.com;maddr=192.0.2.7", udp, "192.0.2.7:5060"},
		{"sip:192.0.2.5;transport=tcp", udp, ""},
		{"sip:192.0.2.5;transport=tcp", tcp, ""},
		{"sips:192.0.2.5", udp, ""},
		{"sip:example.com", udp, ""},
		{"tel:+431234", udp, ""},
	} {
		u, err := wire.ParseURI([]byte(c.uri))
		if err != nil {
			t.Fatal(err)
		}
		flow, err := Numeric(c.base)(u)
		if c.want == "" {
			if !errors.Is(err, ErrUnresolved) {
				t.Errorf("%s: flow %v, error %v", c.uri, flow, err)
			}
			continue
		}
		want := c.base
		want.Remote = netip.MustParseAddrPort(c.want)
		if err != nil || flow != want {
			t.Errorf("%s: flow %v, error %v", c.uri, flow, err)
		}
	}
}

// TestRank holds the order of RFC 3261 section 16.7 step 6.
func TestRank(t *testing.T) {
	order := []int{603, 302, 407, 484, 486, 404, 408, 487, 430, 500, 503}
	for i := 1; i < len(order); i++ {
		if rank(order[i-1], false) >= rank(order[i], false) {
			t.Errorf("%d does not come before %d", order[i-1], order[i])
		}
	}
	if rank(487, true) >= rank(486, true) {
		t.Error("487 does not come first in a cancelled call")
	}
}

func command(line string, input ...string) *script.Command {
	words := strings.Fields(line)
	c := &script.Command{Name: words[0], Args: map[string]string{}, Input: input}
	for _, w := range words[1:] {
		if k, v, ok := strings.Cut(w, "="); ok {
			c.Args[k] = v
		} else {
			c.Words = append(c.Words, w)
		}
	}
	return c
}

// TestResponseWithoutViaOfTheCaller: it cannot go up; when it is final, the
// caller gets a 500 in its place.
func TestResponseWithoutViaOfTheCaller(t *testing.T) {
	for status, want := range map[int]string{180: "", 200: "alice <- 500", 404: "alice <- 500"} {
		w := newWorld(t)
		w.do(command("plan bob"))
		w.do(command("in alice INVITE"))
		text := w.composeResponse(command("in bob"), status) + "Content-Length: 0\r\n\r\n"
		via := strings.Index(text, "Via: SIP/2.0/UDP 192.0.2.10")
		text = text[:via] + text[via+strings.Index(text[via:], "\r\n")+2:]
		if err := w.message.Parse([]byte(text), nil); err != nil {
			t.Fatal(err)
		}
		w.out.Reset()
		w.layer.Receive(w.now, &w.message, flowOf("bob"))
		if got := w.out.String(); strings.Count(got, "alice <-") != strings.Count(want, "alice") || !strings.Contains(got, want) {
			t.Errorf("%d: got %s", status, got)
		}
		if n := w.proxy.Stats().Unusable; n != 1 {
			t.Errorf("%d unusable responses", n)
		}
	}
}

// splitter is a Call that tries to smuggle a header line.
type splitter struct{ where string }

func (s splitter) Forward(_ time.Time, _ *Branch, _ *wire.Message, e *wire.Edit) error {
	if s.where == "request" {
		e.Add("X-Name", []byte("a\r\nRoute: <sip:evil.example.com>"))
	}
	return nil
}

func (s splitter) Response(_ time.Time, _ *Context, _ *Branch, m *wire.Message, e *wire.Edit) {
	if s.where == "response" {
		e.Add("X-Name", []byte("a\nb"))
	}
}

func (splitter) Ended(time.Time, *Context) {}

// TestSplitHeader: an edit with a line end in a value does not leave.
func TestSplitHeader(t *testing.T) {
	w := newWorld(t)
	w.do(command("plan bob"))
	w.custom = splitter{"request"}
	if got := w.do(command("in alice INVITE")); strings.Contains(got, "bob <-") || !strings.Contains(got, "alice <- 500") {
		t.Errorf("got %s", got)
	}
	w.custom = splitter{"response"}
	w.do(command("in alice INVITE branch=2"))
	if got := w.do(command("in bob 180")); got != "" {
		t.Errorf("got %s", got)
	}
	if got := w.do(command("in bob 200")); !strings.Contains(got, "alice <- 500") {
		t.Errorf("got %s", got)
	}
	if n := w.proxy.Stats().Unusable; n != 2 {
		t.Errorf("%d unusable responses", n)
	}
	w.do(command("advance 1m"))
	if s := w.proxy.Stats(); s.Contexts != 0 {
		t.Errorf("%d contexts left", s.Contexts)
	}
}

// meddler cancels its call from inside every callback.
type meddler struct {
	early bool // already before the first branch
	ended int
}

func (m *meddler) Forward(now time.Time, b *Branch, _ *wire.Message, _ *wire.Edit) error {
	if m.early {
		b.Context().Cancel(now, nil)
	}
	return nil
}

func (m *meddler) Response(now time.Time, c *Context, _ *Branch, _ *wire.Message, _ *wire.Edit) {
	c.Cancel(now, nil)
}

func (m *meddler) BranchEnded(now time.Time, b *Branch, _ int) { b.Context().Cancel(now, nil) }
func (m *meddler) Ended(now time.Time, c *Context) {
	m.ended++
	c.Cancel(now, nil)
}

// TestCancelFromCallbacks: it may come at any moment and the call still has
// one end.
func TestCancelFromCallbacks(t *testing.T) {
	w := newWorld(t)
	m := &meddler{early: true}
	w.custom = m
	w.do(command("plan bob carol"))
	if got := w.do(command("in alice INVITE")); strings.Contains(got, "bob <-") || !strings.Contains(got, "alice <- 487") {
		t.Errorf("got %s", got)
	}
	if m.ended != 1 {
		t.Errorf("ended %d times", m.ended)
	}
	for _, answer := range []string{"200", "486", "603"} {
		w := newWorld(t)
		m := &meddler{}
		w.custom = m
		w.do(command("auto"))
		w.do(command("plan bob"))
		w.do(command("in alice INVITE"))
		got := w.do(command("in bob 180")) + w.do(command("in bob "+answer))
		if !strings.Contains(got, "bob <- CANCEL") || !strings.Contains(got, "alice <- "+answer) {
			t.Errorf("%s: got %s", answer, got)
		}
		w.do(command("advance 2m"))
		if m.ended != 1 || w.proxy.Stats().Contexts != 0 {
			t.Errorf("%s: ended %d times, %d contexts left", answer, m.ended, w.proxy.Stats().Contexts)
		}
	}
}

// TestCancelBeforeStart: the owner that has not decided yet keeps the CANCEL.
func TestCancelBeforeStart(t *testing.T) {
	w := newWorld(t)
	w.do(command("plan later"))
	w.do(command("in alice INVITE"))
	if got := w.do(command("in alice CANCEL")); !strings.Contains(got, "owner: CANCEL without context") {
		t.Errorf("got %s", got)
	}
}
