package record_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/class5-go/class5/media/record"
)

// listener accepts one connection and returns what came.
func listener(t *testing.T, cfg *tls.Config) (addr string, got chan []byte) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	got = make(chan []byte, 1)
	go func() {
		defer close(got)
		c, err := l.Accept()
		if err != nil {
			return
		}
		if cfg != nil {
			c = tls.Server(c, cfg)
		}
		b, _ := io.ReadAll(c)
		c.Close()
		got <- b
	}()
	return l.Addr().String(), got
}

func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: roots}
}

func TestForward(t *testing.T) {
	server, client := certificate(t)
	for name, c := range map[string]struct{ server, client *tls.Config }{"tcp": {}, "tls": {server, client}} {
		t.Run(name, func(t *testing.T) {
			addr, got := listener(t, c.server)
			sink, err := record.Forward{Addr: addr, TLS: c.client, Metadata: "call=1"}.Sink()
			if err != nil {
				t.Fatal(err)
			}
			b := newBench(t, record.Config{})
			rec := b.start(record.Spec{Sinks: []record.Sink{sink}}, record.Stream{Payloads: []record.Payload{linear(8000, 1)}})
			for i := range 10 {
				rec.Packet(0, caller, relay, rtp(1, uint16(i), uint32(i*160), ramp(i*160)...), epoch.Add(time.Duration(i)*20*time.Millisecond))
			}
			if rep := b.stop(rec, 200*time.Millisecond); !rep.Complete || rep.Err != nil || len(rep.Files) != 0 {
				t.Errorf("%+v", rep)
			}
			b.check(<-got, "call=1\x00", 10)
		})
	}
}

func (b *bench) check(got []byte, head string, packets int) {
	b.Helper()
	want := []byte(head)
	for i := range packets {
		for _, s := range ramp(i * 160) {
			want = binary.LittleEndian.AppendUint16(want, uint16(s))
		}
	}
	if !bytes.Equal(got, want) {
		b.Errorf("%d octets, want %d", len(got), len(want))
	}
}

// TestForwardFails: nobody listens, the certificate is not trusted, or the
// file goes on without the connection.
func TestForwardFails(t *testing.T) {
	server, _ := certificate(t)
	refused := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }
	for name, f := range map[string]record.Forward{"refused": {Dial: refused}, "not trusted": {TLS: &tls.Config{}}} {
		for _, file := range []bool{false, true} {
			f.Addr, _ = listener(t, server)
			sink, err := f.Sink()
			if err != nil {
				t.Fatal(err)
			}
			b := newBench(t, record.Config{})
			rec := b.start(record.Spec{WAV: file, Sinks: []record.Sink{sink}}, record.Stream{})
			if !file {
				b.set(epoch.Add(2 * time.Second))
				<-rec.Done() // there is nobody to record for
			}
			rep := b.stop(rec, 2*time.Second)
			if rep.Err == nil || rep.Complete != file {
				t.Errorf("%s: %+v", name, rep)
			}
		}
	}
	for _, f := range []record.Forward{{Addr: "x"}, {Addr: "x:1", Metadata: "a\x00b"}} {
		if _, err := f.Sink(); !errors.Is(err, record.ErrSpec) {
			t.Error(err)
		}
	}
}
