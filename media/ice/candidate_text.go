package ice

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// ErrCandidate means that an a=candidate value could not be read.
var ErrCandidate = errors.New("ice: candidate")

// Limits of one a=candidate value.
const (
	MaxCandidateSize = 1024 // octets
	MaxExtensions    = 16
)

// ParseCandidate reads the value of an a=candidate attribute, the part behind
// "candidate:"; the name in front is tolerated.
func ParseCandidate(value string) (Candidate, error) {
	value = strings.TrimPrefix(value, "candidate:")
	if len(value) > MaxCandidateSize {
		return Candidate{}, fmt.Errorf("%w: %d octets", ErrCandidate, len(value))
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return Candidate{}, fmt.Errorf("%w: control character", ErrCandidate) // it would end the line it is written to
	}
	f := strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(f) < 8 || !strings.EqualFold(f[6], "typ") {
		return Candidate{}, fmt.Errorf("%w: %d fields", ErrCandidate, len(f))
	}
	c := Candidate{Foundation: f[0], Transport: f[2]}
	if len(f[0]) > 32 || !iceChars(f[0]) {
		return Candidate{}, fmt.Errorf("%w: foundation", ErrCandidate)
	}
	component, err := strconv.ParseUint(f[1], 10, 16)
	if err != nil || component == 0 || component > 256 {
		return Candidate{}, fmt.Errorf("%w: component %q", ErrCandidate, f[1])
	}
	priority, err := strconv.ParseUint(f[3], 10, 32)
	if err != nil || priority == 0 {
		return Candidate{}, fmt.Errorf("%w: priority %q", ErrCandidate, f[3])
	}
	c.Component, c.Priority = int(component), uint32(priority)
	if c.Addr, c.Hostname, err = parseAddr(f[4], f[5]); err != nil {
		return Candidate{}, err
	}
	if c.Type, err = parseType(f[7]); err != nil {
		return Candidate{}, err
	}
	if err = c.parseRest(f[8:]); err != nil {
		return Candidate{}, err
	}
	return c, nil
}

// parseRest reads raddr, rport and the extensions.
func (c *Candidate) parseRest(f []string) (err error) {
	if len(f) >= 4 && strings.EqualFold(f[0], "raddr") && strings.EqualFold(f[2], "rport") {
		if c.Related, c.RelatedHostname, err = parseAddr(f[1], f[3]); err != nil {
			return err
		}
		f = f[4:]
	}
	if len(f)%2 != 0 || len(f) > 2*MaxExtensions {
		return fmt.Errorf("%w: %d fields of extensions", ErrCandidate, len(f))
	}
	for i := 0; i < len(f); i += 2 {
		c.Extensions = append(c.Extensions, Extension{Name: f[i], Value: f[i+1]})
	}
	return nil
}

func parseAddr(host, port string) (netip.AddrPort, string, error) {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, "", fmt.Errorf("%w: port %q", ErrCandidate, port)
	}
	if a, err := netip.ParseAddr(host); err == nil && a.Zone() == "" {
		return netip.AddrPortFrom(a, uint16(n)), "", nil
	}
	return netip.AddrPortFrom(netip.Addr{}, uint16(n)), host, nil
}

func parseType(s string) (Type, error) {
	for t := Host; t <= Relayed; t++ {
		if strings.EqualFold(s, t.String()) {
			return t, nil
		}
	}
	return 0, fmt.Errorf("%w: type %q", ErrCandidate, s)
}

// Append appends the value of the attribute, without "candidate:".
func (c Candidate) Append(b []byte) []byte {
	b = append(b, c.Foundation...)
	b = strconv.AppendInt(append(b, ' '), int64(c.Component), 10)
	b = append(append(b, ' '), c.Transport...)
	b = strconv.AppendUint(append(b, ' '), uint64(c.Priority), 10)
	b = appendAddr(append(b, ' '), c.Addr, c.Hostname, " ")
	b = append(append(b, " typ "...), c.Type.String()...)
	if c.Related.Addr().IsValid() || c.RelatedHostname != "" {
		b = appendAddr(append(b, " raddr "...), c.Related, c.RelatedHostname, " rport ")
	}
	for _, e := range c.Extensions {
		b = append(append(append(append(b, ' '), e.Name...), ' '), e.Value...)
	}
	return b
}

func appendAddr(b []byte, a netip.AddrPort, hostname, sep string) []byte {
	if hostname != "" {
		b = append(b, hostname...)
	} else {
		b = a.Addr().AppendTo(b)
	}
	return strconv.AppendUint(append(b, sep...), uint64(a.Port()), 10)
}

// String is the value of the attribute.
func (c Candidate) String() string { return string(c.Append(nil)) }

// MarshalText implements encoding.TextMarshaler.
func (c Candidate) MarshalText() ([]byte, error) { return c.Append(nil), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Candidate) UnmarshalText(b []byte) (err error) {
	*c, err = ParseCandidate(string(b))
	return err
}

// Words of a=ice-options.
const (
	OptionICE2    = "ice2"    // RFC 8445
	OptionTrickle = "trickle" // RFC 8840
)

// Option tells whether the value of an a=ice-options attribute has a word.
func Option(value, word string) bool {
	for w := range strings.FieldsSeq(value) {
		if w == word {
			return true
		}
	}
	return false
}
