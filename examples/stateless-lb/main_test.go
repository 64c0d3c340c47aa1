package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"regexp"
	"testing"
	"time"
)

const register = "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.7:5060;rport;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n" +
	"From: <sip:a@example.com>;tag=1\r\nTo: <sip:a@example.com>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nContact: <sip:a@192.168.1.7>\r\nContent-Length: 0\r\n\r\n"

// TestRegister sends a REGISTER through the edge and its answer back.
func TestRegister(t *testing.T) {
	proxy, phone := listen(t), listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"-listen", "127.0.0.1:0", "-internal", "127.0.0.1:0", "-proxy", proxy.LocalAddr().String()}, w)
		w.CloseWithError(err)
		ended <- err
	}()
	line := make([]byte, 256)
	n, err := r.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	edge, err := net.ResolveUDPAddr("udp", regexp.MustCompile(`127\S+`).FindString(string(line[:n])))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := phone.WriteTo([]byte(register), edge); err != nil {
		t.Fatal(err)
	}
	got, from := receive(t, proxy)
	if !bytes.Contains(got, []byte("\r\nPath: <sip:")) || !bytes.Contains(got, []byte("received=127.0.0.1")) {
		t.Fatalf("the proxy got\n%s", got)
	}
	ok := regexp.MustCompile(`(?s)^REGISTER.*?\r\n`).ReplaceAll(got, []byte("SIP/2.0 200 OK\r\n"))
	ok = regexp.MustCompile(`(?m)^(To: .*)\r$`).ReplaceAll(ok, []byte("$1;tag=2\r"))
	if _, err := proxy.WriteTo(ok, from); err != nil {
		t.Fatal(err)
	}
	if got, _ := receive(t, phone); !bytes.HasPrefix(got, []byte("SIP/2.0 200 OK\r\n")) || !bytes.Contains(got, []byte("rport=")) || bytes.Count(got, []byte("Via:")) != 1 {
		t.Fatalf("the phone got\n%s", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestMistakes(t *testing.T) {
	for _, args := range [][]string{{"-proxy", "nowhere"}, {"-secret", "short", "-proxy", "127.0.0.1:9"}, {"-listen", "192.0.2.1:5060", "-proxy", "127.0.0.1:9"}, {"-nonsense"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}

func listen(t *testing.T) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func receive(t *testing.T, c net.PacketConn) ([]byte, net.Addr) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 65535)
	n, from, err := c.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n], from
}
