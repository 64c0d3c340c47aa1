//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/srtp"
)

// libsrtp is a process around libsrtp2.
type libsrtp struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// buildLibsrtp compiles the filter.
func buildLibsrtp(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "peer")
	if out, err := exec.CommandContext(t.Context(), "gcc", "-O1", "-o", bin, "testdata/srtp/peer.c", "-lsrtp2").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

func startLibsrtp(t *testing.T, bin string, args ...string) *libsrtp {
	t.Helper()
	cmd := exec.Command(bin, args...) // ends when its input does
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("libsrtp: %v", err)
		}
	})
	return &libsrtp{in: in, out: bufio.NewReader(out)}
}

func (l *libsrtp) do(op string, pkt []byte) ([]byte, error) {
	if _, err := fmt.Fprintf(l.in, "%s %x\n", op, pkt); err != nil {
		return nil, err
	}
	line, err := l.out.ReadString('\n')
	if err != nil {
		return nil, err
	}
	if line = strings.TrimSpace(line); strings.HasPrefix(line, "error") {
		return nil, errors.New("libsrtp: " + line)
	}
	return hex.DecodeString(line)
}

// srtpKey is a key and a salt for a suite, the same each time.
func srtpKey(s srtp.Suite) (key, salt []byte) {
	b := make([]byte, s.KeyLen()+s.SaltLen())
	for i := range b {
		b[i] = byte(31*i + int(s))
	}
	return b[:s.KeyLen()], b[s.KeyLen():]
}

func srtpContext(t *testing.T, s srtp.Suite, opts ...srtp.Option) *srtp.Context {
	t.Helper()
	key, salt := srtpKey(s)
	c, err := srtp.NewContext(s, key, salt, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func srtpPlain(seq uint16, payload int) []byte {
	b := make([]byte, 12+payload)
	b[0], b[1] = 0x80, 8
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[8:], 0x1234567)
	for i := range payload {
		b[12+i] = byte(i) ^ byte(seq)
	}
	return b
}

func srtpReport() []byte {
	b := make([]byte, 28)
	b[0], b[1], b[3] = 0x80, 200, 6
	binary.BigEndian.PutUint32(b[4:], 0x1234567)
	return b
}

// srtpSealed runs a method of a context that protects.
func srtpSealed(t *testing.T, do func([]byte, int) (int, error), pkt []byte) []byte {
	t.Helper()
	buf := append(bytes.Clone(pkt), make([]byte, srtp.MaxOverhead)...)
	n, err := do(buf, len(pkt))
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// Every suite that libsrtp has, from before a wrap to after it, both ways; the
// middle of the stream is taken over by new contexts of ours.
func TestLibsrtp(t *testing.T) {
	bin := buildLibsrtp(t)
	for _, s := range srtp.Suites() {
		switch s {
		case srtp.F8SHA180, srtp.F8SHA132, srtp.NullSHA132:
			continue // not in libsrtp
		case srtp.AES192SHA180, srtp.AES192SHA132:
			// libsrtp 2.5 derives their keys with a key of 256 bits, against RFC 6188
			// section 3.
			continue
		}
		for _, clear := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v/clear RTCP %v", s, clear), func(t *testing.T) {
				libsrtpStream(t, bin, s, clear)
			})
		}
	}
}

func libsrtpStream(t *testing.T, bin string, s srtp.Suite, clear bool) {
	key, salt := srtpKey(s)
	args := []string{s.String(), hex.EncodeToString(append(bytes.Clone(key), salt...))}
	opts := []srtp.Option{srtp.WithSession(srtp.Session{UnencryptedRTCP: clear})}
	if clear {
		args = append(args, "clear-rtcp")
	}
	peer := startLibsrtp(t, bin, args...)
	out, in := srtpContext(t, s, opts...), srtpContext(t, s, opts...)
	for i := range 400 {
		if i == 200 { // after the wrap
			out.Retire()
			for _, c := range []**srtp.Context{&out, &in} {
				heir := srtpContext(t, s, opts...)
				if err := heir.Import((*c).Export(nil)); err != nil {
					t.Fatal(err)
				}
				*c = heir
			}
		}
		plain := srtpPlain(uint16(65400+i), 160+i%7)
		got, err := peer.do("u", srtpSealed(t, out.Protect, plain))
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("packet %d to libsrtp: %v", i, err)
		}
		if got, err = peer.do("p", plain); err != nil {
			t.Fatal(err)
		}
		if n, err := in.Unprotect(got); err != nil || !bytes.Equal(got[:n], plain) {
			t.Fatalf("packet %d from libsrtp: %v", i, err)
		}
		if i%20 != 0 {
			continue
		}
		report := srtpReport()
		if got, err = peer.do("U", srtpSealed(t, out.ProtectRTCP, report)); err != nil || !bytes.Equal(got, report) {
			t.Fatalf("report %d to libsrtp: %v", i, err)
		}
		if got, err = peer.do("P", report); err != nil {
			t.Fatal(err)
		}
		if n, err := in.UnprotectRTCP(got); err != nil || !bytes.Equal(got[:n], report) {
			t.Fatalf("report %d from libsrtp: %v", i, err)
		}
	}
}
