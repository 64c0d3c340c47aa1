package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/cmd/internal/call"
	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/shard"
)

// digits is how parties say digits, by MediaConfig.DTMF.
func (c MediaConfig) digits() (call.DigitPolicy, error) {
	p := call.DigitPolicy{Subscribers: map[string]call.Digits{}, Peers: map[string]call.Digits{}, Domains: map[string]call.Digits{}, Transports: map[string]call.Digits{}}
	for whom, name := range c.DTMF {
		way, err := call.ParseDigits(name)
		if err != nil {
			return p, fmt.Errorf("%w: media: dtmf: %s: %w", ErrConfig, whom, err)
		}
		peer, isPeer := strings.CutPrefix(whom, "peer:")
		switch {
		case isPeer && peer != "":
			p.Peers[peer] = way
		case slices.Contains([]string{"udp", "tcp", "tls", "ws", "wss"}, whom):
			p.Transports[whom] = way
		case strings.Contains(whom, "@"):
			p.Subscribers[whom] = way
		case !isPeer && strings.ContainsAny(whom, ".:"):
			p.Domains[whom] = way
		default:
			return p, fmt.Errorf("%w: media: dtmf: %q is neither a transport, a domain, user@domain nor peer:name", ErrConfig, whom)
		}
		if way == call.DigitsInfo && len(c.Remote) > 0 && !c.DTMFListen.IsValid() {
			return p, fmt.Errorf("%w: media: dtmf: %s: with remote relays info needs dtmf_listen", ErrConfig, whom)
		}
	}
	if a := c.DTMFListen; a.IsValid() && (len(c.Remote) == 0 || a.Addr().IsUnspecified()) {
		return p, fmt.Errorf("%w: media: dtmf_listen: %v: want an address that the remote relays can reach", ErrConfig, a)
	}
	return p, nil
}

// digitLog takes the digits that relays elsewhere report.
type digitLog struct {
	conn    *net.UDPConn
	from    []netip.Addr  // those relays
	refused atomic.Uint64 // datagrams from others, or without a digit
}

// longestReport is more than any datagram that is read.
const longestReport = 1 << 14

// newDigitLog listens for what the relays report; nil when nothing is asked for.
func newDigitLog(ctx context.Context, c MediaConfig) (*digitLog, error) {
	if !c.DTMFListen.IsValid() {
		return nil, nil
	}
	l := &digitLog{}
	for _, r := range c.Remote {
		u, err := url.Parse(r.URL)
		if err != nil {
			return nil, fmt.Errorf("%w: proxy: media: remote: %w", ErrConfig, err)
		}
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
		if err != nil {
			return nil, fmt.Errorf("proxy: media: dtmf_listen: who reports from %s: %w", u.Hostname(), err)
		}
		for _, a := range addrs {
			l.from = append(l.from, a.Unmap())
		}
	}
	var err error
	if l.conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(c.DTMFListen)); err != nil {
		return nil, bindError(err)
	}
	return l, nil
}

// addr is where relays are to report; invalid: nowhere.
func (l *digitLog) addr() netip.AddrPort {
	if l == nil {
		return netip.AddrPort{}
	}
	return l.conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func (l *digitLog) close() error {
	if l == nil {
		return nil
	}
	return l.conn.Close()
}

// run tells of digits until ctx is done.
func (l *digitLog) run(ctx context.Context, tell func(call, tag string, d dtmf.Digit)) error {
	if l == nil {
		return nil
	}
	stop := context.AfterFunc(ctx, func() { _ = l.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	defer l.conn.Close()
	b := make([]byte, longestReport)
	for {
		n, from, err := l.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return fmt.Errorf("digits of media relays: %w", err)
		}
		r, err := dtmf.ParseReport(b[:n])
		if err != nil || !slices.Contains(l.from, from.Addr().Unmap()) {
			l.refused.Add(1)
			continue
		}
		tell(r.CallID, r.SourceTag, r.Digit)
	}
}

// dialled tells the call of a media session of a digit of a party.
func (p *Proxy) dialled(ctx context.Context, id, tag string, d dtmf.Digit, secret bool) {
	running, ok := p.calls.Find(id) // the relay knows calls by their own id
	if !ok {
		return
	}
	err := p.pool.Do(ctx, running.CallID, func(now time.Time, c shard.Core) {
		c.(*call.Core).Dialled(now, id, tag, d, secret)
	})
	if err != nil {
		p.env.Log.Debug("a digit comes too late", "call_id", running.CallID, "error", err)
	}
}

// reported is dialled for relays elsewhere.
func (p *Proxy) reported(ctx context.Context) error {
	return p.media.digits.run(ctx, func(id, tag string, d dtmf.Digit) { p.dialled(ctx, id, tag, d, false) })
}

// heard is dialled for the relay of this process.
func (p *Proxy) heard(ctx context.Context, e *relay.Event) {
	if n := len(e.Tags); n > 0 && e.Digit.Ended {
		p.dialled(ctx, e.CallID, e.Tags[n-1], e.Digit, e.Secret)
	}
}
