package ng

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// ErrTimeout means that a relay did not answer in time.
var ErrTimeout = errors.New("ng: no answer")

// ReplyError is an answer that says error; it is not the relay's fault alone,
// so the relay stays in use.
type ReplyError struct{ Reason string }

func (e *ReplyError) Error() string { return "ng: " + e.Reason }

// Full tells whether another relay should be asked: by the two texts that
// clients know since before there was "load limit".
func (e *ReplyError) Full() bool {
	return e.Reason == "Parallel session limit reached" || e.Reason == "Ran out of ports"
}

// ErrLoadLimit means that the relay takes no further sessions at the moment.
var ErrLoadLimit = errors.New("ng: load limit")

// ClientConfig says how to talk to one relay.
type ClientConfig struct {
	// URL is udp://host:port, tcp://, tls://, http://, https:// (path /ng when
	// it has none), ws:// or wss://. The host is an address or a name.
	URL    string
	Format Format // default bencode
	// Token is sent as a bearer to HTTPS and WSS servers.
	Token string
	// Timeout is that of one attempt over UDP, and of the whole request over
	// other transports. Default 1 s.
	Timeout time.Duration
	// Tries over UDP, with the same cookie each time. Default 3.
	Tries int
}

// Client talks to one relay. It may be used by many goroutines. Make one with
// [NewClient] and close it.
type Client struct {
	cfg    ClientConfig
	link   exchanger
	prefix string
	count  atomic.Uint64
}

// exchanger takes a message to a relay and brings the answer.
type exchanger interface {
	// exchange sends a message with cookie and returns the reply without it.
	exchange(ctx context.Context, cookie string, message []byte) ([]byte, error)
	close()
}

// NewClient makes a client. Nothing is connected before the first request.
func NewClient(cfg ClientConfig, opts ...ClientOption) (*Client, error) {
	if cfg.Timeout <= 0 {
		cfg.Timeout = time.Second
	}
	if cfg.Tries <= 0 {
		cfg.Tries = 3
	}
	var o clientOptions
	for _, opt := range opts {
		opt(&o)
	}
	link, err := newExchanger(&cfg, &o)
	if err != nil {
		return nil, err
	}
	var b [6]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, fmt.Errorf("ng: no randomness for cookies: %w", err)
	}
	return &Client{cfg: cfg, link: link, prefix: hex.EncodeToString(b[:]) + "_"}, nil
}

// Close ends all connections and waits for the client's goroutines.
func (c *Client) Close() { c.link.close() }

// URL is the relay's address, as configured.
func (c *Client) URL() string { return c.cfg.URL }

// ErrCookie means that a cookie cannot be used: it is empty, longer than 255
// octets, has a space or a line end, or a request with it is under way.
var ErrCookie = errors.New("ng: cookie")

// Do sends a command and returns the reply. Errors: [ErrTimeout],
// [ErrLoadLimit], [ReplyError], [ErrSyntax], and those of the network.
func (c *Client) Do(ctx context.Context, request Dict) (Dict, error) {
	return c.DoCookie(ctx, c.prefix+strconv.FormatUint(c.count.Add(1), 36), request)
}

// DoCookie is Do with a cookie that the caller makes. A relay answers a cookie
// that it has seen within half a minute as it did then, and carries nothing out
// again: a caller that keeps no state but derives cookies from what it was told
// may ask twice. Besides the errors of Do there is [ErrCookie].
func (c *Client) DoCookie(ctx context.Context, cookie string, request Dict) (Dict, error) {
	if cookie == "" || len(cookie) > maxCookie || strings.ContainsAny(cookie, " \r\n") {
		return Dict{}, fmt.Errorf("%w: %.40q", ErrCookie, cookie)
	}
	message := Append(append([]byte(cookie), ' '), request, c.cfg.Format)
	b, err := c.link.exchange(ctx, cookie, message)
	if err != nil {
		return Dict{}, err
	}
	reply, _, err := Parse(b)
	if err != nil {
		return Dict{}, err
	}
	switch reply.Str("result") {
	case "ok", "pong":
		return reply, nil
	case "load limit":
		return Dict{}, ErrLoadLimit
	case "error":
		return Dict{}, &ReplyError{Reason: reply.Str("error-reason")}
	}
	return Dict{}, fmt.Errorf("%w: reply without result", ErrSyntax)
}

// Ping asks whether the relay is there.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.Do(ctx, Of("command", "ping"))
	return err
}
