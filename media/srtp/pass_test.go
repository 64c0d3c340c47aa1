package srtp_test

import (
	"bytes"
	"testing"

	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/srtp"
)

// TestPassed: packets go by undecrypted over a wrap; then they are opened and
// sealed again, and the receiver does not notice.
func TestPassed(t *testing.T) {
	k, salt := bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 14)
	var ctx [4]*srtp.Context
	for i := range ctx {
		c, err := srtp.NewContext(srtp.AES128SHA180, k, salt)
		if err != nil {
			t.Fatal(err)
		}
		ctx[i] = c
	}
	sender, in, out, receiver := ctx[0], ctx[1], ctx[2], ctx[3]
	buf := make([]byte, 200)
	for n := range 70000 {
		p := rtpwire.Header{Sequence: uint16(65000 + n), SSRC: 9}.Append(buf[:0])
		size, err := sender.Protect(buf, len(p)+20)
		if err != nil {
			t.Fatal(err)
		}
		if n%100 < 99 || n < 69000 {
			in.Passed(buf[:size], false)
			out.Passed(buf[:size], true)
		} else {
			if size, err = in.Unprotect(buf[:size]); err == nil {
				size, err = out.Protect(buf, size)
			}
			if err != nil {
				t.Fatalf("packet %d: %v", n, err)
			}
		}
		if _, err := receiver.Unprotect(buf[:size]); err != nil {
			t.Fatalf("packet %d at the receiver: %v", n, err)
		}
	}
	report := (&rtpwire.Report{SSRC: 9}).Append(buf[:0])
	for n := range 5 {
		size, err := sender.ProtectRTCP(buf, copy(buf, report[:len(report):len(report)]))
		if err != nil {
			t.Fatal(err)
		}
		if n < 3 {
			in.PassedRTCP(buf[:size], false)
			out.PassedRTCP(buf[:size], true)
		} else if size, err = in.UnprotectRTCP(buf[:size]); err == nil {
			size, err = out.ProtectRTCP(buf, size)
		}
		if err != nil {
			t.Fatalf("report %d: %v", n, err)
		}
		if size, err = receiver.UnprotectRTCP(buf[:size]); err != nil {
			t.Fatalf("report %d at the receiver: %v", n, err)
		}
		report = append([]byte(nil), buf[:size]...)
	}
	in.Passed(nil, false)
	in.PassedRTCP(nil, false)
	if in.SSRCs() != 1 || out.SSRCs() != 1 {
		t.Error("more than one SSRC")
	}
}
