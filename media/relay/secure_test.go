package relay_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/srtp"
	"github.com/class5-go/class5/media/srtp/dtlssrtp"
	"github.com/class5-go/class5/media/srtp/sdes"
)

// dtls runs a handshake on a party's RTP socket.
func (p *party) dtls(role dtlssrtp.Role, cert dtlssrtp.Certificate, fingerprint string) (out, in *srtp.Context) {
	p.Helper()
	return p.dtlsAt(p.rtp, p.to, role, cert, fingerprint)
}

func (p *party) dtlsAt(c *net.UDPConn, at netip.AddrPort, role dtlssrtp.Role, cert dtlssrtp.Certificate, fingerprint string) (out, in *srtp.Context) {
	p.Helper()
	return p.shaken(c, p.shake(c, at, role, cert, fingerprint))
}

// shake begins a handshake.
func (p *party) shake(c *net.UDPConn, at netip.AddrPort, role dtlssrtp.Role, cert dtlssrtp.Certificate, fingerprint string) *dtlssrtp.Association {
	p.Helper()
	f, err := dtlssrtp.ParseFingerprint(fingerprint)
	if err != nil {
		p.Fatal(err)
	}
	to := net.UDPAddrFromAddrPort(at)
	a, err := dtlssrtp.Start(p.Context(), dtlssrtp.Config{Role: role, Certificate: cert, Fingerprints: []dtlssrtp.Fingerprint{f},
		Send: func(b []byte) error { _, err := c.WriteToUDP(b, to); return err }})
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(a.Close)
	return a
}

// shaken ends a handshake.
func (p *party) shaken(c *net.UDPConn, a *dtlssrtp.Association) (out, in *srtp.Context) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), 10*time.Second)
	defer cancel()
	buf := make([]byte, 4096)
	for {
		select {
		case <-a.Done():
		case <-ctx.Done():
			p.Fatalf("%s: no handshake; totals %+v", p.tag, p.Totals())
		default:
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if n, _, err := c.ReadFromUDPAddrPort(buf); err == nil {
				a.Push(buf[:n])
			}
			continue
		}
		break
	}
	keys, err := a.Keys(ctx)
	if err != nil {
		p.Fatal(err)
	}
	if out, in, err = keys.Contexts(); err != nil {
		p.Fatal(err)
	}
	return out, in
}

// secureTalk sends a packet each way between a party with contexts and one
// without.
func (g *rig) secureTalk(a, b *party, out, in *srtp.Context) {
	g.Helper()
	clear := a.packet()
	g.eventually("the keys are in use", func() bool {
		_, _ = a.rtp.WriteToUDPAddrPort(seal(g, out, clear, false), a.to)
		buf := make([]byte, 1500)
		_ = b.rtp.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		for { // one that came late may stand before
			n, _, err := b.rtp.ReadFromUDPAddrPort(buf)
			if err == nil && bytes.Equal(buf[:n], clear) {
				return true
			}
			if err != nil {
				clear = a.packet()
				return false
			}
		}
	})
	g.sent = g.Totals().Packets
	clear = b.send()
	got := a.receive()
	n, err := in.Unprotect(got)
	if err != nil || !bytes.Equal(got[:n], clear) {
		g.Fatalf("%x, %v; want %x", got, err, clear)
	}
}

// certificate makes a certificate and its fingerprint.
func certificate(t *testing.T) (dtlssrtp.Certificate, string) {
	t.Helper()
	cert, err := dtlssrtp.GenerateCertificate(time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	f, err := cert.Fingerprint("sha-256")
	if err != nil {
		t.Fatal(err)
	}
	return cert, f.String()
}

// TestDTLS: both roles, keys from the handshake, nobody with another
// certificate.
func TestDTLS(t *testing.T) {
	cert, mine := certificate(t)
	hash, value, _ := strings.Cut(mine, " ")
	ours, theirs := certificate(t)
	for name, active := range map[string]bool{"active": true, "passive": false} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, func(c *relay.Config) { c.Certificate = &ours })
			a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
			g.plan(planned{a, b, func(p *bridge.Plan) {
				m := &p.Legs[0].Media[0]
				m.Proto, m.Security, m.Mux = "UDP/TLS/RTP/SAVPF", bridge.DTLSSRTP, true
				m.DTLS = &bridge.DTLS{Active: active, Hash: hash, Fingerprint: value}
			}})
			role := dtlssrtp.Active
			if active {
				role = dtlssrtp.Passive
			}
			out, in := a.dtls(role, cert, theirs)
			g.secureTalk(a, b, out, in)
			if s := g.stream("a"); !s.Locked || s.Remote != a.addr {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestDTLSOfRTCP: RTCP on a port of its own has keys of its own, which survive
// the process.
func TestDTLSOfRTCP(t *testing.T) {
	cert, mine := certificate(t)
	hash, value, _ := strings.Cut(mine, " ")
	ours, theirs := certificate(t)
	for name, active := range map[string]bool{"active": true, "passive": false} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, func(c *relay.Config) { c.Certificate = &ours })
			a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
			g.plan(planned{a, b, func(p *bridge.Plan) {
				m := &p.Legs[0].Media[0]
				m.Proto, m.Security = "UDP/TLS/RTP/SAVPF", bridge.DTLSSRTP
				m.DTLS = &bridge.DTLS{Active: active, Hash: hash, Fingerprint: value}
			}})
			role := dtlssrtp.Active
			if active {
				role = dtlssrtp.Passive
			}
			out, in := a.dtls(role, cert, theirs)
			g.secureTalk(a, b, out, in)
			outRTCP, inRTCP := a.dtlsAt(a.rtcp, next(a.to), role, cert, theirs)
			report := (&rtpwire.Report{SSRC: a.ssrc, CNAME: "a"}).Append(nil)
			buf := make([]byte, 1500)
			g.eventually("a report arrives", func() bool {
				_, _ = a.rtcp.WriteToUDPAddrPort(seal(t, outRTCP, report, true), next(a.to))
				_ = b.rtcp.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
				n, _, err := b.rtcp.ReadFromUDPAddrPort(buf)
				return err == nil && bytes.Equal(buf[:n], report)
			})
			g.sent = g.Totals().Packets
			answer := (&rtpwire.Report{SSRC: b.ssrc, CNAME: "b"}).Append(nil)
			b.raw(b.rtcp, next(b.to), answer)
			_ = a.rtcp.SetReadDeadline(time.Now().Add(5 * time.Second))
			n, _, err := a.rtcp.ReadFromUDPAddrPort(buf)
			if err != nil {
				t.Fatal(err)
			}
			if n, err = inRTCP.UnprotectRTCP(buf[:n]); err != nil || !bytes.Equal(buf[:n], answer) {
				t.Errorf("%x, %v", buf[:n], err)
			}
		})
	}
}

// TestSDESBySignalling: a plain caller and a callee that is offered SDES.
func TestSDESBySignalling(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	out, err := g.Offer(t.Context(), relay.OfferRequest{CallID: "call", FromTag: "a", SDP: a.sdp(),
		Options: bridge.Options{Transport: "RTP/SAVP", SDES: sdes.Options{Only: []srtp.Suite{srtp.AES128SHA180}}}})
	if err != nil {
		t.Fatal(err)
	}
	d := b.heard(out)
	if d.Media(0).Proto() != "RTP/SAVP" {
		t.Fatalf("%s", out)
	}
	relayKey, tag := cryptoIn(t, d.Media(0).Attr)
	k := key(3)
	if out, err = g.Answer(t.Context(), relay.AnswerRequest{CallID: "call", FromTag: "a", ToTag: "b", SDP: withCrypto(b.sdp(), tag, k)}); err != nil {
		t.Fatal(err)
	}
	if d := a.heard(out); d.Media(0).Proto() != "RTP/AVP" {
		t.Fatalf("%s", out)
	}
	g.secureTalk(b, a, sealer(t, k), sealer(t, relayKey))
	st, err := g.Export(t.Context(), "call")
	if err != nil || len(st.Legs) != 2 || st.Legs[1].Streams[0].In == nil || st.Legs[1].Streams[0].Out == nil || st.Legs[1].Streams[0].Remote != b.addr {
		t.Errorf("%+v, %v", st, err)
	}
}

// cryptoIn reads the key of a description that has one of AES-128.
func cryptoIn(t *testing.T, attr func(string) (string, bool)) (c *bridge.Crypto, tag string) {
	t.Helper()
	line, _ := attr("crypto")
	word := strings.Fields(line)
	if len(word) < 3 {
		t.Fatalf("crypto %q", line)
	}
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimPrefix(word[2], "inline:"), "="))
	if err != nil || len(b) != 30 {
		t.Fatalf("%q: %v", line, err)
	}
	return &bridge.Crypto{Suite: word[1], Key: b[:16], Salt: b[16:]}, word[0]
}

// withCrypto makes a description of RTP/AVP one of RTP/SAVP with a key.
func withCrypto(b []byte, tag string, k *bridge.Crypto) []byte {
	return []byte(strings.Replace(string(b), "RTP/AVP", "RTP/SAVP", 1) + "a=crypto:" + tag + " " + k.Suite + " inline:" +
		base64.StdEncoding.EncodeToString(append(bytes.Clone(k.Key), k.Salt...)) + "\r\n")
}
