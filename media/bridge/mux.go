package bridge

// mux decides about RTP and RTCP on one port (RFC 5761).
func (w *work) mux(p *pair) {
	f, t, o := &p.from.Mux, &p.to.Mux, w.o.options.RTCPMux
	if !isRTP(p.h.proto) {
		*f, *t = muxState{}, muxState{}
		return
	}
	f.Said = p.h.mux
	if !w.o.offer {
		f.Agreed = f.Said
		t.Told = t.Said && !f.Refuse && (f.Accept || f.Agreed)
		t.Agreed = t.Told
		return
	}
	if !f.Said {
		f.Agreed = false
	}
	t.Accept, t.Refuse = o.Demux || o.Accept, o.Reject
	switch {
	case o.Require:
		t.Told, t.Agreed = true, true
	case o.Demux:
		t.Told = t.Agreed
	case o.Offer:
		t.Told = true
	default:
		t.Told = f.Said || t.Agreed
	}
}

// rtcpPort is where the party is told to send RTCP.
func (m *stream) rtcpPort(a LocalAddr) uint16 {
	if m.Mux.Agreed {
		return a.RTP
	}
	return a.RTCP
}
