package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// options are those of rtpengine's that mean something here.
type options struct {
	interfaces, udp, tcp, http, https, noise []string

	numbers map[string]*int
	words   map[string]*string
	ignored []string
	given   map[string]bool
}

func newOptions() *options {
	o := &options{numbers: map[string]*int{}, words: map[string]*string{}, given: map[string]bool{}}
	for _, name := range []string{"port-min", "port-max", "timeout", "silent-timeout", "offer-timeout", "delete-delay", "max-sessions", "num-threads", "jitter-buffer", "dtx-delay"} {
		o.numbers[name] = new(int)
	}
	for _, name := range []string{"endpoint-learning", "listen-cli", "log-level", "silence-detect"} {
		o.words[name] = new(string)
	}
	return o
}

// passing are options of rtpengine that change nothing here: how it is started,
// its kernel module, its logs, its stores.
var passing = []string{
	"table", "t", "foreground", "f", "no-fallback", "F", "pidfile", "p", "log-stderr", "E", "config-file", "config-section", "tos", "T",
	"redis", "r", "redis-write", "w", "subscribe-keyspace", "dtx-buffer", "dtx-lag", "dtx-shift", "max-dtx",
	"sip-source", "dtls-passive", "listen-udp", "u", "log-level-internals", "no-redis-required", "log-facility", "nftables-chain", "recording-method", "recording-format", "recording-dir", "homer", "graphite",
	"final-timeout", "control-tos", "max-load", "max-cpu", "max-bandwidth",
}

// list collects an option that may be given several times.
type list struct{ to *[]string }

func (list) String() string { return "" }

func (l list) Set(s string) error {
	*l.to = append(*l.to, strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == ',' })...)
	return nil
}

// swallow takes an option and its value, if it has one, and does nothing.
type swallow struct {
	name string
	o    *options
}

func (swallow) String() string   { return "" }
func (swallow) IsBoolFlag() bool { return true }

func (s swallow) Set(string) error {
	s.o.ignored = append(s.o.ignored, s.name)
	return nil
}

// translate reads rtpengine's options and writes the configuration file that
// says the same.
func translate(args []string, stderr io.Writer) (file string, err error) {
	o := newOptions()
	f := flag.NewFlagSet("media", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	for names, to := range map[string]*[]string{"interface i": &o.interfaces, "listen-ng n": &o.udp, "listen-tcp-ng": &o.tcp, "listen-http": &o.http, "listen-https": &o.https, "dtx-cn-params": &o.noise} {
		for name := range strings.FieldsSeq(names) {
			f.Var(list{to}, name, "")
		}
	}
	for name, to := range o.numbers {
		f.IntVar(to, name, 0, "")
	}
	f.IntVar(o.numbers["port-min"], "m", 0, "")
	f.IntVar(o.numbers["port-max"], "M", 0, "")
	for name, to := range o.words {
		f.StringVar(to, name, "", "")
	}
	f.StringVar(o.words["log-level"], "L", "", "")
	f.StringVar(o.words["listen-cli"], "c", "", "")
	for _, name := range passing {
		f.Var(swallow{name, o}, name, "")
	}
	if err := f.Parse(joined(args)); err != nil {
		return "", err
	}
	f.Visit(func(f *flag.Flag) { o.given[f.Name] = true })
	if len(o.ignored) > 0 {
		fmt.Fprintf(stderr, "media: without meaning here: %s\n", strings.Join(o.ignored, ", "))
	}
	b, err := o.config()
	if err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp("", "class5-media-*.yaml")
	if err != nil {
		return "", err
	}
	_, err = tmp.Write(b)
	return tmp.Name(), errors.Join(err, tmp.Close())
}

// joined puts the value of a passing option, when it stands apart, beside it:
// whether it has one is not known otherwise.
func joined(args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		if !strings.HasPrefix(args[i], "-") {
			out = append(out, args[i])
			continue
		}
		name := strings.TrimLeft(args[i], "-")
		for _, p := range passing {
			if name == p && i+1 < len(args) && !negative(args[i+1]) {
				i++ // its value, which has no meaning either
				break
			}
		}
		out = append(out, "-"+name)
	}
	return out
}

// negative tells an option from a value such as -1.
func negative(s string) bool {
	_, err := strconv.Atoi(s)
	return strings.HasPrefix(s, "-") && err != nil
}

func (o *options) config() ([]byte, error) {
	if len(o.interfaces) == 0 {
		return nil, errors.New("--interface is needed")
	}
	admin := *o.words["listen-cli"]
	if admin == "" {
		admin = "127.0.0.1:0"
	}
	media := map[string]any{"interfaces": interfaces(o.interfaces), "allow_loopback": true}
	for name, key := range map[string]string{"port-min": "port_min", "port-max": "port_max", "max-sessions": "sessions", "num-threads": "loops"} {
		if n := *o.numbers[name]; n > 0 {
			media[key] = n
		}
	}
	for name, key := range map[string]string{"timeout": "timeout", "silent-timeout": "silent_timeout", "offer-timeout": "offer_timeout", "delete-delay": "delete_delay"} {
		if n := *o.numbers[name]; n > 0 {
			media[key] = (time.Duration(n) * time.Second).String()
		}
	}
	if o.given["delete-delay"] && *o.numbers["delete-delay"] == 0 {
		media["delete_delay"] = "-1s"
	}
	if n := *o.numbers["jitter-buffer"]; n > 0 {
		media["jitter_buffer"] = (time.Duration(n) * 20 * time.Millisecond).String() // packets there
	}
	if err := o.quiet(media); err != nil {
		return nil, err
	}
	if l := *o.words["endpoint-learning"]; l != "" {
		media["learning"] = l
	}
	ng := map[string]any{}
	for key, addrs := range map[string][]string{"udp": o.udp, "tcp": o.tcp, "http": o.http, "https": o.https} {
		for i, a := range addrs {
			addrs[i] = listener(a)
		}
		if len(addrs) > 0 {
			ng[key] = addrs
		}
	}
	media["ng"] = ng
	return yaml.Marshal(map[string]any{"node": "media", "admin": listener(admin), "log": level(*o.words["log-level"]), "media": media})
}

// quiet is what is done about silence.
func (o *options) quiet(media map[string]any) error {
	if n := *o.numbers["dtx-delay"]; n > 0 {
		noise := []int{}
		for _, s := range o.noise {
			n, err := strconv.Atoi(s)
			if err != nil {
				return fmt.Errorf("--dtx-cn-params: %w", err)
			}
			noise = append(noise, n)
		}
		media["pauses"] = map[string]any{"after": (time.Duration(n) * time.Millisecond).String(), "noise": noise}
	}
	if s := *o.words["silence-detect"]; s != "" { // per cent of the loudest there is
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || v < 0 || v > 100 {
			return fmt.Errorf("--silence-detect: %q", s)
		}
		if v > 0 {
			media["silence"] = min(127, max(1, int(math.Round(-20*math.Log10(v/100)))))
		}
	}
	return nil
}

// interfaces are rtpengine's name/address!advertised, of which the name
// "default" is the one without.
func interfaces(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = strings.NewReplacer("[", "", "]", "").Replace(s)
	}
	return out
}

// listener completes a port alone: rtpengine then listens on all addresses, we on
// loopback, as strangers must not drive the relay.
func listener(s string) string {
	if _, err := strconv.Atoi(s); err == nil {
		return net.JoinHostPort("127.0.0.1", s)
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
