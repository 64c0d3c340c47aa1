package target

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Edge is a stateless edge to be started.
type Edge struct {
	Proxies []netip.AddrPort // UDP
	Workers int              // sockets of ours, child processes of Kamailio
}

// Target is a server that runs.
type Target struct {
	*Process
	Name string         // for the report
	Addr netip.AddrPort // SIP over UDP, where the clients send to
	// Admin is where ours serves profiles; invalid for others.
	Admin netip.AddrPort
}

// Ours starts cmd/lb.
func (e Edge) Ours(dir string) (*Target, error) {
	file, err := Build(dir, "cmd/lb")
	if err != nil {
		return nil, err
	}
	port, err := FreePorts(3)
	if err != nil {
		return nil, err
	}
	if _, err := write(dir, "edge.key", strings.Repeat("0123456789abcdef", 4)); err != nil {
		return nil, err
	}
	var proxies []string
	for _, p := range e.Proxies {
		proxies = append(proxies, p.String())
	}
	_, err = write(dir, "lb.yaml", fmt.Sprintf("node: lb\nadmin: 127.0.0.1:%d\nlog: warn\nkeys: edge.key\nlb:\n  internal: 127.0.0.1:%d\n"+
		"  proxies: [%s]\n  readers: %d\n  listeners:\n    - {protocol: udp, addr: 127.0.0.1:%d}\n",
		port+2, port+1, strings.Join(proxies, ", "), e.Workers, port))
	if err != nil {
		return nil, err
	}
	p, err := Start(dir, file, "-config", "lb.yaml")
	if err != nil {
		return nil, err
	}
	return withAdmin(port + 2)(ready("cmd/lb", p, port))
}

// Example starts examples/stateless-lb.
func (e Edge) Example(dir string) (*Target, error) {
	file, err := Build(dir, "examples/stateless-lb")
	if err != nil {
		return nil, err
	}
	port, err := FreePorts(2)
	if err != nil {
		return nil, err
	}
	args := []string{"-listen", fmt.Sprintf("127.0.0.1:%d", port), "-internal", fmt.Sprintf("127.0.0.1:%d", port+1)}
	for _, p := range e.Proxies {
		args = append(args, "-proxy", p.String())
	}
	p, err := Start(dir, file, args...)
	if err != nil {
		return nil, err
	}
	return ready("examples/stateless-lb", p, port)
}

// Kamailio starts Kamailio as a stateless edge.
func (e Edge) Kamailio(dir string) (*Target, error) {
	port, err := FreePorts(1)
	if err != nil {
		return nil, err
	}
	var list strings.Builder
	for _, p := range e.Proxies {
		fmt.Fprintf(&list, "1 sip:%v\n", p)
	}
	if _, err := write(dir, "dispatcher.list", list.String()); err != nil {
		return nil, err
	}
	return kamailio(dir, port, e.Workers, edgeConfig)
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
