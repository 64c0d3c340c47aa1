package sftp_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sftp"
)

// server is Debian's sshd on a port of its own, and a user of it.
type server struct {
	address string
	dir     string
	host    ssh.PublicKey
	signer  ssh.Signer
}

func key(t testing.TB, file string) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func start(t testing.TB) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{dir: filepath.Join(dir, "files")}
	s.host = key(t, filepath.Join(dir, "host")).PublicKey()
	s.signer = key(t, filepath.Join(dir, "user"))
	if err := errors.Join(os.Mkdir(s.dir, 0o700), os.WriteFile(filepath.Join(dir, "authorized"), ssh.MarshalAuthorizedKey(s.signer.PublicKey()), 0o600)); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(s.address)
	config := fmt.Sprintf("Port %s\nListenAddress 127.0.0.1\nHostKey %s/host\nAuthorizedKeysFile %s/authorized\nStrictModes no\nUsePAM no\n"+
		"PidFile none\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n", port, dir, dir)
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 { // sshd wants this directory when it is root's
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", filepath.Join(dir, "config"))
	var out strings.Builder
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	})
	for range 200 {
		if c, err := net.Dial("tcp", s.address); err == nil {
			c.Close()
			return s
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("sshd does not answer")
	return nil
}

func (s *server) sink(t testing.TB, dial func(context.Context, string, string) (net.Conn, error)) *sftp.Sink {
	t.Helper()
	name := os.Getenv("USER")
	if os.Getuid() == 0 {
		name = "root"
	}
	k, err := sftp.New(sftp.Config{
		Address: s.address, User: name, Auth: []ssh.AuthMethod{ssh.PublicKeys(s.signer)}, HostKey: ssh.FixedHostKey(s.host), Root: s.dir, Dial: dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// cut ends a connection after so many bytes were written to it.
type cut struct {
	net.Conn
	left *atomic.Int64
}

func (c cut) Write(b []byte) (int, error) {
	if c.left.Add(-int64(len(b))) < 0 {
		c.Close()
	}
	return c.Conn.Write(b)
}

// TestSSHD: connections that end anywhere leave no file that is not whole, and
// the next attempt makes it so.
func TestSSHD(t *testing.T) {
	s := start(t)
	content := []byte(strings.Repeat("0123456789abcdef", 20_000))
	const name = "r1/202605/04/file.cdr"
	final := filepath.Join(s.dir, name)
	var failed int
	for at := int64(2_000); at < 400_000; at += 40_000 {
		var left atomic.Int64
		left.Store(at)
		k := s.sink(t, func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, address)
			return cut{c, &left}, err
		})
		if err := k.Put(t.Context(), name, content); err != nil {
			failed++
		}
		if b, err := os.ReadFile(final); err == nil && string(b) != string(content) {
			t.Fatalf("%d bytes under the final name", len(b))
		}
	}
	if failed == 0 {
		t.Error("no connection was cut")
	}
	k := s.sink(t, nil)
	for range 2 {
		if err := k.Put(t.Context(), name, content); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(final); err != nil || string(b) != string(content) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(final), ".*")); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	if err := k.Put(t.Context(), name, []byte("other")); !errors.Is(err, ship.ErrExists) {
		t.Errorf("%v", err)
	}
	if err := k.Put(t.Context(), "../x", nil); !errors.Is(err, ship.ErrName) {
		t.Errorf("%v", err)
	}
	s.host = s.signer.PublicKey()
	if err := s.sink(t, nil).Put(t.Context(), "y", nil); err == nil {
		t.Error("a server with another key was taken")
	}
}

func TestConfig(t *testing.T) {
	if _, err := sftp.New(sftp.Config{Address: "x:22", User: "u", Auth: []ssh.AuthMethod{ssh.Password("p")}}); err == nil {
		t.Error("no check of the host key")
	}
}

func ExampleNew() {
	_, err := sftp.New(sftp.Config{Address: "files.example.net:22", User: "cdr", Auth: []ssh.AuthMethod{ssh.Password("secret")}})
	fmt.Println(err)
	// Output: sftp: address, user, a way to log in and a check of the host key are required
}
