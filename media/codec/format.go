package codec

import (
	"iter"
	"strconv"
	"strings"
)

// Format is a payload format as an SDP names it in rtpmap and fmtp.
type Format struct {
	Name      string // encoding name of the RTP profile, such as PCMA
	ClockRate int    // of RTP timestamps, Hz
	Channels  int    // 0 is the same as 1
	Fmtp      string // format parameters, as written
}

// String is the format as in rtpmap: opus/48000/2.
func (f Format) String() string {
	s := f.Name + "/" + strconv.Itoa(f.ClockRate)
	if f.Channels > 1 {
		s += "/" + strconv.Itoa(f.Channels)
	}
	return s
}

// Is tells whether the format has that encoding name, in any case, and clock
// rate.
func (f Format) Is(name string, clockRate int) bool {
	return f.ClockRate == clockRate && strings.EqualFold(f.Name, name)
}

func (f Format) same(g Format) bool {
	return f.Is(g.Name, g.ClockRate) && max(f.Channels, 1) == max(g.Channels, 1)
}

// Match tells whether a packet of one format can be passed on as one of the
// other: the same name, clock rate and channels, and format parameters that
// agree where they decide about the bits. Parameters that only state what a
// receiver prefers (Opus, telephone-event) do not count.
func (f Format) Match(g Format) bool {
	if !f.same(g) {
		return false
	}
	for _, p := range binding(f.Name) {
		if !strings.EqualFold(p.of(f.Fmtp), p.of(g.Fmtp)) {
			return false
		}
	}
	return true
}

// parameter is a format parameter with its value when it is absent.
type parameter struct{ name, absent string }

func (p parameter) of(fmtp string) string {
	if v, ok := Param(fmtp, p.name); ok {
		return v
	}
	return p.absent
}

// binding lists the parameters that change the bits of a payload.
func binding(name string) []parameter {
	switch strings.ToLower(name) {
	case "amr", "amr-wb": // RFC 4867 section 8
		return []parameter{{"octet-align", "0"}, {"mode-set", ""}, {"crc", "0"}, {"robust-sorting", "0"}, {"interleaving", ""}}
	case "ilbc": // RFC 3952 section 5
		return []parameter{{"mode", "30"}}
	case "h264": // RFC 6184 section 8.2.2
		return []parameter{{"profile-level-id", "42000a"}, {"packetization-mode", "0"}}
	case "vp9":
		return []parameter{{"profile-id", "0"}}
	}
	return nil
}

// Param finds a format parameter by name, in any case. A parameter without a
// value is found with an empty one.
func Param(fmtp, name string) (value string, ok bool) {
	for k, v := range Parameters(fmtp) {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return "", false
}

// Parameters iterates over "a=1; b=2".
func Parameters(fmtp string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for part := range strings.SplitSeq(fmtp, ";") {
			k, v, _ := strings.Cut(part, "=")
			if k = strings.TrimSpace(k); k != "" && !yield(k, strings.TrimSpace(v)) {
				return
			}
		}
	}
}

func flag(fmtp, name string) bool {
	v, _ := Param(fmtp, name)
	return v == "1"
}

func number(fmtp, name string) (int, bool) {
	v, ok := Param(fmtp, name)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(v)
	return n, err == nil && n > 0
}
