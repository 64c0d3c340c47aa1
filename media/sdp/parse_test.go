package sdp_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/sdp"
)

func parse(t *testing.T, text string) *sdp.Description {
	t.Helper()
	d, err := sdp.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n")), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return d
}

func TestIdentity(t *testing.T) {
	for _, s := range []string{
		invite,
		"v=0\n",
		"v=0",
		"v=0 \r\nm=audio 0 RTP/AVP 0",
		"v=0\r\nm=audio   9\tRTP/AVP  0 \r\na=\r\na=x:\r\nq=unknown\r\n\r\n\r\n",
		"v=0\no=odd\nc=\nm=video 5/2 RTP/AVP\nc=IN IP6 ff15::101/3\r\nz=\xff\xfe\n",
		strings.ReplaceAll(invite, "\r\n", "\n"),
	} {
		d, err := sdp.Parse([]byte(s), nil)
		if err != nil {
			t.Errorf("%q: %v", s, err)
			continue
		}
		if got := d.Append([]byte("x")); string(got) != "x"+s {
			t.Errorf("%q came out as %q", s, got)
		}
	}
}

func TestRefused(t *testing.T) {
	many := func(n int, line string) string { return "v=0\r\n" + strings.Repeat(line, n) }
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"empty":               {"", sdp.ErrSyntax},
		"empty lines":         {"\r\n\r\n", sdp.ErrSyntax},
		"no version":          {"o=- 1 1 IN IP4 1.2.3.4\r\n", sdp.ErrSyntax},
		"other version":       {"v=1\r\n", sdp.ErrSyntax},
		"bare CR":             {"v=0\r\ns=x\rc=IN IP4 1.2.3.4\r\n", sdp.ErrSyntax},
		"NUL":                 {"v=0\r\ns=x\x00\r\n", sdp.ErrSyntax},
		"no equals":           {"v=0\r\nhello\r\n", sdp.ErrSyntax},
		"folded":              {"v=0\r\na=x\r\n y\r\n", sdp.ErrSyntax},
		"upper case type":     {"v=0\r\nC=IN IP4 1.2.3.4\r\n", sdp.ErrSyntax},
		"text after end":      {"v=0\r\n\r\nm=audio 1 RTP/AVP 0\r\n", sdp.ErrSyntax},
		"m= short":            {"v=0\r\nm=audio 1\r\n", sdp.ErrSyntax},
		"m= port no number":   {"v=0\r\nm=audio x RTP/AVP 0\r\n", sdp.ErrSyntax},
		"m= port negative":    {"v=0\r\nm=audio -1 RTP/AVP 0\r\n", sdp.ErrSyntax},
		"m= port 65536":       {"v=0\r\nm=audio 65536 RTP/AVP 0\r\n", sdp.ErrSyntax},
		"m= count 0":          {"v=0\r\nm=audio 1/0 RTP/AVP 0\r\n", sdp.ErrSyntax},
		"too long":            {"v=0\r\ns=" + strings.Repeat("x", 65536), sdp.ErrLimit},
		"too many media":      {many(65, "m=audio 1 RTP/AVP 0\r\n"), sdp.ErrLimit},
		"too many formats":    {"v=0\r\nm=audio 1 RTP/AVP" + strings.Repeat(" 0", 129) + "\r\n", sdp.ErrLimit},
		"too many candidates": {"v=0\r\n" + strings.Repeat("m=audio 1 RTP/AVP 0\r\n"+strings.Repeat("a=candidate:1 1 UDP 1 192.0.2.1 9 typ host\r\n", 64), 2) + "a=candidate:1 1 UDP 1 192.0.2.1 9 typ host\r\n", sdp.ErrLimit},
		"too many lines":      {many(4096, "a=x\r\n"), sdp.ErrLimit},
	} {
		_, err := sdp.Parse([]byte(c.text), nil)
		var pe *sdp.ParseError
		if !errors.Is(err, c.want) || !errors.As(err, &pe) || pe.Detail == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if d, err := sdp.Parse([]byte(many(64, "m=audio 1 RTP/AVP"+strings.Repeat(" 0", 128)+"\r\n")), nil); err != nil || d.Len() != 64 {
		t.Errorf("at the limits: %v", err)
	}
	if _, err := sdp.Parse([]byte(invite), &sdp.Limits{Bytes: 50}); !errors.Is(err, sdp.ErrLimit) {
		t.Errorf("own limit: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct{ session, media, addr, rtcp string }{
		{"c=IN IP4 192.0.2.1", "", "192.0.2.1:4000", "192.0.2.1:4001"},
		{"c=IN IP4 192.0.2.1", "c=IN IP4 192.0.2.2", "192.0.2.2:4000", "192.0.2.2:4001"},
		{"c=IN IP4 192.0.2.1", "c=IN IP6 2001:db8::1", "[2001:db8::1]:4000", "[2001:db8::1]:4001"},
		{"c=in ip4 192.0.2.1", "a=rtcp:5001", "192.0.2.1:4000", "192.0.2.1:5001"},
		{"c=IN IP4 192.0.2.1", "a=rtcp:5001 IN IP4 192.0.2.9", "192.0.2.1:4000", "192.0.2.9:5001"},
		{"c=IN IP4 192.0.2.1", "a=rtcp:0", "192.0.2.1:4000", ""},
		{"c=IN IP4 192.0.2.1", "a=rtcp:x", "192.0.2.1:4000", ""},
		{"c=IN IP4 224.2.1.1/127/3", "", "224.2.1.1:4000", "224.2.1.1:4001"},
		{"c=IN IP4 0.0.0.0", "", "0.0.0.0:4000", "0.0.0.0:4001"},
	} {
		m := parse(t, "v=0\n"+c.session+"\nm=audio 4000 RTP/AVP 0\n"+c.media).Media(0)
		want := netip.AddrPort{}
		if c.rtcp != "" {
			want = netip.MustParseAddrPort(c.rtcp)
		}
		if m.Addr() != netip.MustParseAddrPort(c.addr) || m.RTCPAddr() != want {
			t.Errorf("%q %q: %v, %v", c.session, c.media, m.Addr(), m.RTCPAddr())
		}
	}
	for _, c := range []string{"", "c=IN IP4 example.com", "c=IN IP6 fe80::1%eth0", "c=IN IP6 192.0.2.1", "c=IN IP4 2001:db8::1", "c=XX IP4 192.0.2.1", "c=IN IP4", "c=IN IP4 1.2.3.4 5"} {
		m := parse(t, "v=0\n"+c+strings.Repeat("\n", min(len(c), 1))+"m=audio 4000 RTP/AVP 0\n").Media(0)
		if m.Addr().Addr().IsValid() || m.Addr().Port() != 4000 {
			t.Errorf("%q: %v", c, m.Addr())
		}
	}
}

func TestDirectionAndHold(t *testing.T) {
	for _, c := range []struct {
		session, media string
		want           sdp.Direction
		held           bool
	}{
		{"c=IN IP4 1.2.3.4", "", sdp.SendRecv, false},
		{"c=IN IP4 0.0.0.0", "", sdp.SendRecv, true},
		{"c=IN IP6 ::", "", sdp.SendRecv, true},
		{"a=sendonly", "", sdp.SendOnly, true},
		{"a=sendonly", "a=sendrecv", sdp.SendRecv, false},
		{"s=-", "a=inactive", sdp.Inactive, true},
		{"s=-", "a=RecvOnly", sdp.RecvOnly, false},
	} {
		m := parse(t, "v=0\n"+c.session+"\nm=audio 4000 RTP/AVP 0\n"+c.media).Media(0)
		if m.Direction() != c.want || m.Held() != c.held {
			t.Errorf("%+v: %v, held %v", c, m.Direction(), m.Held())
		}
	}
	for d := sdp.SendRecv; d <= sdp.Inactive; d++ {
		if d.Reverse().Reverse() != d || d.Sends() != d.Reverse().Receives() || d.And(sdp.SendRecv) != d || d.And(d.Reverse()).Sends() != (d.Sends() && d.Receives()) {
			t.Errorf("%v", d)
		}
		m := parse(t, "v=0\na=sendonly\nm=audio 1 RTP/AVP 0\na=ptime:20\n").Media(0)
		m.SetDirection(d)
		m.SetDirection(d)
		if m.Direction() != d {
			t.Errorf("set %v, is %v", d, m.Direction())
		}
	}
}

func TestCodecs(t *testing.T) {
	m := parse(t, "v=0\nm=audio 1 RTP/AVP 0 9 96 97 98 99 x 200 18\na=rtpmap:96 opus/48000/2\na=fmtp:96 useinbandfec=1; x\na=rtpmap:97 telephone-event/8000\n"+
		"a=rtpmap:97 late/1\na=rtpmap:98 broken\na=rtpmap:18 G729/8000\na=fmtp:18 annexb=no\na=ptime:30\n").Media(0)
	var got []string
	for _, c := range m.Codecs() {
		got = append(got, fmt.Sprintf("%d %s %d %d %s", c.PayloadType, c.Name, c.ClockRate, c.Channels, c.Fmtp))
	}
	want := "0 PCMU 8000 1 |9 G722 8000 1 |96 opus 48000 2 useinbandfec=1; x|97 telephone-event 8000 1 |18 G729 8000 1 annexb=no"
	if strings.Join(got, "|") != want {
		t.Errorf("%q", got)
	}
	if m.Ptime() != 30*time.Millisecond {
		t.Errorf("ptime %v", m.Ptime())
	}
	if parse(t, "v=0\nm=image 1 udptl t38\n").Media(0).Codecs() != nil {
		t.Error("codecs of udptl")
	}
	for _, bad := range []string{"0", "-1", "NaN", "1e9", "x", ""} {
		if p := parse(t, "v=0\nm=audio 1 RTP/AVP 0\na=ptime:"+bad+"\n").Media(0).Ptime(); p != 0 {
			t.Errorf("ptime %q: %v", bad, p)
		}
	}
}

// FuzzParse: no panic; without edits the text is the same; after the edits of
// a relay it is still a description and says what was set.
func FuzzParse(f *testing.F) {
	f.Add([]byte(invite))
	f.Add([]byte("v=0\no=- 1 1 IN IP6 ::1\nc=IN IP6 ::1\na=ice-lite\na=group:BUNDLE 0 1\nm=audio 9 UDP/TLS/RTP/SAVPF 0\nc=IN IP4 0.0.0.0\na=candidate:1 1 UDP 1 1.2.3.4 5 typ host\na=rtcp:9 IN IP4 0.0.0.0\na=rtcp-mux\nm=video 5/2 RTP/AVP 31"))
	f.Add([]byte("v=0\r\nm= audio 1 RTP/AVP\r\ni=x\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := sdp.Parse(b, nil)
		if err != nil {
			return
		}
		if !bytes.Equal(d.Bytes(), b) {
			t.Fatalf("%q came out as %q", b, d.Bytes())
		}
		addr := netip.MustParseAddr("203.0.113.1")
		d.RemoveICE()
		d.RemoveBundle()
		d.SetAddr(addr)
		d.SetOriginAddr(addr)
		for i, m := range d.All() {
			_, _, _ = m.Codecs(), m.RTCPAddr(), m.Ptime()
			m.SetAddr(addr)
			m.SetPort(uint16(4000 + 2*i))
			m.SetRTCPPort(uint16(5001 + 2*i))
			m.SetDirection(sdp.RecvOnly)
			m.AddAttr("x", "y\r\nm=audio 1 RTP/AVP 0")
		}
		again, err := sdp.Parse(d.Bytes(), &sdp.Limits{Bytes: 1 << 20, Lines: 1 << 20})
		if err != nil {
			t.Fatalf("edited: %v\n%q", err, d.Bytes())
		}
		if again.Len() != d.Len() {
			t.Fatalf("%d media became %d\n%q", d.Len(), again.Len(), d.Bytes())
		}
		for i, m := range again.All() {
			if m.Addr() != netip.AddrPortFrom(addr, uint16(4000+2*i)) || m.RTCPAddr() != netip.AddrPortFrom(addr, uint16(5001+2*i)) ||
				m.Direction() != sdp.RecvOnly || m.Kind() != d.Media(i).Kind() || m.Proto() != d.Media(i).Proto() {
				t.Fatalf("media %d: %v %v %v\n%q", i, m.Addr(), m.RTCPAddr(), m.Direction(), d.Bytes())
			}
		}
		if answer, _, err := sdp.Answer(again, sdp.LocalMedia{Addr: netip.MustParseAddrPort("192.0.2.1:4")}); err == nil {
			a, err := sdp.Parse(answer, &sdp.Limits{Bytes: 1 << 20})
			if err != nil || a.Len() != again.Len() {
				t.Fatalf("answer: %v\n%s", err, answer)
			}
		}
	})
}

func BenchmarkRelayEdit(b *testing.B) {
	in := []byte(invite)
	addr := netip.MustParseAddr("203.0.113.1")
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		d, err := sdp.Parse(in, nil)
		if err != nil {
			b.Fatal(err)
		}
		d.RemoveICE()
		d.SetAddr(addr)
		d.SetOriginAddr(addr)
		d.Media(0).SetAddr(addr)
		d.Media(0).SetPort(30000)
		buf = d.Append(buf[:0])
	}
}
