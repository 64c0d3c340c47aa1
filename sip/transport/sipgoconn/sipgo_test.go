package sipgoconn_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/emiago/sipgo/sip"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/transport/sipgoconn"
)

// stack is what is inside a user agent of sipgo.
type stack struct {
	*sip.TransportLayer
	tx *sip.TransactionLayer
}

func newStack() stack {
	quiet := slog.New(slog.DiscardHandler)
	tp := sip.NewTransportLayer(nil, sip.NewParser(), &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a test's certificate
		sip.WithTransportLayerLogger(quiet))
	return stack{tp, sip.NewTransactionLayer(tp, sip.WithTransactionLayerLogger(quiet))}
}

func (s stack) close() {
	s.tx.Close()
	_ = s.TransportLayer.Close()
}

// registrar runs sipgo on an endpoint with every transport; it answers all
// requests.
func registrar(t *testing.T, addr string) (*transport.Endpoint, stack) {
	t.Helper()
	https := httptest.NewTLSServer(nil) // for its certificate
	https.Close()
	var cfg transport.Config
	for p := transport.UDP; p <= transport.WSS; p++ {
		cfg.Listeners = append(cfg.Listeners, transport.ListenerConfig{Protocol: p, Addr: netip.MustParseAddrPort(addr), TLS: https.TLS})
	}
	e, err := transport.Listen(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := newStack()
	s.tx.OnRequest(func(req *sip.Request, tx *sip.ServerTx) {
		res := sip.NewResponseFromRequest(req, 200, "OK", nil)
		res.AppendHeader(sip.NewHeader("X-Source", req.Source()))
		_ = tx.Respond(res)
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sipgoconn.Serve(ctx, e, s) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		s.close()
	})
	return e, s
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// request makes a REGISTER.
func request(p transport.Protocol, to netip.AddrPort, n int) *sip.Request {
	req := sip.NewRequest(sip.REGISTER, sip.Uri{Host: to.Addr().String(), Port: int(to.Port())})
	req.SetTransport(p.String())
	req.SetDestination(to.String())
	via := &sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: p.String(), Params: sip.NewParams()}
	via.Params.Add("branch", sip.GenerateBranch())
	via.Params.Add("rport", "")
	req.AppendHeader(via)
	req.AppendHeader(&sip.FromHeader{Address: sip.Uri{User: "a", Host: "example.org"}, Params: sip.HeaderParams{{K: "tag", V: "1"}}})
	req.AppendHeader(&sip.ToHeader{Address: sip.Uri{User: "a", Host: "example.org"}})
	id := sip.CallIDHeader("call")
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: uint32(n), MethodName: sip.REGISTER})
	if p != transport.WS {
		length := sip.ContentLengthHeader(0)
		req.AppendHeader(&length)
	}
	return req
}

// ask has the request answered.
func (s stack) ask(t *testing.T, req *sip.Request) *sip.Response {
	t.Helper()
	ctx := within(t)
	tx, err := s.tx.Request(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Terminate()
	select {
	case res := <-tx.Responses():
		if res.StatusCode != 200 {
			t.Fatalf("answer %s", res)
		}
		return res
	case <-tx.Done():
		t.Fatal(tx.Err())
	case <-ctx.Done():
		t.Fatal("no answer")
	}
	return nil
}

func TestRegister(t *testing.T) {
	e, _ := registrar(t, "127.0.0.1:0")
	for _, l := range e.Listeners()[:3] {
		t.Run(l.Protocol.String(), func(t *testing.T) {
			phone := newStack()
			defer phone.close()
			for n := range 3 {
				res := phone.ask(t, request(l.Protocol, l.Addr, n+1))
				if src := res.GetHeader("X-Source"); src == nil || !strings.HasPrefix(src.Value(), "127.0.0.1:") {
					t.Errorf("source %v", src)
				}
			}
		})
	}
}

func TestWebSocket(t *testing.T) {
	e, _ := registrar(t, "127.0.0.1:0")
	ws, _, err := websocket.Dial(within(t), "ws://"+e.Listener(3).Addr.String(), &websocket.DialOptions{Subprotocols: []string{"sip"}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow() //nolint:errcheck // gone anyway
	for i := range 3 {
		if err := ws.Write(within(t), websocket.MessageText, []byte(request(transport.WS, e.Listener(3).Addr, i+1).String())); err != nil {
			t.Fatal(err)
		}
		_, b, err := ws.Read(within(t))
		if err != nil || !strings.HasPrefix(string(b), "SIP/2.0 200 ") || !strings.Contains(string(b), fmt.Sprintf("CSeq: %d ", i+1)) {
			t.Fatalf("answer %q, %v", b, err)
		}
	}
}

// sipgo's own requests leave through the endpoint, and their answers come back.
func TestOwnRequests(t *testing.T) {
	server, _ := registrar(t, "127.0.0.1:0")
	e, s := registrar(t, "127.0.0.5:0")
	phone := newStack()
	defer phone.close()
	phone.ask(t, request(transport.UDP, e.Listener(0).Addr, 1)) // it serves, then
	from := e.Listener(0).Addr
	req := request(transport.UDP, server.Listener(0).Addr, 1)
	req.Laddr = sip.Addr{IP: from.Addr().AsSlice(), Port: int(from.Port())}
	if res := s.ask(t, req); res.GetHeader("X-Source").Value() != from.String() {
		t.Errorf("sent from %s, want %s", res.GetHeader("X-Source").Value(), from)
	}
}

// A server that fails ends the endpoint.
func TestServeFails(t *testing.T) {
	e, err := transport.Listen(t.Context(), transport.Config{Listeners: []transport.ListenerConfig{
		{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("127.0.0.1:0")}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := sipgoconn.Serve(t.Context(), e, broken{}); !errors.Is(err, errBroken) {
		t.Errorf("Serve: %v", err)
	}
}
