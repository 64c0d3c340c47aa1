package floodgen

import (
	"bytes"
	"fmt"
	"strings"
)

// Kind is what a Flood consists of.
type Kind string

// The kinds of floods.
const (
	// Garbage is what no parser takes for a message: other protocols, noise, and
	// messages without what each must have.
	Garbage Kind = "garbage"
	// Oversize are requests with a header line of 9 KiB.
	Oversize Kind = "oversize"
	// Scanner are the probes of a well-known scanner, well-formed.
	Scanner Kind = "scanner"
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{Garbage, Oversize, Scanner} }

// place stands for a number in the text, so that no two datagrams are the same.
const place = "##########"

// number replaces all places.
func number(b []byte, n uint64) []byte {
	for i := 0; ; {
		at := bytes.Index(b[i:], []byte(place))
		if at < 0 {
			return b
		}
		i += at
		for j := len(place) - 1; j >= 0; j-- {
			b[i+j] = "0123456789abcdef"[(n>>(4*(len(place)-1-j)))&15]
		}
	}
}

func (k Kind) texts() ([]string, error) {
	via := "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK" + place + ";rport\r\n"
	head := via + "Max-Forwards: 70\r\nFrom: \"100\"<sip:100@1.1.1.1>;tag=" + place + "\r\nTo: <sip:100@1.1.1.1>\r\nCall-ID: " + place + "@flood\r\n"
	switch k {
	case Garbage:
		return []string{
			strings.Repeat("\x16\x03\x01\x80\xff\x00z", 60) + place,
			"GET /" + place + " HTTP/1.1\r\nHost: edge.test\r\nUser-Agent: curl/8.5\r\n\r\n",
			"REGISTER sip:edge.test SIP/2.0\r\n" + via + strings.Repeat("X", 300) + "\r\n\r\n",
			"INVITE sip:100@edge.test SIP/2.0\r\nFrom: <sip:" + place + "@edge.test>;tag=1\r\n\r\n",
			strings.Repeat("noise "+place+" ", 20),
		}, nil
	case Oversize:
		return []string{"REGISTER sip:edge.test SIP/2.0\r\n" + head + "CSeq: 1 REGISTER\r\nSubject: " + strings.Repeat("x", 9<<10) + "\r\nContent-Length: 0\r\n\r\n"}, nil
	case Scanner:
		return []string{"OPTIONS sip:100@127.0.0.1 SIP/2.0\r\n" + head + "CSeq: 1 OPTIONS\r\nContact: <sip:100@192.0.2.9:5060>\r\n" +
			"User-Agent: friendly-scanner\r\nAccept: application/sdp\r\nContent-Length: 0\r\n\r\n"}, nil
	}
	return nil, fmt.Errorf("floodgen: no such kind: %q", string(k))
}
