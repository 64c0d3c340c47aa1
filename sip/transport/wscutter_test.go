package transport

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// clientFrame makes a masked frame; header bits may be given with the opcode.
func clientFrame(first byte, payload string) []byte {
	mask := [4]byte{0x11, 0x22, 0x33, 0x44}
	b := appendFrame(nil, first&0xf, []byte(payload))
	b[0] = first
	b[1] |= bitMask
	header := len(b) - len(payload)
	b = append(b[:header:header], append(mask[:], b[header:]...)...)
	unmask(b[header+4:], mask)
	return b
}

// cutAll feeds b in one piece and describes what comes out.
func cutAll(c cutter, b []byte) (units []string, reply []byte, err error) {
	for len(b) > 0 {
		var u unit
		u, reply, err = c.next(b, reply)
		if err != nil || u.kind == unitMore {
			return units, reply, err
		}
		if u.kind == unitMessage {
			units = append(units, string(u.data))
		} else {
			units = append(units, fmt.Sprintf("<%d>", u.kind))
		}
		b = b[u.size:]
	}
	return units, reply, nil
}

func TestWebSocketCutter(t *testing.T) {
	const fin, text, binary = bitFIN, opText, opBinary
	long := strings.Repeat("y", 70_000)
	for _, tc := range []struct {
		name  string
		in    [][]byte
		units string
		reply string
		code  uint16
	}{
		{"text", [][]byte{clientFrame(fin|text, "hello")}, "[hello]", "", 0},
		{"two", [][]byte{clientFrame(fin|text, "a"), clientFrame(fin|binary, "b\xff")}, "[a b\xff]", "", 0},
		{"16-bit length", [][]byte{clientFrame(fin|text, long[:300])}, "[" + long[:300] + "]", "", 0},
		{"too long", [][]byte{clientFrame(fin|text, long)}, "[]", "", 1009},
		{"fragments", [][]byte{clientFrame(text, "a"), clientFrame(0, "b"), clientFrame(fin, "c")}, "[<0> <0> abc]", "", 0},
		{"ping between fragments", [][]byte{clientFrame(text, "a"), clientFrame(fin|opPing, "p"), clientFrame(fin, "c")}, "[<0> <3> ac]", "\x8a\x01p", 0},
		{"fragments too long", [][]byte{clientFrame(text, long[:40_000]), clientFrame(fin, long[:40_000])}, "[<0>]", "", 1009},
		{"pong", [][]byte{clientFrame(fin|opPong, "p")}, "[<5>]", "", 0},
		{"empty ping", [][]byte{clientFrame(fin|opPing, "")}, "[<3>]", "\x8a\x00", 0},
		{"close", [][]byte{clientFrame(fin|opClose, "\x03\xe8bye")}, "[<4>]", "\x88\x02\x03\xe8", 0},
		{"close without status", [][]byte{clientFrame(fin|opClose, "")}, "[<4>]", "\x88\x00", 0},
		{"close with half a status", [][]byte{clientFrame(fin|opClose, "\x03")}, "[]", "", 1002},
		{"double CRLF", [][]byte{clientFrame(fin|text, "\r\n\r\n")}, "[<3>]", "\x81\x02\r\n", 0},
		{"single CRLF", [][]byte{clientFrame(fin|text, "\r\n")}, "[<0>]", "", 0},
		{"empty", [][]byte{clientFrame(fin|text, "")}, "[<0>]", "", 0},
		{"not masked", [][]byte{appendFrame(nil, opText, []byte("a"))}, "[]", "", 1002},
		{"extension bit", [][]byte{clientFrame(fin|0x40|text, "a")}, "[]", "", 1002},
		{"unknown opcode", [][]byte{clientFrame(fin|3, "a")}, "[]", "", 1002},
		{"unknown control", [][]byte{clientFrame(fin|0xb, "a")}, "[]", "", 1002},
		{"fragmented control", [][]byte{clientFrame(opPing, "a")}, "[]", "", 1002},
		{"long control", [][]byte{clientFrame(fin|opPing, long[:126])}, "[]", "", 1002},
		{"continuation of nothing", [][]byte{clientFrame(fin, "a")}, "[]", "", 1002},
		{"new message in fragments", [][]byte{clientFrame(text, "a"), clientFrame(fin|text, "b")}, "[<0>]", "", 1002},
		{"text not UTF-8", [][]byte{clientFrame(fin|text, "\xff")}, "[]", "", 1007},
		{"UTF-8 cut by fragments", [][]byte{clientFrame(text, "\xc3"), clientFrame(fin, "\xa9")}, "[<0> é]", "", 0},
		{"64-bit length", [][]byte{{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1}}, "[]", "", 1009},
	} {
		t.Run(tc.name, func(t *testing.T) {
			units, reply, err := cutAll(&wsCutter{limit: maxMessage}, bytes.Join(tc.in, nil))
			var we *wsError
			if errors.As(err, &we) != (tc.code != 0) || we != nil && we.code != tc.code {
				t.Errorf("error %v, want code %d", err, tc.code)
			}
			if got := fmt.Sprint(units); got != tc.units || string(reply) != tc.reply {
				t.Errorf("units %.200s, reply %q", got, reply)
			}
		})
	}
}

// FuzzWebSocketCutter feeds bytes whole and bytewise, as a connection does: the
// units must be the same, within limits, and no byte is looked at again.
func FuzzWebSocketCutter(f *testing.F) {
	f.Add(bytes.Join([][]byte{clientFrame(bitFIN|opText, "hello"), clientFrame(bitFIN|opPing, "p"), clientFrame(opText, "a"), clientFrame(bitFIN, "b")}, nil))
	f.Add(clientFrame(bitFIN|opClose, "\x03\xe8"))
	f.Add([]byte{0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 1000
		whole, reply, err := cutAll(&wsCutter{limit: limit}, bytes.Clone(b))
		for _, u := range whole {
			if len(u) > limit {
				t.Fatalf("unit of %d bytes", len(u))
			}
		}
		c := &wsCutter{limit: limit}
		var units []string
		var reply2, rest []byte
		var err2 error
		for i := 0; i < len(b) && err2 == nil; i++ {
			rest = append(rest, b[i])
			var u unit
			if u, reply2, err2 = c.next(rest, reply2); err2 != nil || u.kind == unitMore {
				continue
			}
			if u.size != len(rest) {
				t.Fatalf("unit of %d bytes only seen with %d", u.size, len(rest))
			}
			if rest = nil; u.kind == unitMessage {
				units = append(units, string(u.data))
			} else {
				units = append(units, fmt.Sprintf("<%d>", u.kind))
			}
		}
		if fmt.Sprint(units) != fmt.Sprint(whole) || !bytes.Equal(reply, reply2) || (err == nil) != (err2 == nil) {
			t.Errorf("bytewise %q %v, whole %q %v", units, err2, whole, err)
		}
	})
}

func TestFrameLengths(t *testing.T) {
	for _, n := range []int{0, 125, 126, 65535, 65536} {
		b := appendFrame(nil, opText, make([]byte, n))
		b[1] |= bitMask
		f, err := parseFrame(append(b, 0, 0, 0, 0), 1<<20)
		if err != nil || f.length != n || !f.fin || f.opcode != opText {
			t.Errorf("%d: %+v, %v", n, f, err)
		}
	}
}
