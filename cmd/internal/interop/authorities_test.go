//go:build interop

package interop

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestReloadAuthorities: at SIGHUP an lb trusts the clients of another authority
// in place of those it trusted so far; who is connected stays connected.
func TestReloadAuthorities(t *testing.T) {
	port := freePorts(t, 1)
	e := newEdge(t, fmt.Sprintf("    - {protocol: tls, addr: 127.0.0.1:%d}", port))
	first, second := t.TempDir(), t.TempDir()
	authority(t, first, "client")
	authority(t, second, "client")
	trust := func(dir string) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(e.dir, "ca.pem"), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trust(first)
	e.configure(t, fmt.Sprintf("    - {protocol: tls, addr: 127.0.0.1:%d, client_certificate: require}", port), "  client_ca: ca.pem")
	e.restart(t)
	dial := func(dir string) (*tls.Conn, bool) {
		t.Helper()
		cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key"))
		if err != nil {
			t.Fatal(err)
		}
		c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{Certificates: []tls.Certificate{cert}, InsecureSkipVerify: true}) //nolint:gosec // self-signed
		if err != nil {
			return nil, false
		}
		t.Cleanup(func() { _ = c.Close() })
		return c, pong(c)
	}
	old, ok := dial(first)
	if !ok {
		t.Fatal("the first client is not let in")
	}
	if _, ok := dial(second); ok {
		t.Fatal("a client of another authority is let in")
	}
	trust(second)
	_ = e.cmd.Process.Signal(syscall.SIGHUP)
	eventually(t, patience, func() error {
		if _, ok := dial(second); !ok {
			return fmt.Errorf("not let in\n%s", tail(e.output()))
		}
		return nil
	})
	if _, ok := dial(first); ok {
		t.Error("a client of the authority of before is let in")
	}
	if !pong(old) {
		t.Error("the connection of before is closed")
	}
}

// pong is a keep-alive of RFC 5626 answered.
func pong(c *tls.Conn) bool {
	_ = c.SetDeadline(time.Now().Add(3 * time.Second))
	if _, err := io.WriteString(c, "\r\n\r\n"); err != nil {
		return false
	}
	b := make([]byte, 2)
	_, err := io.ReadFull(c, b)
	return err == nil && string(b) == "\r\n"
}
