package node

import (
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/class5-go/class5/media/record"
	"github.com/class5-go/class5/media/relay"
)

// sane refuses what a relay could take but nobody can mean: it would have no
// effect, or show only with the first call.
func (c RelayConfig) sane(section string) error {
	if err := ranges(section,
		number{"port_min", int(c.PortMin), 1024, 65534},
		number{"loops", c.Loops, 1, 256},
		number{"sessions", c.Sessions, 1, 1 << 20},
		number{"tos", c.TOS, 1, 255},
		number{"jitter_buffer", int(c.JitterBuffer), int(time.Millisecond), int(5 * time.Second)},
		number{"silence", int(c.Silence), 1, 127},
		number{"pauses: after", int(c.Pauses.After), int(time.Millisecond), int(time.Minute)},
		number{"offload: lease", int(c.Offload.Lease), int(time.Second), math.MaxInt},
		number{"recordings: memory", c.Recordings.Memory, 1 << 16, math.MaxInt},
	); err != nil {
		return err
	}
	what := ""
	var seen []relay.Interface
	for _, text := range c.Interfaces {
		i, _ := relay.ParseInterface(text) // which has been checked
		switch {
		case i.Addr.IsMulticast() || i.Addr.IsUnspecified():
			what = fmt.Sprintf("interfaces: media can't be received at %v", i.Addr)
		case slices.Contains(seen, i):
			what = fmt.Sprintf("interfaces: %q is there twice", text)
		}
		seen = append(seen, i)
	}
	for from, to := range c.Aliases {
		if !slices.ContainsFunc(seen, func(i relay.Interface) bool { return i.Name == to }) {
			what = fmt.Sprintf("aliases: %s is a name for %q, which is no interface", from, to)
		}
	}
	r, d := c.Recordings, c.DTMFLog
	switch {
	case what != "":
	case c.PortMax != 0 && c.PortMax <= max(c.PortMin, 1024):
		what = fmt.Sprintf("ports from %d to %d", c.PortMin, c.PortMax)
	case len(c.Pauses.Noise) > 0 && c.Pauses.After == 0:
		what = "pauses: noise is of no use without after"
	case d.IsValid() && (d.Port() == 0 || d.Addr().IsUnspecified() || d.Addr().IsMulticast()):
		what = fmt.Sprintf("dtmf_log: nobody hears at %v", d)
	case r.Dir == "" && (r.PCAP || r.WAV || r.Pattern != "" || r.Memory != 0):
		what = "recordings: dir is needed"
	case c.Offload.Required && len(c.Offload.Interfaces) == 0:
		what = "offload: required needs interfaces"
	case math.IsNaN(c.Limits.CPU) || math.IsNaN(c.Limits.Load) || math.IsInf(c.Limits.Load, 0):
		what = "limits: not a number"
	}
	if what != "" {
		return fmt.Errorf("%w: %s: %s", ErrConfig, section, what)
	}
	if err := record.CheckPattern(r.Pattern); err != nil {
		return fmt.Errorf("%w: %s: recordings: %w", ErrConfig, section, err)
	}
	if err := inTheWay(r.Dir); err != nil {
		return fmt.Errorf("%w: %s: recordings: dir: %w", ErrConfig, section, err)
	}
	if c.State != "redis" && !redisURL(c.State) {
		if err := inTheWay(c.State); err != nil {
			return fmt.Errorf("%w: %s: state: %w", ErrConfig, section, err)
		}
	}
	return nil
}

// inTheWay tells why there can't be a directory; nil: there is one, or it can be
// made where nobody forbids it.
func inTheWay(dir string) error {
	if dir == "" {
		return nil
	}
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		switch info, err := os.Stat(at); {
		case err == nil && !info.IsDir():
			return fmt.Errorf("%s is no directory", at)
		case err == nil, at == filepath.Dir(at):
			return nil
		}
	}
}

// maxSocketPath is what an address of a Unix socket has room for (unix(7)).
const maxSocketPath = 107

// noSocket tells why there can't be a socket at a path; nil: there can, or none is
// wanted.
func noSocket(path string) error {
	if path == "" {
		return nil
	}
	if len(path) > maxSocketPath {
		return fmt.Errorf("the path of a socket has at most %d octets, not %d", maxSocketPath, len(path))
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s is no socket", path)
	}
	return inTheWay(filepath.Dir(path))
}

// sane refuses what a media node could take but nobody can mean.
func (c MediaNodeConfig) sane() error {
	if err := ranges("media",
		number{"timeout", int(c.Timeout), int(time.Second), math.MaxInt},
		number{"silent_timeout", int(c.SilentTimeout), int(time.Second), math.MaxInt},
		number{"offer_timeout", int(c.OfferTimeout), int(time.Second), math.MaxInt},
		number{"delete_delay", int(max(c.DeleteDelay, 0)), 1, int(24 * time.Hour)},
	); err != nil {
		return err
	}
	var what string
	switch ng := c.NG; {
	case ng.Token != "" && len(ng.HTTPS) == 0:
		what = "ng: token is of no use without https"
	case ng.ClientCA != "" && len(ng.TLS) == 0:
		what = "ng: client_ca is of no use without tls"
	case len(ng.Certificates) > 0 && len(ng.TLS)+len(ng.HTTPS) == 0:
		what = "ng: certificates are of no use without tls or https"
	default:
		what = ng.twice()
	}
	if what != "" {
		return fmt.Errorf("%w: media: %s", ErrConfig, what)
	}
	if err := noSocket(c.Upgrade); err != nil {
		return fmt.Errorf("%w: media: upgrade: %w", ErrConfig, err)
	}
	if c.Prompts == "" {
		return nil
	}
	info, err := os.Stat(c.Prompts)
	switch {
	case err != nil:
		return fmt.Errorf("%w: media: prompts: %w", ErrConfig, err)
	case !info.IsDir():
		return fmt.Errorf("%w: media: prompts: %s is no directory", ErrConfig, c.Prompts)
	}
	return nil
}

// twice tells which address two listeners want; empty: none.
func (c NGConfig) twice() string {
	type listener struct {
		name string
		addr netip.AddrPort
	}
	for _, network := range [][]struct {
		name  string
		addrs []netip.AddrPort
	}{{{"udp", c.UDP}}, {{"tcp", c.TCP}, {"tls", c.TLS}, {"http", c.HTTP}, {"https", c.HTTPS}}} {
		var seen []listener
		for _, list := range network {
			for _, a := range list.addrs {
				for _, l := range seen {
					if a.Port() == l.addr.Port() && a.Port() != 0 && (a.Addr() == l.addr.Addr() || a.Addr().IsUnspecified() || l.addr.Addr().IsUnspecified()) {
						return fmt.Sprintf("ng: %s %v and %s %v can't both be listened at", l.name, l.addr, list.name, a)
					}
				}
				seen = append(seen, listener{list.name, a})
			}
		}
	}
	return ""
}
