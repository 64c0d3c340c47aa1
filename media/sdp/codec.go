package sdp

import (
	"strconv"
	"strings"
)

// Codec is one RTP payload format of a media description.
type Codec struct {
	PayloadType uint8
	Name        string // encoding name as written in rtpmap, such as PCMA
	ClockRate   uint32 // timestamp units per second
	Channels    int    // 1 unless stated
	Fmtp        string // format parameters, as written
}

// Is tells whether the codec has that encoding name (case does not matter)
// and clock rate.
func (c Codec) Is(name string, clockRate uint32) bool {
	return strings.EqualFold(c.Name, name) && c.ClockRate == clockRate
}

// staticCodec returns the payload types that RFC 3551 section 6 assigned, as
// far as telephony still meets them.
func staticCodec(pt uint8) (Codec, bool) {
	c := Codec{PayloadType: pt, Channels: 1, ClockRate: 8000}
	switch pt {
	case 0:
		c.Name = "PCMU"
	case 3:
		c.Name = "GSM"
	case 4:
		c.Name = "G723"
	case 8:
		c.Name = "PCMA"
	case 9:
		c.Name = "G722" // RFC 3551 section 4.5.2: the clock is 8,000 by mistake and for ever
	case 10:
		c.Name, c.ClockRate, c.Channels = "L16", 44100, 2
	case 11:
		c.Name, c.ClockRate = "L16", 44100
	case 13:
		c.Name = "CN"
	case 15:
		c.Name = "G728"
	case 18:
		c.Name = "G729"
	case 26:
		c.Name, c.ClockRate = "JPEG", 90000
	case 31:
		c.Name, c.ClockRate = "H261", 90000
	case 34:
		c.Name, c.ClockRate = "H263", 90000
	default:
		return Codec{}, false
	}
	return c, true
}

// Codecs lists the payload formats in order of preference. Formats that are
// not payload types, or dynamic ones without rtpmap, are left out; so is
// everything of a media description that is not RTP.
func (m *Media) Codecs() []Codec {
	if !m.RTP() {
		return nil
	}
	// One pass over the lines: a hostile description has thousands of them.
	var rtpmap, fmtp [128]string
	for _, l := range m.lines {
		name, value, ok := l.attr()
		if !ok {
			continue
		}
		switch {
		case strings.EqualFold(name, "rtpmap"):
			keepFirst(&rtpmap, value)
		case strings.EqualFold(name, "fmtp"):
			keepFirst(&fmtp, value)
		}
	}
	list := make([]Codec, 0, len(m.formats))
	for _, f := range m.formats {
		pt, err := strconv.ParseUint(f, 10, 7)
		if err != nil {
			continue
		}
		c, ok := parseEncoding(rtpmap[pt])
		if !ok {
			c, ok = staticCodec(uint8(pt))
		}
		if ok {
			c.PayloadType, c.Fmtp = uint8(pt), fmtp[pt]
			list = append(list, c)
		}
	}
	return list
}

// keepFirst files "96 something" under 96 unless something is there already.
func keepFirst(table *[128]string, value string) {
	num, rest, _ := strings.Cut(value, " ")
	pt, err := strconv.ParseUint(num, 10, 7)
	if err == nil && table[pt] == "" {
		table[pt] = strings.Trim(rest, " \t")
	}
}

// parseEncoding reads "opus/48000/2".
func parseEncoding(enc string) (Codec, bool) {
	name, rest, _ := strings.Cut(enc, "/")
	clock, channels, _ := strings.Cut(rest, "/")
	rate, err := strconv.ParseUint(clock, 10, 32)
	if name == "" || err != nil || rate == 0 {
		return Codec{}, false
	}
	c := Codec{Name: name, ClockRate: uint32(rate), Channels: 1}
	if n, err := strconv.ParseUint(channels, 10, 8); err == nil && n > 0 {
		c.Channels = int(n)
	}
	return c, true
}
