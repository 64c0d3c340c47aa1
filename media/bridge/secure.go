package bridge

import (
	"encoding/hex"
	"io"
	"strings"

	"github.com/class5-go/class5/media/sdp"
	"github.com/class5-go/class5/media/srtp/sdes"
)

// sdesState is RFC 4568 on one leg.
type sdesState struct {
	On  bool     `json:"on,omitempty"` // offered to the party, or by it
	Leg sdes.Leg `json:"leg"`
	// Opportunistic: keys stand in a profile that does not demand them.
	Opportunistic bool `json:"osrtp,omitempty"`
}

// dtlsSaid is what a description says about DTLS (RFC 8842).
type dtlsSaid struct {
	hash, fingerprint, setup, tlsID string
	inherited                       bool // from the session level
}

// dtlsState is DTLS-SRTP on one leg.
type dtlsState struct {
	On      bool   `json:"on,omitempty"`      // offered to the party, or by it
	Refused bool   `json:"refused,omitempty"` // the party answered without
	Hash    string `json:"hash,omitempty"`
	Print   string `json:"print,omitempty"`
	Setup   string `json:"setup,omitempty"` // as the party said
	TLSID   string `json:"tlsid,omitempty"`
	Told    string `json:"told,omitempty"` // setup told
	MyHash  string `json:"myhash,omitempty"`
	MyTLSID string `json:"mytlsid,omitempty"`
	Passive bool   `json:"passive,omitempty"` // do not take the active role
	Gen     int    `json:"gen,omitempty"`
}

func hearDTLS(d *sdp.Description, m *sdp.Media) (s dtlsSaid) {
	attr := func(name string) string {
		v, ok := m.Attr(name)
		if !ok {
			v, _ = d.Attr(name)
		}
		return v
	}
	hash, print, ok := strings.Cut(attr("fingerprint"), " ")
	if !ok || len(print) > 255 {
		return dtlsSaid{}
	}
	_, own := m.Attr("fingerprint")
	s = dtlsSaid{inherited: !own, hash: strings.ToLower(hash), fingerprint: strings.TrimSpace(print), setup: strings.ToLower(attr("setup")), tlsID: attr("tls-id")}
	if s.setup == "" {
		s.setup = "active" // RFC 4145 section 4: the default of an offer
	}
	return s
}

// secure decides about SDES and DTLS-SRTP of one m= line.
func (w *work) secure(p *pair) error {
	if !isRTP(p.h.proto) {
		return nil
	}
	if w.o.options.Reset {
		p.to.DTLS.On, p.to.DTLS.Refused, p.to.SDES = false, false, sdesState{}
	}
	w.hearKeys(p)
	if w.o.offer {
		return w.offerKeys(p)
	}
	return w.answerKeys(p)
}

// hearKeys files what the party said.
func (w *work) hearKeys(p *pair) {
	f, h := p.from, p.h
	f.SDES.Leg.Receive(h.crypto, w.o.options.SDES)
	if w.o.offer {
		f.SDES.Opportunistic = !isSecure(h.proto) && (len(h.crypto) > 0 || h.dtls.fingerprint != "")
	} else if len(h.crypto) == 0 && !isSecure(h.proto) {
		f.SDES.On = false // the keys it was offered beside are declined
	}
	d := &f.DTLS
	if h.dtls.fingerprint == "" {
		d.Refused = d.Refused || d.On && !w.o.offer
		d.On = false
		d.Hash, d.Print, d.Setup = "", "", ""
		return
	}
	d.Refused = false
	if d.Print != "" && (d.Print != h.dtls.fingerprint || d.TLSID != h.dtls.tlsID) {
		d.Gen++
	}
	d.On = w.cfg.Fingerprint != nil
	d.Hash, d.Print, d.Setup, d.TLSID = h.dtls.hash, h.dtls.fingerprint, h.dtls.setup, h.dtls.tlsID
	if w.o.offer {
		switch w.o.options.DTLSReverse {
		case DTLSOff:
			d.On = false
		case DTLSPassive:
			d.Passive = true
		case DTLSActive:
			d.Passive = false
		}
	}
	if d.MyHash == "" {
		d.MyHash = d.Hash
	}
}

// offerKeys decides what is offered to the other party. Whether a method is
// offered is decided when the leg becomes secure and stays until the party
// turns one down.
func (w *work) offerKeys(p *pair) error {
	f, t, o := p.from, p.to, w.o.options
	opportunistic := !isSecure(t.Proto) && (o.OSRTP.Offer || f.SDES.Opportunistic && wanted(o.Transport) == "")
	if !isSecure(t.Proto) && !opportunistic {
		t.SDES, t.DTLS.On = sdesState{}, false
		return nil
	}
	fresh := !t.SDES.On && !t.DTLS.On
	t.SDES.Opportunistic = opportunistic
	if fresh {
		t.SDES.On, t.DTLS.On = true, w.cfg.Fingerprint != nil && !t.DTLS.Refused && o.DTLS != DTLSOff
	}
	t.SDES.On = t.SDES.On && !o.SDES.Off
	switch o.DTLS {
	case DTLSPassive:
		t.DTLS.Passive = true
	case DTLSActive:
		t.DTLS.Passive = false
	}
	if t.SDES.On {
		from := &f.SDES.Leg
		if len(from.In) == 0 {
			from = nil
		}
		if err := t.SDES.Leg.Offer(from, o.SDES, w.cfg.Rand); err != nil {
			return err
		}
	}
	if t.DTLS.On {
		w.ownPrint(&t.DTLS, true)
		t.DTLS.Told = "actpass"
		return w.ownTLSID(&t.DTLS, f.DTLS.TLSID != "")
	}
	return nil
}

// ownPrint chooses the hash of the own fingerprint.
func (w *work) ownPrint(d *dtlsState, offer bool) {
	if want := w.o.options.Fingerprint; want != "" && offer {
		d.MyHash = strings.ToLower(want)
	}
	if d.MyHash != "" {
		if _, ok := w.cfg.Fingerprint(d.MyHash); ok {
			return
		}
	}
	d.MyHash = "sha-256"
}

// ownTLSID gives the association a name (RFC 8842 section 4) for parties that
// use them.
func (w *work) ownTLSID(d *dtlsState, used bool) error {
	if !used || w.o.options.NoTLSID {
		d.MyTLSID = ""
		return nil
	}
	if d.MyTLSID != "" {
		return nil
	}
	var b [16]byte
	if _, err := io.ReadFull(w.cfg.Rand, b[:]); err != nil {
		return err
	}
	d.MyTLSID = hex.EncodeToString(b[:])
	return nil
}

// answerKeys decides what the offerer is answered.
func (w *work) answerKeys(p *pair) error {
	f, t, o := p.from, p.to, w.o.options
	t.DTLS.Told = ""
	keyed := isSecure(t.Proto) || t.SDES.Opportunistic && (f.keyed() || o.OSRTP.Accept || !f.SDES.Opportunistic)
	if !keyed {
		t.SDES.On, t.SDES.Leg.Out = false, nil
		t.DTLS.On = false
		return nil
	}
	offered := len(t.SDES.Leg.In) > 0
	if t.DTLS.On && (!offered || o.DTLS != DTLSOff && !o.SDES.Prefer) {
		w.ownPrint(&t.DTLS, false)
		t.DTLS.Told = t.DTLS.reply(o.DTLS == DTLSPassive)
		t.SDES.On, t.SDES.Leg.Out = false, nil
		return w.ownTLSID(&t.DTLS, t.DTLS.TLSID != "")
	}
	t.DTLS.On = false
	t.SDES.On = offered
	if !offered {
		t.SDES.Leg.Out = nil
		return nil
	}
	from := &f.SDES.Leg
	if f.DTLS.Print != "" || len(from.In) == 0 {
		from = nil
	}
	return t.SDES.Leg.Answer(from, o.SDES, w.cfg.Rand)
}

// reply is the setup attribute that fits what the party said.
func (d *dtlsState) reply(passive bool) string {
	switch d.Setup {
	case "active":
		return "passive"
	case "passive":
		return "active"
	}
	if d.Passive || passive {
		return "passive"
	}
	return "active"
}

// keyed tells whether the party gave keys of either kind.
func (m *stream) keyed() bool { return len(m.SDES.Leg.In) > 0 || m.DTLS.Print != "" }
