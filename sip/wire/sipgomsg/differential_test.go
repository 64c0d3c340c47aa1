package sipgomsg

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/class5-go/class5/sip/wire"
)

func convert(m *wire.Message) (sip.Message, error) {
	if m.IsRequest() {
		return Request(m)
	}
	return Response(m)
}

// thereAndBack converts m, writes it, reads it again and compares.
func thereAndBack(m *wire.Message) error {
	msg, err := convert(m)
	if err != nil {
		var e *wire.Error
		if errors.As(err, &e) || errors.Is(err, ErrURI) {
			return nil // a URI that only an element reading it refuses
		}
		return err
	}
	out, err := AppendMessage(nil, msg)
	if err != nil {
		return err
	}
	var back wire.Message
	if err := back.ParseStream(out, nil); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	if got, want := reading(&back), reading(m); got != want {
		return fmt.Errorf("read back\n%s\nwas\n%s", got, want)
	}
	return nil
}

// reading lists what routing, dialogs and transactions depend on.
func reading(m *wire.Message) string {
	var s strings.Builder
	n, method := m.CSeq()
	hops, _ := m.MaxForwards()
	fmt.Fprintf(&s, "%s %s %d\n%s %s %s %d %s %d\n%q\n", m.MethodName(), uriText(m.RequestURI()), m.Status(),
		m.CallID(), m.FromTag(), m.ToTag(), n, method, hops, m.Body())
	for v := m.Values(wire.HdrVia); v.Next(); {
		via, _ := v.Via()
		fmt.Fprintf(&s, "Via %s\n", via.AppendTo(nil))
	}
	for _, id := range []wire.HeaderID{wire.HdrRoute, wire.HdrRecordRoute, wire.HdrPath, wire.HdrContact, wire.HdrFrom, wire.HdrTo} {
		for v := m.Values(id); v.Next(); {
			n, _ := v.NameAddr()
			fmt.Fprintf(&s, "%s %s %s\n", id, uriText(n.URI), n.Params.AppendTo(nil))
		}
	}
	return s.String()
}

// uriText is a URI in the spelling that sipgo gives it: scheme and parameter names in lower case, no empty password, no
// "=" in front of an empty header.
func uriText(b []byte) string {
	u, err := wire.ParseURI(b)
	if err != nil {
		return string(b)
	}
	if len(u.Password) == 0 {
		u.Password = nil
	}
	u.Scheme = bytes.ToLower(u.Scheme)
	u.Params = u.Params.AppendTo(nil)
	var fields []string
	for field := range bytes.SplitSeq(u.Headers, []byte("&")) {
		if name, value, _ := bytes.Cut(field, []byte("=")); len(name) > 0 {
			fields = append(fields, strings.TrimSuffix(string(name)+"="+string(value), "="))
		}
	}
	u.Headers = []byte(strings.Join(fields, "&"))
	if len(fields) == 0 {
		u.Headers = nil
	}
	return string(u.AppendTo(nil))
}

// sipgoReads is what sipgo's own parser makes of the canonical form.
func sipgoReads(m *wire.Message) (string, error) {
	msg, err := sip.ParseMessage(m.AppendCanonical(nil))
	if err != nil {
		return "", err
	}
	tag := func(p sip.HeaderParams) string { v, _ := p.Get("tag"); return v }
	return fmt.Sprintln(msg.CallID().Value(), tag(msg.From().Params), tag(msg.To().Params), msg.CSeq().SeqNo,
		string(msg.CSeq().MethodName), msg.Via().Transport, strings.Trim(msg.Via().Host, "[]"), msg.Via().Port,
		msg.Via().Params.GetOr("branch", ""), len(headersOf(msg)), string(msg.Body())), nil
}

func wireReads(m *wire.Message) string {
	n, method := m.CSeq()
	via, _ := m.TopVia()
	lines := 1 // Content-Length, which the canonical form always has
	for i := range m.Len() {
		h := m.At(i)
		switch h.ID {
		case wire.HdrContentLength:
		case wire.HdrVia, wire.HdrRoute, wire.HdrRecordRoute, wire.HdrPath, wire.HdrServiceRoute, wire.HdrContact,
			wire.HdrPAssertedIdentity, wire.HdrPPreferredIdentity, wire.HdrDiversion, wire.HdrHistoryInfo:
			for range wire.SplitValues(h.Value) {
				lines++
			}
		default:
			lines++
		}
	}
	return fmt.Sprintln(string(m.CallID()), string(m.FromTag()), string(m.ToTag()), n, string(method), string(via.Transport),
		strings.Trim(string(via.Host), "[]"), via.Port, string(via.Branch()), lines, string(m.Body()))
}

// beyondSipgo tells messages whose canonical form sipgo's parser still reads in its own way.
func beyondSipgo(m *wire.Message) bool {
	canonical := m.AppendCanonical(nil)
	head := canonical[:bytes.Index(canonical, []byte("\r\n\r\n"))]
	quoted := bytes.ContainsAny(head, `"\`) // separators inside quotes
	for v := m.Values(wire.HdrVia); v.Next(); {
		via, _ := v.Via()
		quoted = quoted || bytes.ContainsAny(via.Params, "=") && bytes.Count(via.Params, []byte("=")) > bytes.Count(via.Params, []byte(";"))
	}
	from, to := m.FromTag(), m.ToTag()
	return quoted || bytes.ContainsAny(from, "=") || bytes.ContainsAny(to, "=") || !ascii(head) ||
		bytes.ContainsAny(m.RequestURI(), "[") && !bytes.Contains(m.RequestURI(), []byte("]"))
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// On messages of RFC 4475 and 5118 that wire accepts, sipgo's parser agrees once they are in canonical form.
func TestSipgoReadsTheCanonicalFormAlike(t *testing.T) {
	n := 0
	for name, b := range messages(t) {
		var m wire.Message
		if m.Parse(b, nil) != nil || beyondSipgo(&m) {
			continue
		}
		got, err := sipgoReads(&m)
		if err != nil {
			continue // refused is not misread
		}
		n++
		if want := wireReads(&m); got != want {
			t.Errorf("%s\nsipgo %s\nwire  %s", name, got, want)
		}
	}
	if n < 15 {
		t.Errorf("%d messages only", n)
	}
}

func FuzzConvert(f *testing.F) {
	for _, b := range messages(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m wire.Message
		if m.Parse(b, nil) != nil {
			return
		}
		if err := thereAndBack(&m); err != nil {
			t.Fatal(err)
		}
		if beyondSipgo(&m) {
			return
		}
		if got, err := sipgoReads(&m); err == nil && got != wireReads(&m) {
			t.Fatalf("sipgo %s\nwire  %s\n%s", got, wireReads(&m), m.AppendCanonical(nil))
		}
	})
}
