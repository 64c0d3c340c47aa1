package node

import (
	"errors"
	"fmt"

	"github.com/class5-go/class5/sip/resolve"
)

// peers finds the way to servers that proxies name (RFC 3263).
type peers struct {
	*resolve.Peers
	resolver *resolve.Resolver
	streams  *resolve.Streams
}

// newPeers is nil without DNS servers.
func newPeers(l *LB) (*peers, error) {
	c := l.cfg.Resolve
	if len(c.Servers) == 0 {
		return nil, nil
	}
	secret, err := l.secret("resolve")
	if err != nil {
		return nil, err
	}
	p := &peers{}
	cfg := resolve.Config{Exchange: &resolve.Client{Servers: c.Servers}, Deny: c.Deny}
	cfg.Limit(l.endpoint.Listeners())
	if p.resolver, err = resolve.New(cfg); err != nil {
		return nil, fmt.Errorf("%w: lb: resolve: %w", ErrConfig, err)
	}
	wake := func() {
		if l.relay != nil {
			l.relay.Wake()
		}
	}
	cache, err := resolve.NewCache(resolve.CacheConfig{Resolver: p.resolver, Secret: secret, Wake: wake})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: lb: resolve: %w", ErrConfig, err), p.resolver.Close())
	}
	p.streams = resolve.NewStreams(resolve.StreamsConfig{Dial: l.endpoint, Opened: wake, Now: l.env.Now})
	p.Peers = resolve.NewPeers(resolve.PeersConfig{Cache: cache, Listeners: l.endpoint.Listeners(), Dial: p.streams})
	return p, nil
}

func (p *peers) close() error { return errors.Join(p.streams.Close(), p.resolver.Close()) }
