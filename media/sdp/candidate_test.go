package sdp_test

import (
	"testing"

	"github.com/class5-go/class5/media/sdp"
)

func TestCandidate(t *testing.T) {
	for _, tc := range []struct {
		in, out string // out empty: refused
	}{
		{"1 1 UDP 2130706431 192.0.2.1 4000 typ host", "1 1 UDP 2130706431 192.0.2.1 4000 typ host"},
		{"abc 2 udp 1 2001:DB8::1 4001 typ relay raddr 192.0.2.1 rport 9", "abc 2 udp 1 2001:db8::1 4001 typ relay raddr 192.0.2.1 rport 9"},
		{"1  1 TCP 5 192.0.2.1 9 typ host tcptype active", "1 1 TCP 5 192.0.2.1 9 typ host tcptype active"},
		{"1 1 UDP 5 host.example 9 typ host", ""},
		{"1 1 UDP 5 fe80::1%eth0 9 typ host", ""},
		{"1 0 UDP 5 192.0.2.1 9 typ host", ""},
		{"1 257 UDP 5 192.0.2.1 9 typ host", ""},
		{"1 1 UDP 4294967296 192.0.2.1 9 typ host", ""},
		{"1 1 UDP 5 192.0.2.1 65536 typ host", ""},
		{"1 1 UDP 5 192.0.2.1 9 host", ""},
		{"123456789012345678901234567890123 1 UDP 5 192.0.2.1 9 typ host", ""},
		{"", ""},
	} {
		c, ok := sdp.ParseCandidate(tc.in)
		if ok != (tc.out != "") {
			t.Errorf("%q: ok %v", tc.in, ok)
		} else if ok && c.String() != tc.out {
			t.Errorf("%q became %q", tc.in, c.String())
		}
	}
}

func TestCandidatesLimit(t *testing.T) {
	text := "v=0\r\nm=audio 9 RTP/AVP 0\r\na=candidate:bad\r\n"
	for range 70 {
		text += "a=candidate:1 1 UDP 5 192.0.2.1 9 typ host\r\n"
	}
	d, err := sdp.Parse([]byte(text), &sdp.Limits{Candidates: 71})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(d.Media(0).Candidates(64)); n != 64 {
		t.Errorf("%d candidates", n)
	}
}
