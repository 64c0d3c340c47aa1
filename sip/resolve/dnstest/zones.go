package dnstest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Fault is what happens to a query instead of an answer, or to the answer.
type Fault struct {
	// Times is for how many queries this holds; 0 for all that follow.
	Times int
	// Delay is how long the answer takes.
	Delay time.Duration
	// Lose gives no answer at all.
	Lose bool
	// Rcode, if not 0, is the response code of an answer without records, such as
	// dns.RcodeServerFailure.
	Rcode int
	// Truncate cuts answers over UDP to nothing, so that TCP must be used.
	Truncate bool
}

// Zones are records and the script by which queries for them fail. Its methods
// may be called from many goroutines.
type Zones struct {
	mu      sync.Mutex
	records map[string][]dns.RR // by canonical name
	script  map[question][]Fault
	asked   map[question]int
	bare    bool
}

type question struct {
	name string
	kind uint16
}

// Parse reads zones in the form of RFC 1035 section 5, with the root as origin
// until $ORIGIN says otherwise. A record without TTL gets that of $TTL or an hour.
func Parse(text string) (*Zones, error) {
	z := &Zones{script: make(map[question][]Fault), asked: make(map[question]int)}
	return z, z.Replace(text)
}

// Replace changes all records. The script stays.
func (z *Zones) Replace(text string) error {
	records := make(map[string][]dns.RR)
	p := dns.NewZoneParser(strings.NewReader(text), ".", "")
	p.SetDefaultTTL(3600)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		name := dns.CanonicalName(rr.Header().Name)
		records[name] = append(records[name], rr)
	}
	if err := p.Err(); err != nil {
		return fmt.Errorf("dnstest: %w", err)
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records = records
	return nil
}

// Script sets what happens to queries for a name and type, in this order. An
// empty name stands for all names, type 0 for all types; the most special script
// counts. No faults end it.
func (z *Zones) Script(name string, kind uint16, faults ...Fault) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.script[key(name, kind)] = faults
}

// Bare makes answers end with the first alias instead of following it.
func (z *Zones) Bare(on bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.bare = on
}

// Asked returns how many queries for a name and type came, those without an
// answer too; "" and 0 count all.
func (z *Zones) Asked(name string, kind uint16) int {
	z.mu.Lock()
	defer z.mu.Unlock()
	n := 0
	for q, times := range z.asked {
		if (name == "" || q.name == dns.CanonicalName(name)) && (kind == 0 || q.kind == kind) {
			n += times
		}
	}
	return n
}

func key(name string, kind uint16) question {
	if name != "" {
		name = dns.CanonicalName(name)
	}
	return question{name, kind}
}

// fault counts a query and returns what is to happen to it.
func (z *Zones) fault(name string, kind uint16) Fault {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked[key(name, kind)]++
	for _, k := range []question{key(name, kind), key(name, 0), {"", kind}, {"", 0}} {
		faults := z.script[k]
		if len(faults) == 0 {
			continue
		}
		f := faults[0]
		switch {
		case f.Times == 1:
			z.script[k] = faults[1:]
		case f.Times > 1:
			z.script[k] = append([]Fault{f}, faults[1:]...)
			z.script[k][0].Times--
		}
		return f
	}
	return Fault{}
}

// Exchange answers in memory. A lost query takes until ctx is done.
func (z *Zones) Exchange(ctx context.Context, query *dns.Msg) (*dns.Msg, error) {
	m, ok := z.reply(ctx, query, false)
	if !ok {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return m, nil
}

// reply follows the script; false means no answer.
func (z *Zones) reply(ctx context.Context, query *dns.Msg, datagram bool) (*dns.Msg, bool) {
	if len(query.Question) != 1 {
		return new(dns.Msg).SetRcode(query, dns.RcodeFormatError), true
	}
	q := query.Question[0]
	f := z.fault(q.Name, q.Qtype)
	if f.Delay > 0 {
		t := time.NewTimer(f.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil, false
		}
	}
	if f.Lose {
		return nil, false
	}
	m := new(dns.Msg).SetReply(query)
	m.RecursionAvailable = true
	switch {
	case f.Rcode != 0:
		m.Rcode = f.Rcode
	case f.Truncate && datagram:
		m.Truncated = true
	default:
		z.fill(m, dns.CanonicalName(q.Name), q.Qtype)
	}
	return m, true
}

// fill adds the records for name and the aliases on the way.
func (z *Zones) fill(m *dns.Msg, name string, kind uint16) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for range 32 {
		alias := ""
		found := false
		for _, rr := range z.records[name] {
			c, isAlias := rr.(*dns.CNAME)
			if rr.Header().Rrtype == kind || isAlias {
				m.Answer = append(m.Answer, dns.Copy(rr))
				found = true
			}
			if isAlias {
				alias = dns.CanonicalName(c.Target)
			}
		}
		switch {
		case alias != "" && !z.bare:
			name = alias
			continue
		case !found:
			z.deny(m, name)
		}
		return
	}
}

// deny adds what a negative answer holds (RFC 2308 section 2).
func (z *Zones) deny(m *dns.Msg, name string) {
	if !z.exists(name) {
		m.Rcode = dns.RcodeNameError
	}
	for off, end := 0, false; !end; off, end = dns.NextLabel(name, off) {
		for _, rr := range z.records[name[off:]] {
			if rr.Header().Rrtype == dns.TypeSOA {
				m.Ns = append(m.Ns, dns.Copy(rr))
				return
			}
		}
	}
}

// exists tells a name without records below which there are some from none.
func (z *Zones) exists(name string) bool {
	for n := range z.records {
		if dns.IsSubDomain(name, n) {
			return true
		}
	}
	return false
}
