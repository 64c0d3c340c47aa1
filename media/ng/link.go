package ng

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// ClientOption changes what is not configuration.
type ClientOption func(*clientOptions)

type clientOptions struct{ tls *tls.Config }

// WithTLS sets what tls://, https:// and wss:// use, such as own roots or a
// client certificate. TLS 1.2 is the least in any case.
func WithTLS(c *tls.Config) ClientOption { return func(o *clientOptions) { o.tls = c } }

func newExchanger(cfg *ClientConfig, o *clientOptions) (exchanger, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("ng: relay %q: %w", cfg.URL, err)
	}
	config := &tls.Config{}
	if o.tls != nil {
		config = o.tls.Clone()
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	if config.ServerName == "" {
		config.ServerName = u.Hostname()
	}
	var dial func(ctx context.Context) (wire, error)
	switch u.Scheme {
	case "udp", "udp4", "udp6", "tcp", "tls":
		if u.Port() == "" || u.Path != "" {
			return nil, fmt.Errorf("ng: relay %q: want %s://host:port", cfg.URL, u.Scheme)
		}
		dial = dialer(u.Scheme, u.Host, config)
	case "ws", "wss":
		dial = webSocketDialer(cfg, config)
	case "http", "https":
		return newHTTPLink(cfg, u, config), nil
	default:
		return nil, fmt.Errorf("ng: relay %q: no such transport", cfg.URL)
	}
	tries := 1
	if u.Scheme[0] == 'u' {
		tries = cfg.Tries
	}
	return &link{dial: dial, tries: tries, timeout: cfg.Timeout, asked: map[string]bool{}, pending: map[string]chan []byte{}}, nil
}

// wire is a connection that carries whole messages.
type wire interface {
	read() ([]byte, error)
	write(ctx context.Context, b []byte) error
	close()
}

// link shares one connection between requests and makes a new one when it
// broke.
type link struct {
	dial    func(ctx context.Context) (wire, error)
	tries   int
	timeout time.Duration
	dialing sync.Mutex // one connects, the others wait

	mu      sync.Mutex
	wire    wire
	closed  bool
	asked   map[string]bool        // cookies of the requests under way
	pending map[string]chan []byte // closed without a value when the wire broke
	readers sync.WaitGroup
}

func (l *link) exchange(ctx context.Context, cookie string, message []byte) ([]byte, error) {
	if !l.claim(cookie) {
		return nil, fmt.Errorf("%w: in use", ErrCookie)
	}
	defer l.forget(cookie)
	reply := make(chan []byte, 1)
	renew := l.tries == 1 // a connection that the relay has closed is made anew, once
	for n := 0; n < l.tries; n++ {
		w, err := l.connect(ctx, cookie, reply)
		if err != nil {
			return nil, err
		}
		if err := w.write(ctx, message); err != nil {
			l.broken(w)
			if renew {
				renew, n, reply = false, n-1, make(chan []byte, 1)
				continue
			}
			return nil, fmt.Errorf("ng: %w", err)
		}
		timer := time.NewTimer(l.timeout)
		select {
		case b, ok := <-reply:
			timer.Stop()
			if !ok && renew {
				renew, n, reply = false, n-1, make(chan []byte, 1)
				continue
			}
			if !ok {
				return nil, fmt.Errorf("ng: connection lost: %w", net.ErrClosed)
			}
			return b, nil
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
	}
	return nil, ErrTimeout
}

// claim takes a cookie for a request, unless another has it.
func (l *link) claim(cookie string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked[cookie] {
		return false
	}
	l.asked[cookie] = true
	return true
}

// connect returns the connection in use, or a new one, and registers who waits
// for the cookie.
func (l *link) connect(ctx context.Context, cookie string, reply chan []byte) (wire, error) {
	l.dialing.Lock()
	defer l.dialing.Unlock()
	l.mu.Lock()
	w, closed := l.wire, l.closed
	if w != nil && !closed {
		l.pending[cookie] = reply
	}
	l.mu.Unlock()
	if closed {
		return nil, fmt.Errorf("ng: client: %w", net.ErrClosed)
	}
	if w != nil {
		return w, nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	w, err := l.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("ng: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		w.close()
		return nil, fmt.Errorf("ng: client: %w", net.ErrClosed)
	}
	l.wire = w
	l.pending[cookie] = reply
	l.readers.Go(func() { l.readAll(w) })
	return w, nil
}

func (l *link) readAll(w wire) {
	for {
		b, err := w.read()
		if err != nil {
			l.broken(w) // over UDP: nobody listens there, says ICMP
			return
		}
		cookie, rest, err := cut(b)
		if err != nil {
			continue
		}
		l.mu.Lock()
		ch := l.pending[string(cookie)]
		delete(l.pending, string(cookie))
		l.mu.Unlock()
		if ch != nil {
			ch <- append([]byte(nil), rest...)
		}
	}
}

// broken gives up a connection and tells all that wait for answers from it.
func (l *link) broken(w wire) {
	w.close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wire != w {
		return
	}
	l.wire = nil
	for cookie, ch := range l.pending {
		close(ch)
		delete(l.pending, cookie)
	}
}

func (l *link) forget(cookie string) {
	l.mu.Lock()
	delete(l.pending, cookie)
	delete(l.asked, cookie)
	l.mu.Unlock()
}

func (l *link) close() {
	l.mu.Lock()
	l.closed = true
	w := l.wire
	l.mu.Unlock()
	if w != nil {
		l.broken(w)
	}
	l.readers.Wait()
}

func dialer(scheme, host string, config *tls.Config) func(context.Context) (wire, error) {
	return func(ctx context.Context) (wire, error) {
		var d net.Dialer
		network := scheme
		if scheme == "tls" {
			network = "tcp"
		}
		c, err := d.DialContext(ctx, network, host)
		if err != nil {
			return nil, err
		}
		if network != "tcp" {
			return &datagrams{Conn: c, buf: make([]byte, 65536)}, nil
		}
		if scheme == "tls" {
			t := tls.Client(c, config)
			if err := t.HandshakeContext(ctx); err != nil {
				c.Close()
				return nil, err
			}
			c = t
		}
		sc := bufio.NewScanner(c)
		sc.Buffer(make([]byte, 0, 4096), MaxMessage+maxCookie+2)
		sc.Split(scanFrame)
		return &stream{Conn: c, sc: sc}, nil
	}
}

type datagrams struct {
	net.Conn
	buf []byte
}

func (d *datagrams) read() ([]byte, error) {
	n, err := d.Read(d.buf)
	return d.buf[:n], err
}

func (d *datagrams) write(_ context.Context, b []byte) error {
	_, err := d.Write(b)
	return err
}

func (d *datagrams) close() { _ = d.Close() }

type stream struct {
	net.Conn
	sc *bufio.Scanner
	mu sync.Mutex
}

func (s *stream) read() ([]byte, error) {
	if s.sc.Scan() {
		return s.sc.Bytes(), nil
	}
	return nil, errors.Join(s.sc.Err(), net.ErrClosed)
}

func (s *stream) write(_ context.Context, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.SetWriteDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	_, err := s.Write(b)
	return err
}

func (s *stream) close() { _ = s.Close() }

func webSocketDialer(cfg *ClientConfig, config *tls.Config) func(context.Context) (wire, error) {
	return func(ctx context.Context) (wire, error) {
		o := &websocket.DialOptions{
			Subprotocols: []string{protoNG}, HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: config}},
		}
		if cfg.Token != "" && cfg.URL[:3] == "wss" {
			o.HTTPHeader = http.Header{"Authorization": {"Bearer " + cfg.Token}}
		}
		c, response, err := websocket.Dial(ctx, cfg.URL, o)
		if response != nil && response.Body != nil {
			response.Body.Close()
		}
		if err != nil {
			return nil, err
		}
		c.SetReadLimit(MaxMessage + maxCookie + 1)
		return webSocketWire{c}, nil
	}
}

type webSocketWire struct{ c *websocket.Conn }

func (w webSocketWire) read() ([]byte, error) {
	_, b, err := w.c.Read(context.Background())
	return b, err
}

func (w webSocketWire) write(ctx context.Context, b []byte) error {
	return w.c.Write(ctx, websocket.MessageText, b)
}

func (w webSocketWire) close() { _ = w.c.CloseNow() }
