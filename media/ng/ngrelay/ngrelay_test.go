package ngrelay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/sdp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is a relay with its control protocol over UDP on loopback.
type node struct {
	*relay.Relay
	url string
}

func newNode(t *testing.T, cfg relay.Config) node {
	t.Helper()
	cfg.Interfaces = []relay.Interface{{Addr: netip.MustParseAddr("127.0.0.1")}}
	cfg.Deny, cfg.Quarantine = []netip.Prefix{}, -1
	r, err := relay.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := ng.NewServer(NewHandler(r, Config{}), ng.Config{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() {
		if err := server.ServeUDP(ctx, conn); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return node{r, "udp://" + conn.LocalAddr().String()}
}

func (n node) client(t *testing.T) *ng.Client {
	t.Helper()
	c, err := ng.NewClient(ng.ClientConfig{URL: n.url, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// party is one end of a call with its RTP socket.
type party struct{ *net.UDPConn }

func newParty(t *testing.T) party {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return party{c}
}

func (p party) sdp() string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n", p.LocalAddr().(*net.UDPAddr).Port)
}

// send sends packets to where the description says, n of them.
func (p party) send(t *testing.T, description []byte, ssrc byte, n int) {
	t.Helper()
	d, err := sdp.Parse(description, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 172)
	b[0], b[1], b[11] = 0x80, 8, ssrc
	for i := range n {
		b[3], b[7] = byte(i), byte(i)
		if _, err := p.WriteToUDPAddrPort(b, d.Media(0).Addr()); err != nil {
			t.Fatal(err)
		}
	}
}

func (p party) receive(t *testing.T, n int) {
	t.Helper()
	buf := make([]byte, 2000)
	_ = p.SetReadDeadline(time.Now().Add(10 * time.Second))
	for i := range n {
		if _, err := p.Read(buf); err != nil {
			t.Fatalf("after %d of %d packets: %v", i, n, err)
		}
	}
}

// caller is what a proxy drives: a relay here or elsewhere.
type caller interface {
	Offer(ctx context.Context, req relay.OfferRequest) ([]byte, error)
	Answer(ctx context.Context, req relay.AnswerRequest) ([]byte, error)
	Query(ctx context.Context, callID string) (relay.Report, error)
	Delete(ctx context.Context, req relay.DeleteRequest) (relay.Report, error)
}

// TestHereAndElsewhere: a call through a relay of this process and through one
// behind the protocol is the same for who drives it.
func TestHereAndElsewhere(t *testing.T) {
	n := newNode(t, relay.Config{})
	set, err := ng.NewNodes(ng.NodesConfig{Nodes: []ng.Node{{ClientConfig: ng.ClientConfig{URL: n.url, Timeout: 5 * time.Second}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	for name, c := range map[string]caller{"here": n.Relay, "elsewhere": NewRemote(set)} {
		t.Run(name, func(t *testing.T) {
			a, b := newParty(t), newParty(t)
			toB, err := c.Offer(t.Context(), relay.OfferRequest{CallID: name, FromTag: "a", SDP: []byte(a.sdp())})
			if err != nil {
				t.Fatal(err)
			}
			toA, err := c.Answer(t.Context(), relay.AnswerRequest{CallID: name, FromTag: "a", ToTag: "b", SDP: []byte(b.sdp())})
			if err != nil {
				t.Fatal(err)
			}
			a.send(t, toA, 1, 20)
			b.receive(t, 20)
			b.send(t, toB, 2, 30)
			a.receive(t, 30)
			for _, ended := range []bool{false, true} {
				var r relay.Report
				if ended {
					r, err = c.Delete(t.Context(), relay.DeleteRequest{CallID: name, FromTag: "a", ToTag: "b"})
				} else {
					r, err = c.Query(t.Context(), name)
				}
				if err != nil {
					t.Fatal(err)
				}
				got := map[string][2]uint64{}
				for _, l := range r.Legs {
					got[l.Tags[0]] = [2]uint64{l.Streams[0].Received.Packets, l.Streams[0].Received.Bytes}
				}
				if got["a"] != [2]uint64{20, 20 * 172} || got["b"] != [2]uint64{30, 30 * 172} {
					t.Errorf("ended %v: %v", ended, got)
				}
				if ended == r.Ended.IsZero() {
					t.Errorf("ended: %v", r.Ended)
				}
			}
			if _, err := c.Query(t.Context(), name); !errors.Is(err, relay.ErrUnknownCall) {
				t.Errorf("after the end: %v", err)
			}
		})
	}
}

// TestTheLiteralErrors: what makes clients ask another relay.
func TestTheLiteralErrors(t *testing.T) {
	for reason, cfg := range map[string]relay.Config{
		"Parallel session limit reached": {MaxSessions: 1},
		"Ran out of ports":               {PortMin: 31990, PortMax: 31993},
	} {
		n := newNode(t, cfg)
		c := n.client(t)
		a := newParty(t)
		offer := func(id string, more ...any) error {
			_, err := c.Do(t.Context(), ng.Of(append([]any{"command", "offer", "call-id", id, "from-tag", "a", "sdp", a.sdp()}, more...)...))
			return err
		}
		if err := offer("1"); err != nil {
			t.Fatal(err)
		}
		var said *ng.ReplyError
		if err := offer("2"); !errors.As(err, &said) || said.Reason != reason {
			t.Errorf("error %v, want %q", err, reason)
		}
		if err := offer("3", "supports", []string{"load limit"}); strings.HasPrefix(reason, "Par") && !errors.Is(err, ng.ErrLoadLimit) {
			t.Errorf("error %v", err)
		}
		if n.Count() != 1 {
			t.Errorf("%d sessions after refused offers", n.Count())
		}
	}
}

// TestCommands: what else a client may send.
func TestCommands(t *testing.T) {
	n := newNode(t, relay.Config{})
	c := n.client(t)
	a, b := newParty(t), newParty(t)
	do := func(want string, pairs ...any) ng.Dict {
		t.Helper()
		reply, err := c.Do(t.Context(), ng.Of(pairs...))
		got := ""
		if err != nil {
			got = err.Error()
		} else if w := reply.Str("warning"); w != "" {
			got = w
		}
		if !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%v: %q, want %q", pairs[1], got, want)
		}
		return reply
	}
	do("not understood", "command", "offer", "call-id", "x", "from-tag", "a", "sdp", a.sdp(), "flags", []string{"make-coffee"})
	do("No to-tag", "command", "answer", "call-id", "x", "from-tag", "a", "sdp", b.sdp())
	do("", "command", "answer", "call-id", "x", "from-tag", "a", "to-tag", "b", "sdp", b.sdp())
	do("Unknown call-id", "command", "answer", "call-id", "y", "from-tag", "a", "to-tag", "b", "sdp", b.sdp())
	do("Unknown call-id", "command", "query", "call-id", "y")
	do("Unrecognized command", "command", "make coffee", "call-id", "x")
	do("not supported", "command", "transform", "call-id", "x")
	do("No call-id", "command", "query")
	do("no recording", "command", "start recording", "call-id", "x")
	do("not configured", "command", "play media", "call-id", "x", "from-tag", "a", "blob", "x")
	for _, name := range []string{"block media", "unblock media", "silence media", "unsilence media", "block DTMF", "unblock DTMF"} {
		do("", "command", name, "call-id", "x", "from-tag", "a", "flags", []string{"directional"})
		do("Tag not found", "command", name, "call-id", "x", "from-tag", "z", "flags", []string{"directional"})
		do("Tag not found", "command", name, "call-id", "x", "label", "z")
		do("Unknown call-id", "command", name, "call-id", "y")
	}
	do("", "command", "block DTMF", "call-id", "x", "from-tag", "a", "DTMF-security", "zero", "trigger", "12", "trigger-end", "#")
	do("unknown mode", "command", "block DTMF", "call-id", "x", "from-tag", "a", "DTMF-security", "shout")
	do("no DTMF code", "command", "play DTMF", "call-id", "x", "from-tag", "a")
	do("out of range", "command", "play DTMF", "call-id", "x", "from-tag", "a", "code", "5", "volume", 99)
	do("Tag not found", "command", "play DTMF", "call-id", "x", "from-tag", "z", "code", "5")
	do("", "command", "play DTMF", "call-id", "x", "from-tag", "a", "code", 11, "duration", 100, "pause", 50, "volume", -10)
	if reply := do("", "command", "list"); len(reply.Strings("calls")) != 1 {
		t.Errorf("list: %v", reply)
	}
	stats, _ := do("", "command", "statistics").Dict("statistics")
	if now, _ := stats.Dict("currentstatistics"); now.Str("sessionstotal") != "1" {
		t.Errorf("statistics: %v", stats)
	}
	do("not found", "command", "delete", "call-id", "y", "from-tag", "a")
	do("Unknown call-id", "command", "delete", "call-id", "y", "from-tag", "a", "flags", []string{"fatal"})
	if reply := do("", "command", "delete", "call-id", "x", "from-tag", "a", "flags", []string{"fast"}); reply.Len() != 1 {
		t.Errorf("fast: %v", reply)
	}
	if n.Count() != 0 {
		t.Errorf("%d sessions left", n.Count())
	}
}

// TestDrain: new sessions are refused in the words that move clients on; those
// that exist are served.
func TestDrain(t *testing.T) {
	r, err := relay.New(relay.Config{Interfaces: []relay.Interface{{Addr: netip.MustParseAddr("127.0.0.1")}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	defer func() { cancel(); <-done }()
	h := NewHandler(r, Config{})
	offer := func(id string) error {
		_, err := h.HandleNG(ctx, &ng.Request{Command: "offer", Dict: ng.Of("call-id", id, "from-tag", "a", "sdp", newParty(t).sdp())})
		return err
	}
	if err := offer("old"); err != nil {
		t.Fatal(err)
	}
	h.Drain(true)
	var limit *ng.LoadLimitError
	if err := offer("new"); !errors.As(err, &limit) || !h.Draining() {
		t.Errorf("a new session: %v", err)
	}
	if err := offer("old"); err != nil {
		t.Errorf("a session that exists: %v", err)
	}
	h.Drain(false)
	if err := offer("new"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
