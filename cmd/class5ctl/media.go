package main

import (
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// media calls the admin listener of a media relay.
func (c *command) media(args []string) error {
	plain := func(method, path, done string) func(*flag.FlagSet, []string) (request, error) {
		return func(f *flag.FlagSet, args []string) (request, error) {
			_, err := parse(f, args)
			return request{method: method, path: path, done: done}, err
		}
	}
	return c.node("media", args, commands{
		"list":      sessions,
		"show":      session(http.MethodGet, ""),
		"terminate": session(http.MethodDelete, ""),
		"drain":     plain(http.MethodPost, "/media/drain", "takes no new sessions"),
		"undrain":   plain(http.MethodPost, "/media/undrain", "takes new sessions"),
		"upgrade":   plain(http.MethodPost, "/media/upgrade", "its successor goes on with all calls"),
		"limits":    plain(http.MethodGet, "/media/limits", ""),
		"totals":    plain(http.MethodGet, "/media/totals", ""),
	})
}

func sessions(f *flag.FlagSet, args []string) (request, error) {
	limit := f.Int("limit", 100, "")
	_, err := parse(f, args)
	if err == nil && *limit < 1 {
		err = fmt.Errorf("%w: -limit is at least 1", errUsage)
	}
	return request{
		method: http.MethodGet, path: "/media/sessions", query: url.Values{"limit": {strconv.Itoa(*limit)}},
		columns: []string{"call_id", "created", "legs", "packets", "path"},
	}, err
}

func session(method, done string) func(*flag.FlagSet, []string) (request, error) {
	return func(f *flag.FlagSet, args []string) (request, error) {
		rest, err := parse(f, args, "CALL-ID")
		if err != nil {
			return request{}, err
		}
		return request{method: method, path: "/media/sessions/" + url.PathEscape(rest[0]), done: done}, nil
	}
}
