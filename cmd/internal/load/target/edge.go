package target

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// Edge is a stateless edge to be started. It always listens on UDP.
type Edge struct {
	Proxies []netip.AddrPort   // UDP
	Workers int                // sockets of ours, child processes of Kamailio
	Stream  transport.Protocol // a second listener, when it is TCP or what is above that
	// Exposed leaves the guard of ours its limits for everybody but 127.0.0.1.
	// Without it, the guard does its work for all and lets all pass: few clients
	// make a load here that in the field comes from thousands.
	Exposed bool
	// Logs lets Kamailio write a line for each message it refuses, as it does by
	// default; ours never does.
	Logs bool
	// Settings are further lines of ours, of its section lb.
	Settings []string
	// Unprobed: nobody asks whether the proxies live, for where probes are lost.
	Unprobed bool
	Builds   *Builds // compiled commands; nil compiles
}

// Target is a server that runs.
type Target struct {
	*Process
	Name   string         // for the report
	Addr   netip.AddrPort // SIP over UDP, where the clients send to
	Stream netip.AddrPort // the second listener of an Edge, if it has one
	// Admin is where ours serves profiles; invalid for others.
	Admin netip.AddrPort
	// Dial connects to Admin where that is in another network; nil: as usual.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Descriptors is how many connections one process of an edge may be given:
// some descriptors are for other things.
func Descriptors(limit uint64) int { return max(int(limit)-1000, 1) }

func (e Edge) build(dir, pkg string) (string, error) {
	if e.Builds != nil {
		return e.Builds.File(pkg)
	}
	return Build(dir, pkg)
}

// Ours starts cmd/lb.
func (e Edge) Ours(dir string) (*Target, error) {
	file, err := e.build(dir, "cmd/lb")
	if err != nil {
		return nil, err
	}
	ports, err := LeasePorts(4)
	if err != nil {
		return nil, err
	}
	port := ports.First
	if err := e.ours(dir, port); err != nil {
		return nil, err
	}
	p, err := Start(dir, file, "-config", "lb.yaml")
	if err != nil {
		return nil, err
	}
	p.holds(ports)
	return e.withStream(port + 3)(withAdmin(port + 2)(ready("cmd/lb", p, port)))
}

// ours writes the configuration of cmd/lb.
func (e Edge) ours(dir string, port uint16) error {
	if err := write(dir, "edge.key", strings.Repeat("0123456789abcdef", 4)); err != nil {
		return err
	}
	var proxies []string
	for _, p := range e.Proxies {
		proxies = append(proxies, p.String())
	}
	more := ""
	if e.Stream > transport.UDP {
		more = fmt.Sprintf("    - {protocol: %s, addr: 127.0.0.1:%d}\n", strings.ToLower(e.Stream.String()), port+3)
	}
	if e.Stream.Secure() {
		more += "  hosts: [edge.test]\n  certificates: [{cert: cert.pem, key: key.pem}]\n"
		if err := Certificate(dir, "edge.test"); err != nil {
			return err
		}
	}
	health := "slow_start: 1s"
	if e.Unprobed {
		health = "off: true"
	}
	for _, line := range e.Settings {
		more += "  " + line + "\n"
	}
	return write(dir, "lb.yaml", fmt.Sprintf("node: lb\nadmin: 127.0.0.1:%d\nlog: info\nkeys: edge.key\nlb:\n  internal: 127.0.0.1:%d\n"+
		"  proxies: [%s]\n  readers: %d\n  health: {%s}\n  guard: %s\n  listeners:\n    - {protocol: udp, addr: 127.0.0.1:%d}\n%s",
		port+2, port+1, strings.Join(proxies, ", "), max(e.Workers, 1), health, e.guard(), port, more))
}

// guard is that part of the configuration of cmd/lb, which trusts all of
// loopback unless it is told otherwise.
func (e Edge) guard() string {
	if e.Exposed {
		return "{allow: [127.0.0.1/32]}"
	}
	var rates []string
	for _, name := range []string{"source", "register", "invite", "other", "user", "dialog"} {
		rates = append(rates, name+": 1000000/s burst 1000000")
	}
	return "{allow: [192.0.2.1/32], rates: {" + strings.Join(rates, ", ") + "}}"
}

// withStream completes what ready has returned.
func (e Edge) withStream(port uint16) func(*Target, error) (*Target, error) {
	return func(t *Target, err error) (*Target, error) {
		if err == nil && e.Stream > transport.UDP {
			t.Stream = netip.AddrPortFrom(loopback, port)
		}
		return t, err
	}
}

// Example starts examples/stateless-lb.
func (e Edge) Example(dir string) (*Target, error) {
	file, err := e.build(dir, "examples/stateless-lb")
	if err != nil {
		return nil, err
	}
	ports, err := LeasePorts(2)
	if err != nil {
		return nil, err
	}
	port := ports.First
	args := []string{"-listen", fmt.Sprintf("127.0.0.1:%d", port), "-internal", fmt.Sprintf("127.0.0.1:%d", port+1)}
	for _, p := range e.Proxies {
		args = append(args, "-proxy", p.String())
	}
	p, err := Start(dir, file, args...)
	if err != nil {
		return nil, err
	}
	p.holds(ports)
	return ready("examples/stateless-lb", p, port)
}

// Kamailio starts Kamailio as a stateless edge.
func (e Edge) Kamailio(dir string) (*Target, error) {
	ports, err := LeasePorts(4)
	if err != nil {
		return nil, err
	}
	port := ports.First
	var list strings.Builder
	for _, p := range e.Proxies {
		fmt.Fprintf(&list, "1 sip:%v\n", p)
	}
	if err := write(dir, "dispatcher.list", list.String()); err != nil {
		return nil, err
	}
	if e.Stream.Secure() {
		if err := Certificate(dir, "edge.test"); err != nil {
			return nil, err
		}
	}
	return e.withStream(port + 3)(kamailio(dir, ports, e.Workers, edgeConfig, func(s *settings) {
		s.StreamPort, s.Debug = port+3, -3
		if e.Logs {
			s.Debug = -1
		}
		if e.Stream > transport.UDP {
			s.Stream = map[bool]string{false: "tcp", true: "tls"}[e.Stream.Secure()]
			s.WebSocket = e.Stream == transport.WS || e.Stream == transport.WSS
		}
	}))
}

// ready waits until the element answers OPTIONS.
func ready(name string, p *Process, port uint16) (*Target, error) {
	t := &Target{Process: p, Name: name, Addr: netip.AddrPortFrom(loopback, port)}
	if err := p.Wait(15*time.Second, func() error { return Answers(t.Addr) }); err != nil {
		p.Stop()
		return nil, err
	}
	return t, nil
}

// withAdmin completes what ready has returned.
func withAdmin(port uint16) func(*Target, error) (*Target, error) {
	return func(t *Target, err error) (*Target, error) {
		if err == nil {
			t.Admin = netip.AddrPortFrom(loopback, port)
		}
		return t, err
	}
}
