package ng

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/sdp"
)

// Options are what an offer, an answer or a similar command asks for beside
// its description.
type Options struct {
	bridge.Options

	// Interfaces by name, towards the sender of the message and towards its
	// receiver. Empty keeps what was said before.
	FromInterface, ToInterface string
	Source                     netip.Addr // received-from: where the signalling came from
	Learning                   string     // off, immediate, delayed, heuristic; empty: the relay's own
	StrictSource               bool       // packets from elsewhere are dropped, after learning too
	MediaHandover              bool       // packets from elsewhere move the stream there
	Asymmetric                 bool       // the party does not send from where it receives
	NATWait                    bool       // nothing is sent before something came
	PierceNAT                  bool       // empty packets until something came
	TOS                        int        // type of service of media packets; -1: unchanged
	DelayBuffer                time.Duration
	HasDelayBuffer             bool   // DelayBuffer was given; zero switches it off
	Record                     string // on, off; empty: unchanged
	Metadata                   string // goes into the metadata of a recording
	RecordingFile              string
	RecordingDir               string
	RecordingPattern           string
	DropTraffic                string // start, stop; empty: unchanged
	GenerateRTCP               string // on, off; empty: unchanged
	MediaEcho                  string // blackhole, forward, backwards, both; empty: none
	BlockDTMF                  bool
	DTMF                       DTMFOptions
	Early                      bool // the answer came in a provisional response
	FinalResponse              bool // it came in a final response
	DeleteDelay                time.Duration
	HasDeleteDelay             bool
}

// DTMFOptions control how digits are kept from one side.
type DTMFOptions struct {
	Mode            string // drop, silence, tone, random, zero, DTMF, off; empty: not given
	Digit           string // that replaces others in mode DTMF
	Frequencies     []int  // Hz, of the tones of mode tone
	Volume          int    // dB below full scale; 0: default
	Trigger         string // digits that switch TriggerMode on
	TriggerMode     string
	TriggerEnd      string
	TriggerEndMode  string
	TriggerEndTime  time.Duration
	TriggerEndCount int
	Delay           time.Duration
	LogTo           netip.AddrPort // where events are reported
}

// ParseOptions reads the options of a message. What is not understood is told
// in warnings and has no effect. expand must have been called by the server.
func ParseOptions(d Dict) (Options, []string) {
	p := optionParser{o: Options{TOS: -1}}
	for key, value := range d.All() {
		p.key(canonical(key), value)
	}
	return p.o, p.warnings
}

type optionParser struct {
	o        Options
	warnings []string
}

func (p *optionParser) warn(format string, args ...any) {
	if len(p.warnings) < 16 {
		p.warnings = append(p.warnings, fmt.Sprintf(format, args...))
	}
}

// known are keys that others read, or that change nothing here.
var known = []string{
	"command", "sdp", "call-id", "from-tag", "to-tag", "via-branch", "supports", "rtpp-flags", "sip-message-type", "SIP-message-type", "label", "from-label", "set-label",
	"to-label", "from-tags", "to-call-id", "source-tag", "source-call-id", "medias", "cookie", "all", "alias-key", "audio-player", "xmlrpc-callback", "template", "body",
	"limit", "file", "blob", "db-id", "repeat-times", "repeat-duration", "start-pos", "code", "duration", "pause",
	"recording-announcement", "output-destination", "DTMF-security-trigger-delay", "peer", "inbound-peer", "outbound-peer", "address",
}

func (p *optionParser) key(key string, value any) {
	if p.lists(key, value) || p.scalars(key, value) || p.audio(key, value) {
		return
	}
	if !slices.Contains(known, key) {
		p.warn("option %.40q not understood", key)
	}
}

// lists reads keys whose values are lists of words or dictionaries.
func (p *optionParser) lists(key string, value any) bool {
	switch key {
	case "flags":
		for _, w := range several(value) {
			p.flag(w)
		}
	case "replace", "rtcp-mux", "SDES", "OSRTP", "ICE", "T.38", "bundle":
		for _, w := range several(value) {
			if !p.word(key, w) {
				p.warn("%s: %.40q not understood", key, w)
			}
		}
	case "sdp-media-remove":
		p.o.RemoveMedia = append(p.o.RemoveMedia, words(value)...)
	case "direction":
		if w := words(value); len(w) >= 2 {
			p.o.FromInterface, p.o.ToInterface = w[0], w[1]
		} else {
			p.warn("direction: two interfaces are needed")
		}
	case "received-from":
		if w := words(value); len(w) != 2 || !parseAddr(w[1], &p.o.Source) {
			p.warn("received-from: family and address are needed")
		}
	case "codec", "extmap", "sdp-attr":
		p.dictionary(key, value)
	default:
		return false
	}
	return true
}

// word reads one word of such a list. The calls are written out, as a table of
// functions would have each parser made on the heap.
func (p *optionParser) word(key, w string) bool {
	switch key {
	case "replace":
		return p.replace(w)
	case "rtcp-mux":
		return p.rtcpMux(w)
	case "SDES":
		return p.sdes(w)
	case "OSRTP":
		return p.osrtp(w)
	case "ICE":
		return p.ice(w)
	case "T.38":
		return p.t38(w)
	}
	return p.bundle(w)
}

// several are the words of a list, which may be written as one string with
// commas: proxies make such of key=value.
func several(value any) []string {
	if _, list := value.(List); list {
		return words(value)
	}
	return strings.FieldsFunc(text(value), func(r rune) bool { return r == ',' })
}

func (p *optionParser) dictionary(key string, value any) {
	d, ok := value.(Dict)
	if !ok {
		p.warn("%s: a dictionary is needed", key)
		return
	}
	for sub, v := range d.All() {
		switch key {
		case "codec":
			if list := p.codecList(canonical(sub)); list != nil {
				*list = append(*list, unescapeAll(words(v))...)
				continue
			}
		case "extmap":
			switch sub {
			case "strip":
				p.o.StripExtensions = append(p.o.StripExtensions, words(v)...)
				continue
			case "mask":
				p.o.MaskExtensions = append(p.o.MaskExtensions, words(v)...)
				continue
			}
		case "sdp-attr":
			if p.attributes(sub, v) {
				continue
			}
		}
		p.warn("%s: %.40q not understood", key, sub)
	}
}

func (p *optionParser) codecList(name string) *[]string {
	c := &p.o.Codec
	switch name {
	case "strip":
		return &c.Strip
	case "offer":
		return &c.Offer
	case "mask":
		return &c.Mask
	case "except":
		return &c.Except
	case "consume":
		return &c.Consume
	case "accept":
		return &c.Accept
	case "transcode":
		return &c.Transcode
	case "ignore":
		return &c.Ignore
	case "set":
		return &c.Set
	}
	return nil
}

// place finds the edits for one media type of sdp-attr.
func (p *optionParser) place(name string) *sdp.AttributeEdit {
	switch name {
	case "none", "global", "session":
		return &p.o.Attributes.Session
	}
	return p.o.Attributes.Of(name)
}

func (p *optionParser) attributes(media string, value any) bool {
	e := p.place(media)
	d, ok := value.(Dict)
	if e == nil || !ok {
		return false
	}
	for command, v := range d.All() {
		switch command {
		case "add":
			e.Add = append(e.Add, words(v)...)
		case "remove":
			e.Remove = append(e.Remove, words(v)...)
		case "substitute":
			p.substitutes(e, v)
		default:
			return false
		}
	}
	return true
}

// substitutes reads one pair, or a list of pairs.
func (p *optionParser) substitutes(e *sdp.AttributeEdit, value any) {
	l, _ := value.(List)
	if len(l) > 0 {
		if _, nested := l[0].(List); !nested {
			l = List{l}
		}
	}
	for _, pair := range l {
		w := words(pair)
		if len(w) < 2 {
			p.warn("sdp-attr: substitute needs two values")
			continue
		}
		e.Substitute = append(e.Substitute, [2]string{w[0], w[1]})
	}
}

func parseAddr(s string, to *netip.Addr) bool {
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err == nil {
		*to = a.Unmap()
	}
	return err == nil
}

// unescapeAll undoes the writing of = as -- in codec descriptions.
func unescapeAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.ReplaceAll(s, "--", "=")
	}
	return out
}
