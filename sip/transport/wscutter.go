package transport

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"
)

// WebSocket opcodes and the header bits used (RFC 6455 section 5.2).
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa

	bitFIN  = 0x80
	bitsRSV = 0x70
	bitMask = 0x80
)

// wsError is a violation that closes the connection with its status code (RFC
// 6455 section 7.4.1).
type wsError struct {
	code uint16
	text string
}

func (e *wsError) Error() string { return "transport: WebSocket: " + e.text }

func wsProtocolError(text string) error { return &wsError{1002, text} }

// wsCutter cuts a client's WebSocket stream: one SIP message in each WebSocket
// message (RFC 7118 section 5).
type wsCutter struct {
	limit    int
	opcode   byte   // of the fragmented message that has begun, 0 if none
	fragment []byte // what came of it; nil if none
	pieces   int    // in how many fragments
}

// wsPieces is the most fragments of a message: empty ones would have no end.
const wsPieces = 1024

func (w *wsCutter) held() int {
	if w.opcode == 0 {
		return 0
	}
	return max(cap(w.fragment), 1)
}

func (w *wsCutter) refused() []byte { return nil }

// wsFrame is a frame's header.
type wsFrame struct {
	fin    bool
	opcode byte
	mask   [4]byte
	header int // bytes of the header
	length int // bytes of the payload
}

// parseFrame reads a client's frame header; header 0 asks for more bytes.
func parseFrame(b []byte, limit int) (f wsFrame, err error) {
	if len(b) < 2 {
		return f, nil
	}
	f.fin, f.opcode = b[0]&bitFIN != 0, b[0]&0xf
	length, rest := uint64(b[1]&^bitMask), b[2:]
	switch {
	case b[0]&bitsRSV != 0:
		return f, wsProtocolError("extension not negotiated")
	case b[1]&bitMask == 0:
		return f, wsProtocolError("frame not masked")
	case f.opcode >= opClose && (!f.fin || length > 125):
		return f, wsProtocolError("long or fragmented control frame")
	}
	switch length {
	case 126:
		if len(rest) < 2 {
			return f, nil
		}
		length, rest = uint64(binary.BigEndian.Uint16(rest)), rest[2:]
	case 127:
		if len(rest) < 8 {
			return f, nil
		}
		length, rest = binary.BigEndian.Uint64(rest), rest[8:]
	}
	if length > uint64(limit) {
		return f, &wsError{1009, "message too big"}
	}
	if len(rest) < 4 {
		return f, nil
	}
	f.length = int(length)
	f.header = len(b) - len(rest) + copy(f.mask[:], rest)
	return f, nil
}

func (w *wsCutter) next(b, reply []byte) (unit, []byte, error) {
	f, err := parseFrame(b, w.limit)
	if err != nil || f.header == 0 || len(b) < f.header+f.length {
		return unit{kind: unitMore}, reply, err
	}
	payload := b[f.header:][:f.length]
	unmask(payload, f.mask)
	u := unit{size: f.header + f.length}
	switch f.opcode {
	case opPing:
		u.kind = unitPing
		reply = appendFrame(reply, opPong, payload)
	case opPong:
		u.kind = unitPong
	case opClose:
		if len(payload) == 1 {
			return unit{}, reply, wsProtocolError("half a status code")
		}
		u.kind = unitClose
		reply = appendFrame(reply, opClose, payload[:min(len(payload), 2)])
	case opText, opBinary, opContinuation:
		return w.message(u, f, payload, reply)
	default:
		return unit{}, reply, wsProtocolError("unknown opcode")
	}
	return u, reply, nil
}

// message takes a data frame: a whole message, or a fragment of one.
func (w *wsCutter) message(u unit, f wsFrame, payload, reply []byte) (unit, []byte, error) {
	if (f.opcode == opContinuation) != (w.opcode != 0) {
		return unit{}, reply, wsProtocolError("fragments out of order")
	}
	opcode := f.opcode
	if !f.fin || w.opcode != 0 {
		if len(w.fragment)+len(payload) > w.limit {
			return unit{}, reply, &wsError{1009, "message too big"}
		}
		if w.pieces++; w.pieces > wsPieces {
			return unit{}, reply, &wsError{1008, "too many fragments"}
		}
		if w.opcode == 0 {
			w.opcode = f.opcode
		}
		w.fragment = append(w.fragment, payload...)
		if !f.fin {
			return u, reply, nil
		}
		opcode, payload = w.opcode, w.fragment
		w.opcode, w.fragment, w.pieces = 0, nil, 0 // the handler gets the memory
	}
	if opcode == opText && !utf8.Valid(payload) {
		return unit{}, reply, &wsError{1007, "text is not UTF-8"}
	}
	u, reply = sipPayload(u, payload, reply)
	return u, reply, nil
}

// sipPayload tells a SIP message from a keep-alive in a WebSocket message (RFC
// 7118 section 6 allows those of RFC 5626 too).
func sipPayload(u unit, payload, reply []byte) (unit, []byte) {
	switch {
	case string(payload) == "\r\n\r\n":
		u.kind = unitPing
		reply = appendFrame(reply, opText, []byte("\r\n"))
	case !isKeepAlive(payload):
		u.kind, u.data = unitMessage, payload
	}
	return u, reply
}

func (w *wsCutter) frame(dst, msg []byte) []byte {
	opcode := byte(opText)
	if !utf8.Valid(msg) {
		opcode = opBinary // RFC 7118 section 5
	}
	return appendFrame(dst, opcode, msg)
}

func (w *wsCutter) farewell(dst []byte, err error) []byte {
	code := uint16(1001) // going away
	if e := (*wsError)(nil); errors.As(err, &e) {
		code = e.code
	}
	return appendFrame(dst, opClose, binary.BigEndian.AppendUint16(nil, code))
}

// appendFrame appends one unfragmented frame of a server, which is not masked.
func appendFrame(dst []byte, opcode byte, payload []byte) []byte {
	dst = append(dst, bitFIN|opcode)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, byte(n))
	case n <= 0xffff:
		dst = binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
	}
	return append(dst, payload...)
}

// unmask undoes a client's masking, eight bytes at a time.
func unmask(b []byte, mask [4]byte) {
	m := uint64(binary.LittleEndian.Uint32(mask[:]))
	m |= m << 32
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^m)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= mask[i&3]
	}
}
