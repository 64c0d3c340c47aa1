package bridge

import (
	"strings"

	"github.com/class5-go/class5/media/srtp/sdes"
)

// Before RFC 8643 some devices offered SRTP as a choice by saying each m= line
// twice, plain and secure. The engine itself knows one line for both: what
// comes doubled is made single before it, what is to be doubled is after it.

// doubling is how a party says its m= lines twice.
type doubling uint8

const (
	once doubling = iota // it does not
	plainFirst
	secureFirst
)

// section is an m= line with what belongs to it, or what stands before the
// first one.
type section []string

func sections(body []byte) (list []section) {
	list = append(list, nil)
	for l := range strings.Lines(string(body)) {
		if strings.HasPrefix(l, "m=") {
			list = append(list, nil)
		}
		i := len(list) - 1
		list[i] = append(list[i], l)
	}
	return list
}

func join(list []section) []byte {
	var b strings.Builder
	for _, s := range list {
		for _, l := range s {
			b.WriteString(l)
		}
	}
	return []byte(b.String())
}

// line are the fields of the m= line: kind, port, protocol, formats.
func (s section) line() (kind, port, proto string, ok bool) {
	if len(s) == 0 {
		return "", "", "", false
	}
	f := strings.Fields(strings.TrimPrefix(s[0], "m="))
	if len(f) < 4 {
		return "", "", "", false
	}
	return f[0], f[1], f[2], true
}

// twins tells whether two sections are one said twice.
func twins(a, b section) (d doubling) {
	kind, port, proto, ok := a.line()
	kind2, port2, proto2, ok2 := b.line()
	if !ok || !ok2 || kind != kind2 || port != port2 && port != "0" && port2 != "0" || proto == proto2 {
		return once
	}
	switch {
	case sdes.SecureProfile(proto) == proto2:
		return plainFirst
	case sdes.SecureProfile(proto2) == proto:
		return secureFirst
	}
	return once
}

// undouble makes each pair of sections one: the secure one, unless it was
// refused and the plain one was not. how says which of the sections left were
// two; nil: none was.
func undouble(body []byte) (out []byte, how []doubling) {
	list := sections(body)
	kept, found := list[:1], false
	for i := 1; i < len(list); i++ {
		d := once
		if i+1 < len(list) {
			d = twins(list[i], list[i+1])
		}
		how = append(how, d)
		if d == once {
			kept = append(kept, list[i])
			continue
		}
		plain, secure := list[i], list[i+1]
		if d == secureFirst {
			plain, secure = secure, plain
		}
		_, port, _, _ := secure.line()
		if _, other, _, _ := plain.line(); port == "0" && other != "0" {
			secure = plain
		}
		kept, found = append(kept, secure), true
		i++
	}
	if !found {
		return body, nil
	}
	return join(kept), how
}

// double says sections of an offer twice that are secure.
func double(body []byte) (out []byte, how []doubling) {
	list := sections(body)
	for _, s := range list[1:] {
		_, _, proto, _ := s.line()
		d := once
		if sdes.PlainProfile(proto) != proto {
			d = plainFirst
		}
		how = append(how, d)
	}
	return say(list, how, false), how
}

// redouble says sections of an answer as the offer did. The one of the two
// that is not meant is refused.
func redouble(body []byte, how []doubling) []byte {
	if len(how) == 0 {
		return body
	}
	return say(sections(body), how, true)
}

func say(list []section, how []doubling, answer bool) []byte {
	out := list[:1:1]
	for i, s := range list[1:] {
		_, _, proto, ok := s.line()
		if !ok || i >= len(how) || how[i] == once {
			out = append(out, s)
			continue
		}
		secure, plain := sdes.SecureProfile(proto), sdes.PlainProfile(proto)
		a, b := s.as(plain, answer && proto != plain), s.as(secure, answer && proto != secure)
		if how[i] == secureFirst {
			a, b = b, a
		}
		out = append(out, a, b)
	}
	return join(out)
}

// as is the section with another protocol, refused if need be.
func (s section) as(proto string, refused bool) section {
	end := s[0][len(strings.TrimRight(s[0], "\r\n")):]
	f := strings.Fields(s[0])
	if refused {
		f[1] = "0"
	}
	f[2] = proto
	out := section{strings.Join(f, " ") + end}
	plain := sdes.SecureProfile(proto) != proto
	for _, l := range s[1:] {
		if refused && strings.HasPrefix(l, "a=") || plain && ofKeys(l) {
			continue
		}
		out = append(out, l)
	}
	return out
}

// ofKeys tells whether a line belongs to SRTP alone.
func ofKeys(l string) bool {
	for _, name := range [...]string{"a=crypto:", "a=fingerprint:", "a=setup:", "a=tls-id:"} {
		if strings.HasPrefix(l, name) {
			return true
		}
	}
	return false
}
