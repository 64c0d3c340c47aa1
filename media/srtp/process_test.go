package srtp

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMain is the second process when it is told so.
func TestMain(m *testing.M) {
	if os.Getenv("SRTP_TEST_HEIR") == "" {
		os.Exit(m.Run())
	}
	if err := heir(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// heir takes over a sender and a receiver whose states come on standard input,
// protects 400 packets, then opens those that follow the states.
func heir() error {
	lines := bufio.NewScanner(os.Stdin)
	next := func() []byte {
		lines.Scan()
		b, _ := hex.DecodeString(lines.Text())
		return b
	}
	suite := Suite(next()[0])
	key, salt := keyFor(suite)
	var contexts [2]*Context
	for i := range contexts {
		var err error
		if contexts[i], err = NewContext(suite, key, salt); err != nil {
			return err
		}
		if err := contexts[i].Import(next()); err != nil {
			return err
		}
	}
	last, _ := contexts[0].Index(9)
	for i := range uint16(400) {
		buf, n := packet(9, uint16(last)+1+i)
		n, err := contexts[0].Protect(buf, n)
		if err != nil {
			return err
		}
		fmt.Println(hex.EncodeToString(buf[:n]))
	}
	for range 400 {
		if _, err := contexts[1].Unprotect(next()); err != nil {
			return err
		}
	}
	fmt.Println("done")
	return nil
}

// A stream from sequence 65400 goes on in another process after its wrap, on
// the sending and on the receiving side: no packet fails.
func TestTakeOverInSecondProcess(t *testing.T) {
	for _, s := range []Suite{AES128SHA180, GCM256, F8SHA132} {
		out, in := newContext(t, s), newContext(t, s)
		for i := range uint16(400) {
			mustOpen(t, in, protected(t, out, 9, 65400+i), 9, 65400+i)
		}
		var input bytes.Buffer
		fmt.Fprintf(&input, "%x\n%x\n%x\n", []byte{byte(s)}, out.Export(nil), in.Export(nil))
		next := uint16(65800 - 65536)
		for i := range uint16(400) {
			fmt.Fprintf(&input, "%x\n", protected(t, out, 9, next+i))
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "SRTP_TEST_HEIR=1")
		cmd.Stdin = &input
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		output, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v, %s", s, err, stderr.String())
		}
		lines := strings.Fields(string(output))
		if len(lines) != 401 || lines[400] != "done" {
			t.Fatalf("%v: %d lines", s, len(lines))
		}
		for i, line := range lines[:400] {
			mustOpen(t, in, unhex(t, line), 9, next+uint16(i))
		}
	}
}
