package dtmf

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrInfo means: not a digit in a SIP INFO body.
var ErrInfo = errors.New("dtmf: malformed INFO body")

// Content types of SIP INFO bodies with a digit.
const (
	TypeRelay = "application/dtmf-relay" // Signal= and Duration=
	TypePlain = "application/dtmf"       // the digit alone
)

const (
	maxInfo      = 256 // octets
	infoDuration = 160 * time.Millisecond
	maxDuration  = 10 * time.Second
	infoVolume   = 10
)

// ParseInfo reads the body of a SIP INFO. A relay body states a duration in
// milliseconds; one that states none, or 0, is 160 ms long. Errors wrap ErrInfo
// and do not show the body.
func ParseInfo(contentType string, body []byte) (Digit, error) {
	if len(body) > maxInfo {
		return Digit{}, fmt.Errorf("%w: %d octets", ErrInfo, len(body))
	}
	t, _, _ := strings.Cut(contentType, ";")
	d := Digit{Ended: true, Duration: infoDuration, Volume: infoVolume}
	var ok bool
	switch strings.ToLower(strings.TrimSpace(t)) {
	case TypePlain:
		d.Event, ok = signal(string(body))
		if !ok { // some write the relay's form under this type
			ok = d.relay(string(body))
		}
	case TypeRelay:
		ok = d.relay(string(body))
	default:
		return Digit{}, fmt.Errorf("%w: content type %q", ErrInfo, contentType)
	}
	if !ok {
		return Digit{}, fmt.Errorf("%w: %s of %d octets", ErrInfo, t, len(body))
	}
	return d, nil
}

func (d *Digit) relay(body string) (ok bool) {
	for line := range strings.FieldsFuncSeq(body, func(r rune) bool { return r == '\r' || r == '\n' }) {
		k, v, found := strings.Cut(line, "=")
		if !found {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(k)) {
		case "signal":
			d.Event, ok = signal(v)
			if !ok {
				return false
			}
		case "duration":
			ms, err := strconv.ParseUint(strings.TrimSpace(v), 10, 32)
			if err != nil {
				return false
			}
			if ms > 0 {
				d.Duration = min(time.Duration(ms)*time.Millisecond, maxDuration)
			}
		}
	}
	return ok
}

// signal reads a digit, a number of the event registry above 9, or a hook
// flash.
func signal(s string) (Event, bool) {
	s = strings.TrimSpace(s)
	if len(s) == 1 {
		return ParseDigit(s[0])
	}
	switch strings.ToLower(s) {
	case "flash", "hf", "hookflash", "hook flash":
		return Flash, true
	}
	if n, err := strconv.ParseUint(s, 10, 8); err == nil && n >= 10 && n <= uint64(Flash) {
		return Event(n), true
	}
	return 0, false
}

// FormatInfo writes a body of the given content type, TypeRelay or TypePlain.
// Errors wrap ErrInfo.
func FormatInfo(contentType string, d Digit) ([]byte, error) {
	name := "hf"
	if c, ok := d.Event.Digit(); ok {
		name = string(c)
	} else if d.Event != Flash {
		return nil, fmt.Errorf("%w: %v", ErrInfo, d.Event)
	}
	switch contentType {
	case TypePlain:
		return []byte(name), nil
	case TypeRelay:
		return fmt.Appendf(nil, "Signal=%s\r\nDuration=%d\r\n", name, d.Duration.Milliseconds()), nil
	}
	return nil, fmt.Errorf("%w: content type %q", ErrInfo, contentType)
}
