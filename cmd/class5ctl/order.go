package main

import (
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/class5-go/class5/media/dtmf"
)

// order is a command for a session; keys are those of rtpengine's protocol.
func order(command, callID string, keys map[string]any, done string) request {
	r := request{method: http.MethodPost, path: "/media/sessions/" + url.PathEscape(callID) + "/" + url.PathEscape(command), done: done}
	if len(keys) > 0 {
		r.body = keys
	}
	return r
}

// flagged adds words to the flags of an order.
func flagged(keys map[string]any, words map[string]bool) {
	var list []string
	for _, w := range []string{"directional", "bidirectional"} {
		if words[w] {
			list = append(list, w)
		}
	}
	if list != nil {
		keys["flags"] = list
	}
}

// party adds the options that name a party. The function that it returns reads
// them, when they have been parsed.
func party(f *flag.FlagSet) func(keys map[string]any) error {
	tag, label := f.String("tag", "", ""), f.String("label", "", "")
	return func(keys map[string]any) error {
		switch {
		case *tag != "" && *label != "":
			return fmt.Errorf("%w: -tag or -label, not both", errUsage)
		case *tag != "":
			keys["from-tag"] = *tag
			flagged(keys, map[string]bool{"directional": true})
		case *label != "":
			keys["label"] = *label
		}
		return nil
	}
}

// toCall is a command for all of a session.
func toCall(command, done string) func(*flag.FlagSet, []string) (request, error) {
	return func(f *flag.FlagSet, args []string) (request, error) {
		rest, err := parse(f, args, "CALL-ID")
		if err != nil {
			return request{}, err
		}
		return order(command, rest[0], nil, done), nil
	}
}

// toParty is a command for one party, or for all.
func toParty(command, done string) func(*flag.FlagSet, []string) (request, error) {
	return func(f *flag.FlagSet, args []string) (request, error) {
		return partly(f, args, command, done, func([]string, map[string]any) error { return nil })
	}
}

// partly is a command for one party or for all, with more that more reads from
// what stands behind the Call-ID.
func partly(f *flag.FlagSet, args []string, command, done string, more func([]string, map[string]any) error, names ...string) (request, error) {
	who := party(f)
	rest, err := parse(f, args, append([]string{"CALL-ID"}, names...)...)
	if err != nil {
		return request{}, err
	}
	keys := map[string]any{}
	if err := who(keys); err != nil {
		return request{}, err
	}
	if err := more(rest[1:], keys); err != nil {
		return request{}, err
	}
	return order(command, rest[0], keys, done), nil
}

func connect(f *flag.FlagSet, args []string) (request, error) {
	return connecting(f, args, "connect", "they talk to each other", f.Bool("directional", false, ""))
}

func disconnect(f *flag.FlagSet, args []string) (request, error) {
	directional := true // what connect without it began is ended by another connect
	return connecting(f, args, "unsubscribe", "it does not get the other's media any more", &directional)
}

func connecting(f *flag.FlagSet, args []string, command, done string, directional *bool) (request, error) {
	both := f.Bool("bidirectional", false, "")
	other := ""
	if command == "connect" {
		f.StringVar(&other, "other-call", "", "")
	}
	rest, err := parse(f, args, "CALL-ID", "TAG", "OTHER-TAG")
	if err != nil {
		return request{}, err
	}
	if *both && !*directional {
		return request{}, fmt.Errorf("%w: -bidirectional is for -directional; without them both hear each other", errUsage)
	}
	if command == "connect" && *directional {
		done = "the other gets its media too"
		if *both {
			done = "each gets the other's media too"
		}
	}
	keys := map[string]any{"from-tag": rest[1], "to-tag": rest[2]}
	if other != "" {
		keys["to-call-id"] = other
	}
	flagged(keys, map[string]bool{"directional": *directional, "bidirectional": *both})
	return order(command, rest[0], keys, done), nil
}

func inject(command, done string) func(*flag.FlagSet, []string) (request, error) {
	return func(f *flag.FlagSet, args []string) (request, error) {
		source := f.String("source-call", "", "")
		rest, err := parse(f, args, "CALL-ID", "TAG", "SOURCE-TAG")
		if err != nil {
			return request{}, err
		}
		keys := map[string]any{"to-tag": rest[1], "source-tag": rest[2]}
		if *source != "" {
			keys["source-call-id"] = *source
		}
		return order(command, rest[0], keys, done), nil
	}
}

func blockDTMF(f *flag.FlagSet, args []string) (request, error) {
	mode := f.String("mode", dtmf.Drop.String(), "")
	return partly(f, args, "block DTMF", "nobody learns their digits", func(_ []string, keys map[string]any) error {
		m, err := dtmf.ParseMode(*mode)
		if err != nil || m == dtmf.Off || m == dtmf.Replace {
			return fmt.Errorf("%w: -mode: %q is none of drop, silence, tone, random, zero", errUsage, *mode)
		}
		keys["DTMF-security"] = m.String()
		return nil
	})
}

func playDTMF(f *flag.FlagSet, args []string) (request, error) {
	duration, pause := f.Duration("duration", 0, ""), f.Duration("pause", 0, "")
	return partly(f, args, "play DTMF", "the digits are played", func(rest []string, keys map[string]any) error {
		if i := strings.IndexFunc(rest[0], func(c rune) bool { return !strings.ContainsRune("0123456789*#ABCDabcd", c) }); i >= 0 || rest[0] == "" {
			return fmt.Errorf("%w: DIGITS are 0 to 9, *, # and A to D", errUsage)
		}
		keys["code"] = rest[0]
		for key, d := range map[string]time.Duration{"duration": *duration, "pause": *pause} {
			switch {
			case d < 0:
				return fmt.Errorf("%w: -%s is above 0", errUsage, key)
			case d > 0:
				keys[key] = d.Milliseconds()
			}
		}
		return nil
	}, "DIGITS")
}

func play(f *flag.FlagSet, args []string) (request, error) {
	repeat := f.Int("repeat", 0, "")
	return partly(f, args, "play media", "", func(rest []string, keys map[string]any) error {
		keys["file"] = rest[0]
		if *repeat != 0 {
			keys["repeat-times"] = *repeat
		}
		return nil
	}, "FILE")
}

func record(f *flag.FlagSet, args []string) (request, error) {
	pattern, metadata := f.String("pattern", "", ""), f.String("metadata", "", "")
	rest, err := parse(f, args, "CALL-ID")
	if err != nil {
		return request{}, err
	}
	keys := map[string]any{}
	for key, v := range map[string]string{"recording-pattern": *pattern, "metadata": *metadata} {
		if v != "" {
			keys[key] = v
		}
	}
	return order("start recording", rest[0], keys, "the call is recorded"), nil
}

func forward(f *flag.FlagSet, args []string) (request, error) {
	metadata := f.String("metadata", "", "")
	return partly(f, args, "start forwarding", "their audio is forwarded", func(_ []string, keys map[string]any) error {
		if *metadata != "" {
			keys["metadata"] = *metadata
		}
		return nil
	})
}
