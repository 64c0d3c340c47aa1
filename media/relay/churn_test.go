package relay_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/sdp"
	"golang.org/x/sync/errgroup"
)

// TestChurn: calls begin, talk and end on several goroutines at once, and each
// hears exactly itself. Ports are reused at once.
func TestChurn(t *testing.T) {
	g := newRig(t, func(c *relay.Config) { c.PortMin, c.PortMax, c.Linger = 24000, 24127, 50*time.Microsecond })
	var eg errgroup.Group
	for w := range 6 {
		eg.Go(func() error {
			for i := range 25 {
				if err := shortCall(t.Context(), g.Relay, fmt.Sprintf("%d-%d", w, i)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := eg.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := g.Totals(); n.Sessions != 0 || n.Created != 150 || n.SendErrors != 0 {
		t.Errorf("%+v", n)
	}
}

// shortCall makes a call, sends some packets each way and ends it.
func shortCall(ctx context.Context, r *relay.Relay, id string) error {
	var socks [2]*net.UDPConn
	var addrs, to [2]netip.AddrPort
	for i := range socks {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		socks[i], addrs[i] = c, c.LocalAddr().(*net.UDPAddr).AddrPort()
	}
	offer, err := r.Offer(ctx, relay.OfferRequest{CallID: id, FromTag: "a", SDP: benchSDP(addrs[0])})
	if err != nil {
		return err
	}
	answer, err := r.Answer(ctx, relay.AnswerRequest{CallID: id, FromTag: "a", ToTag: "b", SDP: benchSDP(addrs[1])})
	if err != nil {
		return err
	}
	for i, b := range [][]byte{answer, offer} {
		d, err := sdp.Parse(b, nil)
		if err != nil {
			return err
		}
		to[i] = d.Media(0).Addr()
	}
	buf := make([]byte, 100)
	for n := range 10 {
		i := n % 2
		h := rtpwire.Header{PayloadType: 8, Sequence: uint16(n), SSRC: 1}
		p := append(h.Append(nil), id...)
		if _, err := socks[i].WriteToUDPAddrPort(p, to[i]); err != nil {
			return err
		}
		size, from, err := socks[1-i].ReadFromUDPAddrPort(buf)
		if err != nil || !bytes.Equal(buf[:size], p) || from != to[1-i] {
			return fmt.Errorf("call %s packet %d: %q from %v, %w", id, n, buf[:size], from, err)
		}
	}
	rep, err := r.Delete(ctx, relay.DeleteRequest{CallID: id, FromTag: "b", ToTag: "a"})
	if err == nil && (len(rep.Legs) != 2 || rep.Legs[0].Streams[0].Received.Packets != 5 || rep.Legs[1].Streams[0].Sent.Packets != 5) {
		err = fmt.Errorf("call %s: %+v", id, rep)
	}
	return err
}
