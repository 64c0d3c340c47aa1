package sipgoconn

import (
	"bytes"
	"strconv"
)

var headersEnd = []byte("\r\n\r\n")

// measured returns a message that came in a WebSocket frame, where RFC 7118 lets
// it go without Content-Length, with one: on a stream nothing else ends it.
func measured(msg []byte) []byte {
	end := bytes.Index(msg, headersEnd)
	if end < 0 {
		return msg
	}
	for rest := msg[:end]; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, headersEnd[:2])
		name, _, _ := bytes.Cut(line, []byte{':'})
		if name = bytes.TrimSpace(name); bytes.EqualFold(name, []byte("Content-Length")) || bytes.EqualFold(name, []byte("l")) {
			return msg
		}
	}
	out := append([]byte(nil), msg[:end]...)
	out = append(out, "\r\nContent-Length: "...)
	out = strconv.AppendInt(out, int64(len(msg)-end-len(headersEnd)), 10)
	return append(out, msg[end:]...)
}
