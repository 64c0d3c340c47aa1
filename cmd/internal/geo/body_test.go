package geo

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/class5-go/class5/sip/wire"
)

func multi(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--b\r\n" + p + "\r\n")
	}
	return b.String() + "--b--\r\n"
}

const mixed = "multipart/mixed;boundary=b"

var bodies = []struct {
	name, kind, body string
	more             string
	want             string // of the description
	foreign          bool
}{
	{"none", "", "", "", "", false},
	{"plain", "application/sdp", sdp, "", sdp, false},
	{"in capitals", "Application/SDP;charset=x", sdp, "", sdp, false},
	{"broken parameter", "application/sdp;=", sdp, "", sdp, false},
	{"without a type", "", sdp, "", sdp, false},
	{"other", "application/dtmf-relay", "Signal=1", "", "", false},
	{"compressed", "application/sdp", sdp, "Content-Encoding: gzip", "", true},
	{"compressed, short", "application/sdp", sdp, "e: gzip", "", true},
	{"not compressed", "application/sdp", sdp, "Content-Encoding: identity", sdp, false},
	{"external", "message/external-body;x=\"application/sdp\"", sdp, "", "", true},
	{"part", mixed, multi("Content-Type: application/pidf+xml\r\n\r\n<x/>", "Content-Type: application/sdp\r\n\r\n"+sdp), "", sdp, false},
	{"first part", mixed, multi("content-type : Application/SDP;a=b\r\nContent-Transfer-Encoding: binary\r\n\r\n"+sdp, "Content-Type: text/plain\r\n\r\nx"), "", sdp, false},
	{"preamble", mixed, "hello\r\n" + multi("Content-Type: application/sdp\r\n\r\n"+sdp), "", sdp, false},
	{"no description", mixed, multi("Content-Type: text/plain\r\n\r\nx"), "", "", false},
	{"two", mixed, multi("Content-Type: application/sdp\r\n\r\n"+sdp, "Content-Type: application/sdp\r\n\r\n"+sdp), "", "", true},
	{"wrapped", mixed, multi("Content-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\nContent-Type: application/sdp\r\n\r\n" + sdp + "\r\n--c--"), "", "", true},
	{"wrapped and encoded", mixed, multi("Content-Type: multipart/mixed;boundary=c\r\nContent-Transfer-Encoding: base64\r\n\r\neHg="), "", "", true},
	{"encoded", mixed, multi("Content-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\neHg="), "", "", true},
	{"no boundary", "multipart/mixed", multi("Content-Type: application/sdp\r\n\r\n" + sdp), "", "", true},
	{"another boundary", "multipart/mixed;boundary=c", multi("Content-Type: application/sdp\r\n\r\n" + sdp), "", "", true},
	{"no end", mixed, "--b\r\nContent-Type: application/sdp\r\n\r\n" + sdp, "", "", true},
	{"spaced", "application / sdp", sdp, "", sdp, false},
	{"spaced part", mixed, multi("Content-Type: application / sdp\r\n\r\n" + sdp), "", sdp, false},
	{"two boundaries", mixed + ";boundary=c", multi("Content-Type: application/sdp\r\n\r\n" + sdp), "", "", true},
	{"empty part", mixed, multi("Content-Type: application/sdp\r\n\r\n"), "", "", true},
	{"mentioned", mixed, multi("Content-Type: text/plain\r\n\r\napplication/sdp"), "", "", true},
}

func withBody(t testing.TB, kind, body, more string) *wire.Message {
	t.Helper()
	lines := ""
	if kind != "" {
		lines += "Content-Type: " + kind + "\r\n"
	}
	if more != "" {
		lines += more + "\r\n"
	}
	text := "INVITE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nFrom: <sip:a@example.com>;tag=a\r\n" +
		"To: <sip:b@example.com>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\nMax-Forwards: 70\r\n" + lines + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	m := new(wire.Message)
	if err := m.Parse([]byte(text), nil); err != nil {
		return nil
	}
	return m
}

// TestBodies: the description is found wherever a phone would, or the body is
// foreign; all around it stays.
func TestBodies(t *testing.T) {
	for _, c := range bodies {
		m := withBody(t, c.kind, c.body, c.more)
		if m == nil {
			t.Fatalf("%s: no message", c.name)
		}
		d, err := find(m)
		if errors.Is(err, errForeign) != c.foreign {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil {
			continue
		}
		if got := string(d.text()); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if c.want == "" {
			continue
		}
		edit := new(wire.Edit)
		d.replace(edit, []byte("v=1\r\n"))
		b, err := m.Append(nil, edit)
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.Replace(c.body, c.want, "v=1\r\n", 1); !strings.HasSuffix(string(b), "\r\n\r\n"+want) {
			t.Errorf("%s: leaves as\n%s", c.name, b)
		}
	}
}

// FuzzBody: nothing panics, and no description is left in a body that holds none.
func FuzzBody(f *testing.F) {
	for _, c := range bodies {
		f.Add(c.kind, c.body)
	}
	f.Fuzz(func(t *testing.T, kind, body string) {
		if strings.ContainsAny(kind, "\r\n\x00") {
			return
		}
		m := withBody(t, kind, body, "")
		if m == nil {
			return
		}
		d, err := find(m)
		if err != nil || !d.none() {
			return
		}
		kind = mediaType([]byte(kind))
		if len(m.Body()) > 0 && (kind == sdpType || strings.HasPrefix(kind, "multipart/") && descriptions.Match(m.Body())) {
			t.Errorf("%q %q holds a description that was not found", kind, body)
		}
	})
}
