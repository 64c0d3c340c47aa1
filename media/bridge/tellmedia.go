package bridge

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/class5-go/class5/media/sdp"
	"github.com/class5-go/class5/media/srtp/sdes"
)

// tellMedia writes one media description.
func (w *work) tellMedia(m *sdp.Media, p *pair) {
	if p.dropped {
		return
	}
	if p.h.untouched {
		leave(m, p.h.c)
		return
	}
	rejected := p.h.rejected || !w.o.offer && p.to.Rejected
	raw := m.Lines()
	lines := make([]string, 1, len(raw)+24)
	lines[0] = w.mediaLine(p, rejected, raw[0])
	for _, l := range raw[1:] {
		switch {
		case strings.HasPrefix(l, "c=") && !p.to.ICE.Forced:
			l = w.connection(p)
		case strings.HasPrefix(l, "a="):
			if w.drops(p, l[2:]) {
				continue
			}
			if v, ok := strings.CutPrefix(l, "a=extmap:"); ok {
				if l, ok = w.extensionLine(p, v); !ok {
					continue
				}
			}
		}
		lines = append(lines, l)
	}
	if p.to.MID != "" {
		lines = append(lines, "a=mid:"+p.to.MID)
	}
	lines = append(lines, w.spreadLines(p)...)
	for _, e := range p.added {
		lines = append(lines, "a=extmap:"+strconv.Itoa(int(e.ID))+" "+e.URI)
	}
	if !rejected {
		lines = w.describe(p, lines)
	}
	if e := w.o.options.Attributes.Of(p.to.Kind); e != nil {
		lines = e.Apply(lines)
	}
	m.SetLines(lines)
}

// leave passes a stream that is not relayed. Its address must not become ours
// by a changed session-level c=.
func leave(m *sdp.Media, c netip.Addr) {
	lines := m.Lines()
	if ownConnection(m) || !c.IsValid() {
		return
	}
	i := 1
	for i < len(lines) && strings.HasPrefix(lines[i], "i=") {
		i++
	}
	out := append(append(append([]string(nil), lines[:i]...), "c="+network(c)), lines[i:]...)
	m.SetLines(out)
}

// mediaLine is the m= line.
func (w *work) mediaLine(p *pair, rejected bool, raw string) string {
	if rejected && p.h.m.Rejected() && p.to.Kind == p.h.kind && p.to.Proto == p.h.proto && slices.Equal(p.formats, p.h.formats) {
		return raw
	}
	port := uint16(0)
	switch {
	case rejected || w.o.offer && w.o.options.Bundle.Strict && p.to.Bundle != p.j:
	case p.to.ICE.Forced:
		port = p.h.m.Port()
	default:
		a, _ := w.localOf(p)
		port = a.RTP
	}
	formats := p.formats
	if len(formats) == 0 {
		formats = p.h.formats
	}
	proto := p.to.Proto
	if proto == p.h.proto && !isRTP(proto) && !isUDPTL(proto) {
		proto = p.h.m.Proto()
	}
	line := "m=" + p.to.Kind + " " + strconv.Itoa(int(port)) + " " + proto
	if p.h.rejected && len(formats) == 0 {
		return line
	}
	return line + " " + strings.Join(formats, " ")
}

// drops tells which attributes are not passed on as they came: what is
// consumed here, and what is written anew.
func (w *work) drops(p *pair, attr string) bool {
	name, value := split(attr)
	// What is told as RTP has attributes of ours, whatever the party called it.
	rtp, forced := isRTP(p.h.proto) || isRTP(p.to.Proto), p.to.ICE.Forced
	switch name {
	case "sendrecv", "sendonly", "recvonly", "inactive":
		return !w.o.options.OriginalDirection
	case "mid":
		return true
	case "rtpmap", "fmtp":
		return rtp
	case "rtcp-fb":
		return rtp && !strings.HasPrefix(value, "*")
	case "ptime":
		return rtp && p.to.ToldPtime > 0
	case "rtcp", "rtcp-mux", "crypto", "fingerprint", "setup", "tls-id":
		return rtp && !forced
	case "bundle-only":
		return true
	case "candidate":
		if forced {
			return strings.Contains(value+" ", " typ relay ")
		}
		return !p.to.ICE.Relay
	case loopAttribute:
		return true
	}
	if strings.HasPrefix(name, "t38") && (p.from.T38.Gateway || p.to.T38.Gateway) {
		return true
	}
	return iceAttribute(name) && !p.to.ICE.Relay
}

// describe appends what this side has to say of a stream, in rtpengine's
// order.
func (w *work) describe(p *pair, lines []string) []string {
	t, o := p.to, w.o.options
	if w.o.offer && t.Bundle != p.j && (o.Bundle.Require || o.Bundle.Strict) {
		lines = append(lines, "a=bundle-only")
	}
	if t.T38.Gateway {
		lines = append(lines, t.T38.attributes()...)
	}
	if isRTP(t.Proto) {
		for i := range t.Codecs.Told {
			lines = t.Codecs.Told[i].lines(lines)
		}
	} else if !isUDPTL(t.Proto) {
		lines = ownDTLS(p, lines)
	}
	if !o.OriginalDirection {
		lines = append(lines, "a="+p.from.Dir.String())
	}
	if isRTP(t.Proto) {
		lines = w.control(p, lines)
		lines = w.keys(p, lines)
		if t.ToldPtime > 0 {
			lines = append(lines, "a=ptime:"+strconv.FormatInt(t.ToldPtime.Milliseconds(), 10))
		}
	}
	return w.iceLines(p, lines)
}

// lines appends the attributes of a format.
func (f *format) lines(to []string) []string {
	pt := strconv.Itoa(int(f.PayloadType))
	if f.Known {
		to = append(to, "a=rtpmap:"+f.rtpmap())
	}
	if f.Fmtp != "" {
		to = append(to, "a=fmtp:"+pt+" "+f.Fmtp)
	}
	for _, fb := range f.Feedback {
		to = append(to, "a=rtcp-fb:"+pt+" "+fb)
	}
	return to
}

// control appends where RTCP goes.
func (w *work) control(p *pair, lines []string) []string {
	t, o := p.to, w.o.options
	if t.ICE.Forced && w.o.offer {
		return lines
	}
	a, ok := w.localOf(p)
	if !o.NoRTCPAttribute && ok {
		l := "a=rtcp:" + strconv.Itoa(int(t.rtcpPort(a)))
		if o.FullRTCPAttribute {
			l += " " + network(w.where(p))
		}
		lines = append(lines, l)
	}
	if t.Mux.Told {
		lines = append(lines, "a=rtcp-mux")
	}
	return lines
}

// keys appends what SDES and DTLS need.
func (w *work) keys(p *pair, lines []string) []string {
	t, o := p.to, w.o.options
	if t.ICE.Forced {
		return lines
	}
	if t.SDES.On {
		for _, c := range t.SDES.Leg.Out {
			lines = append(lines, "a=crypto:"+lasting(c, o.SDES.Lifetime).Format(o.SDES.Pad))
		}
	}
	if !t.DTLS.On {
		return lines
	}
	print, _ := w.cfg.Fingerprint(t.DTLS.MyHash)
	lines = append(lines, "a=setup:"+t.DTLS.Told, "a=fingerprint:"+t.DTLS.MyHash+" "+print)
	if t.DTLS.MyTLSID != "" {
		lines = append(lines, "a=tls-id:"+t.DTLS.MyTLSID)
	}
	return lines
}

// lasting is an attribute with the lifetime of RFC 3711, or with none stated.
func lasting(a sdes.Attribute, stated bool) sdes.Attribute {
	a.Keys = slices.Clone(a.Keys)
	for i := range a.Keys {
		if a.Keys[i].Lifetime = 0; stated {
			a.Keys[i].Lifetime = 1 << 31
		}
	}
	return a
}

// ownDTLS keeps the DTLS parameters of a stream that is relayed without being
// RTP (a data channel) when they stood at session level, where they are taken
// out.
func ownDTLS(p *pair, lines []string) []string {
	s := &p.h.dtls
	if !s.inherited || !strings.Contains(strings.ToUpper(p.h.proto), "DTLS") {
		return lines
	}
	lines = append(lines, "a=setup:"+s.setup, "a=fingerprint:"+s.hash+" "+s.fingerprint)
	if s.tlsID != "" {
		lines = append(lines, "a=tls-id:"+s.tlsID)
	}
	return lines
}

// iceLines appends the own ICE parameters.
func (w *work) iceLines(p *pair, lines []string) []string {
	i := &p.to.ICE
	if !i.On {
		return lines
	}
	if !i.Relay {
		lines = append(lines, "a=ice-ufrag:"+i.Ufrag, "a=ice-pwd:"+i.Pwd)
		if i.Told {
			lines = append(lines, "a=ice-options:trickle")
		}
	}
	for _, c := range p.to.candidates() {
		if a := w.o.options.MediaAddress; a.IsValid() {
			c.Addr = addrPort(a, c.Addr.Port())
		}
		lines = append(lines, "a=candidate:"+c.String())
	}
	if i.Told && !i.Relay {
		lines = append(lines, "a=end-of-candidates")
	}
	return lines
}
