package overload

import (
	"bytes"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// Algorithm is how requests are to be reduced.
type Algorithm uint8

// The algorithms.
const (
	AlgorithmNone Algorithm = iota
	AlgorithmLoss           // a share of them (RFC 7339)
	AlgorithmRate           // to so many a second (RFC 7415)
)

// String is the name as it stands in oc-algo, "none" for AlgorithmNone.
func (a Algorithm) String() string {
	switch a {
	case AlgorithmLoss:
		return "loss"
	case AlgorithmRate:
		return "rate"
	}
	return "none"
}

// The Via parameters of RFC 7339 section 4.
const (
	paramValue    = "oc"
	paramAlgo     = "oc-algo"
	paramValidity = "oc-validity"
	paramSequence = "oc-seq"
)

// What a client adds to the Via of its requests to say what it heeds: a loss
// (RFC 7339, which every client must), or a rate too (RFC 7415). A list has to
// be quoted, and Kamailio, up to 5.6 at least, takes a comma in a quoted Via
// parameter for the end of the value and drops the request: OfferRate is for
// proxies that are known to read it.
const (
	Offer     = `;oc;oc-algo="loss"`
	OfferRate = `;oc;oc-algo="loss,rate"`
)

const maxRate = 1 << 20

// signal is what a server says of its load.
type signal struct {
	algorithm Algorithm
	value     int
	validity  time.Duration
	sequence  uint64 // in units of 10 microseconds, 0 when it is missing
}

// restricts reports whether it asks for less than everything.
func (s signal) restricts() bool {
	return s.validity > 0 && (s.algorithm == AlgorithmRate || s.value > 0)
}

// parseSignal reads the parameters; false when there is no value, as in a Via
// that came back as we sent it, or something out of range.
func parseSignal(via wire.Params) (s signal, ok bool) {
	s = signal{algorithm: AlgorithmLoss, validity: DefaultValidity}
	told, value := false, uint64(0)
	for name, v := range via.All() {
		valid := true
		switch {
		case len(name) < len(paramValue) || name[0]|0x20 != 'o' || name[1]|0x20 != 'c':
		case len(name) == len(paramValue):
			value, valid = number(v, 12)
			told = true
		case wire.EqualFold(name, paramAlgo):
			s.algorithm = choice(v)
			valid = s.algorithm != AlgorithmNone
		case wire.EqualFold(name, paramValidity):
			var ms uint64
			ms, valid = number(v, 12)
			s.validity = time.Duration(min(ms, uint64(MaxValidity/time.Millisecond))) * time.Millisecond
		case wire.EqualFold(name, paramSequence):
			s.sequence, valid = sequence(v)
		}
		if !valid {
			return s, false
		}
	}
	s.value = int(min(value, maxRate))
	return s, told && (s.algorithm == AlgorithmRate || s.value <= 100)
}

// choice is the algorithm that a server has chosen.
func choice(v []byte) Algorithm {
	switch {
	case lists(v, "loss"):
		return AlgorithmLoss
	case lists(v, "rate"):
		return AlgorithmRate
	}
	return AlgorithmNone
}

// lists reports whether the quoted list, or token, v names an algorithm.
func lists(v []byte, name string) bool {
	v = wire.Unquote(v)
	for len(v) > 0 {
		var item []byte
		item, v, _ = bytes.Cut(v, []byte(","))
		if wire.EqualFold(bytes.TrimSpace(item), name) {
			return true
		}
	}
	return false
}

// sequence reads digits, or digits, a period and up to five digits.
func sequence(v []byte) (uint64, bool) {
	whole, part, dotted := bytes.Cut(v, []byte("."))
	n, ok := number(whole, 12)
	if !ok {
		return 0, false
	}
	n *= 1e5
	if !dotted {
		return n, true
	}
	p, ok := number(part, 5)
	for i := len(part); i < 5; i++ {
		p *= 10
	}
	return n + p, ok
}

// number reads up to max digits.
func number(v []byte, max int) (n uint64, ok bool) {
	if len(v) == 0 || len(v) > max {
		return 0, false
	}
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}
