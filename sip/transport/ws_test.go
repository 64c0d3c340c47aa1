package transport_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/coder/websocket"
)

// dialWS connects with a real WebSocket library.
func dialWS(t testing.TB, e *transport.Endpoint, client *http.Client) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	scheme := strings.ToLower(e.Listener(0).Protocol.String())
	c, _, err := websocket.Dial(ctx, scheme+"://"+e.Listener(0).Addr.String()+"/sip", &websocket.DialOptions{
		Subprotocols: []string{"sip"}, HTTPClient: client,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	c.SetReadLimit(1 << 20)
	if c.Subprotocol() != "sip" {
		t.Errorf("subprotocol %q", c.Subprotocol())
	}
	return c
}

func secureWS(t testing.TB) (transport.ListenerConfig, *http.Client) {
	cert, pool := certificate(t)
	l := on(transport.WSS)
	l.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	return l, &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

func TestWebSocket(t *testing.T) {
	for _, p := range []transport.Protocol{transport.WS, transport.WSS} {
		t.Run(p.String(), func(t *testing.T) {
			l, client := on(p), http.DefaultClient
			if p == transport.WSS {
				l, client = secureWS(t)
			}
			h := newEcho()
			e, _ := serve(t, listeners(l), h)
			c := dialWS(t, e, client)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			for _, msg := range []string{
				message("short", 0), message("medium", 1000), message("long", 60_000),
				"OPTIONS without Content-Length\r\n\r\n", "binary \xff\xfe",
			} {
				kind := websocket.MessageText
				if strings.Contains(msg, "\xff") {
					kind = websocket.MessageBinary
				}
				if err := c.Write(ctx, kind, []byte(msg)); err != nil {
					t.Fatal(err)
				}
				if got := h.next(t); got.data != msg || got.flow.Protocol != p || got.flow.Generation == 0 {
					t.Fatalf("got %.40q on %+v", got.data, got.flow)
				}
				gotKind, got, err := c.Read(ctx)
				if err != nil || string(got) != msg || gotKind != kind {
					t.Fatalf("answer %v %.40q, %v", gotKind, got, err)
				}
			}
		})
	}
}

func TestWebSocketFragments(t *testing.T) {
	h := newEcho()
	e, _ := serve(t, listeners(on(transport.WS)), h)
	c := dialWS(t, e, http.DefaultClient)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	msg := message("fragments", 20_000)
	w, err := c.Writer(ctx, websocket.MessageText)
	if err != nil {
		t.Fatal(err)
	}
	for rest := msg; len(rest) > 0; {
		n := min(3000, len(rest))
		if _, err := io.WriteString(w, rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := h.next(t); got.data != msg {
		t.Errorf("got %d bytes, want %d", len(got.data), len(msg))
	}
}

func TestWebSocketPing(t *testing.T) {
	h := newEcho()
	e, _ := serve(t, listeners(on(transport.WS)), h)
	c := dialWS(t, e, http.DefaultClient)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	reading := make(chan string, 1)
	go func() { // the library answers and takes pongs only while it reads
		_, b, _ := c.Read(ctx)
		reading <- string(b)
	}()
	if err := c.Ping(ctx); err != nil {
		t.Errorf("ping: %v", err)
	}
	if err := c.Write(ctx, websocket.MessageText, []byte("\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if got := <-reading; got != "\r\n" {
		t.Errorf("answer to CRLF keep-alive %q", got)
	}
	if n := e.Stats()[0].KeepAlives; n != 2 {
		t.Errorf("%d keep-alives", n)
	}
}

func TestWebSocketClose(t *testing.T) {
	h := newEcho()
	e, stop := serve(t, listeners(on(transport.WS)), h)
	c := dialWS(t, e, http.DefaultClient)
	if err := c.Close(websocket.StatusNormalClosure, "bye"); err != nil {
		t.Errorf("close not answered: %v", err)
	}
	eventually(t, "closed by peer", func() bool { return e.Stats()[0].Closed[transport.ClosePeer] == 1 })

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	big := dialWS(t, e, http.DefaultClient)
	_ = big.Write(ctx, websocket.MessageText, make([]byte, 70_000))
	if _, _, err := big.Read(ctx); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("message over limit: %v", err)
	}
	last := dialWS(t, e, http.DefaultClient)
	if err := last.Write(ctx, websocket.MessageText, []byte("\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := last.Read(ctx); err != nil { // whose handshake is hardly over hears no farewell
		t.Fatal(err)
	}
	stop()
	if _, _, err := last.Read(ctx); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("shutdown: %v", err)
	}
}

// Handshakes that are none of ours get an HTTP status and are closed.
func TestWebSocketHandshake(t *testing.T) {
	good := "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
		"Sec-WebSocket-Protocol: chat, sip\r\nOrigin: https://phone.example\r\n\r\n"
	for _, tc := range []struct {
		name, old, new string
		status         int
	}{
		{"good", "", "", 101},
		{"other case", "Upgrade: websocket", "uPGRADE: WebSocket", 101},
		{"no request", "GET / HTTP/1.1", "INVITE sip:a SIP/2.0", 400},
		{"method", "GET", "POST", 405},
		{"HTTP version", "HTTP/1.1", "HTTP/1.0", 400},
		{"no upgrade", "Upgrade: websocket\r\n", "", 426},
		{"no connection", "keep-alive, Upgrade", "keep-alive", 426},
		{"version", "Version: 13", "Version: 8", 426},
		{"key", "dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=", 400},
		{"subprotocol", "chat, sip", "chat", 400},
		{"origin", "phone.example", "evil.example", 403},
		{"no origin", "Origin: https://phone.example\r\n", "", 403},
		{"too long", "Host: x", "Host: " + strings.Repeat("x", 9000), 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := on(transport.WS)
			l.Origins = []string{"https://phone.example"}
			e, _ := serve(t, listeners(l), newEcho())
			c := dialTCP(t, e, 0)
			_, _ = io.WriteString(c, strings.Replace(good, tc.old, tc.new, 1))
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if tc.status == 0 {
				if err == nil {
					t.Errorf("status %d, want none", resp.StatusCode)
				}
				return
			}
			if err != nil || resp.StatusCode != tc.status {
				t.Fatalf("response %+v, %v, want status %d", resp, err, tc.status)
			}
			if tc.status == 101 {
				if k := resp.Header.Get("Sec-WebSocket-Accept"); k != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
					t.Errorf("accept key %q", k)
				}
				return
			}
			closedByPeer(t, c)
			if n := e.Stats()[0].Closed[transport.CloseHandshake]; n != 1 {
				t.Errorf("%d handshakes failed", n)
			}
		})
	}
}

// A client that connects and says nothing keeps nobody else from connecting,
// and is closed in time.
func TestHandshakeSilence(t *testing.T) {
	for _, p := range []transport.Protocol{transport.WS, transport.WSS} {
		t.Run(p.String(), func(t *testing.T) {
			l, client := on(p), http.DefaultClient
			if p == transport.WSS {
				l, client = secureWS(t)
			}
			e, _ := serve(t, listeners(l), newEcho())
			dialTCP(t, e, 0)
			dialWS(t, e, client)

			cfg := listeners(l)
			cfg.Timeouts.Handshake = 30 * time.Millisecond
			e, _ = serve(t, cfg, newEcho())
			closedByPeer(t, dialTCP(t, e, 0))
			eventually(t, "silent client closed", func() bool { return e.Stats()[0].Closed[transport.CloseHandshake] == 1 })
		})
	}
}
