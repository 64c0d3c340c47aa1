package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/class5-go/class5/sip/transport"
)

const (
	maxTargets = 256
	maxQueries = 256
	atOnce     = 8 // queries of one lookup under way
)

// service is how a transport is called in the DNS: in NAPTR records by RFC 3263
// section 4.1 and RFC 7118 section 7, in SRV names by RFC 3263 section 4.1.
type service struct{ naptr, srv string }

var services = [...]service{
	transport.UDP: {"SIP+D2U", "_sip._udp."},
	transport.TCP: {"SIP+D2T", "_sip._tcp."},
	transport.TLS: {"SIPS+D2T", "_sips._tcp."},
	transport.WS:  {"SIP+D2W", "_sip._ws."},
	transport.WSS: {"SIPS+D2W", "_sips._ws."},
}

// search is one lookup.
type search struct {
	r     *Resolver
	q     Question
	name  string // asked for
	ahead time.Duration

	mu      sync.Mutex
	expires time.Time
	queries int
	targets int
	err     error // a failure of the DNS on the way, reported if nothing was found
}

// locate does what RFC 3263 section 4 says for a question whose host is a name.
func (r *Resolver) locate(ctx context.Context, q Question, ahead time.Duration) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	now := r.cfg.Now()
	s := &search{r: r, q: q, name: q.name(), ahead: ahead, expires: now.Add(r.cfg.MaxTTL)}
	tiers, err := s.run(ctx)
	tiers = slices.DeleteFunc(tiers, func(t []Server) bool { return len(t) == 0 })
	a := Answer{Tiers: tiers, Expires: s.expires}
	switch {
	case len(tiers) > 0:
		return a, nil
	case s.err != nil:
		err = s.err
	case err == nil:
		err = fmt.Errorf("%w: %s", ErrNotFound, s.name)
	}
	if unreachable(err) {
		a.Expires = now.Add(r.cfg.FailureTTL)
	}
	return a, err
}

func (s *search) run(ctx context.Context) ([][]Server, error) {
	if _, ok := dns.IsDomainName(s.name); !ok || s.name == "." {
		return nil, ErrScheme
	}
	if p := s.q.Protocol; p != 0 && !s.r.cfg.supports(p) {
		return nil, fmt.Errorf("%w: %v", ErrTransport, p)
	}
	if s.q.Port == 0 {
		tiers, found, err := s.services(ctx)
		if found || err != nil {
			return tiers, err
		}
	}
	p := s.q.protocolOr()
	if !s.r.cfg.supports(p) {
		return nil, fmt.Errorf("%w: %v", ErrTransport, p)
	}
	port := s.q.Port
	if port == 0 {
		port = defaultPort(p)
	}
	server, err := s.addresses(ctx, s.name, p, port, 0)
	if err != nil || len(server.Targets) == 0 {
		return nil, err
	}
	return [][]Server{{server}}, nil
}

// entry is a set of SRV records to ask for.
type entry struct {
	protocol transport.Protocol
	name     string
}

// services asks NAPTR and SRV; found is false when the domain has neither.
func (s *search) services(ctx context.Context) (tiers [][]Server, found bool, err error) {
	var entries []entry
	if s.q.Protocol == 0 {
		entries, found = s.naptr(ctx)
	}
	if !found {
		for _, p := range s.candidates() {
			entries = append(entries, entry{p, services[p].srv + s.name})
		}
	}
	sets := make([][]*dns.SRV, len(entries))
	closed := make([]bool, len(entries))
	s.each(len(entries), func(i int) {
		sets[i], closed[i] = s.srv(ctx, entries[i].name)
	})
	if !slices.ContainsFunc(sets, func(v []*dns.SRV) bool { return len(v) > 0 }) && s.err != nil {
		return nil, false, s.err // an address record might be that of a web server
	}
	for i, e := range entries {
		found = found || closed[i] || len(sets[i]) > 0
		tiers = append(tiers, s.tiers(ctx, e.protocol, sets[i])...)
	}
	return tiers, found, nil
}

// candidates are the transports whose SRV records are asked for without NAPTR.
func (s *search) candidates() []transport.Protocol {
	if s.q.Protocol != 0 {
		return []transport.Protocol{s.q.Protocol}
	}
	var all []transport.Protocol
	for _, p := range s.r.cfg.Protocols {
		// WebSocket servers are not looked for by those who did not ask for them.
		if (p.Secure() || !s.q.Secure) && p != transport.WS && p != transport.WSS {
			all = append(all, p)
		}
	}
	return all
}

// naptr returns the SRV names in the order of the domain's wishes. A domain that
// has SIP services but none that can be used has been found nonetheless. Where
// a server fails on NAPTR alone, SRV tells enough.
func (s *search) naptr(ctx context.Context) (entries []entry, found bool) {
	set, err := s.query(ctx, s.name, dns.TypeNAPTR)
	if err != nil {
		return nil, false
	}
	var records []*dns.NAPTR
	for _, rr := range set.records {
		n, ok := rr.(*dns.NAPTR)
		if !ok || !strings.HasPrefix(strings.ToUpper(n.Service), "SIP") {
			continue
		}
		found = true
		if strings.EqualFold(n.Flags, "s") && n.Regexp == "" && n.Replacement != "." {
			records = append(records, n)
		}
	}
	slices.SortStableFunc(records, func(a, b *dns.NAPTR) int {
		if a.Order != b.Order {
			return int(a.Order) - int(b.Order)
		}
		return int(a.Preference) - int(b.Preference)
	})
	for _, n := range records {
		for _, p := range s.r.cfg.Protocols {
			if strings.EqualFold(n.Service, services[p].naptr) && (p.Secure() || !s.q.Secure) {
				entries = append(entries, entry{p, dns.CanonicalName(n.Replacement)})
			}
		}
	}
	return entries, found
}

// srv asks for the servers of a service; closed says that the domain has
// decided not to offer it (RFC 2782: the target ".").
func (s *search) srv(ctx context.Context, name string) (records []*dns.SRV, closed bool) {
	set, err := s.query(ctx, name, dns.TypeSRV)
	if err != nil {
		s.note(err)
		return nil, false
	}
	for _, rr := range set.records {
		switch v, ok := rr.(*dns.SRV); {
		case !ok:
		case v.Target == ".":
			closed = true
		case v.Port != 0:
			records = append(records, v)
		}
	}
	slices.SortStableFunc(records, func(a, b *dns.SRV) int { return int(a.Priority) - int(b.Priority) })
	return records, closed
}

// tiers finds the addresses of servers and groups them by priority.
func (s *search) tiers(ctx context.Context, p transport.Protocol, records []*dns.SRV) (tiers [][]Server) {
	servers := make([]Server, len(records))
	s.each(len(records), func(i int) {
		v := records[i]
		server, err := s.addresses(ctx, dns.CanonicalName(v.Target), p, v.Port, v.Weight)
		s.note(err)
		servers[i] = server
	})
	var last uint16
	for i, v := range records {
		if len(servers[i].Targets) == 0 {
			continue
		}
		if len(tiers) == 0 || v.Priority != last {
			tiers, last = append(tiers, nil), v.Priority
		}
		tiers[len(tiers)-1] = append(tiers[len(tiers)-1], servers[i])
	}
	return tiers
}

// addresses asks for A and AAAA. One family is enough.
func (s *search) addresses(ctx context.Context, host string, p transport.Protocol, port, weight uint16) (Server, error) {
	var kinds []uint16
	if !s.r.cfg.NoIPv4 {
		kinds = append(kinds, dns.TypeA)
	}
	if !s.r.cfg.NoIPv6 {
		kinds = append(kinds, dns.TypeAAAA)
	}
	sets, errs := make([]*rrset, len(kinds)), make([]error, len(kinds))
	s.each(len(kinds), func(i int) { sets[i], errs[i] = s.query(ctx, host, kinds[i]) })
	server := Server{Weight: weight}
	name := strings.TrimSuffix(s.name, ".")
	denied := false
	for i, set := range sets {
		if errs[i] != nil {
			continue
		}
		for _, rr := range set.records {
			addr := address(rr)
			if !addr.IsValid() || s.r.cfg.denies(addr) {
				denied = true
			} else if s.take() {
				server.Targets = append(server.Targets, Target{Protocol: p, Addr: netip.AddrPortFrom(addr, port), Name: name})
			}
		}
	}
	switch {
	case len(server.Targets) > 0:
		return server, nil
	case denied:
		return server, fmt.Errorf("%w: %s", ErrDenied, host)
	}
	// A failure says less than that there is nothing: it may pass.
	for _, err := range errs {
		if err != nil && !errors.Is(err, ErrNotFound) {
			return server, err
		}
	}
	return server, fmt.Errorf("%w: %s has no address", ErrNotFound, host)
}

func address(rr dns.RR) netip.Addr {
	var a netip.Addr
	switch v := rr.(type) {
	case *dns.A:
		a, _ = netip.AddrFromSlice(v.A)
	case *dns.AAAA:
		a, _ = netip.AddrFromSlice(v.AAAA)
	}
	return a.Unmap()
}

// query asks for an RRset, within the search's limits, and lets the answer end
// with the first set used.
func (s *search) query(ctx context.Context, name string, kind uint16) (*rrset, error) {
	s.mu.Lock()
	s.queries++
	over := s.queries > maxQueries
	s.mu.Unlock()
	if over {
		return nil, fmt.Errorf("%w: %d queries", ErrLimit, maxQueries)
	}
	set, err := s.r.query(ctx, name, kind, s.ahead)
	if set != nil {
		s.mu.Lock()
		if set.expires.Before(s.expires) {
			s.expires = set.expires
		}
		s.mu.Unlock()
	}
	return set, err
}

// take counts a target.
func (s *search) take() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.targets++
	return s.targets <= maxTargets
}

// note keeps the first error that is worth more than "not found".
func (s *search) note(err error) {
	if err == nil || errors.Is(err, ErrNotFound) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// each calls f for 0 to n-1, some at once, and waits.
func (s *search) each(n int, f func(int)) {
	if n == 1 {
		f(0)
		return
	}
	var wg sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for i := range n {
		room <- struct{}{}
		wg.Go(func() { defer func() { <-room }(); f(i) })
	}
	wg.Wait()
}
