package capture

import (
	"bytes"
	"strings"
)

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
// bytes that end that value. Between word and value may stand what is in skip.
var secrets = [...]struct{ word, skip, end string }{
	{`response`, " \t=\"", "\",\r\n"},
	{`inline:`, "", "|\r\n \t"},
	{`a=ice-pwd:`, "", "\r\n"},
}

// Mask returns a copy of a message in which secret values (digest responses, SDES
// keys, ICE passwords) are overwritten with asterisks, so that lengths and
// positions stay as they were. Words count in any case.
func Mask(b []byte) []byte {
	out := bytes.Clone(b)
	lower := lowered(b)
	for _, s := range secrets {
		for at := 0; ; {
			i := bytes.Index(lower[at:], []byte(s.word))
			if i < 0 {
				break
			}
			at += i + len(s.word)
			from := at
			for at < len(out) && strings.IndexByte(s.skip, out[at]) >= 0 {
				at++
			}
			if s.skip != "" && bytes.IndexByte(out[from:at], '=') < 0 {
				continue // the word stands alone
			}
			for at < len(out) && strings.IndexByte(s.end, out[at]) < 0 {
				out[at] = '*'
				at++
			}
		}
	}
	return out
}

// lowered is a copy with ASCII letters in lower case: same length, unlike
// bytes.ToLower.
func lowered(b []byte) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		if c >= 'A' && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return out
}
