package capture

import "bytes"

// callOf finds the Call-ID of a message and whether the message belongs to a
// call. It reads lines only: the verdict over the message was the scanner's.
func callOf(b []byte) (id []byte, ok bool) {
	var cseq []byte
	rest := b
	for {
		line, tail, found := bytes.Cut(rest, []byte("\r\n"))
		if !found || len(line) == 0 {
			break
		}
		rest = tail
		name, value, has := bytes.Cut(line, []byte{':'})
		if !has {
			continue
		}
		switch name = bytes.TrimSpace(name); {
		case id == nil && (bytes.EqualFold(name, []byte("Call-ID")) || bytes.EqualFold(name, []byte("i"))):
			id = bytes.TrimSpace(value)
		case cseq == nil && bytes.EqualFold(name, []byte("CSeq")):
			cseq = bytes.TrimSpace(value)
		}
	}
	i := bytes.LastIndexByte(cseq, ' ')
	if len(id) == 0 || i < 0 {
		return nil, false
	}
	switch string(cseq[i+1:]) {
	case "REGISTER", "OPTIONS", "PUBLISH", "SUBSCRIBE", "NOTIFY":
		return nil, false
	}
	return id, true
}

// secrets are the words behind which a value must not be shown, with the
// bytes that end that value.
var secrets = [...]struct{ word, end string }{
	{`response="`, `"`},
	{`inline:`, "|\r\n \t"},
	{`a=ice-pwd:`, "\r\n"},
}

// mask returns a copy with secret values overwritten by asterisks, so that
// lengths and positions stay as they were.
func mask(b []byte) []byte {
	out := bytes.Clone(b)
	for _, s := range secrets {
		for at := 0; ; {
			i := bytes.Index(out[at:], []byte(s.word))
			if i < 0 {
				break
			}
			at += i + len(s.word)
			for at < len(out) && bytes.IndexByte([]byte(s.end), out[at]) < 0 {
				out[at] = '*'
				at++
			}
		}
	}
	return out
}
