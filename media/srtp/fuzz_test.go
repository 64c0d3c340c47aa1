package srtp

import (
	"bytes"
	"testing"
)

// FuzzUnprotect feeds packets to a context of each suite. What is accepted
// must protect to the same octets again.
func FuzzUnprotect(f *testing.F) {
	for i, s := range Suites() {
		out := newContext(f, s)
		f.Add(protected(f, out, 1, 65535), byte(i), false)
		f.Add(protectedRTCP(f, out, 1), byte(i), true)
	}
	f.Fuzz(func(t *testing.T, pkt []byte, which byte, rtcp bool) {
		suites := Suites()
		s := suites[int(which)%len(suites)]
		var opts []Option
		if which >= 128 {
			opts = append(opts, WithMKI([]byte{1, 2}))
		}
		if which >= 192 && !s.AEAD() {
			opts = append(opts, WithSession(Session{UnauthenticatedRTP: true}))
		}
		in := newContext(t, s, opts...)
		got := bytes.Clone(pkt)
		var n int
		var err error
		if rtcp {
			n, err = in.UnprotectRTCP(got)
		} else {
			n, err = in.Unprotect(got)
		}
		if err != nil {
			if in.SSRCs() != 0 {
				t.Error("state made by a refused packet")
			}
			return
		}
		if rtcp {
			return // its index is the sender's
		}
		out := newContext(t, s, opts...)
		buf := append(got[:n:n], make([]byte, MaxOverhead)...)
		m, err := out.Protect(buf, n)
		if err != nil || in.streams[0].rtp.top>>16 == 0 && !bytes.Equal(buf[:m], pkt) {
			t.Errorf("protected again: %x, %v; was %x", buf[:m], err, pkt)
		}
	})
}

// FuzzImport reads states. What is accepted can be used and exported again.
func FuzzImport(f *testing.F) {
	c := newContext(f, AES128SHA180)
	f.Add(c.Export(nil), false)
	protected(f, c, 1, 65535)
	protected(f, c, 1, 0)
	protectedRTCP(f, c, 2)
	f.Add(c.Export(nil), true)
	f.Fuzz(func(t *testing.T, state []byte, rtcp bool) {
		c := newContext(t, AES128SHA180)
		if err := c.Import(state); err != nil {
			if c.SSRCs() != 0 {
				t.Error("half imported")
			}
			return
		}
		again := newContext(t, AES128SHA180)
		if err := again.Import(c.Export(nil)); err != nil {
			t.Errorf("exported again: %v", err)
		}
		buf, n := packet(1, 7)
		if rtcp {
			_, _ = c.ProtectRTCP(buf, n)
		} else {
			_, _ = c.Protect(buf, n)
		}
		in := newContext(t, AES128SHA180)
		if in.Import(state) == nil {
			_, _ = in.Unprotect(buf)
		}
	})
}
