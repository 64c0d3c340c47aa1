package wire

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

func seeds(f *testing.F) (all [][]byte) {
	files, err := filepath.Glob(filepath.Join("testdata", "rfc*", "*.dat"))
	if err != nil || len(files) == 0 {
		f.Fatal("no messages", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, b)
	}
	return append(all, benchInvite, []byte(editText), []byte(baseText))
}

// within fails when part does not lie in whole.
func within(t *testing.T, whole []byte, parts ...[]byte) {
	t.Helper()
	for i, part := range parts {
		if len(part) == 0 {
			continue
		}
		lo, at := uintptr(unsafe.Pointer(unsafe.SliceData(whole))), uintptr(unsafe.Pointer(unsafe.SliceData(part)))
		if at < lo || at+uintptr(len(part)) > lo+uintptr(len(whole)) {
			t.Fatalf("part %d %q is not in the datagram", i, part)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	for _, b := range hostile() {
		if len(b) < 10000 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		input := bytes.Clone(b)
		var m Message
		err := m.Parse(b, nil)
		if !bytes.Equal(b, input) {
			t.Fatal("the input was changed")
		}
		checkViews(t, b, &m)
		e, refused := err.(*Error)
		switch {
		case refused && (e.Reason == ReasonNone || e.Offset < 0 || e.Offset > len(b)):
			t.Fatalf("%+v", e)
		case refused && (e.Status != 0) != m.Answerable() && e.Reason != ReasonEmpty:
			t.Fatalf("status %d, answerable %v", e.Status, m.Answerable())
		}
		if m.Answerable() {
			checkResponse(t, &m, err == nil)
		}
		if err == nil {
			checkAccepted(t, &m)
		}
	})
}

// checkViews calls every view, accepted or not, and wants each to lie in b.
func checkViews(t *testing.T, b []byte, m *Message) {
	v, _ := m.TopVia()
	_, cseq := m.CSeq()
	within(t, b, m.Bytes(), m.MethodName(), m.RequestURI(), m.ReasonPhrase(), m.Body(), m.CallID(), m.FromTag(), m.ToTag(),
		m.TopBranch(), cseq, v.Raw, v.Name, v.Version, v.Transport, v.Host, v.Params, v.Branch(), v.Received())
	for i := range m.Len() {
		h := m.At(i)
		within(t, b, h.Name, h.Value, h.Line)
	}
	for id := HdrOther; id <= numHeaders; id++ {
		m.Uint32(id)
		n := 0
		for v := m.Values(id); v.Next(); n++ {
			within(t, b, v.Value())
			n, err := v.NameAddr()
			if err == nil {
				within(t, b, n.Display, n.URI, n.Params, n.Tag())
			}
			// What Parse has kept is what reading again gives.
			again, errAgain := ParseNameAddr(v.Value())
			if (err == nil) != (errAgain == nil) || string(n.AppendTo(nil)) != string(again.AppendTo(nil)) {
				t.Fatalf("%v %q: %q %v and %q %v", id, v.Value(), n, err, again, errAgain)
			}
			if p, err := v.Via(); err == nil {
				within(t, b, p.Raw, p.Host, p.Params, p.Branch())
			}
		}
	}
}

// checkKept compares the values that Parse has kept, and its count of them, with a walk over the text.
func checkKept(t *testing.T, m *Message) {
	for id := HdrOther + 1; id < numHeaders; id++ {
		var want []string
		for i := range m.Len() {
			if h := m.At(i); h.ID == id && isList(id) {
				for v := range SplitValues(h.Value) {
					want = append(want, string(v))
				}
			} else if h.ID == id && len(h.Value) > 0 {
				want = append(want, string(h.Value))
			}
		}
		var got []string
		for v := m.Values(id); v.Next(); {
			got = append(got, string(v.Value()))
		}
		if !slices.Equal(got, want) || m.CountValues(id) != len(want) {
			t.Fatalf("%v: %q (%d) and %q", id, got, m.CountValues(id), want)
		}
	}
	v, _ := m.TopVia()
	if branch, _ := v.Params.Get("branch"); !bytes.Equal(branch, v.Branch()) {
		t.Fatalf("branch %q and %q", v.Branch(), branch)
	}
	if _, rport := v.RPort(); rport != v.Params.Has("rport") || (v.Received() != nil) && !v.Params.Has("received") {
		t.Fatalf("%q: rport or received", v.Raw)
	}
}

func checkResponse(t *testing.T, m *Message, accepted bool) {
	out, err := AppendResponse(nil, m, 200, "", "x")
	if err != nil {
		t.Fatal(err)
	}
	if !accepted {
		return
	}
	var r Message
	if err := r.ParseStream(out, nil); err != nil {
		t.Fatalf("%v\n%q", err, out)
	}
	if !bytes.Equal(r.CallID(), m.CallID()) || !bytes.Equal(r.TopBranch(), m.TopBranch()) || !bytes.Equal(r.FromTag(), m.FromTag()) {
		t.Fatalf("%q", out)
	}
}

// checkAccepted wants an accepted message to come out as it came in, and its canonical form to say the same.
func checkAccepted(t *testing.T, m *Message) {
	checkKept(t, m)
	for i := range m.Len() {
		if h := m.At(i); !isToken(string(h.Name)) || h.ID != LookupHeader(h.Name) {
			t.Fatalf("header name %q is %v", h.Name, h.ID)
		}
	}
	out, err := m.Append(nil, new(Edit))
	if err != nil || !bytes.Equal(out, m.Bytes()) {
		t.Fatalf("an edit of nothing: %v %q", err, out)
	}
	var e Edit
	e.EnsureContentLength()
	out, _ = m.Append(nil, &e)
	var s Message
	if err := s.ParseStream(out, nil); err != nil {
		// The Content-Length added may be one header or some octets too many.
		if r := err.(*Error).Reason; r != ReasonTooManyHeaders && r != ReasonTooLarge {
			t.Fatalf("as stream message: %v\n%q", err, out)
		}
	}
	canonical := m.AppendCanonical(nil)
	var c Message
	if err := c.ParseStream(canonical, nil); err != nil {
		// The canonical form has a line for each value and may be too long for the limits.
		if r := err.(*Error).Reason; r != ReasonTooManyHeaders && r != ReasonTooLarge && r != ReasonHeaderTooLong {
			t.Fatalf("canonical: %v\n%q", err, canonical)
		}
		return
	}
	if got, want := summary(&c), summary(m); got != want {
		t.Fatalf("canonical form reads\n%s\nthe message\n%s", got, want)
	}
	if again := c.AppendCanonical(nil); !bytes.Equal(again, canonical) {
		t.Fatalf("canonical form of the canonical form\n%q\n%q", again, canonical)
	}
}

// summary is what two elements must agree on.
func summary(m *Message) string {
	var s strings.Builder
	n, cseq := m.CSeq()
	mf, _ := m.MaxForwards()
	for _, part := range [][]byte{m.MethodName(), m.RequestURI(), m.ReasonPhrase(), m.CallID(), cseq, m.FromTag(), m.ToTag(), m.Body()} {
		s.Write(part)
		s.WriteByte('\n')
	}
	s.WriteString(strings.Repeat("+", mf) + string(rune(n)) + string(rune(m.Status())))
	for v := m.Values(HdrVia); v.Next(); {
		via, _ := v.Via()
		s.Write(via.AppendTo([]byte("\nVia ")))
	}
	for _, id := range []HeaderID{HdrRoute, HdrContact, HdrFrom, HdrTo, HdrPAssertedIdentity} {
		for v := m.Values(id); v.Next(); {
			n, _ := v.NameAddr()
			s.Write(n.AppendTo([]byte("\n" + id.String() + " ")))
		}
	}
	return s.String()
}

// editValues are inserted by FuzzEdit; every one of them is allowed in every header line.
var editValues = []string{"SIP/2.0/UDP new;branch=z9hG4bKn", "<sip:new@example.com;lr>", "7", "", "a, \"b,c\" <d,e>, f", "200 OK"}

// script reads edit operations from octets.
func script(b []byte, request bool) (ops []refOp) {
	ids := []HeaderID{HdrVia, HdrRoute, HdrTo, HdrContact, HdrSupported, HdrMaxForwards, HdrContentLength, HdrContentType, HdrPath, HdrAuthorization}
	for len(b) >= 3 && len(ops) < 12 {
		o := refOp{kind: opKind(b[0] % byte(opEnsureLength+1)), id: ids[int(b[1])%len(ids)], value: editValues[int(b[2])%len(editValues)]}
		switch o.kind {
		case opRequestURI:
			o.value = "sip:new@example.com"
		case opStatusLine:
			o.value = "200 OK"
		case opAdd, opRemoveName:
			o.name = []string{"X-New", "v", "Subject", "x-internal", "K"}[int(b[1])%5]
		case opBody:
			o.name = []string{"", "a/b"}[b[1]%2]
		}
		if o.kind != opPrepend && o.kind != opSet && o.kind != opRemoveAll && o.kind != opRemoveFirstValue && o.kind != opReplaceFirstValue {
			o.id = HdrOther
		}
		if (o.kind == opRequestURI) == request || o.kind != opRequestURI {
			ops = append(ops, o)
		}
		b = b[3:]
	}
	return ops
}

func FuzzEdit(f *testing.F) {
	for i, b := range seeds(f) {
		f.Add(b, []byte{byte(i), 1, 2, 2, 0, 0, 7, 0, 0, 8, 0, 0})
	}
	f.Fuzz(func(t *testing.T, b, steps []byte) {
		var m Message
		if m.Parse(b, nil) != nil {
			return
		}
		apply(t, &m, script(steps, m.IsRequest()))
		// What a relay does to every message leaves a message that is accepted, and nothing but the intended changed.
		var e Edit
		relayEdit(&e)
		out, err := m.Append(nil, &e)
		if err != nil {
			t.Fatal(err)
		}
		var r Message
		if err := r.Parse(out, &Limits{Message: 1 << 20, Values: 1000, Contacts: 1000}); err != nil {
			if err.(*Error).Reason == ReasonTooManyHeaders {
				return
			}
			t.Fatalf("%v\n%q", err, out)
		}
		if !bytes.Equal(r.Body(), m.Body()) || !bytes.Equal(r.CallID(), m.CallID()) || !slices.Equal(r.ToTag(), m.ToTag()) ||
			r.chains[HdrVia].values != m.chains[HdrVia].values+1 ||
			r.chains[HdrRoute].values != max(m.chains[HdrRoute].values, 1)-1 {
			t.Fatalf("%q", out)
		}
	})
}

func FuzzFramer(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(append(append(bytes.Clone(b), "\r\n\r\n"...), baseText...), uint16(7))
	}
	f.Fuzz(func(t *testing.T, stream []byte, size uint16) {
		limits := &Limits{Message: 4096}
		whole := frames(&Framer{Limits: limits}, stream, func(rest int) int { return rest })
		f := Framer{Limits: limits}
		step := int(size)
		cut := frames(&f, stream, func(int) int {
			if f.Buffered() > limits.Message {
				t.Fatalf("%d octets held", f.Buffered())
			}
			step = step*5%1009 + 1
			return step
		})
		if !slices.Equal(whole, cut) {
			t.Fatalf("in one piece %q\nin pieces %q", whole, cut)
		}
		for _, frame := range whole {
			msg, ok := strings.CutPrefix(frame, "1 ")
			if !ok {
				continue
			}
			// What the framer takes for one message, Parse takes for one too.
			var m Message
			if err := m.ParseStream([]byte(msg), nil); err != nil {
				if r := err.(*Error).Reason; r == ReasonContentLengthMismatch || r == ReasonContentLengthLong || r == ReasonContentLengthMissing {
					t.Fatalf("%v %q", err, msg)
				}
			}
		}
	})
}

func FuzzURI(f *testing.F) {
	for _, s := range []string{"sip:alice:pw@[2001:db8::1]:5061;lr;transport=tcp?a=b&c=d", "tel:+1-2(3);phone-context=x", "urn:service:sos", "sips:h"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := ParseURI(b)
		if err != nil {
			return
		}
		within(t, b, u.Scheme, u.User, u.Password, u.Host, u.Params, u.Headers, u.Opaque)
		again, err := ParseURI(u.AppendTo(nil))
		if err != nil || !EqualURI(u, again) || !EqualURI(again, u) || !EqualURI(u, u) {
			t.Fatalf("%q: %v %q", b, err, u.AppendTo(nil))
		}
		if u.IsSIP() {
			escaped := AppendEscapedUser(nil, Unescape(u.User))
			v := u
			v.User = escaped
			if len(u.User) > 0 && Unescape(escaped) != Unescape(u.User) {
				t.Fatalf("%q escapes to %q", u.User, escaped)
			}
			if _, err := ParseURI(v.AppendTo(nil)); err != nil {
				t.Fatalf("%q: %v", v.AppendTo(nil), err)
			}
		}
	})
}

func FuzzValue(f *testing.F) {
	for _, s := range []string{`"A, \"B\"" <sip:a@b;lr>;tag=1`, "SIP / 2.0 / UDP [::1]:5060;branch=z9hG4bK;rport;received=1.2.3.4", "sip:a@b ; x = \"y\"", "*"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := ParseVia(b); err == nil {
			within(t, b, v.Raw, v.Name, v.Version, v.Transport, v.Host, v.Params)
			w, err := ParseVia(v.AppendTo(nil))
			if err != nil || !bytes.Equal(w.AppendTo(nil), v.AppendTo(nil)) || !bytes.Equal(w.Branch(), v.Branch()) || w.Port != v.Port {
				t.Fatalf("%q: %v %q", b, err, v.AppendTo(nil))
			}
		}
		if n, err := ParseNameAddr(b); err == nil {
			within(t, b, n.Display, n.URI, n.Params)
			o, err := ParseNameAddr(n.AppendTo(nil))
			if err != nil || !bytes.Equal(o.AppendTo(nil), n.AppendTo(nil)) || !bytes.Equal(o.URI, n.URI) || !bytes.Equal(o.Tag(), n.Tag()) {
				t.Fatalf("%q: %v %q", b, err, n.AppendTo(nil))
			}
		}
		if got := UnquoteDisplay(AppendQuote(nil, b)); got != string(b) && !bytes.ContainsAny(b, "\r\n") {
			t.Fatalf("%q quoted and back: %q", b, got)
		}
	})
}
