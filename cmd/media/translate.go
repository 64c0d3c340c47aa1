package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// translate reads rtpengine's options and writes the configuration file that
// says the same.
func translate(args []string, stderr io.Writer) (file string, err error) {
	o, err := readOptions(args)
	if err != nil {
		return "", err
	}
	b, err := o.config()
	if err != nil {
		return "", err
	}
	if len(o.ignored) > 0 {
		fmt.Fprintf(stderr, "media: without meaning here: %s\n", strings.Join(o.ignored, ", "))
	}
	tmp, err := os.CreateTemp("", "class5-media-*.yaml")
	if err != nil {
		return "", err
	}
	_, err = tmp.Write(b)
	return tmp.Name(), errors.Join(err, tmp.Close())
}

// setting is a key of our configuration that an option gives a value.
type setting struct {
	option, key string
	of          func(string) (any, error)
}

func number(s string) (any, error) { return strconv.ParseUint(s, 10, 32) }

func decimal(s string) (any, error) { return strconv.ParseFloat(s, 64) }

func percent(s string) (any, error) {
	f, err := strconv.ParseFloat(s, 64)
	return f / 100, err
}

func seconds(s string) (any, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	return (time.Duration(n) * time.Second).String(), err
}

// packets are frames of 20 ms.
func packets(s string) (any, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	return (time.Duration(n) * 20 * time.Millisecond).String(), err
}

func milliseconds(s string) (any, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	return (time.Duration(n) * time.Millisecond).String(), err
}

// loudness translates per cent of the loudest there is to -dBov.
func loudness(s string) (any, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err == nil && !(f > 0 && f <= 100) {
		err = strconv.ErrRange
	}
	return min(127, max(1, int(math.Round(-20*math.Log10(f/100))))), err
}

func text(s string) (any, error) { return s, nil }

// redisURL translates [PASSWORD@]ADDRESS:PORT/DATABASE. Errors do not quote it.
func redisURL(s string) (any, error) {
	password, where := "", s
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		password, where = s[:i], s[i+1:]
	}
	host, database, ok := strings.Cut(where, "/")
	_, err := netip.ParseAddrPort(host)
	if _, no := strconv.ParseUint(database, 10, 16); !ok || no != nil || err != nil {
		return nil, errors.New("[PASSWORD@]ADDRESS:PORT/DATABASE is needed")
	}
	u := url.URL{Scheme: "redis", Host: host, Path: "/" + database}
	if password != "" {
		u.User = url.UserPassword("", password)
	}
	return u.String(), nil
}

// into writes the settings of options that were given and are not zero.
func (o *options) into(m map[string]any, list ...setting) error {
	for _, s := range list {
		v := o.word(s.option)
		if v == "" || v == "0" {
			continue
		}
		x, err := s.of(v)
		if err != nil {
			return fmt.Errorf("option %s: %w", s.option, err)
		}
		m[s.key] = x
	}
	return nil
}

func (o *options) config() ([]byte, error) {
	list := o.interfaces()
	if len(list) == 0 {
		return nil, errors.New("--interface is needed")
	}
	if slices.Contains(list, "any") {
		return nil, errors.New("option interface: any is not known, an address is")
	}
	media := map[string]any{"interfaces": list}
	if local(list) {
		media["allow_loopback"] = true
	}
	limits, recordings, ng := map[string]any{}, map[string]any{}, map[string]any{}
	if v := o.word("delete-delay"); v == "0" {
		media["delete_delay"] = "-1s"
	}
	err := errors.Join(
		o.into(media, setting{"port-min", "port_min", number}, setting{"port-max", "port_max", number}, setting{"max-sessions", "sessions", number},
			setting{"num-threads", "loops", number}, setting{"timeout", "timeout", seconds}, setting{"silent-timeout", "silent_timeout", seconds},
			setting{"offer-timeout", "offer_timeout", seconds}, setting{"delete-delay", "delete_delay", seconds},
			setting{"jitter-buffer", "jitter_buffer", packets}, setting{"tos", "tos", number}, setting{"endpoint-learning", "learning", text}, setting{"dtmf-log-dest", "dtmf_log", text}, setting{"redis", "state", redisURL}),
		o.into(limits, setting{"max-cpu", "cpu", percent}, setting{"max-load", "load", decimal}, setting{"max-bandwidth", "bandwidth", number}),
		o.into(recordings, setting{"recording-dir", "dir", text}),
		o.into(ng, setting{"https-token", "token", text}),
		o.quiet(media),
	)
	if err != nil {
		return nil, err
	}
	if method := o.word("recording-method"); method != "" && method != "pcap" { // a sink of its kernel module, or what nobody knows
		o.ignored = append(o.ignored, "recording-method "+method)
	}
	if recordings["dir"] != nil {
		recordings["pcap"] = true
		media["recordings"] = recordings
	}
	if len(limits) > 0 {
		media["limits"] = limits
	}
	for option, key := range map[string]string{"listen-ng": "udp", "listen-tcp-ng": "tcp", "listen-http": "http", "listen-https": "https"} {
		for _, a := range o.list(option) {
			addrs, _ := ng[key].([]string)
			ng[key] = append(addrs, listener(a))
		}
	}
	if ng["https"] == nil {
		for _, option := range []string{"https-cert", "https-key", "https-token"} {
			if o.word(option) != "" { // of no use without listen-https
				o.ignored = append(o.ignored, option)
			}
		}
		delete(ng, "token")
	} else if cert := o.word("https-cert"); cert != "" {
		key := o.word("https-key")
		if key == "" {
			key = cert // both may be in one file
		}
		ng["certificates"] = []map[string]string{{"cert": cert, "key": key}}
	}
	media["ng"] = ng
	if media["state"] != nil { // others may have the same Redis, which rtpengine tells apart by its databases
		host, _ := os.Hostname()
		media["state_name"] = strings.NewReplacer("{", "", "}", "").Replace(host + " " + strings.Join(list, " "))
	}
	admin := o.word("listen-cli")
	if admin == "" {
		admin = "127.0.0.1:0"
	}
	return yaml.Marshal(map[string]any{"node": "media", "admin": listener(admin), "log": level(o.word("log-level")), "media": media})
}

// quiet is what is done about silence.
func (o *options) quiet(media map[string]any) error {
	pauses, noise := map[string]any{}, []uint64{}
	for _, v := range o.list("dtx-cn-params") {
		n, err := strconv.ParseUint(v, 10, 8)
		if err != nil {
			return fmt.Errorf("option dtx-cn-params: %w", err)
		}
		noise = append(noise, n)
	}
	err := errors.Join(
		o.into(media, setting{"silence-detect", "silence", loudness}),
		o.into(pauses, setting{"dtx-delay", "after", milliseconds}),
	)
	if pauses["after"] != nil {
		pauses["noise"] = noise
		media["pauses"] = pauses
	}
	return err
}

// list are the values of an option that may be given several times, or once
// with several.
func (o *options) list(name string) (list []string) {
	for _, v := range o.values[name] {
		list = append(list, strings.FieldsFunc(v, func(r rune) bool { return r == ';' || r == ',' || r == ' ' })...)
	}
	return list
}

// interfaces are rtpengine's name/address!advertised.
func (o *options) interfaces() []string {
	list := o.list("interface")
	for i, s := range list {
		list[i] = strings.NewReplacer("[", "", "]", "").Replace(s)
	}
	return list
}

// local tells whether an interface is on loopback, where the parties are then.
func local(interfaces []string) bool {
	for _, s := range interfaces {
		if _, after, ok := strings.Cut(s, "/"); ok {
			s = after
		}
		s, _, _ = strings.Cut(s, "!")
		if a, err := netip.ParseAddr(s); err == nil && a.IsLoopback() {
			return true
		}
	}
	return false
}

// listener completes a port alone: rtpengine then listens on all addresses, we on
// loopback, as strangers must not drive the relay.
func listener(s string) string {
	if _, err := strconv.Atoi(s); err == nil {
		return net.JoinHostPort("127.0.0.1", s)
	}
	if port, ok := strings.CutPrefix(s, "localhost:"); ok {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return s
}

// level translates a syslog level.
func level(s string) string {
	switch n, err := strconv.Atoi(s); {
	case err != nil, n == 6:
		return "info"
	case n >= 7:
		return "debug"
	case n >= 5:
		return "info"
	case n == 4:
		return "warn"
	}
	return "error"
}
