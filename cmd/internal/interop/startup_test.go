//go:build interop

package interop

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// refused runs the carrier with a mistake in its command line and returns the
// one line that it says about it.
func (c *carrier) refused(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := c.tried(t, args...)
	if code != 2 || stdout != "" {
		t.Errorf("exit code %d, standard output %q, standard error %q", code, stdout, stderr)
	}
	if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "carrier: ") || len(stderr) > 300 {
		t.Errorf("not one line for a person: %q", stderr)
	}
	return stderr
}

func (c *carrier) tried(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(built.path(t, "cmd/carrier"), c.flags(args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	late.Stop()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// TestBadCommandLine: what an operator can mend is one clear line and exit
// code 2; what was wrong is in the line.
func TestBadCommandLine(t *testing.T) {
	c := newCarrier(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, "class5.db"), []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"unknown flag", []string{"--colour"}, "colour"},
		{"no number", []string{"--sip-port", "x"}, "sip-port"},
		{"no port", []string{"--sip-port", "70000"}, "--sip-port"},
		{"negative port", []string{"--internal-port", "-7"}, "--internal-port"},
		{"media range", []string{"--rtp-min", "40000", "--rtp-max", "30000"}, "--rtp-max"},
		{"argument", []string{"start"}, `"start"`},
		{"address", []string{"--address", "here"}, "--address"},
		{"foreign address", []string{"--address", "203.0.113.77"}, "not an address of this machine"},
		{"advertised address", []string{"--advertise", "there"}, "--advertise"},
		{"other family", []string{"--advertise", "2001:db8::1"}, "2001:db8::1"},
		{"domain", []string{"--domain", "a b"}, "--domain"},
		{"log level", []string{"--log", "loud"}, "loud"},
		{"web", []string{"--web", "nowhere"}, "web listener nowhere"},
		{"admin", []string{"--admin", "127.0.0.1:99999"}, "admin listener 127.0.0.1:99999"},
		{"no data", []string{"--data", ""}, "--data"},
		{"data is a file", []string{"--data", file}, "data directory"},
		{"data below a file", []string{"--data", filepath.Join(file, "below")}, "data directory"},
		{"read-only", []string{"--data", "/proc/class5"}, "data directory"},
		{"damaged database", []string{"--data", damaged}, "not a database"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if line := c.refused(t, tc.args...); !strings.Contains(line, tc.want) {
				t.Errorf("%q does not say %q", line, tc.want)
			}
		})
	}
}

// TestPortsInUse: each listener names what it could not have, and a first
// start that failed so has not yet made passwords that nobody would see.
func TestPortsInUse(t *testing.T) {
	c := newCarrier(t)
	for name, port := range map[string]int{"sip": c.sip, "tls": c.tls, "ws": c.ws, "wss": c.ws + 1, "web": c.web, "admin": c.adm} {
		t.Run(name+" tcp", func(t *testing.T) {
			addr := fmt.Sprintf("127.0.0.1:%d", port)
			l, err := net.Listen("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			c.inUse(t, addr)
		})
	}
	for name, port := range map[string]int{"sip": c.sip, "edge": c.internal, "proxy": c.internal + 2, "announce": c.internal + 4} {
		t.Run(name+" udp", func(t *testing.T) {
			addr := fmt.Sprintf("127.0.0.1:%d", port)
			l, err := net.ListenPacket("udp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			c.inUse(t, addr)
		})
	}
	c.run(t, "--demo")
	if c.admin == "" || c.alice.password == "" || c.bob.password == "" {
		t.Errorf("the first start that succeeds shows no passwords:\n%s", c.output())
	}
	t.Run("data in use", func(t *testing.T) {
		other := newCarrier(t)
		if line := other.refused(t, "--data", c.data); !strings.Contains(line, "in use") && !strings.Contains(line, "lock") {
			t.Errorf("%q", line)
		}
	})
}

func (c *carrier) inUse(t *testing.T, addr string) {
	t.Helper()
	if line := c.refused(t, "--demo"); !strings.Contains(line, "port in use") || !strings.Contains(line, addr) {
		t.Errorf("%q does not say that port %s is in use", line, addr)
	}
}

func TestHelp(t *testing.T) {
	code, _, stderr := newCarrier(t).tried(t, "--help")
	if code != 0 || !strings.Contains(stderr, "usage: carrier") || !strings.Contains(stderr, "-demo") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
