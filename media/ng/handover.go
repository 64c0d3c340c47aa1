package ng

import (
	"context"
	"net/netip"
	"time"
)

// Reply is an answer that is kept for repetitions of its request.
type Reply struct {
	Client string    `json:"client"` // address, without port
	Cookie string    `json:"cookie"`
	Octets []byte    `json:"octets"` // nil: the request could not be read
	Until  time.Time `json:"until"`
}

// Elsewhere answers messages in place of a server: one in another process does.
// cookie tells whether they have one, as over all transports but plain HTTP. An
// error becomes the answer.
type Elsewhere func(ctx context.Context, message []byte, from netip.AddrPort, cookie bool) ([]byte, error)

// Pause waits for the messages under way and lets no other begin until resume
// is called: with who answers from then on, or nil when this server goes on.
// replies are what it remembers, for [Server.Remember] of the other.
func (s *Server) Pause() (replies []Reply, resume func(Elsewhere)) {
	s.turn.Lock()
	return s.cache.replies(), func(to Elsewhere) {
		s.elsewhere = to
		s.turn.Unlock()
	}
}

// Remember takes the replies of another server, so that requests which it
// answered get the same octets here when they are sent again.
func (s *Server) Remember(replies []Reply) { s.cache.remember(replies) }

// Answer answers a message as one that came by a listener; nil: there is
// nothing to answer. What Config.Allow and Config.Token say is not asked again.
func (s *Server) Answer(ctx context.Context, message []byte, from netip.AddrPort, cookie bool) []byte {
	s.turn.RLock()
	defer s.turn.RUnlock()
	switch {
	case s.elsewhere != nil:
		return s.pass(ctx, message, from, cookie)
	case cookie:
		return s.remembered(ctx, message, from)
	}
	return s.plain(ctx, message, nil, from)
}

// pass has a message answered elsewhere.
func (s *Server) pass(ctx context.Context, message []byte, from netip.AddrPort, cookie bool) []byte {
	reply, failed := s.elsewhere(ctx, message, from, cookie)
	if failed == nil {
		return reply
	}
	var prefix []byte
	if cookie {
		c, rest, err := cut(message)
		if err != nil {
			return nil
		}
		prefix, message = append(append(prefix, c...), ' '), rest
	}
	_, format, err := Parse(message)
	if err != nil {
		return nil
	}
	return Append(prefix, Of("result", "error", "error-reason", failed.Error()), format)
}

// replies are the answers that are complete.
func (c *cache) replies() (list []Reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire(c.now())
	for _, e := range c.queue {
		if e.over {
			list = append(list, Reply{Client: e.key.client, Cookie: e.key.cookie, Octets: e.reply, Until: e.until})
		}
	}
	return list
}

func (c *cache) remember(replies []Reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for _, r := range replies {
		e := &cached{key: cacheKey{r.Client, r.Cookie}, until: r.Until, over: true, reply: r.Octets}
		if most := now.Add(c.keep); e.until.After(most) {
			e.until = most // kept longer there
		}
		if c.entries[e.key] == nil {
			c.entries[e.key] = e
			c.queue = append(c.queue, e)
		}
	}
	c.expire(now)
}
