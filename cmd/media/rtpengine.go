package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Names of rtpengine's options with their letters. Those in meant say something
// here, the others (its kernel module, logs and stores) are taken and named.
const (
	meant = "interface:i listen-ng:n listen-tcp-ng:N listen-http listen-https https-cert https-key https-token port-min:m port-max:M " +
		"timeout:o silent-timeout:s offer-timeout delete-delay:d max-sessions max-load max-cpu max-bandwidth num-threads jitter-buffer tos:T redis:r " +
		"endpoint-learning dtx-delay dtx-cn-params silence-detect listen-cli:c log-level:L recording-dir recording-method dtmf-log-dest config-file config-section"
	other = "amr-dtx b2b-url:b cn-payload control-tos dtls-cert-cipher dtls-ciphers dtls-mtu dtls-rsa-key-size dtls-signature " +
		"dtx-buffer dtx-lag dtx-shift final-timeout:a graphite:g graphite-interval:G graphite-prefix graphite-timeout " +
		"homer homer-id homer-protocol http-threads idle-priority idle-scheduling iptables-chain nftables-chain janus-secret listen-tcp:l listen-udp:u " +
		"log-facility log-facility-cdr log-facility-dtmf log-facility-rtcp log-format log-level-codec log-level-control log-level-core " +
		"log-level-crypto log-level-dtx log-level-ffmpeg log-level-http log-level-ice log-level-internals log-level-rtcp log-level-spandsp " +
		"log-level-srtp log-level-transcoding log-mark-prefix log-mark-suffix max-dtx max-log-line-length media-num-threads mos mqtt-cafile " +
		"mqtt-capath mqtt-certfile mqtt-host mqtt-id mqtt-keepalive mqtt-keyfile mqtt-pass mqtt-port mqtt-publish-interval mqtt-publish-qos " +
		"mqtt-publish-scope mqtt-publish-topic mqtt-user mysql-host mysql-pass mysql-port mysql-query mysql-user pidfile:p priority " +
		"recording-format redis-allowed-errors redis-cmd-timeout redis-connect-timeout redis-delete-async-interval redis-disable-time " +
		"redis-expires redis-num-threads redis-write:w scheduling socket-cpu-affinity software-id subscribe-keyspace:k table:t " +
		"thread-stack xmlrpc-format:x dtmf-digit-delay"
	// switches have no value.
	switches = "active-switchover debug-srtp dtls-passive dtmf-log-ng-tcp dtmf-no-suppress foreground:f jb-clock-drift log-srtp-keys " +
		"log-stderr:E no-fallback:F no-log-timestamps no-redis-required:q poller-per-thread redis-delete-async:y reject-invalid-sdp " +
		"save-interface-ports:S sip-source split-logs"
)

// options are what rtpengine would be started with: values by long name.
type options struct {
	values  map[string][]string
	ignored []string
}

// naming finds the long name of an option. kind is 'm' for one that says
// something here, 'o' for another, 's' for one without a value, 0 for none.
func naming(name string) (long string, kind byte) {
	for _, set := range []struct {
		names string
		kind  byte
	}{{meant, 'm'}, {other, 'o'}, {switches, 's'}} {
		for entry := range strings.FieldsSeq(set.names) {
			if long, letter, _ := strings.Cut(entry, ":"); name == long || name == letter && letter != "" {
				return long, set.kind
			}
		}
	}
	return "", 0
}

// readOptions takes a command line apart, and the configuration file that it
// names: what the command line says goes before what is in the file.
func readOptions(args []string) (*options, error) {
	o := &options{values: map[string][]string{}}
	for len(args) > 0 {
		name, value, has := strings.Cut(strings.TrimLeft(args[0], "-"), "=")
		if !strings.HasPrefix(args[0], "-") {
			return nil, fmt.Errorf("%q is no option", args[0])
		}
		args = args[1:]
		long, kind := naming(name)
		switch {
		case kind == 0:
			return nil, fmt.Errorf("option %s is not known", name)
		case kind != 's' && !has && len(args) == 0:
			return nil, fmt.Errorf("option %s needs a value", name)
		case kind != 's' && !has:
			value, args = args[0], args[1:]
		}
		o.set(long, kind, value)
	}
	if file := o.word("config-file"); file != "" && file != "none" {
		return o, o.file(file)
	}
	return o, nil
}

func (o *options) set(long string, kind byte, value string) {
	if kind == 'm' {
		o.values[long] = append(o.values[long], value)
	} else if !slices.Contains(o.ignored, long) {
		o.ignored = append(o.ignored, long)
	}
}

// word is the last value of an option.
func (o *options) word(name string) string {
	if v := o.values[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

// file adds what a configuration file of rtpengine says.
func (o *options) file(name string) (err error) {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	want := "rtpengine"
	if s := o.word("config-section"); s != "" {
		want = s
	}
	said := map[string]bool{}
	for long := range o.values {
		said[long] = true
	}
	section := ""
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			section = strings.Trim(line, "[]")
			continue
		}
		if section != want {
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		long, kind := naming(key)
		switch {
		case kind == 0:
			return fmt.Errorf("%s: line %d: option %s is not known", name, n, key)
		case !said[long] && (kind != 's' || value != "false"):
			o.set(long, kind, value)
		}
	}
	return lines.Err()
}
