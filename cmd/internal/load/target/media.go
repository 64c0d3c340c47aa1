package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/class5-go/class5/media/relay"
)

// Media is a media relay that runs, with the two steps of a call's set-up. Its
// methods belong to one goroutine.
type Media interface {
	Offer(callID, fromTag string, sdp []byte) ([]byte, error)
	Answer(callID, fromTag, toTag string, sdp []byte) ([]byte, error)
	Close() error
}

// mediaRequest and mediaReply are what goes over the control connection of
// [ServeMedia], as JSON, one reply for each request.
type mediaRequest struct {
	CallID  string
	FromTag string
	ToTag   string // empty in an offer
	SDP     []byte
}

type mediaReply struct {
	SDP   []byte
	Error string
}

// ServeMedia runs a media relay for parties on loopback, controlled over one
// TCP connection, until that closes or ctx is done. It is the body of the child
// process that [OursMedia] starts.
func ServeMedia(ctx context.Context, control string, loops int, portMin, portMax uint16) error {
	r, err := relay.New(relay.Config{
		Interfaces: []relay.Interface{{Addr: loopback}}, PortMin: portMin, PortMax: portMax, Loops: loops, Deny: []netip.Prefix{},
	})
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", control)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	closeOnEnd := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer closeOnEnd()
	c, err := l.Accept()
	if err == nil {
		closeConn := context.AfterFunc(ctx, func() { _ = c.Close() })
		defer closeConn()
		err = serveMedia(ctx, c, r)
	}
	_ = l.Close()
	stop()
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return errors.Join(err, <-ended)
}

func serveMedia(ctx context.Context, c net.Conn, r *relay.Relay) error {
	in, out := json.NewDecoder(c), json.NewEncoder(c)
	for {
		var q mediaRequest
		if err := in.Decode(&q); err != nil {
			return err
		}
		var a mediaReply
		var err error
		if q.ToTag == "" {
			a.SDP, err = r.Offer(ctx, relay.OfferRequest{CallID: q.CallID, FromTag: q.FromTag, SDP: q.SDP})
		} else {
			a.SDP, err = r.Answer(ctx, relay.AnswerRequest{CallID: q.CallID, FromTag: q.FromTag, ToTag: q.ToTag, SDP: q.SDP})
		}
		if err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
}

// oursMedia is the generator's end of the control connection.
type oursMedia struct {
	conn net.Conn
	in   *json.Decoder
	out  *json.Encoder
}

// OursMedia starts media/relay in a child: executable with arguments, to which
// the address for the control connection, the number of loops and the first
// and last port are added.
func OursMedia(calls, loops int, executable string, args ...string) (*Target, Media, error) {
	port, err := LeasePorts(1)
	if err != nil {
		return nil, nil, err
	}
	n := 4*calls + 40
	rtp, err := LeasePorts(n)
	if err != nil {
		return nil, nil, err
	}
	first, at := rtp.First, netip.AddrPortFrom(loopback, port.First)
	p, err := Start(os.TempDir(), executable, append(args, at.String(), fmt.Sprint(loops), fmt.Sprint(first), fmt.Sprint(int(first)+n-1))...)
	if err != nil {
		return nil, nil, err
	}
	p.holds(port, rtp)
	m := &oursMedia{}
	err = p.Wait(5*time.Second, func() (err error) {
		m.conn, err = net.Dial("tcp", at.String()) //nolint:noctx // loopback: answers at once
		return err
	})
	if err != nil {
		p.Stop()
		return nil, nil, err
	}
	m.in, m.out = json.NewDecoder(m.conn), json.NewEncoder(m.conn)
	return &Target{Process: p, Name: "media/relay", Addr: at}, m, nil
}

// Offer implements Media.
func (m *oursMedia) Offer(callID, fromTag string, sdp []byte) ([]byte, error) {
	return m.ask(mediaRequest{CallID: callID, FromTag: fromTag, SDP: sdp})
}

// Answer implements Media.
func (m *oursMedia) Answer(callID, fromTag, toTag string, sdp []byte) ([]byte, error) {
	return m.ask(mediaRequest{CallID: callID, FromTag: fromTag, ToTag: toTag, SDP: sdp})
}

// Close implements Media.
func (m *oursMedia) Close() error { return m.conn.Close() }

func (m *oursMedia) ask(q mediaRequest) ([]byte, error) {
	if err := m.conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return nil, err
	}
	if err := m.out.Encode(q); err != nil {
		return nil, err
	}
	var a mediaReply
	if err := m.in.Decode(&a); err != nil {
		return nil, err
	}
	if a.Error != "" {
		return nil, errors.New(a.Error)
	}
	return a.SDP, nil
}
