package sipgen

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
)

var errWebSocket = errors.New("sipgen: not the WebSocket that was wanted")

// webSocket is the client's end of a SIP WebSocket (RFC 7118) above a stream: a
// message in, a message out, no fragments. Its mask is always the same one,
// which RFC 6455 asks a browser not to do.
type webSocket struct {
	inner io.ReadWriter
	raw   []byte // frames read and not taken
	out   []byte
	chunk [4096]byte
}

const (
	frameText  = 1
	frameClose = 8
	framePing  = 9
	framePong  = 10
)

// upgrade makes the opening handshake.
func upgrade(inner io.ReadWriter, host netip.AddrPort) (*webSocket, error) {
	w := &webSocket{inner: inner}
	_, err := fmt.Fprintf(inner, "GET / HTTP/1.1\r\nHost: %v\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+
		"Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\nOrigin: http://%v\r\n\r\n", host, host)
	if err != nil {
		return nil, err
	}
	for {
		n, err := inner.Read(w.chunk[:])
		if err != nil {
			return nil, err
		}
		w.raw = append(w.raw, w.chunk[:n]...)
		head, rest, whole := bytes.Cut(w.raw, []byte("\r\n\r\n"))
		switch {
		case whole && bytes.HasPrefix(head, []byte("HTTP/1.1 101")):
			w.raw = append([]byte(nil), rest...)
			return w, nil
		case whole, len(w.raw) > 8192:
			line, _, _ := bytes.Cut(head, []byte("\r\n"))
			return nil, fmt.Errorf("%w: %q", errWebSocket, line)
		}
	}
}

// Write sends one message as one text frame.
func (w *webSocket) Write(p []byte) (int, error) {
	if err := w.frame(frameText, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (w *webSocket) frame(kind byte, p []byte) error {
	w.out = append(w.out[:0], 0x80|kind)
	if len(p) < 126 {
		w.out = append(w.out, 0x80|byte(len(p)))
	} else {
		w.out = binary.BigEndian.AppendUint16(append(w.out, 0x80|126), uint16(len(p)))
	}
	mask := [4]byte{0x5a, 0x3c, 0x99, 0x17}
	w.out = append(w.out, mask[:]...)
	for i, c := range p {
		w.out = append(w.out, c^mask[i&3])
	}
	_, err := w.inner.Write(w.out)
	return err
}

// Read gives the payload of one frame with data; pings are answered on the way.
// A payload longer than p is an error.
func (w *webSocket) Read(p []byte) (int, error) {
	for {
		kind, payload, rest, whole := parseFrame(w.raw)
		if !whole {
			n, err := w.inner.Read(w.chunk[:])
			if err != nil {
				return 0, err
			}
			w.raw = append(w.raw, w.chunk[:n]...)
			continue
		}
		n := copy(p, payload)
		if n < len(payload) {
			return 0, io.ErrShortBuffer
		}
		switch kind {
		case frameClose:
			return 0, io.EOF
		case framePing:
			if err := w.frame(framePong, p[:n]); err != nil {
				return 0, err
			}
		}
		w.raw = append(w.raw[:0], rest...)
		if len(w.raw) == 0 {
			w.raw = nil // nothing is held for a connection that is idle
		}
		if kind <= 2 && n > 0 {
			return n, nil
		}
	}
}

// parseFrame cuts the first frame, which a server never masks.
func parseFrame(b []byte) (kind byte, payload, rest []byte, whole bool) {
	if len(b) < 2 {
		return 0, nil, nil, false
	}
	at, n := 2, uint64(b[1]&0x7f)
	switch n {
	case 126:
		if len(b) < 4 {
			return 0, nil, nil, false
		}
		at, n = 4, uint64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if len(b) < 10 {
			return 0, nil, nil, false
		}
		at, n = 10, binary.BigEndian.Uint64(b[2:])
	}
	if n > uint64(len(b)-at) {
		return 0, nil, nil, false
	}
	return b[0] & 0x0f, b[at : at+int(n)], b[at+int(n):], true
}
