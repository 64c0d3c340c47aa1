package pionsrtp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/class5-go/class5/media/srtp"
	"github.com/class5-go/class5/media/srtp/pionsrtp"
)

func contexts(t testing.TB, s srtp.Suite, opts ...srtp.Option) (native, pion *srtp.Context) {
	t.Helper()
	key, salt := make([]byte, s.KeyLen()), make([]byte, s.SaltLen())
	for i := range key {
		key[i] = byte(7 * i)
	}
	native, err := srtp.NewContext(s, key, salt, opts...)
	if err != nil {
		t.Fatal(err)
	}
	pion, err = srtp.NewContext(s, key, salt, append(opts, srtp.WithEngine(pionsrtp.New))...)
	if errors.Is(err, srtp.ErrSuite) {
		return native, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return native, pion
}

// packet is an RTP packet with, now and then, a CSRC list and an extension.
func packet(r *rand.Rand, ssrc uint32, seq uint16) (buf []byte, n int) {
	csrc, extension := r.IntN(4)/2, r.IntN(4) == 0
	buf = make([]byte, 2000)
	buf[0], buf[1] = 0x80|byte(csrc), 96
	binary.BigEndian.PutUint16(buf[2:], seq)
	binary.BigEndian.PutUint32(buf[8:], ssrc)
	n = 12 + 4*csrc
	if extension {
		buf[0] |= 0x10
		n += copy(buf[n:], "\xbe\xde\x00\x01\x10\xaa\x00\x00")
	}
	for range r.IntN(700) {
		buf[n] = byte(r.Uint32())
		n++
	}
	return buf, n
}

func report(ssrc uint32) (buf []byte, n int) {
	buf = make([]byte, 200)
	buf[0], buf[1], buf[3] = 0x80, 200, 6
	binary.BigEndian.PutUint32(buf[4:], ssrc)
	return buf, 28
}

// Both engines write the same octets and read each other's, over wraps.
func TestSameAsNative(t *testing.T) {
	supported := 0
	for _, s := range srtp.Suites() {
		for name, opts := range map[string][]srtp.Option{
			"plain": nil, "MKI": {srtp.WithMKI([]byte{1, 2, 3})},
			"clear RTP":  {srtp.WithSession(srtp.Session{UnencryptedRTP: !s.AEAD()})},
			"clear RTCP": {srtp.WithSession(srtp.Session{UnencryptedRTCP: true})},
		} {
			nativeOut, pionOut := contexts(t, s, opts...)
			nativeIn, pionIn := contexts(t, s, opts...)
			if pionOut == nil {
				continue
			}
			supported++
			t.Run(fmt.Sprint(s, "/", name), func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, uint64(s)))
				for i := range 300 {
					seq := uint16(65400 + i*40)
					buf, n := packet(r, uint32(i%3), seq)
					compare(t, buf, n, nativeOut.Protect, pionOut.Protect, nativeIn.Unprotect, pionIn.Unprotect)
					buf, n = report(uint32(i % 3))
					compare(t, buf, n, nativeOut.ProtectRTCP, pionOut.ProtectRTCP, nativeIn.UnprotectRTCP, pionIn.UnprotectRTCP)
				}
			})
		}
	}
	if supported != 8*4 {
		t.Errorf("%d combinations", supported)
	}
}

type seal func([]byte, int) (int, error)
type open func([]byte) (int, error)

func compare(t *testing.T, buf []byte, n int, sealA, sealB seal, openA, openB open) {
	t.Helper()
	plain, a, b := bytes.Clone(buf[:n]), bytes.Clone(buf), bytes.Clone(buf)
	na, errA := sealA(a, n)
	nb, errB := sealB(b, n)
	if errA != nil || errB != nil || !bytes.Equal(a[:na], b[:nb]) {
		t.Fatalf("%v, %v:\n%x\n%x", errA, errB, a[:na], b[:nb])
	}
	sealed := na
	na, errA = openA(b[:nb])
	nb, errB = openB(a[:sealed])
	if errA != nil || errB != nil || !bytes.Equal(b[:na], plain) || !bytes.Equal(a[:nb], plain) {
		t.Fatalf("back: %v, %v", errA, errB)
	}
}

func TestUnsupported(t *testing.T) {
	for _, s := range []srtp.Suite{srtp.AES192SHA180, srtp.F8SHA132} {
		if _, pion := contexts(t, s); pion != nil {
			t.Errorf("%v accepted", s)
		}
	}
	if _, pion := contexts(t, srtp.AES128SHA180, srtp.WithSession(srtp.Session{UnauthenticatedRTP: true})); pion != nil {
		t.Error("unauthenticated RTP accepted")
	}
}

// What pion/srtp alone gets wrong: replays, and memory for spoofed SSRCs.
func TestFaultsClosed(t *testing.T) {
	_, out := contexts(t, srtp.AES128SHA180)
	_, in := contexts(t, srtp.AES128SHA180)
	r := rand.New(rand.NewPCG(2, 2))
	buf, n := packet(r, 1, 1)
	n, err := out.Protect(buf, n)
	if err != nil {
		t.Fatal(err)
	}
	again := bytes.Clone(buf[:n])
	if _, err := in.Unprotect(buf[:n]); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Unprotect(again); err != srtp.ErrReplay {
		t.Errorf("replay: %v", err)
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	spoofed, rtcp := bytes.Clone(again), make([]byte, 60)
	rtcp[0], rtcp[1] = 0x80, 200
	before := heap()
	for i := range uint32(200_000) {
		binary.BigEndian.PutUint32(spoofed[8:], i+10)
		binary.BigEndian.PutUint32(rtcp[4:], i+10)
		if _, err := in.Unprotect(spoofed); err != srtp.ErrAuth {
			t.Fatal(err)
		}
		if _, err := in.UnprotectRTCP(rtcp); err != srtp.ErrAuth {
			t.Fatal(err)
		}
	}
	if after := heap(); after > before+64<<10 {
		t.Errorf("heap grew from %d to %d", before, after)
	}
}

func Example() {
	key, salt := make([]byte, 16), make([]byte, 12)
	out, err := srtp.NewContext(srtp.GCM128, key, salt, srtp.WithEngine(pionsrtp.New))
	if err != nil {
		panic(err)
	}
	in, err := srtp.NewContext(srtp.GCM128, key, salt)
	if err != nil {
		panic(err)
	}
	buf := make([]byte, 100)
	n, err := out.Protect(buf, copy(buf, "\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01hello"))
	if err != nil {
		panic(err)
	}
	n, err = in.Unprotect(buf[:n])
	fmt.Printf("%s, %v\n", buf[12:n], err)
	// Output: hello, <nil>
}
