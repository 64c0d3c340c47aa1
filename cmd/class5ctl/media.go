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
		"list":             sessions,
		"show":             session(http.MethodGet, ""),
		"terminate":        terminate,
		"connect":          connect,
		"disconnect":       disconnect,
		"inject start":     inject("inject start", "it hears the source too"),
		"inject stop":      inject("inject stop", "it does not hear the source any more"),
		"block":            toParty("block media", "their media do not pass"),
		"unblock":          toParty("unblock media", "their media pass"),
		"silence":          toParty("silence media", "their audio is silence"),
		"unsilence":        toParty("unsilence media", "their audio passes"),
		"dtmf block":       blockDTMF,
		"dtmf unblock":     toParty("unblock DTMF", "their digits pass"),
		"dtmf play":        playDTMF,
		"play":             play,
		"stop":             toParty("stop media", "nothing is played"),
		"recording start":  record,
		"recording pause":  toCall("pause recording", "the recording pauses"),
		"recording stop":   toCall("stop recording", "the recording has ended"),
		"forwarding start": forward,
		"forwarding stop":  toParty("stop forwarding", "their audio is not forwarded any more"),
		"drain":            plain(http.MethodPost, "/media/drain", "takes no new sessions"),
		"undrain":          plain(http.MethodPost, "/media/undrain", "takes new sessions"),
		"upgrade":          plain(http.MethodPost, "/media/upgrade", "its successor goes on with all calls"),
		"limits":           plain(http.MethodGet, "/media/limits", ""),
		"totals":           plain(http.MethodGet, "/media/totals", ""),
		"interfaces":       interfaces,
		"statistics":       plain(http.MethodGet, "/media/statistics", ""),
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

func interfaces(f *flag.FlagSet, args []string) (request, error) {
	_, err := parse(f, args)
	return request{
		method: http.MethodGet, path: "/media/interfaces",
		columns: []string{"name", "address", "advertised", "port_min", "port_max", "pairs", "used", "resting", "free", "last"},
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

// terminate ends one session, or with -all every one.
func terminate(f *flag.FlagSet, args []string) (request, error) {
	all := f.Bool("all", false, "")
	r, err := session(http.MethodDelete, "")(f, args)
	if !*all {
		return r, err
	}
	if _, err = parse(f, args); err != nil {
		return request{}, err
	}
	return request{method: http.MethodDelete, path: "/media/sessions"}, nil
}
