package sipgoconn_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/transport/sipgoconn"
)

// userAgent is a stock user agent of sipgo, client and server, on an endpoint.
type userAgent struct {
	*sipgo.Client
	server *sipgo.Server
	calls  *sipgo.DialogServerCache // that came in
	out    *sipgo.DialogClientCache // that went out
	addr   map[string]netip.AddrPort

	invites, acks, byes atomic.Int32
	answered            chan *sipgo.DialogServerSession
}

func newUserAgent(t *testing.T, name, host, network string) *userAgent {
	t.Helper()
	at := netip.AddrPortFrom(netip.MustParseAddr(host), 0)
	e, err := transport.Listen(t.Context(), transport.Config{Listeners: []transport.ListenerConfig{
		{Protocol: transport.UDP, Addr: at}, {Protocol: transport.TCP, Addr: at},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ua, err := sipgo.NewUA(sipgo.WithUserAgent(name), sipgo.WithUserAgentHostname("example.org"))
	if err != nil {
		t.Fatal(err)
	}
	u := &userAgent{answered: make(chan *sipgo.DialogServerSession, 1), addr: map[string]netip.AddrPort{
		"udp": e.Listener(0).Addr, "tcp": e.Listener(1).Addr,
	}}
	quiet := slog.New(slog.DiscardHandler)
	options := []sipgo.ClientOption{sipgo.WithClientHostname(host), sipgo.WithClientPort(int(u.addr[network].Port())), sipgo.WithClientLogger(quiet)}
	if network == "udp" { // connections of its own sipgo makes itself
		options = append(options, sipgo.WithClientConnectionAddr(u.addr["udp"].String()))
	}
	if u.Client, err = sipgo.NewClient(ua, options...); err != nil {
		t.Fatal(err)
	}
	if u.server, err = sipgo.NewServer(ua, sipgo.WithServerLogger(quiet)); err != nil {
		t.Fatal(err)
	}
	contact := sip.ContactHeader{Address: u.uri(name, network)}
	u.calls, u.out = sipgo.NewDialogServerCache(u.Client, contact), sipgo.NewDialogClientCache(u.Client, contact)
	u.serve(t)

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sipgoconn.Serve(ctx, e, u.server) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		_ = ua.Close()
	})
	return u
}

func (u *userAgent) uri(name, network string) sip.Uri {
	uri := sip.Uri{Scheme: "sip", User: name, Host: u.addr[network].Addr().String(), Port: int(u.addr[network].Port())}
	if network != "udp" {
		uri.UriParams = sip.NewParams()
		uri.UriParams.Add("transport", network)
	}
	return uri
}

const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"

// serve registers what comes in; the handlers are those of any sipgo program.
func (u *userAgent) serve(t *testing.T) {
	u.server.OnRegister(register)
	u.server.OnInvite(func(req *sip.Request, tx sip.ServerTransaction) {
		u.invites.Add(1)
		if tag, _ := req.To().Params.Get("tag"); tag != "" { // in a dialog
			res := sip.NewSDPResponseFromRequest(req, []byte(sdp))
			res.AppendHeader(&sip.ContactHeader{Address: req.Recipient})
			_ = tx.Respond(res)
			return
		}
		d, err := u.calls.ReadInvite(req, tx)
		if err != nil {
			t.Errorf("INVITE: %v", err)
			return
		}
		if err := d.Respond(180, "Ringing", nil); err != nil {
			t.Errorf("180: %v", err)
		}
		if err := d.RespondSDP([]byte(sdp)); err != nil {
			t.Errorf("200: %v", err)
			return
		}
		u.answered <- d
		<-tx.Done()
	})
	u.server.OnAck(func(req *sip.Request, tx sip.ServerTransaction) {
		u.acks.Add(1)
		_ = u.calls.ReadAck(req, tx) // that of a re-INVITE has a CSeq it does not follow
	})
	u.server.OnBye(func(req *sip.Request, tx sip.ServerTransaction) {
		u.byes.Add(1)
		if u.calls.ReadBye(req, tx) == nil || u.out.ReadBye(req, tx) == nil {
			return
		}
		_ = tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil))
	})
}

// register asks for credentials and checks them with the library that sipgo's
// client has too.
func register(req *sip.Request, tx sip.ServerTransaction) {
	challenge := digest.Challenge{Realm: "example.org", Nonce: "a nonce", Algorithm: "MD5", QOP: []string{"auth"}}
	status := 401
	if h := req.GetHeader("Authorization"); h != nil {
		if given, err := digest.ParseCredentials(h.Value()); err == nil {
			want, err := digest.Digest(&challenge, digest.Options{
				Method: "REGISTER", URI: given.URI, Username: "alice", Password: "secret", Cnonce: given.Cnonce, Count: given.Nc,
			})
			if err == nil && given.Response == want.Response {
				status = 200
			}
		}
	}
	res := sip.NewResponseFromRequest(req, status, map[int]string{200: "OK", 401: "Unauthorized"}[status], nil)
	if status == 401 {
		res.AppendHeader(sip.NewHeader("WWW-Authenticate", challenge.String()))
	}
	_ = tx.Respond(res)
}

// TestUserAgents: two stock user agents register with digest, call, change the
// call and hang up, from either side.
func TestUserAgents(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			alice, bob := newUserAgent(t, "alice", "127.0.0.1", network), newUserAgent(t, "bob", "127.0.0.2", network)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			alice.registers(t, ctx, bob, network)
			alice.talks(t, ctx, bob, network)
		})
	}
}

func (u *userAgent) registers(t *testing.T, ctx context.Context, at *userAgent, network string) {
	t.Helper()
	var err error
	var res *sip.Response
	// The endpoint may not serve yet.
	for wait := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		req := sip.NewRequest(sip.REGISTER, at.uri("", network))
		req.SetTransport(strings.ToUpper(network))
		if res, err = u.Do(ctx, req, sipgo.ClientRequestRegisterBuild); err == nil || time.Now().After(wait) {
			if err == nil && res.StatusCode == 401 {
				res, err = u.DoDigestAuth(ctx, req, res, sipgo.DigestAuth{Username: "alice", Password: "secret"})
			}
			break
		}
	}
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("REGISTER: %v, %v", res, err)
	}
}

// talks has u call and hang up once, and be hung up on once.
func (u *userAgent) talks(t *testing.T, ctx context.Context, to *userAgent, network string) {
	t.Helper()
	for i, end := range []string{"caller", "callee"} {
		call, err := u.out.Invite(ctx, to.uri("bob", network), []byte(sdp), sip.NewHeader("Content-Type", "application/sdp"))
		if err != nil {
			t.Fatalf("INVITE: %v", err)
		}
		if err := call.WaitAnswer(ctx, sipgo.AnswerOptions{}); err != nil {
			t.Fatalf("answer: %v", err)
		}
		if err := call.Ack(ctx); err != nil {
			t.Fatalf("ACK: %v", err)
		}
		answered := <-to.answered
		eventually(t, func() error { return atLeast("ACKs", &to.acks, 2*i+1) })
		again := sip.NewRequest(sip.INVITE, call.InviteResponse.Contact().Address)
		again.SetBody([]byte(sdp))
		again.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
		res, err := call.Do(ctx, again)
		if err != nil || res.StatusCode != 200 || string(res.Body()) != sdp {
			t.Fatalf("re-INVITE: %v, %v", res, err)
		}
		if err := call.WriteRequest(sip.NewRequest(sip.ACK, call.InviteResponse.Contact().Address)); err != nil {
			t.Fatalf("ACK: %v", err)
		}
		eventually(t, func() error { return atLeast("ACKs", &to.acks, 2*i+2) })
		if end == "caller" {
			err = call.Bye(ctx)
			eventually(t, func() error { return atLeast("BYEs at the callee", &to.byes, 1) })
		} else {
			err = answered.Bye(ctx)
			eventually(t, func() error { return atLeast("BYEs at the caller", &u.byes, 1) })
		}
		if err != nil {
			t.Errorf("BYE of the %s: %v", end, err)
		}
		_ = call.Close()
		_ = answered.Close()
	}
	if n := to.invites.Load(); n != 4 {
		t.Errorf("%d INVITEs, want 4", n)
	}
}

func atLeast(what string, n *atomic.Int32, want int) error {
	if got := n.Load(); int(got) < want {
		return fmt.Errorf("%d %s, want %d", got, what, want)
	}
	return nil
}

func eventually(t *testing.T, ok func() error) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
