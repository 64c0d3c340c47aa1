package srtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

func keyFor(s Suite) (key, salt []byte) {
	key, salt = make([]byte, s.KeyLen()), make([]byte, s.SaltLen())
	for i := range key {
		key[i] = byte(i + 1)
	}
	for i := range salt {
		salt[i] = byte(0x80 + i)
	}
	return key, salt
}

func newContext(t testing.TB, s Suite, opts ...Option) *Context {
	t.Helper()
	key, salt := keyFor(s)
	c, err := NewContext(s, key, salt, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// packet is an RTP packet of 172 octets with room behind it.
func packet(ssrc uint32, seq uint16) (buf []byte, n int) {
	buf = make([]byte, 172+MaxOverhead)
	buf[0], buf[1] = 0x80, 8
	binary.BigEndian.PutUint16(buf[2:], seq)
	binary.BigEndian.PutUint32(buf[4:], 160*uint32(seq))
	binary.BigEndian.PutUint32(buf[8:], ssrc)
	for i := 12; i < 172; i++ {
		buf[i] = byte(i) ^ byte(seq)
	}
	return buf, 172
}

// report is an RTCP sender report with room behind it.
func report(ssrc uint32) (buf []byte, n int) {
	buf = make([]byte, 28+MaxOverhead)
	buf[0], buf[1], buf[3] = 0x80, 200, 6
	binary.BigEndian.PutUint32(buf[4:], ssrc)
	for i := 8; i < 28; i++ {
		buf[i] = byte(i)
	}
	return buf, 28
}

// protected gives the protected form of a packet, and fails the test if it is
// refused.
func protected(t testing.TB, c *Context, ssrc uint32, seq uint16) []byte {
	t.Helper()
	buf, n := packet(ssrc, seq)
	n, err := c.Protect(buf, n)
	if err != nil {
		t.Fatalf("protect %d: %v", seq, err)
	}
	return buf[:n]
}

func protectedRTCP(t testing.TB, c *Context, ssrc uint32) []byte {
	t.Helper()
	buf, n := report(ssrc)
	n, err := c.ProtectRTCP(buf, n)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

func mustOpen(t testing.TB, c *Context, pkt []byte, ssrc uint32, seq uint16) {
	t.Helper()
	want, n := packet(ssrc, seq)
	got := bytes.Clone(pkt)
	m, err := c.Unprotect(got)
	if err != nil {
		t.Fatalf("unprotect %d: %v", seq, err)
	}
	if !bytes.Equal(got[:m], want[:n]) {
		t.Fatalf("unprotect %d: other content", seq)
	}
}

func TestSuitesBothWays(t *testing.T) {
	mki := []byte{0, 0, 0, 7}
	for _, s := range Suites() {
		for name, opts := range map[string][]Option{
			"plain":            nil,
			"MKI":              {WithMKI(mki)},
			"unencrypted RTCP": {WithSession(Session{UnencryptedRTCP: true})},
			"unencrypted RTP":  {WithSession(Session{UnencryptedRTP: true}), WithMKI(mki)},
			"unauthenticated":  {WithSession(Session{UnauthenticatedRTP: true}), WithMKI(mki)},
		} {
			if s.AEAD() && (name == "unencrypted RTP" || name == "unauthenticated") {
				continue
			}
			t.Run(s.String()+"/"+name, func(t *testing.T) {
				out, in := newContext(t, s, opts...), newContext(t, s, opts...)
				for seq := uint16(65500); seq != 40; seq++ {
					pkt := protected(t, out, 1, seq)
					if len(pkt) != 172+out.Overhead() {
						t.Fatalf("%d octets, overhead %d", len(pkt), out.Overhead())
					}
					plain, _ := packet(1, seq)
					if hidden := !bytes.Equal(pkt[12:172], plain[12:172]); hidden != (s.info().kind != kindNull && name != "unencrypted RTP") {
						t.Fatalf("content hidden: %v", hidden)
					}
					mustOpen(t, in, pkt, 1, seq)

					rtcp := protectedRTCP(t, out, 1)
					if len(rtcp) != 28+out.OverheadRTCP() {
						t.Fatalf("RTCP of %d octets, overhead %d", len(rtcp), out.OverheadRTCP())
					}
					n, err := in.UnprotectRTCP(rtcp)
					want, m := report(1)
					if err != nil || !bytes.Equal(rtcp[:n], want[:m]) {
						t.Fatalf("RTCP: %v", err)
					}
				}
				if i, ok := out.Index(1); !ok || i != 1<<16|39 {
					t.Errorf("index %#x, %v", i, ok)
				}
			})
		}
	}
}

func TestTampering(t *testing.T) {
	for _, s := range Suites() {
		out, in := newContext(t, s), newContext(t, s)
		pkt := protected(t, out, 1, 5000)
		rtcp := protectedRTCP(t, out, 1)
		for i := range pkt {
			bad := bytes.Clone(pkt)
			bad[i] ^= 0x40
			if _, err := in.Unprotect(bad); err == nil {
				t.Fatalf("%v: octet %d changed and accepted", s, i)
			}
		}
		for i := range rtcp {
			bad := bytes.Clone(rtcp)
			bad[i] ^= 0x40
			if _, err := in.UnprotectRTCP(bad); err == nil {
				t.Fatalf("%v: octet %d of RTCP changed and accepted", s, i)
			}
		}
		for n := range pkt {
			if _, err := in.Unprotect(bytes.Clone(pkt[:n])); err == nil {
				t.Fatalf("%v: cut to %d and accepted", s, n)
			}
		}
		if in.SSRCs() != 0 {
			t.Fatalf("%v: state made by bad packets", s)
		}
		mustOpen(t, in, pkt, 1, 5000)
	}
}

func TestReplay(t *testing.T) {
	out, in := newContext(t, AES128SHA180), newContext(t, AES128SHA180)
	var sent [][]byte
	for seq := range uint16(300) {
		sent = append(sent, protected(t, out, 1, seq))
	}
	for _, seq := range []uint16{0, 5, 4, 3, 200, 73} { // 200-73 is the edge of the window
		mustOpen(t, in, sent[seq], 1, seq)
	}
	for _, seq := range []uint16{0, 5, 4, 200, 73, 72, 1} {
		if _, err := in.Unprotect(bytes.Clone(sent[seq])); err != ErrReplay {
			t.Errorf("%d: %v", seq, err)
		}
	}
	rtcp := protectedRTCP(t, out, 1)
	if _, err := in.UnprotectRTCP(bytes.Clone(rtcp)); err != nil {
		t.Fatal(err)
	}
	if _, err := in.UnprotectRTCP(rtcp); err != ErrReplay {
		t.Errorf("RTCP: %v", err)
	}
}

func TestOutgoingIndexOnce(t *testing.T) {
	c := newContext(t, GCM128)
	protected(t, c, 1, 500)
	buf, n := packet(1, 500)
	if _, err := c.Protect(buf, n); err != ErrIndexUsed {
		t.Errorf("same index again: %v", err)
	}
	protected(t, c, 1, 499)
	buf, n = packet(1, 300)
	if _, err := c.Protect(buf, n); err != ErrIndexUsed {
		t.Errorf("index older than the window: %v", err)
	}
	c.Retire()
	buf, n = packet(1, 501)
	if _, err := c.Protect(buf, n); err != ErrRetired {
		t.Errorf("retired: %v", err)
	}
}

func TestFirstPacketAfterLostWrap(t *testing.T) {
	out, in := newContext(t, AES128SHA180), newContext(t, AES128SHA180)
	early := protected(t, out, 1, 65535)
	mustOpen(t, in, protected(t, out, 1, 2), 1, 2)
	mustOpen(t, in, early, 1, 65535)
	mustOpen(t, in, protected(t, out, 1, 3), 1, 3)
}

func TestMisuse(t *testing.T) {
	c := newContext(t, AES128SHA132)
	buf, n := packet(1, 1)
	if _, err := c.Protect(buf[:n+3], n); err != ErrBuffer {
		t.Errorf("no room: %v", err)
	}
	for _, bad := range [][]byte{nil, {0x80}, buf[:11], {1: 8, 20: 0}} {
		if _, err := c.Protect(bad, len(bad)); err != ErrMalformed {
			t.Errorf("%x: %v", bad, err)
		}
	}
	if _, err := c.Protect(buf, len(buf)+1); err != ErrMalformed {
		t.Errorf("length beyond the buffer: %v", err)
	}
	if _, err := c.Unprotect(buf); err != ErrDirection {
		t.Errorf("other direction: %v", err)
	}
	key, salt := keyFor(AES128SHA180)
	for name, err := range map[string]error{
		"suite": second(NewContext(99, key, salt)),
		"AEAD":  second(NewContext(GCM128, key, salt[:12], WithSession(Session{UnencryptedRTP: true}))),
	} {
		if !errors.Is(err, ErrSuite) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"key":  second(NewContext(AES256SHA180, key, salt)),
		"salt": second(NewContext(GCM128, key, salt)),
		"MKI":  second(NewContext(AES128SHA180, key, salt, WithMKI(make([]byte, 129)))),
	} {
		if !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second(_ *Context, err error) error { return err }
