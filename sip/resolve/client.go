package resolve

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

const (
	// plainSize is the size of answers asked for by EDNS0: what passes every
	// path unfragmented.
	plainSize = 1232
	// maxStrays is how many datagrams that answer something else are read before
	// a server is given up.
	maxStrays = 32
)

// Client asks recursive DNS servers over UDP, and over TCP when an answer is cut
// short. Every query has a random id and a socket, hence a source port, of its
// own. Its fields must not be changed once it is used.
type Client struct {
	// Servers are asked in this order, beginning with the one that answered last.
	Servers []netip.AddrPort
	// Timeout is for one server: 1 s by default.
	Timeout time.Duration
	// Rounds is how often all servers are tried: 2 by default.
	Rounds int
	// MixCase spells names in random case, which a forger has to guess too
	// (draft-vixie-dnsext-dns0x20). Some servers answer in their own spelling,
	// and that does not pass then.
	MixCase bool

	first atomic.Uint32
}

// SystemServers reads the servers of a file in the form of resolv.conf. Its
// search domains are not for SIP: a name in a URI is complete.
func SystemServers(file string) ([]netip.AddrPort, error) {
	c, err := dns.ClientConfigFromFile(file)
	if err != nil {
		return nil, fmt.Errorf("resolve: %w", err)
	}
	var all []netip.AddrPort
	for _, s := range c.Servers {
		if addr, err := netip.ParseAddr(s); err == nil {
			all = append(all, netip.AddrPortFrom(addr, 53))
		}
	}
	return all, nil
}

// Exchange asks the servers in turn until one answers with records or with the
// statement that there are none.
func (c *Client) Exchange(ctx context.Context, query *dns.Msg) (*dns.Msg, error) {
	if len(c.Servers) == 0 {
		return nil, errors.New("no server configured")
	}
	rounds := c.Rounds
	setDefault(&rounds, 2)
	var failed *dns.Msg
	var err error
	for range rounds {
		first := int(c.first.Load())
		for i := range c.Servers {
			n := (first + i) % len(c.Servers)
			var m *dns.Msg
			if m, err = c.ask(ctx, c.Servers[n], query); err == nil {
				if refused(m) == nil {
					c.first.Store(uint32(n))
					return m, nil
				}
				failed = m
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
	}
	if failed != nil {
		return failed, nil
	}
	return nil, err
}

// ask asks one server.
func (c *Client) ask(ctx context.Context, server netip.AddrPort, query *dns.Msg) (*dns.Msg, error) {
	timeout := c.Timeout
	setDefault(&timeout, time.Second)
	q := query.Copy()
	q.RecursionDesired = true
	if c.MixCase {
		mixCase(q)
	}
	q.SetEdns0(plainSize, false)
	m, err := c.try(ctx, timeout, "udp", server, q)
	if err == nil && m.Rcode == dns.RcodeFormatError {
		q.Extra = nil // a server from before EDNS
		m, err = c.try(ctx, timeout, "udp", server, q)
	}
	if err == nil && m.Truncated {
		m, err = c.try(ctx, timeout, "tcp", server, q)
	}
	return m, err
}

func (c *Client) try(ctx context.Context, timeout time.Duration, network string, server netip.AddrPort, q *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var d net.Dialer
	nc, err := d.DialContext(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	co := &dns.Conn{Conn: nc, UDPSize: plainSize}
	q.Id = dns.Id()
	if err := co.WriteMsg(q); err != nil {
		return nil, err
	}
	for range maxStrays {
		m, err := co.ReadMsg()
		switch {
		case err == nil && belongs(m, q):
			return m, nil
		case err == nil:
		case ctx.Err() != nil:
			return nil, fmt.Errorf("%s: %w", server, ctx.Err())
		case network == "tcp", m == nil && !errors.Is(err, dns.ErrShortRead):
			return nil, fmt.Errorf("%s: %w", server, err)
		}
	}
	return nil, fmt.Errorf("%s: %d answers to something else", server, maxStrays)
}

// belongs reports whether m answers q: what a forger who does not see the query
// has to guess.
func belongs(m, q *dns.Msg) bool {
	if !m.Response || m.Id != q.Id || m.Opcode != dns.OpcodeQuery {
		return false
	}
	if len(m.Question) != 1 {
		return m.Rcode == dns.RcodeFormatError && len(m.Question) == 0
	}
	return m.Question[0] == q.Question[0]
}

func mixCase(q *dns.Msg) {
	name := []byte(q.Question[0].Name)
	coins := make([]byte, len(name))
	_, _ = rand.Read(coins) // never fails
	for i, b := range name {
		if b >= 'a' && b <= 'z' && coins[i]&1 == 1 {
			name[i] = b - 'a' + 'A'
		}
	}
	q.Question[0].Name = string(name)
}
