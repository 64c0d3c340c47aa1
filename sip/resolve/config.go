package resolve

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/class5-go/class5/sip/transport"
)

// Exchanger asks the DNS. [Client] is one.
type Exchanger interface {
	// Exchange sends a query and returns its answer, whatever the response code.
	// It must be given up when ctx is done.
	Exchange(ctx context.Context, query *dns.Msg) (*dns.Msg, error)
}

// Config is for a [Resolver]. Zero values mean the defaults named.
type Config struct {
	// Exchange asks the DNS; needed.
	Exchange Exchanger
	// Protocols are the transports that can be used, the preferred ones first:
	// by default UDP, TCP, TLS.
	Protocols []transport.Protocol
	// NoIPv4 and NoIPv6 leave out a family of addresses.
	NoIPv4, NoIPv6 bool
	// Deny are prefixes that no answer may lead into.
	Deny []netip.Prefix
	// TTL bounds how long records are kept: by default 5 s to 1 hour.
	MinTTL, MaxTTL time.Duration
	// NegativeTTL is the most for which it is remembered that there are no
	// records (RFC 2308): 5 minutes by default. Without an SOA record in the
	// answer it is MinTTL.
	NegativeTTL time.Duration
	// FailureTTL is for how long a failure of the DNS is remembered: 2 s by default.
	FailureTTL time.Duration
	// RRsets is the number of places for what was learned: 4,096 by default.
	RRsets int
	// Lookups is the number of lookups that may run at once: 64 by default.
	Lookups int
	// Timeout ends a lookup: 10 s by default.
	Timeout time.Duration
	// Random gives the order of equal servers in [Resolver.Targets]; by default
	// that of math/rand/v2.
	Random func() uint64
	// Now is the clock: time.Now by default.
	Now func() time.Time
}

func (c Config) withDefaults() Config {
	if len(c.Protocols) == 0 {
		c.Protocols = []transport.Protocol{transport.UDP, transport.TCP, transport.TLS}
	}
	c.Protocols = slices.Clone(c.Protocols)
	setDefault(&c.MinTTL, 5*time.Second)
	setDefault(&c.MaxTTL, time.Hour)
	setDefault(&c.NegativeTTL, 5*time.Minute)
	setDefault(&c.FailureTTL, 2*time.Second)
	setDefault(&c.Timeout, 10*time.Second)
	setDefault(&c.RRsets, 4096)
	setDefault(&c.Lookups, 64)
	if c.Random == nil {
		c.Random = rand.Uint64
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Limit keeps c to what these listeners can send: the transports and families of
// addresses of those that are not internal, without the WebSockets, over which
// servers are not called.
func (c *Config) Limit(listeners []transport.ListenerInfo) {
	var has [transport.WSS + 1]bool
	c.NoIPv4, c.NoIPv6 = true, true
	for _, l := range listeners {
		if l.Internal || l.Protocol > transport.TLS {
			continue
		}
		has[l.Protocol] = true
		if l.Addr.Addr().Unmap().Is4() {
			c.NoIPv4 = false
		} else {
			c.NoIPv6 = false
		}
	}
	all := c.Protocols
	if len(all) == 0 {
		all = []transport.Protocol{transport.UDP, transport.TCP, transport.TLS}
	}
	c.Protocols = slices.DeleteFunc(slices.Clone(all), func(p transport.Protocol) bool { return !has[p] })
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

func (c *Config) denies(a netip.Addr) bool {
	for _, p := range c.Deny {
		if p.Contains(a) {
			return true
		}
	}
	return a.IsUnspecified() || a.IsMulticast()
}

func (c *Config) supports(p transport.Protocol) bool { return slices.Contains(c.Protocols, p) }
