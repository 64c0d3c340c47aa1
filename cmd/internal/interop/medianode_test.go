//go:build interop

package interop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
)

// relayNode is cmd/media with a loopback address of its own for media, so that
// what passes it can be told from everything else on the machine.
type relayNode struct {
	*process
	ip                  string // for media
	host                string // for everything else
	near                string // address of clients; empty: loopback
	inside              func(func())
	udp, tcp, http, adm int
	tls, https          int
	secure              string // of its configuration: keys of the secure listeners; empty: there are none
	file                string
}

// newRelayNode starts a relay. Lines go under media: in its configuration.
func newRelayNode(t *testing.T, lines ...string) *relayNode {
	t.Helper()
	n := &relayNode{ip: loopbackOfItsOwn()}
	n.configure(t, lines...)
	n.run(t)
	return n
}

func loopbackOfItsOwn() string {
	return fmt.Sprintf("127.%d.%d.%d", 10+rand.IntN(200), rand.IntN(256), 1+rand.IntN(250))
}

// configure writes the configuration.
func (n *relayNode) configure(t *testing.T, lines ...string) {
	t.Helper()
	if n.host == "" {
		n.host = "127.0.0.1"
	}
	p := freePorts(t, 6)
	n.udp, n.tcp, n.http, n.adm, n.tls, n.https = p, p+1, p+2, p+3, p+4, p+5
	n.file = filepath.Join(t.TempDir(), "media.yaml")
	config := fmt.Sprintf("node: media\nadmin: %s:%d\nmedia:\n  interfaces: [%s]\n  allow_loopback: true\n"+
		"  ng: {udp: [%s:%d], tcp: [%s:%d], http: [%s:%d]", n.host, n.adm, n.ip, n.host, n.udp, n.host, n.tcp, n.host, n.http)
	if n.near != "" {
		config += fmt.Sprintf(", allow: [%s/32]", n.near)
	}
	if n.secure != "" {
		config += fmt.Sprintf(", tls: [%s:%d], https: [%s:%d], %s", n.host, n.tls, n.host, n.https, n.secure)
	}
	config += "}\n"
	for _, l := range lines {
		config += "  " + l + "\n"
	}
	if err := os.WriteFile(n.file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run starts the process, again after it has ended, and waits until it answers.
func (n *relayNode) run(t *testing.T) {
	t.Helper()
	path := built.path(t, "cmd/media")
	if n.inside == nil {
		n.inside = func(f func()) { f() }
	}
	n.inside(func() { n.process = start(t, filepath.Dir(n.file), path, "-config", n.file) })
	p := n.process
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("media:\n%s", tail(p.output()))
		}
		for _, bad := range []string{"panic:", "DATA RACE", "fatal error:"} {
			if strings.Contains(p.output(), bad) {
				t.Errorf("the relay wrote %q", bad)
			}
		}
	})
	answers(t, p, n.client(t))
}

// answers waits until a relay does.
func answers(t *testing.T, p *process, c *ng.Client) {
	t.Helper()
	eventually(t, 15*time.Second, func() error {
		select {
		case <-p.done:
			return fmt.Errorf("it ended: %v\n%s", p.err, p.output())
		default:
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		return c.Ping(ctx)
	})
}

// client talks to the relay over its control protocol.
func (n *relayNode) client(t *testing.T) *ng.Client {
	t.Helper()
	return ngClient(t, fmt.Sprintf("udp://%s:%d", n.host, n.udp))
}

func ngClient(t *testing.T, url string) *ng.Client {
	t.Helper()
	return configuredClient(t, ng.ClientConfig{URL: url, Format: ng.JSON})
}

func configuredClient(t *testing.T, cfg ng.ClientConfig, options ...ng.ClientOption) *ng.Client {
	t.Helper()
	c, err := ng.NewClient(cfg, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// ordered carries out a command that has to succeed.
func ordered(t *testing.T, c *ng.Client, pairs ...any) ng.Dict {
	t.Helper()
	reply, err := c.Do(context.Background(), ng.Of(pairs...))
	if err != nil {
		t.Fatalf("%v: %v", pairs[:2], err)
	}
	return reply
}
