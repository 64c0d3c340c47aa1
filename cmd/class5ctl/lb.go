package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	defaultAdmin = "http://127.0.0.1:9190"
	patience     = 10 * time.Second
	maxAnswer    = 64 << 20
)

// request is what a sub-command of lb asks an admin listener.
type request struct {
	method, path string
	query        url.Values
	body         any
	columns      []string // those of the answer that come first, when it is a list
	done         string   // what to say when the answer says nothing
}

// commands are what a node can be asked, by name.
type commands map[string]func(*flag.FlagSet, []string) (request, error)

// family tells whether there are commands of two words of which this is the first.
func (c commands) family(word string) bool {
	for name := range c {
		if strings.HasPrefix(name, word+" ") {
			return true
		}
	}
	return false
}

// lb calls the admin listener of an lb.
func (c *command) lb(args []string) error {
	return c.node("lb", args, commands{
		"flows": flows, "bans": bans, "ban": ban, "unban": unban, "targets": targets, "drain": drain, "undrain": undrain, "stats": stats, "media": anchored,
	})
}

// node calls the admin listener of a node.
func (c *command) node(kind string, args []string, known commands) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: %s: %s", errUsage, kind, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	build, ok := known[args[0]]
	name, rest := args[0], args[1:]
	if !ok && len(rest) > 0 && known.family(name) {
		build, ok = known[name+" "+rest[0]]
		name, rest = name+" "+rest[0], rest[1:]
	}
	if strings.HasPrefix(args[0], "-h") || strings.HasPrefix(args[0], "--h") {
		return flag.ErrHelp
	}
	if !ok {
		return fmt.Errorf("%w: %s: no command %q", errUsage, kind, name)
	}
	f := c.flags()
	base := f.String("admin", "", "")
	r, err := build(f, rest)
	if err != nil {
		return err
	}
	for _, u := range []string{c.env("CLASS5_ADMIN"), defaultAdmin} {
		if *base == "" {
			*base = u
		}
	}
	answer, err := call(*base, r)
	if err != nil {
		return err
	}
	return c.show(answer, r)
}

func flows(f *flag.FlagSet, args []string) (request, error) {
	limit := f.Int("limit", 100, "")
	_, err := parse(f, args)
	if err == nil && *limit < 1 {
		err = fmt.Errorf("%w: -limit is at least 1", errUsage)
	}
	return request{
		method: http.MethodGet, path: "/lb/flows", query: url.Values{"limit": {strconv.Itoa(*limit)}},
		columns: []string{"protocol", "listener", "local", "remote", "since", "generation"},
	}, err
}

func anchored(f *flag.FlagSet, args []string) (request, error) {
	_, err := parse(f, args)
	return request{method: http.MethodGet, path: "/lb/media", columns: []string{"number", "url", "state", "weight", "offers", "answers", "deletes", "errors"}}, err
}

func bans(f *flag.FlagSet, args []string) (request, error) {
	_, err := parse(f, args)
	return request{method: http.MethodGet, path: "/lb/bans", columns: []string{"prefix", "until", "reason"}}, err
}

func ban(f *flag.FlagSet, args []string) (request, error) {
	ttl := f.Duration("ttl", time.Hour, "")
	reason := f.String("reason", "operator", "")
	rest, err := parse(f, args, "PREFIX")
	if err != nil {
		return request{}, err
	}
	if *ttl <= 0 {
		return request{}, fmt.Errorf("%w: -ttl is above 0", errUsage)
	}
	p, err := prefix(rest[0])
	return request{
		method: http.MethodPost, path: "/lb/bans", done: p + " is banned",
		body: map[string]string{"prefix": p, "ttl": ttl.String(), "reason": *reason},
	}, err
}

func unban(f *flag.FlagSet, args []string) (request, error) {
	rest, err := parse(f, args, "PREFIX")
	if err != nil {
		return request{}, err
	}
	p, err := prefix(rest[0])
	return request{method: http.MethodDelete, path: "/lb/bans", query: url.Values{"prefix": {p}}, done: p + " is not banned"}, err
}

// prefix takes an address for the prefix of it alone.
func prefix(text string) (string, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()).String(), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return "", fmt.Errorf("%w: %q is no address or prefix", errUsage, text)
	}
	return p.Masked().String(), nil
}

func targets(f *flag.FlagSet, args []string) (request, error) {
	_, err := parse(f, args)
	return request{method: http.MethodGet, path: "/lb/targets", columns: []string{"addr", "state", "weight", "chassis"}}, err
}

func drain(f *flag.FlagSet, args []string) (request, error) {
	rest, err := parse(f, args, "ADDRESS:PORT")
	if err != nil {
		return request{}, err
	}
	a, err := netip.ParseAddrPort(rest[0])
	if err != nil {
		return request{}, fmt.Errorf("%w: %q is no address with port", errUsage, rest[0])
	}
	return request{
		method: http.MethodPost, path: "/lb/targets/drain", body: map[string]string{"addr": a.String()},
		done: "draining: takes no new calls",
	}, nil
}

func undrain(f *flag.FlagSet, args []string) (request, error) {
	r, err := drain(f, args)
	r.path, r.done = "/lb/targets/undrain", "used again"
	return r, err
}

func stats(f *flag.FlagSet, args []string) (request, error) {
	_, err := parse(f, args)
	return request{method: http.MethodGet, path: "/lb/stats"}, err
}

// call asks and returns the JSON of the answer, nil for none.
func call(base string, r request) ([]byte, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%w: -admin: %q is no URL like %s", errUsage, base, defaultAdmin)
	}
	u = u.JoinPath(r.path) // which is escaped where it must be
	u.RawQuery = r.query.Encode()
	var body io.Reader
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b), refusal(resp, b)
}

// refusal is an error for a status other than 2xx. What the operator can mend is
// marked as such.
func refusal(resp *http.Response, body []byte) error {
	if resp.StatusCode/100 == 2 {
		return nil
	}
	var problem struct{ Error string }
	if json.Unmarshal(body, &problem) != nil || problem.Error == "" {
		problem.Error = strings.TrimSpace(string(body[:min(len(body), 200)]))
	}
	err := errors.New(printable(fmt.Sprintf("%s: %s", resp.Status, problem.Error)))
	if resp.StatusCode == http.StatusBadRequest || resp.StatusCode == http.StatusUnprocessableEntity {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	return err
}
