//go:build linux

package fdpass_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/internal/fdpass"
)

// pair is a connection.
func pair(t *testing.T) (a, b *fdpass.Conn) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	x, err := net.DialUnix("unix", nil, l.Addr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	y, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close(); _ = y.Close() })
	return fdpass.New(x), fdpass.New(y)
}

// TestMessages: messages of all sizes arrive with their descriptors, which are
// the files that were meant.
func TestMessages(t *testing.T) {
	a, b := pair(t)
	if err := errors.Join(a.Check(), b.Check()); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var files []*os.File
	for i := range 450 {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	sizes := []struct{ octets, fds int }{{0, 0}, {0, 1}, {10, 0}, {1 << 20, 3}, {5, 200}, {5, 201}, {5, 450}, {1, 1}}
	sent := make(chan error, 1)
	go func() {
		var errs []error
		for _, s := range sizes {
			var fds []int
			for _, f := range files[:s.fds] {
				fds = append(fds, int(f.Fd()))
			}
			errs = append(errs, a.Send([]byte(strings.Repeat("x", s.octets)), fds...))
		}
		sent <- errors.Join(append(errs, a.Close())...)
	}()
	for _, s := range sizes {
		m, fds, err := b.Receive()
		if err != nil || len(m) != s.octets || len(fds) != s.fds {
			t.Fatalf("%d octets, %d descriptors, %v; want %+v", len(m), len(fds), err, s)
		}
		for i, fd := range fds {
			f := os.NewFile(uintptr(fd), "")
			is, err := f.Stat()
			want, _ := files[i].Stat()
			if err != nil || !os.SameFile(is, want) {
				t.Errorf("descriptor %d is another file: %v", i, err)
			}
			_ = f.Close()
		}
	}
	if _, _, err := b.Receive(); err == nil {
		t.Error("a message behind the end")
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// TestMalformed: what announces too much, or fewer descriptors than come, ends
// with an error and leaves none open.
func TestMalformed(t *testing.T) {
	for name, raw := range map[string]string{
		"message too long":      "\xff\xff\xff\xff\x00\x00\x00\x00",
		"too many descriptors":  "\x00\x00\x00\x00\xff\x00\x00\x00",
		"descriptors missing":   "\x00\x00\x00\x01\x00\x00\x00\x02\x02x",
		"cut in the header":     "\x00\x00",
		"cut in the message":    "\x00\x00\x00\x09\x00\x00\x00\x00x",
		"cut before descriptor": "\x00\x00\x00\x09\x00\x00\x00\x01",
	} {
		a, b := pair(t)
		if _, err := a.Unix().Write([]byte(raw)); err != nil {
			t.Fatal(err)
		}
		_ = a.Close()
		if _, fds, err := b.Receive(); err == nil || fds != nil {
			t.Errorf("%s: %v, %v", name, fds, err)
		}
	}
	a, b := pair(t)
	if _, err := a.Unix().Write([]byte("\x00\x00\x00\x00\x00\x00\x00\x02")); err != nil {
		t.Fatal(err)
	}
	p := make([]int, 2)
	if err := unix.Pipe2(p, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Unix().WriteMsgUnix([]byte{2}, unix.UnixRights(p[1]), nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Receive(); !errors.Is(err, fdpass.ErrMessage) {
		t.Error(err)
	}
	_ = unix.Close(p[1])
	if n, err := unix.Read(p[0], make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("the descriptor stayed open: %d, %v", n, err)
	}
	_ = unix.Close(p[0])
}

func Example() {
	dir, err := os.MkdirTemp("", "fdpass")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	go func() {
		c, err := net.DialUnix("unix", nil, l.Addr().(*net.UnixAddr))
		if err == nil {
			err = fdpass.New(c).Send([]byte("my standard error"), int(os.Stderr.Fd()))
		}
		if err != nil {
			fmt.Println(err)
		}
	}()
	c, err := l.AcceptUnix()
	if err != nil {
		fmt.Println(err)
		return
	}
	message, fds, err := fdpass.New(c).Receive()
	fmt.Println(string(message), len(fds), err)
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
	// Output: my standard error 1 <nil>
}
