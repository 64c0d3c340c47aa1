package resolve

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

const (
	maxRecords = 64
	maxAliases = 8
)

// setKey names an RRset: the name in lower case and with a final dot.
type setKey struct {
	name string
	kind uint16
}

// rrset are the records of a name and type, or why there are none.
type rrset struct {
	records []dns.RR // at most maxRecords
	err     error    // ErrNotFound or a failure
	expires time.Time
	used    atomic.Int64
}

// flight is a query under way, shared by all who want the same.
type flight struct {
	done chan struct{} // closed when set is there
	set  *rrset
}

// query returns an RRset that is valid for longer than ahead.
func (r *Resolver) query(ctx context.Context, name string, kind uint16, ahead time.Duration) (*rrset, error) {
	k := setKey{name, kind}
	now := r.cfg.Now()
	if s, ok := r.sets.get(k); ok && now.Add(ahead).Before(s.expires) {
		s.used.Store(now.UnixNano())
		return s, s.err
	}
	f, err := r.fly(k)
	if err != nil {
		return nil, err
	}
	select {
	case <-f.done:
		return f.set, f.set.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fly joins the query for k or begins it. It goes on when its caller gives up.
func (r *Resolver) fly(k setKey) (*flight, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.flights[k]; f != nil {
		return f, nil
	}
	switch {
	case r.closed:
		return nil, ErrClosed
	case len(r.flights) >= 8*r.cfg.Lookups:
		return nil, fmt.Errorf("%w: queries under way", ErrLimit)
	}
	f := &flight{done: make(chan struct{})}
	r.flights[k] = f
	r.wg.Go(func() {
		ctx, cancel := context.WithTimeout(r.serving, r.cfg.Timeout)
		defer cancel()
		f.set = r.ask(ctx, k)
		f.set.used.Store(r.cfg.Now().UnixNano())
		r.sets.put(k, f.set)
		r.mu.Lock()
		delete(r.flights, k)
		r.mu.Unlock()
		close(f.done)
	})
	return f, nil
}

// ask queries for k and follows aliases, which a server may or may not have done.
func (r *Resolver) ask(ctx context.Context, k setKey) *rrset {
	s := &rrset{}
	ttl := r.cfg.MaxTTL
	name := k.name
	var msg *dns.Msg
	for range maxAliases + 1 {
		if msg == nil {
			var err error
			r.queries.Add(1)
			q := new(dns.Msg).SetQuestion(name, k.kind)
			if msg, err = r.cfg.Exchange.Exchange(ctx, q); err == nil {
				err = refused(msg)
			}
			if err != nil {
				s.err = fmt.Errorf("%w: %s %s: %w", ErrServer, dns.TypeToString[k.kind], name, err)
				s.expires = r.cfg.Now().Add(r.cfg.FailureTTL)
				return s
			}
		}
		next := r.read(s, msg, name, k.kind, &ttl)
		if len(s.records) > 0 {
			s.expires = r.cfg.Now().Add(max(ttl, r.cfg.MinTTL))
			return s
		}
		if next == "" {
			return r.negative(s, msg, k)
		}
		if name = next; !answers(msg, name) {
			msg = nil
		}
	}
	s.err = fmt.Errorf("%w: %s has more than %d aliases", ErrNotFound, k.name, maxAliases)
	s.expires = r.cfg.Now().Add(r.cfg.MinTTL)
	return s
}

func refused(m *dns.Msg) error {
	if m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError {
		return nil
	}
	return errors.New(dns.RcodeToString[m.Rcode])
}

// read takes the records of name out of an answer, or returns the name that it
// is an alias of.
func (r *Resolver) read(s *rrset, m *dns.Msg, name string, kind uint16, ttl *time.Duration) (alias string) {
	for _, rr := range m.Answer {
		h := rr.Header()
		if dns.CanonicalName(h.Name) != name || h.Class != dns.ClassINET {
			continue
		}
		switch c, isAlias := rr.(*dns.CNAME); {
		case h.Rrtype == kind && len(s.records) < maxRecords:
			s.records = append(s.records, rr)
		case isAlias:
			alias = dns.CanonicalName(c.Target)
		default:
			continue
		}
		*ttl = min(*ttl, time.Duration(h.Ttl)*time.Second)
	}
	return alias
}

// answers reports whether a message says anything of name.
func answers(m *dns.Msg, name string) bool {
	for _, rr := range m.Answer {
		if dns.CanonicalName(rr.Header().Name) == name {
			return true
		}
	}
	return false
}

// negative is for how long there are no records (RFC 2308 section 5).
func (r *Resolver) negative(s *rrset, m *dns.Msg, k setKey) *rrset {
	ttl := r.cfg.MinTTL
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			ttl = time.Duration(min(soa.Hdr.Ttl, soa.Minttl)) * time.Second
			break
		}
	}
	s.err = fmt.Errorf("%w: %s %s", ErrNotFound, dns.TypeToString[k.kind], k.name)
	s.expires = r.cfg.Now().Add(max(min(ttl, r.cfg.NegativeTTL), min(r.cfg.MinTTL, r.cfg.NegativeTTL)))
	return s
}
