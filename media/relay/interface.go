package relay

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
)

// RoundRobin is the interface name by which a request spreads calls over all
// interfaces of the wanted family.
const RoundRobin = "round-robin-calls"

// Interface is an address media can be received at. Several interfaces may
// share a name: legs then take turns over those of the wanted family that have
// ports left.
type Interface struct {
	Name       string     // by which requests choose it; may be empty
	Addr       netip.Addr // bound
	Advertised netip.Addr // written into descriptions; default Addr
}

// ParseInterface reads "name/addr!advertised"; name and advertised may be
// missing with their separators.
func ParseInterface(s string) (Interface, error) {
	var i Interface
	rest := s
	if name, addr, ok := strings.Cut(s, "/"); ok {
		i.Name, rest = name, addr
	}
	addr, adv, ok := strings.Cut(rest, "!")
	var err error
	if i.Addr, err = netip.ParseAddr(addr); err == nil && ok {
		i.Advertised, err = netip.ParseAddr(adv)
	}
	if err != nil {
		return Interface{}, fmt.Errorf("relay: interface %q: %w", s, err)
	}
	return i, nil
}

// String is the form that [ParseInterface] reads.
func (i Interface) String() string {
	s := i.Addr.String()
	if i.Name != "" {
		s = i.Name + "/" + s
	}
	if i.Advertised.IsValid() && i.Advertised != i.Addr {
		s += "!" + i.Advertised.String()
	}
	return s
}

func (i Interface) advertised() netip.Addr {
	if i.Advertised.IsValid() {
		return i.Advertised
	}
	return i.Addr
}

func (i Interface) check() error {
	a := i.advertised()
	if !i.Addr.IsValid() || i.Addr.Zone() != "" || a.IsUnspecified() || a.Is4() != i.Addr.Is4() {
		return fmt.Errorf("relay: interface %q: bound address %v, advertised %v", i.Name, i.Addr, a)
	}
	if i.Name == RoundRobin {
		return fmt.Errorf("relay: interface %q: the name has a meaning", i.Name)
	}
	return nil
}

// iface is a configured interface with its ports.
type iface struct {
	Interface
	ports      *portPool
	foundation string // of ICE candidates
}

// interfaces is what a relay can bind.
type interfaces struct {
	list  []*iface
	alias map[string]string
	turn  atomic.Uint32
}

// newInterfaces makes the pools; two names for one address share its ports.
func newInterfaces(cfg *Config) *interfaces {
	in := &interfaces{alias: cfg.Aliases}
	pools := map[netip.Addr]*portPool{}
	for _, i := range cfg.Interfaces {
		if pools[i.Addr] == nil {
			pools[i.Addr] = newPortPool(cfg.PortMin, cfg.PortMax, cfg.Quarantine)
		}
		in.list = append(in.list, &iface{Interface: i, ports: pools[i.Addr], foundation: rand.Text()[:16]})
	}
	return in
}

// name resolves an alias.
func (in *interfaces) name(n string) string {
	if to, ok := in.alias[n]; ok {
		return to
	}
	return n
}

func fits(f Family, i *iface) bool { return f == AnyFamily || i.Addr.Is4() == (f == IPv4) }

// pick chooses an interface by name, or by family. Of several that fit, the
// next one in turn with ports left is taken, else the next one in turn.
func (in *interfaces) pick(name string, family Family, r *Relay) (*iface, error) {
	name = in.name(name)
	var fit []*iface
	for _, i := range in.list {
		switch {
		case !fits(family, i):
		case name == "" && len(fit) == 0: // the first one of the family, and those of its name
			fit, name = append(fit, i), i.Name
		case i.Name == name || name == RoundRobin:
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return nil, ErrInterface
	}
	if len(fit) == 1 {
		return fit[0], nil
	}
	now, start := r.now(), int(in.turn.Add(1)-1)
	for n := range fit {
		if i := fit[(start+n)%len(fit)]; i.ports.available(now) > 0 {
			return i, nil
		}
	}
	return fit[start%len(fit)], nil
}

// InterfaceReport is an interface with its ports, which are counted in pairs: one
// for RTP and one for RTCP. Names of one address share them.
type InterfaceReport struct {
	Name       string     `json:"name"`
	Address    netip.Addr `json:"address"`
	Advertised netip.Addr `json:"advertised"`
	PortMin    uint16     `json:"port_min"`
	PortMax    uint16     `json:"port_max"`
	Pairs      int        `json:"pairs"`
	Used       int        `json:"used"`    // by sessions
	Resting    int        `json:"resting"` // after use, see Config.Quarantine
	Free       int        `json:"free"`
	Last       uint16     `json:"last"` // even port of the pair taken last; 0: none was
}

// Interfaces returns the interfaces in the order of the configuration.
func (r *Relay) Interfaces() []InterfaceReport {
	now := r.now()
	list := make([]InterfaceReport, 0, len(r.ifaces.list))
	for _, i := range r.ifaces.list {
		rep := i.ports.report(now)
		rep.Name, rep.Address, rep.Advertised = i.Name, i.Addr, i.advertised()
		list = append(list, rep)
	}
	return list
}
