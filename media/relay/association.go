package relay

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/internal/udploop"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/srtp/dtlssrtp"
)

// association is the DTLS-SRTP handshake of a carrier.
type association struct {
	stream *stream
	want   bridge.DTLS
	rtcp   bool
	run    *dtlssrtp.Association // nil: not begun
	// settled: the keys are there; the process before shook hands.
	settled bool
	heard   bool // the party has spoken in run
	over    bool // run has ended, and what came of it is in use
	// to is where datagrams go. It is read without the session's lock, which
	// whoever closes the association holds.
	to atomic.Pointer[destination]
}

// repeatFlight is when a flight is sent again. RFC 6347 section 4.2.4.1 has a
// second and lets those that cannot wait have less: an offerer may drop what
// comes before the answer, and nobody hears anything until the handshake ends.
const repeatFlight = 150 * time.Millisecond

type destination struct {
	socket *udploop.Socket
	addr   netip.AddrPort
}

// associate makes what the descriptions say about DTLS effective: one
// handshake for RTP, and one for RTCP that has a port of its own.
func (s *stream) associate(m *bridge.DTLS, mux bool) {
	h := s.shield
	h.dtls = s.associated(h.dtls, m, false)
	if m == nil || mux || !s.rtp {
		h.control.in, h.control.out = nil, nil
		m = nil
	}
	h.control.dtls = s.associated(h.control.dtls, m, true)
}

// associated is the association that fits, the present one if it does.
func (s *stream) associated(d *association, m *bridge.DTLS, rtcp bool) *association {
	if m == nil {
		d.stop()
		return nil
	}
	if d != nil && d.want.Generation == m.Generation && (d.run == nil || d.want.Fingerprint == m.Fingerprint) {
		d.want = *m
	} else {
		d.stop()
		d = &association{stream: s, want: *m, rtcp: rtcp}
	}
	d.begin()
	return d
}

// begin starts the handshake if this side is to begin it and knows where.
func (d *association) begin() {
	if d == nil || d.run != nil || d.settled || d.stream.leg.session.restoring || !d.want.Active || d.want.Undecided || d.want.Fingerprint == "" {
		return
	}
	s := d.stream
	if s.leg.session.r.noHandshakes.Load() {
		return
	}
	to, remote, _, ok := s.way(d.rtcp)
	if !ok {
		return
	}
	d.to.Store(&destination{to.out.socket, remote})
	d.start(dtlssrtp.Active)
}

func (d *association) start(role dtlssrtp.Role) {
	r := d.stream.leg.session.r
	f, err := dtlssrtp.ParseFingerprint(d.want.Hash + " " + d.want.Fingerprint)
	if err == nil {
		d.run, err = dtlssrtp.Start(context.Background(), dtlssrtp.Config{Role: role, Certificate: r.cert,
			Fingerprints: []dtlssrtp.Fingerprint{f}, Send: d.send, Result: d.result, Repeat: repeatFlight})
	}
	if err != nil {
		r.log.Warn("DTLS handshake not begun", "error", err)
	}
}

func (d *association) send(b []byte) error {
	to := d.to.Load()
	return to.socket.Send(b, to.addr)
}

// result takes the keys of a handshake.
func (d *association) result(keys dtlssrtp.Keys, err error) {
	s := d.stream.leg.session
	s.mu.Lock()
	defer s.mu.Unlock()
	d.over = true
	h := d.stream.shield
	if s.closed || h == nil || h.dtls != d && h.control.dtls != d {
		return
	}
	if err == nil {
		install := h.install
		if d.rtcp {
			install = h.installControl
		}
		err = install(cryptoOf(keys, keys.Remote), cryptoOf(keys, keys.Local))
	}
	if err != nil {
		s.r.stats.handshakesFailed.Add(1)
		s.r.log.Info("DTLS handshake failed", "error", err)
		return
	}
	s.r.stats.handshakes.Add(1)
	s.dirty = true
}

func cryptoOf(k dtlssrtp.Keys, m dtlssrtp.MasterKey) *bridge.Crypto {
	return &bridge.Crypto{Suite: k.Suite.String(), Key: m.Key, Salt: m.Salt}
}

// stop ends the association. Its goroutine may be waiting for the session's
// lock, so that nobody waits for it here: the relay does before it ends.
func (d *association) stop() {
	if d != nil && d.run != nil {
		d.stream.leg.session.r.tasks.Go(d.run.Close)
	}
}

// handshake takes a DTLS datagram that arrived at a port.
func (s *stream) handshake(p *port, pkt *udploop.Packet, now time.Time) (Drop, bool) {
	c := s.carrier
	h := c.shield
	if h == nil {
		return DropDTLS, false
	}
	d, way := h.dtls, &c.media
	if p.rtcp {
		d, way = h.control.dtls, &c.control
	}
	if d == nil || d.want.Fingerprint == "" {
		return DropDTLS, false
	}
	if d.over && isClientHello(pkt.Data) {
		// The party may be answering an offer with an association of its own.
		return DropDTLS, s.wait(p, rtpwire.KindDTLS, pkt, now)
	}
	if h.ice != nil {
		if !h.ice.admits(p, pkt.From) {
			return DropForeign, false
		}
	} else {
		l := way.latch // a copy: nothing is learned before the keys are there
		if !l.Admit(pkt.From, now).Ok() {
			return DropForeign, false
		}
	}
	if d.run == nil {
		if d.want.Active && !d.want.Undecided || s.leg.session.r.noHandshakes.Load() {
			return DropDTLS, false // the party would have to wait for us, or sends it again
		}
		d.to.Store(&destination{p.socket, pkt.From})
		d.start(dtlssrtp.Passive)
	}
	if d.run == nil || !d.run.Push(pkt.Data) {
		return DropDTLS, false
	}
	d.heard = true
	s.otherIn.add(len(pkt.Data))
	return 0, true
}

// isClientHello tells whether a datagram begins a handshake.
func isClientHello(b []byte) bool {
	const handshake, clientHello = 22, 1 // RFC 6347 sections 4.1 and 4.2.2
	return len(b) > 13 && b[0] == handshake && b[3] == 0 && b[4] == 0 && b[13] == clientHello
}
