package capture

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func message(callID, method, extra string) []byte {
	return []byte("INVITE sip:b@example.com SIP/2.0\r\nCall-ID: " + callID + "\r\nCSeq: 1 " + method + "\r\n" + extra + "\r\n")
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestKeepsCallsOnly(t *testing.T) {
	for _, c := range []struct {
		name string
		data []byte
		kept bool
	}{
		{"invite", message("a@x", "INVITE", ""), true},
		{"compact call-id", []byte("BYE sip:b SIP/2.0\r\ni: a@x\r\nCSeq: 2 BYE\r\n\r\n"), true},
		{"odd case, folded space", []byte("SIP/2.0 200 OK\r\nCALL-id :a@x\r\ncseq:  2 BYE \r\n\r\n"), true},
		{"register", message("a@x", "REGISTER", ""), false},
		{"no call-id", []byte("INVITE sip:b SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n"), false},
		{"call-id only in the body", []byte("INVITE sip:b SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nCall-ID: a@x\r\n"), false},
		{"garbage", []byte("\x00\x01"), false},
	} {
		s := New(Config{})
		if got := s.Add(Message{At: start, Data: c.data}); got != c.kept {
			t.Errorf("%s: kept %v, want %v", c.name, got, c.kept)
		}
		if got := len(s.Call("a@x")) == 1; got != c.kept {
			t.Errorf("%s: found %v, want %v", c.name, got, c.kept)
		}
	}
}

func TestMasksSecrets(t *testing.T) {
	in := message("a@x", "INVITE", `Authorization: Digest username="u", response="0123456789abcdef", uri="sip:x"`+"\r\n")
	in = append(in, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0a2V5|2^20\r\na=ice-pwd:hush\r\n"...)
	s := New(Config{})
	s.Add(Message{At: start, Data: in})
	got := string(s.Call("a@x")[0].Data)
	for _, secret := range []string{"0123456789abcdef", "c2VjcmV0a2V5", "hush"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q is shown", secret)
		}
	}
	for _, kept := range []string{`uri="sip:x"`, "|2^20", `username="u"`} {
		if !strings.Contains(got, kept) {
			t.Errorf("%q is lost", kept)
		}
	}
	if bytes.Equal(in, []byte(got)) || !bytes.Contains(in, []byte("hush")) {
		t.Error("the sender's bytes were changed")
	}
}

func TestBounds(t *testing.T) {
	s := New(Config{MaxBytes: 64 << 10, MaxPerCall: 5, MaxAge: time.Minute})
	for i := range 1000 {
		id := fmt.Sprintf("call-%d", i/10)
		s.Add(Message{At: start.Add(time.Duration(i) * time.Millisecond), Data: message(id, "INVITE", strings.Repeat("X: y\r\n", 100))})
	}
	if st := s.Stats(); st.Bytes > 64<<10 || st.Dropped == 0 {
		t.Errorf("bounds not held: %+v", st)
	}
	if n := len(s.Call("call-99")); n != 5 {
		t.Errorf("newest call has %d messages, want the first 5", n)
	}
	if s.Call("call-0") != nil {
		t.Error("the oldest call was not pushed out")
	}
	s.Add(Message{At: start.Add(time.Hour), Data: message("late", "INVITE", "")})
	if st := s.Stats(); st.Calls != 1 {
		t.Errorf("%d calls after the age limit, want 1", st.Calls)
	}
}

func TestBytesReturnToZero(t *testing.T) {
	s := New(Config{})
	for i := range 50 {
		s.Add(Message{At: start, Data: message(fmt.Sprint(i), "INVITE", "")})
	}
	for s.order.Len() > 0 {
		s.remove(s.order.Back())
	}
	if s.bytes != 0 || len(s.calls) != 0 {
		t.Errorf("bytes %d, calls %d after all left", s.bytes, len(s.calls))
	}
}

// Memory of calls that were given up is used again, for none that is kept.
func TestMemoryIsNotShared(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New(Config{MaxBytes: 20 << 10, MaxPerCall: 4, MaxMessage: 2 << 10})
		sent := map[string][][]byte{}
		for i := range rapid.IntRange(1, 200).Draw(t, "messages") {
			id := fmt.Sprint(rapid.IntRange(0, 30).Draw(t, "call"))
			b := message(id, "INVITE", fmt.Sprintf("X: %d%s\r\n", i, strings.Repeat("x", rapid.IntRange(0, 1500).Draw(t, "octets"))))
			if len(s.Call(id)) == 0 {
				delete(sent, id) // it was given up meanwhile
			}
			if s.Add(Message{At: start, Data: b}) {
				sent[id] = append(sent[id], bytes.Clone(b))
			}
			clear(b) // the sender's
			if got := s.Stats(); got.Bytes > 20<<10 && got.Calls > 1 {
				t.Fatalf("%+v", got)
			}
		}
		for id, want := range sent {
			got := s.Call(id)
			if len(got) > 0 && len(got) != len(want) {
				t.Fatalf("call %s has %d messages, not %d", id, len(got), len(want))
			}
			for i, m := range got {
				if !bytes.Equal(m.Data, want[i]) {
					t.Fatalf("message %d of call %s is %q, not %q", i, id, m.Data, want[i])
				}
			}
		}
	})
}

func FuzzMask(f *testing.F) {
	f.Add(message("a", "INVITE", `X: response="`))
	f.Add([]byte("inline:"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got := Mask(b); len(got) != len(b) {
			t.Fatalf("length %d, want %d", len(got), len(b))
		}
		callOf(b)
	})
}

func BenchmarkAdd(b *testing.B) {
	s := New(Config{})
	m := Message{At: start, Data: message("a", "INVITE", strings.Repeat("Header: value\r\n", 60))}
	b.ReportAllocs()
	for i := range b.N {
		m.At = start.Add(time.Duration(i) * time.Millisecond)
		s.Add(m)
	}
}
