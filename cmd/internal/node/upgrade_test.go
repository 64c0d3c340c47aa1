package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/class5-go/class5/internal/fdpass"
	"github.com/class5-go/class5/media/ng"
)

// mediaProcess is a media node as a process has it.
type mediaProcess struct {
	*MediaNode
	registry *prometheus.Registry
	stop     func()
	done     chan error
}

func (p *mediaProcess) ended(t *testing.T) error {
	t.Helper()
	select {
	case err := <-p.done:
		return errors.Join(err, p.Close())
	case <-time.After(30 * time.Second):
		t.Fatal("it goes on")
		return nil
	}
}

// newMediaProcess starts one; succeed: as the successor of the one that runs.
func newMediaProcess(t *testing.T, cfg MediaNodeConfig, succeed bool) *mediaProcess {
	t.Helper()
	registry := prometheus.NewRegistry()
	env := Env{Log: slog.New(slog.DiscardHandler), Metrics: registry, Now: time.Now, Sockets: &Sockets{}}
	var err error
	if succeed {
		if env.Inherit, err = inherit(t.Context(), cfg.Upgrade); err != nil {
			t.Fatal(err)
		}
		env.Sockets = env.Inherit.sockets
	}
	m, err := NewMediaNode(t.Context(), cfg, env)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &mediaProcess{m, registry, cancel, make(chan error, 1)}
	go func() {
		defer env.Inherit.Close()
		p.done <- m.Run(ctx)
	}()
	t.Cleanup(cancel)
	return p
}

func freeUDP(t *testing.T) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// exchange sends a datagram and returns what comes back.
func exchange(t *testing.T, to netip.AddrPort, message string) string {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	buf := make([]byte, 65536)
	_, err = c.Write([]byte(message))
	if err := errors.Join(err, c.SetReadDeadline(time.Now().Add(10*time.Second))); err != nil {
		t.Fatal(err)
	}
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// TestUpgrade: a successor that fails changes nothing, whatever it fails at; one
// that goes on has the sessions, and the process before ends.
func TestUpgrade(t *testing.T) {
	cfg := MediaNodeConfig{NG: NGConfig{UDP: []netip.AddrPort{freeUDP(t)}}, Upgrade: filepath.Join(t.TempDir(), "s")}
	cfg.Interfaces, cfg.AllowLoopback = []string{"127.0.0.1"}, true
	first := newMediaProcess(t, cfg, false)
	c, err := ng.NewClient(ng.ClientConfig{URL: fmt.Sprintf("udp://%v", cfg.NG.UDP[0]), Timeout: time.Second, Tries: 20})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
	do := func(command, id string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := c.Do(ctx, ng.Of("command", command, "call-id", id, "from-tag", "a", "sdp", sdp))
		return err
	}
	for i := range 20 {
		if err := do("offer", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	asked := string(ng.Append([]byte("cookie-1 "), ng.Of("command", "offer", "call-id", "x", "from-tag", "a", "sdp", sdp), ng.Bencode))
	answered := exchange(t, cfg.NG.UDP[0], asked)
	if !strings.Contains(answered, "6:result2:ok") {
		t.Fatalf("%q", answered)
	}
	if _, err := newUpgrader(t.Context(), cfg.Upgrade, false); !errors.Is(err, ErrConfig) {
		t.Errorf("the socket of a process that runs was taken: %v", err)
	}
	for name, fail := range map[string]func(*fdpass.Conn) error{
		"another version":       func(c *fdpass.Conn) error { return tell(c, handMessage{Kind: handHello, Version: 99}) },
		"no hello":              func(c *fdpass.Conn) error { return c.Send([]byte("{}")) },
		"gone behind the hello": func(c *fdpass.Conn) error { return tell(c, handMessage{Kind: handHello, Version: handVersion}) },
		"gone amid sessions": func(c *fdpass.Conn) error {
			err := tell(c, handMessage{Kind: handHello, Version: handVersion})
			_, fds, err2 := hear(c, handSockets)
			closeAll(fds)
			err = errors.Join(err, err2, tell(c, handMessage{Kind: handReady}))
			_, _, err2 = hear(c, handReplies)
			err = errors.Join(err, err2)
			for range 3 {
				_, fds, err2 = hear(c, handSession)
				closeAll(fds)
				err = errors.Join(err, err2)
			}
			return err
		},
		"does not want them": func(c *fdpass.Conn) error {
			err := tell(c, handMessage{Kind: handHello, Version: handVersion})
			_, fds, err2 := hear(c, handSockets)
			closeAll(fds)
			err = errors.Join(err, err2, tell(c, handMessage{Kind: handReady}))
			_, _, err2 = hear(c, handReplies)
			err = errors.Join(err, err2)
			for kind := handSession; kind == handSession && err == nil; {
				var m handMessage
				m, fds, err = hear(c, handSession, handAll)
				closeAll(fds)
				kind = m.Kind
			}
			return errors.Join(err, tell(c, handMessage{Kind: handFailed, Error: "no"}))
		},
	} {
		conn, err := net.Dial("unix", cfg.Upgrade)
		if err != nil {
			t.Fatal(err)
		}
		if err := fail(fdpass.New(conn.(*net.UnixConn))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_ = conn.Close()
		if err := do("query", "7"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := cfg
	other.Interfaces = []string{"127.0.0.2"} // where the sessions are not
	if err := newMediaProcess(t, other, true).ended(t); err == nil {
		t.Error("a relay without the interface went on")
	}
	for round := range 2 {
		second := newMediaProcess(t, cfg, true)
		if err := first.ended(t); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			if err := do("query", fmt.Sprint(i)); err != nil {
				t.Errorf("round %d, %d: %v", round, i, err)
			}
		}
		if again := exchange(t, cfg.NG.UDP[0], asked); again != answered || second.server.Stats().Repeated != 1 {
			t.Errorf("round %d: a request that came again was answered %q, at first %q", round, again, answered)
		}
		if n := second.relay.Count(); n != 21 || first.relay.Count() != 0 {
			t.Errorf("%d sessions moved, %d stayed", n, first.relay.Count())
		}
		was, _ := first.relay.Certificate().Fingerprint("sha-256")
		if is, err := second.relay.Certificate().Fingerprint("sha-256"); err != nil || is.String() != was.String() {
			t.Errorf("another certificate: %v", err)
		}
		first = second
	}
	first.stop()
	if err := first.ended(t); err != nil {
		t.Error(err)
	}
	if listened(t.Context(), cfg.Upgrade) {
		t.Error("somebody still listens")
	}
}
