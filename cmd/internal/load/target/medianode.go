package target

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/class5-go/class5/cmd/internal/load/netlab"
	"github.com/class5-go/class5/media/ng"
)

// Node is a media relay between two networks, driven over its control protocol.
type Node struct {
	Lab     *netlab.Lab
	Loops   int // threads that move packets
	Calls   int // that it must have room for
	Offload bool
	Builds  *Builds
	State   string // where sessions survive the process; empty: nowhere

	// Number of Of nodes that share the host: ports, names and what the kernel
	// forwards are told apart by it. Of 0: it is alone.
	Number, Of int
	Pins       string // a directory of a BPF file system; empty: BPFDir of its own
}

// Ports in the relay's namespace, where nobody else is.
const (
	controlPort = 2223
	adminPort   = 2224
	firstPort   = 3000
	lastPort    = 65001
)

// control is how ng reaches the relay.
var control = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), controlPort)

// ports are the node's part of all.
func (n Node) ports() (first, last int) {
	each := (lastPort + 1 - firstPort) / max(n.Of, 1) &^ 1
	return firstPort + n.Number*each, firstPort + (n.Number+1)*each - 1
}

// Instance is the name that the node's flows have in the kernel.
func (n Node) Instance() string { return fmt.Sprintf("relay%d", n.Number) }

// Ours starts cmd/media. Its directory takes its configuration.
func (n Node) Ours(dir string) (*Target, *ng.Client, error) {
	file, err := n.Builds.File("cmd/media")
	if err != nil {
		return nil, nil, err
	}
	addr := netip.AddrPortFrom(control.Addr(), uint16(controlPort+2*n.Number))
	admin := netip.AddrPortFrom(control.Addr(), uint16(adminPort+2*n.Number))
	if err := write(dir, "media.yaml", n.config(dir, addr, admin)); err != nil {
		return nil, nil, err
	}
	p, err := n.start(dir, file, "-config", "media.yaml")
	if err != nil {
		return nil, nil, err
	}
	name := "cmd/media"
	if n.Offload {
		name += ", kernel"
	}
	return n.ready(&Target{Process: p, Name: name, Addr: addr, Admin: admin, Dial: n.dial})
}

func (n Node) config(dir string, addr, admin netip.AddrPort) string {
	at := netlab.Relays()
	first, last := n.ports()
	text := fmt.Sprintf("node: media\nadmin: %v\nlog: error\nmedia:\n  interfaces: [a/%v, b/%v]\n  port_min: %d\n  port_max: %d\n  loops: %d\n"+
		"  sessions: %d\n  timeout: 1h\n  ng: {udp: [%v]}\n  upgrade: %s\n", admin, at[0], at[1], first, last, n.Loops, n.Calls+100, addr, filepath.Join(dir, "upgrade"))
	if n.State != "" {
		text += fmt.Sprintf("  state: %s\n  state_name: %s\n", n.State, n.Instance())
	}
	if n.Offload {
		names := netlab.Interfaces()
		pins := n.Pins
		if pins == "" {
			pins = BPFDir(dir)
		}
		text += fmt.Sprintf("  offload: {interfaces: [%s], dir: %s, instance: %s, required: true}\n", strings.Join(names[:], ", "), filepath.Join(pins, "class5"), n.Instance())
	}
	return text
}

// BPFDir is where in the directory of an element a BPF file system is expected.
func BPFDir(dir string) string { return filepath.Join(dir, "bpf") }

// RTPEngine starts rtpengine without its kernel module.
func (n Node) RTPEngine(string) (*Target, *ng.Client, error) {
	if !Installed("rtpengine") {
		return nil, nil, fmt.Errorf("%w: rtpengine", ErrNotInstalled)
	}
	at := netlab.Relays()
	p, err := n.start("/", "rtpengine", "--foreground", "--log-stderr", "--log-level=3", "--table=-1", fmt.Sprintf("--interface=a/%v", at[0]),
		fmt.Sprintf("--interface=b/%v", at[1]), "--listen-ng="+control.String(), fmt.Sprintf("--port-min=%d", firstPort), fmt.Sprintf("--port-max=%d", lastPort),
		fmt.Sprintf("--num-threads=%d", n.Loops), "--timeout=3600", "--silent-timeout=3600")
	if err != nil {
		return nil, nil, err
	}
	return n.ready(&Target{Process: p, Name: "rtpengine", Addr: control})
}

func (n Node) start(dir, name string, args ...string) (*Process, error) {
	return StartIn(func() error { return n.Lab.Enter(netlab.Relay) }, dir, name, args...)
}

// ready waits until the relay answers. The client's socket is made meanwhile, in
// the relay's namespace.
func (n Node) ready(t *Target) (*Target, *ng.Client, error) {
	c, err := ng.NewClient(ng.ClientConfig{URL: "udp://" + t.Addr.String(), Timeout: 500 * time.Millisecond})
	if err != nil {
		t.Stop()
		return nil, nil, err
	}
	err = t.Wait(30*time.Second, func() error {
		return n.Lab.In(netlab.Relay, func() error { return c.Ping(context.Background()) })
	})
	if err != nil {
		c.Close()
		t.Stop()
		return nil, nil, err
	}
	return t, c, nil
}

// dial connects inside the relay's namespace.
func (n Node) dial(ctx context.Context, network, addr string) (c net.Conn, err error) {
	err = n.Lab.In(netlab.Relay, func() error {
		var d net.Dialer
		c, err = d.DialContext(ctx, network, addr)
		return err
	})
	return c, err
}
