package ng

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// httpLink posts each request.
type httpLink struct {
	url, token string
	timeout    time.Duration
	client     *http.Client
	transport  *http.Transport
}

func newHTTPLink(cfg *ClientConfig, u *url.URL, config *tls.Config) *httpLink {
	target := *u
	if target.Path == "" {
		target.Path = "/ng"
	}
	l := &httpLink{url: target.String(), timeout: cfg.Timeout, transport: &http.Transport{
		TLSClientConfig: config, MaxIdleConnsPerHost: 16, MaxConnsPerHost: 64, IdleConnTimeout: time.Minute,
	}}
	if u.Scheme == "https" {
		l.token = cfg.Token
	}
	l.client = &http.Client{Transport: l.transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	return l
}

// exchange asks once more when the connection broke: a server that ends may
// have closed an idle one at the moment that a request was sent on it. The
// cookie tells a relay that it has seen the request.
func (l *httpLink) exchange(ctx context.Context, _ string, message []byte) ([]byte, error) {
	reply, broken, err := l.once(ctx, message)
	if broken && ctx.Err() == nil {
		reply, _, err = l.once(ctx, message)
	}
	return reply, err
}

// once makes one request. broken tells that the connection ended before there
// was a whole reply.
func (l *httpLink) once(ctx context.Context, message []byte) (reply []byte, broken bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url, bytes.NewReader(message))
	if err != nil {
		return nil, false, fmt.Errorf("ng: %w", err)
	}
	req.Header.Set("Content-Type", mediaType)
	if l.token != "" {
		req.Header.Set("Authorization", "Bearer "+l.token)
	}
	resp, err := l.client.Do(req)
	if err != nil {
		if ctx.Err() == context.DeadlineExceeded {
			return nil, false, ErrTimeout
		}
		return nil, true, fmt.Errorf("ng: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, MaxMessage+maxCookie+1))
	if err != nil {
		return nil, true, fmt.Errorf("ng: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, false, fmt.Errorf("ng: relay answers HTTP %d", resp.StatusCode)
	}
	_, rest, err := cut(b)
	return rest, false, err
}

func (l *httpLink) close() { l.transport.CloseIdleConnections() }
