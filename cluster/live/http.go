package live

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Paths below the base URL of a node. They are mounted on its admin listener.
const (
	pathCalls         = "/live/calls"
	pathRegistrations = "/live/registrations"
	pathLadder        = "/live/ladder"
	pathMedia         = "/live/media"
	pathCounts        = "/live/counts"
	pathVersion       = "/live/version"
)

// maxAnswer bounds what a client reads from a node.
const maxAnswer = 32 << 20

// Handler serves src to whoever shows the secret as a bearer token. It
// answers paths under /live/.
func Handler(src Source, secret string) http.Handler {
	mux := http.NewServeMux()
	serve := func(path string, read func(r *http.Request) (any, error)) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			v, err := read(r)
			switch {
			case errors.Is(err, ErrNotFound):
				http.Error(w, "not found", http.StatusNotFound)
			case err != nil:
				http.Error(w, "unavailable", http.StatusServiceUnavailable)
			default:
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(v)
			}
		})
	}
	limit := func(r *http.Request) int {
		n, err := strconv.Atoi(r.FormValue("limit"))
		if err != nil || n < 0 {
			return 0
		}
		return n
	}
	serve(pathCalls, func(r *http.Request) (any, error) { return src.Calls(r.Context(), limit(r)) })
	serve(pathRegistrations, func(r *http.Request) (any, error) {
		return src.Registrations(r.Context(), r.FormValue("prefix"), limit(r))
	})
	serve(pathLadder, func(r *http.Request) (any, error) { return src.Ladder(r.Context(), r.FormValue("call")) })
	serve(pathMedia, func(r *http.Request) (any, error) { return src.Media(r.Context(), r.FormValue("call")) })
	serve(pathCounts, func(r *http.Request) (any, error) { return src.Counts(r.Context()) })
	serve(pathVersion, func(r *http.Request) (any, error) { return src.Version(r.Context()) })
	// Comparing digests keeps the length of the secret from showing.
	want := sha256.Sum256([]byte(secret))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		got := sha256.Sum256([]byte(token))
		if !ok || secret == "" || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

type client struct {
	base, secret string
	http         *http.Client
}

// NewClient reads the Source that Handler serves at base, such as
// "http://192.0.2.7:9090". hc may be nil; its time-out is the caller's choice.
func NewClient(base, secret string, hc *http.Client) Source {
	if hc == nil {
		hc = http.DefaultClient
	}
	return &client{base: strings.TrimSuffix(base, "/"), secret: secret, http: hc}
}

func (c *client) read(ctx context.Context, path string, query url.Values, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path+"?"+query.Encode(), nil)
	if err != nil {
		return fmt.Errorf("live: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.secret)
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("live: %w", err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return ErrNotFound
	default:
		return fmt.Errorf("live: %s answers %s", c.base, resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("live: %s: %w", c.base, err)
	}
	return nil
}

func (c *client) Calls(ctx context.Context, limit int) (v []Call, err error) {
	err = c.read(ctx, pathCalls, url.Values{"limit": {strconv.Itoa(limit)}}, &v)
	return v, err
}

func (c *client) Registrations(ctx context.Context, prefix string, limit int) (v []Registration, err error) {
	err = c.read(ctx, pathRegistrations, url.Values{"prefix": {prefix}, "limit": {strconv.Itoa(limit)}}, &v)
	return v, err
}

func (c *client) Ladder(ctx context.Context, callID string) (v []Message, err error) {
	err = c.read(ctx, pathLadder, url.Values{"call": {callID}}, &v)
	return v, err
}

func (c *client) Media(ctx context.Context, callID string) (v json.RawMessage, err error) {
	err = c.read(ctx, pathMedia, url.Values{"call": {callID}}, &v)
	return v, err
}

func (c *client) Counts(ctx context.Context) (v Counts, err error) {
	err = c.read(ctx, pathCounts, nil, &v)
	if err != nil {
		v.Missing = []string{c.base}
	}
	return v, err
}

func (c *client) Version(ctx context.Context) (v uint64, err error) {
	err = c.read(ctx, pathVersion, nil, &v)
	return v, err
}
