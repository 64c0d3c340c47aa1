package node

import (
	"fmt"
	"math"
	"os"
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
	return nil
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
	what := ""
	switch ng := c.NG; {
	case ng.Token != "" && len(ng.HTTPS) == 0:
		what = "ng: token is of no use without https"
	case ng.ClientCA != "" && len(ng.TLS) == 0:
		what = "ng: client_ca is of no use without tls"
	case len(ng.Certificates) > 0 && len(ng.TLS)+len(ng.HTTPS) == 0:
		what = "ng: certificates are of no use without tls or https"
	}
	if what != "" {
		return fmt.Errorf("%w: media: %s", ErrConfig, what)
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
