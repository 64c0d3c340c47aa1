package bridge

import (
	"strconv"
	"strings"
)

// spec is a codec option: NAME/RATE/CHANNELS/BITRATE/PTIME/FMTP/OPTIONS, from
// the right as many left out as one likes.
type spec struct {
	name           string
	rate           uint32
	channels       int // 0: not said
	bitrate, ptime int
	fmtp, options  string
	exact          bool // says more than the SDP does: never meant to match
}

func parseSpec(s string) spec {
	f := strings.SplitN(s, "/", 7)
	at := func(i int) string {
		if i < len(f) {
			return f[i]
		}
		return ""
	}
	num := func(i int) int {
		n, err := strconv.ParseUint(at(i), 10, 31)
		if err != nil {
			return 0
		}
		return int(n)
	}
	p := spec{name: f[0], rate: uint32(num(1)), channels: num(2), bitrate: num(3), ptime: num(4),
		fmtp: strings.ReplaceAll(at(5), "--", "="), options: strings.ReplaceAll(at(6), "--", "=")}
	if p.rate > 0 && p.channels == 0 {
		p.channels = 1
	}
	p.exact = len(f) > 3
	return p
}

// matches tells whether a format is meant. A name alone means every clock.
func (p *spec) matches(f *format) bool {
	if !f.Known {
		return p.name == strconv.Itoa(int(f.PayloadType))
	}
	if !strings.EqualFold(p.name, f.Name) {
		return false
	}
	return p.rate == 0 || p.rate == f.ClockRate && p.channels == f.Channels
}

// usual is the clock, channels and parameters of a codec that is named without
// them.
func usual(name string) (rate uint32, channels int, fmtp string) {
	switch strings.ToLower(name) {
	case "opus":
		return 48000, 2, ""
	case "speex", "amr-wb", "g7221":
		return 16000, 1, ""
	case "evs":
		return 16000, 1, ""
	case "g729":
		return 8000, 1, "annexb=no"
	case "ilbc":
		return 8000, 1, "mode=30"
	case "amr":
		return 8000, 1, "octet-align=1;mode-change-capability=2"
	case eventName:
		return 8000, 1, "0-15"
	case "l16":
		return 44100, 1, ""
	}
	return 8000, 1, ""
}

// static is the payload type that RFC 3551 assigned, if any.
func static(f *format) (uint8, bool) {
	type key struct {
		name     string
		rate     uint32
		channels int
	}
	switch (key{strings.ToLower(f.Name), f.ClockRate, f.Channels}) {
	case key{"pcmu", 8000, 1}:
		return 0, true
	case key{"gsm", 8000, 1}:
		return 3, true
	case key{"g723", 8000, 1}:
		return 4, true
	case key{"pcma", 8000, 1}:
		return 8, true
	case key{"g722", 8000, 1}:
		return 9, true
	case key{"l16", 44100, 2}:
		return 10, true
	case key{"l16", 44100, 1}:
		return 11, true
	case key{"cn", 8000, 1}:
		return 13, true
	case key{"g728", 8000, 1}:
		return 15, true
	case key{"g729", 8000, 1}:
		return 18, true
	}
	return 0, false
}

// make is the format that the option describes, without payload type.
func (p *spec) make() format {
	f := format{Known: true, New: true, Bitrate: p.bitrate, Ptime: p.ptime, Options: p.options}
	rate, channels, fmtp := usual(p.name)
	f.Name, f.ClockRate, f.Channels, f.Fmtp = p.name, rate, channels, fmtp
	if p.rate > 0 {
		f.ClockRate, f.Channels = p.rate, p.channels
	}
	if p.fmtp != "" {
		f.Fmtp = p.fmtp
	}
	return f
}

// specs is a list of codec options.
type specs []string

// has tells whether a format is named, "all" and "full" apart.
func (s specs) has(f *format) bool {
	for _, t := range s {
		if p := parseSpec(t); !p.exact && p.matches(f) {
			return true
		}
	}
	return false
}

func (s specs) word(w string) bool {
	for _, t := range s {
		if strings.EqualFold(t, w) {
			return true
		}
	}
	return false
}

// all tells whether the list means every codec, and full whether nothing of
// what was removed may come back by name.
func (s specs) all() bool  { return s.word("all") || s.word("full") }
func (s specs) full() bool { return s.word("full") }
