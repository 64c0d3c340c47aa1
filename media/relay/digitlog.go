package relay

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/class5-go/class5/media/dtmf"
)

// digitLog sends digits to the sockets that asked for them, such as Kamailio's
// dtmf_events_sock, and nowhere else.
type digitLog struct{ queue chan datagram }

type datagram struct {
	to netip.AddrPort
	b  []byte
}

// maxLogged is how many digits wait to be sent; what is beyond is lost.
const maxLogged = 1024

func newDigitLog() digitLog { return digitLog{make(chan datagram, maxLogged)} }

// run sends until ctx is done.
func (l digitLog) run(ctx context.Context, r *Relay) {
	var conn *net.UDPConn
	for {
		select {
		case <-ctx.Done():
			if conn != nil {
				_ = conn.Close()
			}
			return
		case d := <-l.queue:
			if conn == nil {
				var err error
				if conn, err = net.ListenUDP("udp", nil); err != nil {
					r.log.Warn("digits are not reported", "error", err)
					continue
				}
			}
			_, _ = conn.WriteToUDPAddrPort(d.b, d.to) // who does not listen misses it
		}
	}
}

// logsDigits tells whether anybody asked for digits of the session.
func (s *session) logsDigits() bool { return s.digitsTo.IsValid() || s.r.cfg.DTMFLog.IsValid() }

// logDigit reports a digit that has ended.
func (s *stream) logDigit(d dtmf.Digit, now time.Time) {
	x := s.leg.session
	if !d.Ended || !x.logsDigits() {
		return
	}
	report := dtmf.Report{CallID: x.id, Time: now, Source: s.carrier.media.latch.Remote().Addr(), Digit: d}
	for _, l := range x.legs {
		if n := len(l.tags); n > 0 && !l.subscriber {
			report.Tags = append(report.Tags, l.tags[n-1])
			if l == s.leg {
				report.SourceTag = l.tags[n-1]
			}
		}
	}
	b := report.AppendJSON(nil)
	for _, to := range []netip.AddrPort{x.digitsTo, x.r.cfg.DTMFLog} {
		if !to.IsValid() {
			continue
		}
		select {
		case x.r.digitLog.queue <- datagram{to, b}:
		default:
		}
	}
}
