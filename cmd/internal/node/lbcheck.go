package node

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/class5-go/class5/sip/dispatch"
	"github.com/class5-go/class5/sip/transport"
)

// number is a setting with the values that can be meant; zero is the default.
type number struct {
	name             string
	value, low, high int
}

// ranges refuses the first number that is out of its range.
func ranges(section string, list ...number) error {
	for _, n := range list {
		if n.value != 0 && (n.value < n.low || n.value > n.high) {
			return fmt.Errorf("%w: %s: %s: %d is out of range", ErrConfig, section, n.name, n.value)
		}
	}
	return nil
}

// sane refuses what could be taken but not be meant: it would be replaced by a
// default, have no effect, or take all of the machine, without a word.
func (c LBConfig) sane() error {
	m, k, h := c.Message, c.Connections, c.Health
	if err := ranges("lb",
		number{"readers", c.Readers, 1, 256},
		number{"dscp", int(c.DSCP), 1, 63},
		number{"internal_limit", c.InternalLimit, 1, 65535},
		number{"message: size", m.Size, 100, 65536},
		number{"message: header", m.Header, 256, 65535},
		number{"message: headers", m.Count, 8, 256},
		number{"message: values", m.Values, 1, 1024},
		number{"message: contacts", m.Contacts, 1, 1024},
		number{"connections: total", k.Total, 1, math.MaxInt},
		number{"connections: per_source", k.Source, 1, math.MaxInt},
		number{"connections: handshakes", k.Handshakes, 1, math.MaxInt},
		number{"connections: write_queue", k.WriteQueue, 1024, 1 << 30},
		number{"connections: memory", k.Memory, 1 << 16, math.MaxInt},
		number{"connections: handshake_timeout", int(k.Handshake), int(time.Millisecond), int(time.Hour)},
		number{"connections: partial_timeout", int(k.Partial), int(time.Millisecond), int(time.Hour)},
		number{"connections: idle_timeout", int(k.Idle), int(time.Second), math.MaxInt},
		number{"resend: entries", c.Resend.Entries, 1, 1 << 20},
		number{"resend: bytes", c.Resend.Bytes, 1 << 16, 4 << 30},
		number{"health: interval", int(h.Interval), int(10 * time.Millisecond), int(time.Hour)},
		number{"health: misses", h.Misses, 1, 1000},
		number{"health: successes", h.Successes, 1, 1000},
		number{"tap: sample", c.Tap.Sample, 1, math.MaxUint32},
		number{"tap: file_size", int(c.Tap.FileSize), 1 << 16, math.MaxInt},
	); err != nil {
		return err
	}
	if err := c.saneListeners(); err != nil {
		return err
	}
	for _, name := range c.Hosts {
		if !hostName(name) {
			return fmt.Errorf("%w: lb: hosts: %q is no name of a host", ErrConfig, name)
		}
	}
	if c.InternalTransport != "tls" && c.InternalCA != "" {
		return fmt.Errorf("%w: lb: internal_ca is used by internal_transport tls only", ErrConfig)
	}
	if len(c.Siblings) > 0 && !c.Share {
		return fmt.Errorf("%w: lb: siblings are of no use without share", ErrConfig)
	}
	if c.Tap.Key != "" && !c.Tap.HEP.IsValid() {
		return fmt.Errorf("%w: lb: tap: key is of no use without hep", ErrConfig)
	}
	if _, err := dispatch.New(dispatch.Config{Interval: -1}, c.targets()...); err != nil {
		return fmt.Errorf("%w: lb: proxies: %w", ErrConfig, err)
	}
	for _, p := range c.Proxies {
		if ip := p.Addr.Addr(); ip.IsMulticast() || ip.IsUnspecified() || ip.Unmap().Is4() != c.Internal.Addr().Unmap().Is4() {
			return fmt.Errorf("%w: lb: proxies: %v can't be reached from internal, %v", ErrConfig, p.Addr, c.Internal)
		}
	}
	return nil
}

// saneListeners refuses settings of a listener that its protocol knows nothing of.
func (c LBConfig) saneListeners() error {
	names, wanted := []string{"internal", "internal-stream"}, false
	for _, l := range c.Listeners {
		p, err := transport.ParseProtocol(strings.ToLower(l.Protocol))
		if err != nil {
			return fmt.Errorf("%w: lb: %w", ErrConfig, err)
		}
		webSocket := p == transport.WS || p == transport.WSS
		asks := l.ClientCert != "" && l.ClientCert != "none"
		name, what := or(l.Name, strings.ToLower(l.Protocol)+"/"+l.Addr.String()), ""
		switch {
		case slices.Contains(names, name):
			what = "its name is that of another"
		case asks && !p.Secure():
			what = "client_certificate needs tls or wss"
		case len(l.Origins) > 0 && !webSocket:
			what = "origins need ws or wss"
		case l.Ping != 0 && !webSocket:
			what = "ping needs ws or wss"
		case l.Host != "" && !hostName(l.Host):
			what = fmt.Sprintf("host %q is no name of a host", l.Host)
		case l.Advertised.IsValid() && (l.Advertised.Port() == 0 || l.Advertised.Addr().IsUnspecified()):
			what = fmt.Sprintf("nobody can answer to advertised, %v", l.Advertised)
		case p.Secure() && len(c.Certificates)+len(c.Hosts) == 0:
			what = "a certificate is needed: set certificates or hosts"
		}
		if what != "" {
			return fmt.Errorf("%w: lb: listener %s: %s", ErrConfig, name, what)
		}
		names, wanted = append(names, name), wanted || asks
	}
	if c.ClientCA != "" && !wanted {
		return fmt.Errorf("%w: lb: client_ca: no listener has client_certificate", ErrConfig)
	}
	return nil
}

// hostName reports whether a name can stand as host in a SIP URI.
func hostName(s string) bool {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.Zone() == ""
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."
	return s != "" && strings.Trim(s, "-.") == s && strings.Trim(s, letters) == ""
}
