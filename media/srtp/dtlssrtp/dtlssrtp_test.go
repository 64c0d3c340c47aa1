package dtlssrtp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/class5-go/class5/media/srtp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func certificate(t testing.TB) Certificate {
	t.Helper()
	c, err := GenerateCertificate(time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fingerprint(t testing.TB, c Certificate, hash string) []Fingerprint {
	t.Helper()
	f, err := c.Fingerprint(hash)
	if err != nil {
		t.Fatal(err)
	}
	return []Fingerprint{f}
}

// pair starts two associations whose datagrams go to each other; lose says
// which are lost.
func pair(t *testing.T, active, passive Config, lose func() bool) (a, p *Association) {
	t.Helper()
	var to [2]atomic.Pointer[Association]
	through := func(i int) func([]byte) error {
		return func(b []byte) error {
			if other := to[i].Load(); other != nil && !lose() {
				other.Push(b)
			}
			return nil
		}
	}
	active.Role, passive.Role = Active, Passive
	active.Send, passive.Send = through(1), through(0)
	var err error
	if p, err = Start(t.Context(), passive); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	to[1].Store(p)
	if a, err = Start(t.Context(), active); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	to[0].Store(a)
	return a, p
}

func never() bool { return false }

func keysOf(t *testing.T, a *Association) Keys {
	t.Helper()
	k, err := a.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestHandshakeSuites(t *testing.T) {
	ca, cp := certificate(t), certificate(t)
	for _, v := range []struct {
		offered, accepted []srtp.Suite
		want              srtp.Suite
	}{
		{nil, nil, srtp.GCM256},
		{[]srtp.Suite{srtp.GCM128}, nil, srtp.GCM128},
		{nil, []srtp.Suite{srtp.AES128SHA132}, srtp.AES128SHA132},
		{[]srtp.Suite{srtp.AES128SHA180}, []srtp.Suite{srtp.GCM128, srtp.AES128SHA180}, srtp.AES128SHA180},
		{[]srtp.Suite{srtp.NullSHA180}, []srtp.Suite{srtp.NullSHA180}, srtp.NullSHA180},
	} {
		t.Run(v.want.String(), func(t *testing.T) {
			a, p := pair(t,
				Config{Certificate: ca, Fingerprints: fingerprint(t, cp, "sha-256"), Suites: v.offered, Repeat: 100 * time.Millisecond},
				Config{Certificate: cp, Fingerprints: fingerprint(t, ca, "sha-512"), Suites: v.accepted, Repeat: 100 * time.Millisecond}, never)
			ka, kp := keysOf(t, a), keysOf(t, p)
			if ka.Suite != v.want || kp.Suite != v.want {
				t.Fatalf("%v and %v", ka.Suite, kp.Suite)
			}
			if !bytes.Equal(ka.Local.Key, kp.Remote.Key) || !bytes.Equal(ka.Remote.Salt, kp.Local.Salt) || bytes.Equal(ka.Local.Key, ka.Remote.Key) {
				t.Fatal("keys do not fit")
			}
			out, _, err := ka.Contexts()
			if err != nil {
				t.Fatal(err)
			}
			_, in, err := kp.Contexts()
			if err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 200)
			n, err := out.Protect(buf, copy(buf, "\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01hello"))
			if err != nil {
				t.Fatal(err)
			}
			if n, err = in.Unprotect(buf[:n]); err != nil || string(buf[12:n]) != "hello" {
				t.Errorf("%q, %v", buf[:n], err)
			}
		})
	}
}

func TestFingerprintHashes(t *testing.T) {
	ca, cp := certificate(t), certificate(t)
	for _, hash := range []string{"sha-1", "sha-224", "sha-256", "sha-384", "sha-512"} {
		good := fingerprint(t, cp, hash)
		both := append(fingerprint(t, ca, hash), good...) // one of several
		a, _ := pair(t, Config{Certificate: ca, Fingerprints: both, Repeat: 100 * time.Millisecond},
			Config{Certificate: cp, Fingerprints: fingerprint(t, ca, hash), Repeat: 100 * time.Millisecond}, never)
		keysOf(t, a)
	}
}

// TestCertificateMoves: another process shows the same fingerprint.
func TestCertificateMoves(t *testing.T) {
	c := certificate(t)
	b, err := c.Export()
	if err != nil {
		t.Fatal(err)
	}
	moved, err := ImportCertificate(b)
	if err != nil {
		t.Fatal(err)
	}
	was, _ := c.Fingerprint("sha-256")
	if is, err := moved.Fingerprint("sha-256"); err != nil || is.String() != was.String() {
		t.Errorf("%v, was %v: %v", is, was, err)
	}
	if _, err := ImportCertificate(b[:len(b)/2]); err == nil {
		t.Error("half a certificate was read")
	}
}

func TestForeignCertificate(t *testing.T) {
	ca, cp, other := certificate(t), certificate(t), certificate(t)
	for name, v := range map[string][2][]Fingerprint{
		"server": {fingerprint(t, other, "sha-256"), fingerprint(t, ca, "sha-256")},
		"client": {fingerprint(t, cp, "sha-256"), fingerprint(t, other, "sha-256")},
	} {
		a, p := pair(t, Config{Certificate: ca, Fingerprints: v[0], Repeat: 50 * time.Millisecond, Timeout: 2 * time.Second},
			Config{Certificate: cp, Fingerprints: v[1], Repeat: 50 * time.Millisecond, Timeout: 2 * time.Second}, never)
		deceived := map[string]*Association{"server": a, "client": p}[name]
		k, err := deceived.Keys(t.Context())
		if !errors.Is(err, ErrHandshake) || !errors.Is(err, ErrFingerprint) || k.Local.Key != nil {
			t.Errorf("%s: %v", name, err)
		}
		<-deceived.Ended()
	}
}

func TestNoCommonProfile(t *testing.T) {
	ca, cp := certificate(t), certificate(t)
	a, p := pair(t,
		Config{Certificate: ca, Fingerprints: fingerprint(t, cp, "sha-256"), Suites: []srtp.Suite{srtp.GCM128}, Timeout: time.Second},
		Config{Certificate: cp, Fingerprints: fingerprint(t, ca, "sha-256"), Suites: []srtp.Suite{srtp.AES128SHA180}, Timeout: time.Second}, never)
	for _, x := range []*Association{a, p} {
		if _, err := x.Keys(t.Context()); err == nil {
			t.Error("no error")
		}
	}
}

func TestLossyPath(t *testing.T) {
	ca, cp := certificate(t), certificate(t)
	var n atomic.Int32
	lose := func() bool { return n.Add(1)%3 == 0 }
	a, p := pair(t, Config{Certificate: ca, Fingerprints: fingerprint(t, cp, "sha-256"), Repeat: 20 * time.Millisecond},
		Config{Certificate: cp, Fingerprints: fingerprint(t, ca, "sha-256"), Repeat: 20 * time.Millisecond}, lose)
	if !bytes.Equal(keysOf(t, a).Local.Key, keysOf(t, p).Remote.Key) {
		t.Error("keys differ")
	}
}

func TestTimeoutAndClose(t *testing.T) {
	c := certificate(t)
	results := make(chan error, 1)
	config := Config{
		Role: Active, Certificate: c, Fingerprints: fingerprint(t, c, "sha-1"), Timeout: 50 * time.Millisecond,
		Send: func([]byte) error { return errors.New("no route") }, Result: func(_ Keys, err error) { results <- err },
	}
	a, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-results; !errors.Is(err, ErrHandshake) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("timeout: %v", err)
	}
	a.Close()
	a.Close()
	if a.Push([]byte{22}) {
		t.Error("pushed into an association that is over")
	}
	config.Timeout = 0
	if a, err = Start(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	a.Close()
	if err := <-results; !errors.Is(err, ErrHandshake) {
		t.Errorf("closed: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if a, err = Start(ctx, config); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-a.Ended()
}

func TestCloseIsSeenByPeer(t *testing.T) {
	ca, cp := certificate(t), certificate(t)
	a, p := pair(t, Config{Certificate: ca, Fingerprints: fingerprint(t, cp, "sha-256")},
		Config{Certificate: cp, Fingerprints: fingerprint(t, ca, "sha-256")}, never)
	keysOf(t, a)
	keysOf(t, p)
	a.Close()
	select {
	case <-p.Ended():
	case <-time.After(5 * time.Second):
		t.Error("the peer goes on")
	}
}

func TestPushIsBounded(t *testing.T) {
	c := certificate(t)
	a, err := Start(t.Context(), Config{
		Role: Passive, Certificate: c, Fingerprints: fingerprint(t, c, "sha-256"), Queue: 4,
		Send: func([]byte) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, b := range [][]byte{nil, {0x80}, {0}, make([]byte, MaxDatagram+1)} {
		if a.Push(b) {
			t.Errorf("%d octets taken", len(b))
		}
	}
	dropped := 0
	junk := append([]byte{22, 254, 253}, make([]byte, 500)...)
	for range 10_000 {
		if !a.Push(junk) {
			dropped++
		}
	}
	if dropped == 0 {
		t.Error("nothing dropped of 10,000 at once")
	}
}

func TestConfigErrors(t *testing.T) {
	c := certificate(t)
	good := Config{Role: Active, Certificate: c, Fingerprints: fingerprint(t, c, "sha-256"), Send: func([]byte) error { return nil }}
	for name, change := range map[string]func(*Config){
		"role":         func(c *Config) { c.Role = 0 },
		"fingerprints": func(c *Config) { c.Fingerprints = nil },
		"send":         func(c *Config) { c.Send = nil },
		"certificate":  func(c *Config) { c.Certificate = Certificate{} },
		"suite":        func(c *Config) { c.Suites = []srtp.Suite{srtp.F8SHA180} },
	} {
		bad := good
		change(&bad)
		if _, err := Start(t.Context(), bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := CertificateFrom(tls.Certificate{}); err == nil {
		t.Error("empty certificate")
	}
	if again, err := CertificateFrom(c.tls); err != nil || !slices.Equal(fingerprint(t, again, "sha-1")[0].Digest, fingerprint(t, c, "sha-1")[0].Digest) {
		t.Error(err)
	}
}

func TestParseFingerprint(t *testing.T) {
	c := certificate(t)
	for hash, length := range map[string]int{"sha-1": 59, "sha-256": 95} {
		f := fingerprint(t, c, hash)[0]
		s := f.String()
		if len(s) != len(hash)+1+length {
			t.Errorf("%s: %d characters", hash, len(s))
		}
		for _, in := range []string{s, strings.ToLower(s), strings.ToUpper(s), " " + s + " "} {
			back, err := ParseFingerprint(in)
			if err != nil || back.String() != s || !back.Matches(c.tls.Certificate[0]) {
				t.Errorf("%q: %v", in, err)
			}
		}
	}
	good := fingerprint(t, c, "sha-1")[0].String()
	for _, bad := range []string{"", "sha-1", "md5 " + good[6:], good[:len(good)-1], good + ":AA", "sha-256" + good[5:],
		strings.Replace(good, ":", "-", 1), good[:len(good)-1] + "G"} {
		if _, err := ParseFingerprint(bad); !errors.Is(err, ErrFingerprint) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParseFingerprint(f *testing.F) {
	f.Add("sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseFingerprint(s)
		if err != nil {
			return
		}
		if q, err := ParseFingerprint(p.String()); err != nil || q.String() != p.String() {
			t.Errorf("%q: %v", p.String(), err)
		}
	})
}

func TestSetup(t *testing.T) {
	for in, want := range map[string]Role{"actpass": Passive, "ACTIVE": Passive, "passive": Active, "": Passive} {
		if got, err := AnswerSetup(in, Passive); err != nil || got != want {
			t.Errorf("offer %q: %v, %v", in, got, err)
		}
	}
	if got, _ := AnswerSetup(ActPass, Active); got != Active || got.String() != "active" || Passive.String() != "passive" {
		t.Error("preference")
	}
	for in, want := range map[string]Role{"active": Passive, "passive": Active, "": Active} {
		if got, err := AnsweredSetup(in); err != nil || got != want {
			t.Errorf("answer %q: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"actpass", "holdconn", "x"} {
		if _, err := AnsweredSetup(in); !errors.Is(err, ErrSetup) {
			t.Errorf("answer %q: %v", in, err)
		}
	}
	if _, err := AnswerSetup("holdconn", Active); !errors.Is(err, ErrSetup) {
		t.Error("holdconn")
	}
	if a, b := NewTLSID(), NewTLSID(); !ValidTLSID(a) || a == b {
		t.Error(a, b)
	}
	for _, bad := range []string{"", strings.Repeat("a", 19), strings.Repeat("a", 256), strings.Repeat("a", 20) + "="} {
		if ValidTLSID(bad) {
			t.Errorf("%q", bad)
		}
	}
}
