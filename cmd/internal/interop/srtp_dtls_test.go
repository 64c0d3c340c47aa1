//go:build interop

package interop

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/media/srtp"
	"github.com/class5-go/class5/media/srtp/dtlssrtp"
)

// opensslCertificate makes a key and a certificate with openssl.
func opensslCertificate(t *testing.T) (cert, key string, fingerprint dtlssrtp.Fingerprint) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if out, err := exec.CommandContext(t.Context(), "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
		"-nodes", "-keyout", key, "-out", cert, "-subj", "/CN=peer", "-days", "2").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dtlssrtp.CertificateFrom(pair)
	if err != nil {
		t.Fatal(err)
	}
	if fingerprint, err = c.Fingerprint("sha-256"); err != nil {
		t.Fatal(err)
	}
	return cert, key, fingerprint
}

// opensslRun starts openssl and gives the keying material that it prints.
func opensslRun(t *testing.T, args ...string) func() []byte {
	t.Helper()
	cmd := exec.Command("openssl", args...)
	stdin, err := cmd.StdinPipe() // openssl ends with its input
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found := make(chan []byte, 1)
	var reader sync.WaitGroup
	reader.Go(func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if _, material, ok := strings.Cut(lines.Text(), "Keying material: "); ok {
				b, _ := hex.DecodeString(strings.TrimSpace(material))
				select {
				case found <- b:
				default:
				}
			}
		}
		_, _ = io.Copy(io.Discard, stdout)
	})
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Process.Kill()
		reader.Wait()
		_ = cmd.Wait()
	})
	return func() []byte {
		select {
		case b := <-found:
			return b
		case <-time.After(10 * time.Second):
			t.Fatal("openssl shows no keying material")
			return nil
		}
	}
}

// dtlsPump pushes what a socket receives into an association.
func dtlsPump(t *testing.T, socket *net.UDPConn, peer func(net.Addr), push func([]byte) bool) {
	var reader sync.WaitGroup
	reader.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := socket.ReadFromUDP(buf)
			if err != nil {
				return
			}
			peer(from)
			push(buf[:n])
		}
	})
	t.Cleanup(func() { socket.Close(); reader.Wait() })
}

// A handshake with OpenSSL in both roles gives both sides the same keys.
func TestDTLSSRTPWithOpenSSL(t *testing.T) {
	cert, key, theirs := opensslCertificate(t)
	ours, err := dtlssrtp.GenerateCertificate(time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	profiles := map[srtp.Suite]string{
		srtp.AES128SHA180: "SRTP_AES128_CM_SHA1_80", srtp.AES128SHA132: "SRTP_AES128_CM_SHA1_32",
		srtp.GCM128: "SRTP_AEAD_AES_128_GCM", srtp.GCM256: "SRTP_AEAD_AES_256_GCM",
	}
	for suite, profile := range profiles {
		for _, role := range []dtlssrtp.Role{dtlssrtp.Active, dtlssrtp.Passive} {
			t.Run(fmt.Sprint(suite, "/", role), func(t *testing.T) {
				socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
				if err != nil {
					t.Fatal(err)
				}
				length := 2 * (suite.KeyLen() + suite.SaltLen())
				args := []string{"-dtls1_2", "-cert", cert, "-key", key, "-use_srtp", profile,
					"-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", strconv.Itoa(length)}
				var peer net.Addr
				var mu sync.Mutex
				learn := func(a net.Addr) { mu.Lock(); peer = a; mu.Unlock() }
				var material func() []byte
				if role == dtlssrtp.Active {
					port := dtlsPort(t)
					learn(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
					material = opensslRun(t, append([]string{"s_server", "-4", "-Verify", "1", "-port", strconv.Itoa(port)}, args...)...)
				}
				a, err := dtlssrtp.Start(context.Background(), dtlssrtp.Config{
					Role: role, Certificate: ours, Fingerprints: []dtlssrtp.Fingerprint{theirs}, Repeat: 200 * time.Millisecond,
					Send: func(b []byte) error {
						mu.Lock()
						defer mu.Unlock()
						_, err := socket.WriteTo(b, peer)
						return err
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(a.Close)
				dtlsPump(t, socket, learn, a.Push)
				if role == dtlssrtp.Passive {
					material = opensslRun(t, append([]string{"s_client", "-4", "-connect", socket.LocalAddr().String()}, args...)...)
				}
				keys, err := a.Keys(t.Context())
				if err != nil || keys.Suite != suite {
					t.Fatalf("%v, %v", keys.Suite, err)
				}
				client, server := keys.Local, keys.Remote
				if role == dtlssrtp.Passive {
					client, server = server, client
				}
				want := string(client.Key) + string(server.Key) + string(client.Salt) + string(server.Salt)
				if got := material(); string(got) != want {
					t.Errorf("openssl has %d octets of other keys", len(got))
				}
			})
		}
	}
}

func dtlsPort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}
