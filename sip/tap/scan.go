package tap

import "bytes"

// view is what a message says about itself.
type view struct{ method, callID []byte }

// scan reads lines only: whether a message is right is judged elsewhere, and
// wrong ones are worth recording too.
func scan(b []byte) (v view) {
	line, rest, _ := bytes.Cut(b, []byte{'\n'})
	if word, _, ok := bytes.Cut(line, []byte{' '}); ok && !bytes.HasPrefix(word, []byte("SIP/")) {
		v.method = word
	}
	for len(rest) > 0 && (v.callID == nil || v.method == nil) {
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok {
			continue
		}
		name, value = bytes.TrimSpace(name), bytes.TrimSpace(value)
		switch {
		case v.callID == nil && (is(name, "call-id") || is(name, "i")):
			v.callID = value
		case v.method == nil && is(name, "cseq"):
			v.method = value[bytes.LastIndexByte(value, ' ')+1:]
		}
	}
	return v
}

// is compares without regard to case.
func is(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
