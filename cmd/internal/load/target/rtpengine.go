package target

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// rtpengine is the generator's end of its control protocol: a cookie and a
// bencoded dictionary in a datagram.
type rtpengine struct {
	conn   net.Conn
	cookie int
}

// RTPEngine starts rtpengine without its kernel module, with as many threads as
// loops.
func RTPEngine(calls, loops int) (*Target, Media, error) {
	if !Installed("rtpengine") {
		return nil, nil, fmt.Errorf("%w: rtpengine", ErrNotInstalled)
	}
	port, err := LeasePorts(1)
	if err != nil {
		return nil, nil, err
	}
	n := 4*calls + 40
	rtp, err := LeasePorts(n)
	if err != nil {
		return nil, nil, err
	}
	first, at := rtp.First, netip.AddrPortFrom(loopback, port.First)
	p, err := Start("/", "rtpengine", "--foreground", "--log-stderr", "--log-level=3", "--table=-1", "--interface=127.0.0.1", "--listen-ng="+at.String(),
		fmt.Sprintf("--port-min=%d", first), fmt.Sprintf("--port-max=%d", int(first)+n-1), fmt.Sprintf("--num-threads=%d", loops))
	if err != nil {
		return nil, nil, err
	}
	p.holds(port, rtp)
	m := &rtpengine{}
	if m.conn, err = net.Dial("udp", at.String()); err != nil { //nolint:noctx // does not wait
		p.Stop()
		return nil, nil, err
	}
	err = p.Wait(10*time.Second, func() error {
		_, err := m.ask(map[string]string{"command": "ping"}, 200*time.Millisecond)
		return err
	})
	if err != nil {
		_ = m.conn.Close()
		p.Stop()
		return nil, nil, err
	}
	return &Target{Process: p, Name: "rtpengine", Addr: at}, m, nil
}

// Offer implements Media.
func (m *rtpengine) Offer(callID, fromTag string, sdp []byte) ([]byte, error) {
	return m.sdp(map[string]string{"command": "offer", "call-id": callID, "from-tag": fromTag, "sdp": string(sdp)})
}

// Answer implements Media.
func (m *rtpengine) Answer(callID, fromTag, toTag string, sdp []byte) ([]byte, error) {
	return m.sdp(map[string]string{"command": "answer", "call-id": callID, "from-tag": fromTag, "to-tag": toTag, "sdp": string(sdp)})
}

// Close implements Media.
func (m *rtpengine) Close() error { return m.conn.Close() }

func (m *rtpengine) sdp(q map[string]string) ([]byte, error) {
	a, err := m.ask(q, 2*time.Second)
	if err != nil {
		return nil, err
	}
	if a["result"] != "ok" {
		return nil, fmt.Errorf("rtpengine: %s: %s", a["result"], a["error-reason"])
	}
	return []byte(a["sdp"]), nil
}

func (m *rtpengine) ask(q map[string]string, limit time.Duration) (map[string]string, error) {
	m.cookie++
	cookie := strconv.Itoa(m.cookie) + " "
	if _, err := m.conn.Write(appendBencode([]byte(cookie), q)); err != nil {
		return nil, err
	}
	if err := m.conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	room := make([]byte, 65535)
	for {
		n, err := m.conn.Read(room)
		if err != nil {
			return nil, err
		}
		if answer, ok := bytes.CutPrefix(room[:n], []byte(cookie)); ok {
			return parseBencode(answer)
		}
	}
}

// appendBencode writes a dictionary of strings, keys in order.
func appendBencode(dst []byte, d map[string]string) []byte {
	dst = append(dst, 'd')
	for _, k := range slices.Sorted(maps.Keys(d)) {
		dst = fmt.Appendf(dst, "%d:%s%d:%s", len(k), k, len(d[k]), d[k])
	}
	return append(dst, 'e')
}

var errBencode = errors.New("target: not a bencoded dictionary")

// parseBencode reads a dictionary and keeps its values that are strings.
func parseBencode(b []byte) (map[string]string, error) {
	if len(b) == 0 || b[0] != 'd' {
		return nil, errBencode
	}
	d := make(map[string]string)
	b = b[1:]
	for len(b) > 0 && b[0] != 'e' {
		key, rest, err := bencodeString(b)
		if err != nil {
			return nil, err
		}
		value, next, err := bencodeValue(rest, 0)
		if err != nil {
			return nil, err
		}
		if value != nil {
			d[key] = *value
		}
		b = next
	}
	if len(b) == 0 {
		return nil, errBencode
	}
	return d, nil
}

// bencodeValue reads any value; nil when it is not a string.
func bencodeValue(b []byte, depth int) (*string, []byte, error) {
	switch {
	case len(b) == 0 || depth > 16:
		return nil, nil, errBencode
	case b[0] == 'i':
		if end := bytes.IndexByte(b, 'e'); end > 0 {
			return nil, b[end+1:], nil
		}
		return nil, nil, errBencode
	case b[0] == 'l' || b[0] == 'd':
		b = b[1:]
		for len(b) > 0 && b[0] != 'e' {
			var err error
			if _, b, err = bencodeValue(b, depth+1); err != nil {
				return nil, nil, err
			}
		}
		if len(b) == 0 {
			return nil, nil, errBencode
		}
		return nil, b[1:], nil
	}
	s, rest, err := bencodeString(b)
	return &s, rest, err
}

func bencodeString(b []byte) (string, []byte, error) {
	length, rest, ok := bytes.Cut(b, []byte(":"))
	n, err := strconv.Atoi(string(length))
	if !ok || err != nil || n < 0 || n > len(rest) {
		return "", nil, errBencode
	}
	return string(rest[:n]), rest[n:], nil
}
