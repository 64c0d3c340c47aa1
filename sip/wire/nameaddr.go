package wire

// NameAddr is one value of From, To, Contact, Route and their like: a name-addr or an addr-spec with header
// parameters. Slices refer to the input.
type NameAddr struct {
	Display []byte // display name as it stands, with its quotes; nil when absent. See UnquoteDisplay
	URI     []byte // without angle brackets; "*" for the Contact of that form
	Params  Params // header parameters, not those of the URI
}

// ParseNameAddr reads one name-addr or addr-spec with parameters.
func ParseNameAddr(b []byte) (NameAddr, error) {
	var v nameAddr
	if len(b) == 1 && b[0] == '*' {
		return NameAddr{URI: b}, nil
	}
	next, r := scanNameAddr(b[:len(b):len(b)], 0, noLimit, &v)
	if r == ReasonNone && next != len(b) {
		r = ReasonValueList
	}
	if r != ReasonNone {
		return NameAddr{}, &Error{Reason: r, Offset: next, Status: r.status()}
	}
	return NameAddr{v.display.of(b), v.uri.of(b), Params(v.params.all.of(b))}, nil
}

// Tag is the tag parameter, nil when absent.
func (n NameAddr) Tag() []byte {
	val, _ := n.Params.Get("tag")
	return val
}
