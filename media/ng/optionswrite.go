package ng

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/sdp"
	"github.com/class5-go/class5/media/srtp"
	"github.com/class5-go/class5/media/srtp/sdes"
)

// Set writes the options into a message, so that [ParseOptions] and rtpengine
// read them. What is at its zero value is left out, TOS at -1.
func (o *Options) Set(d *Dict) {
	w := optionWriter{d: d}
	w.switches(o)
	w.description(o)
	w.security(o)
	w.lists(o)
	w.packets(o)
	w.dtmf(&o.DTMF)
	if len(w.flags) > 0 {
		d.Set("flags", append(strings2list(d.Strings("flags")), w.flags...))
	}
}

func strings2list(s []string) List {
	l := make(List, len(s))
	for i := range s {
		l[i] = s[i]
	}
	return l
}

type optionWriter struct {
	d     *Dict
	flags List
}

func (w *optionWriter) flag(name string, on bool) {
	if on {
		w.flags = append(w.flags, name)
	}
}

func (w *optionWriter) str(key, value string) {
	if value != "" {
		w.d.Set(key, value)
	}
}

func (w *optionWriter) list(key string, values []string) {
	if len(values) > 0 {
		w.d.Set(key, values)
	}
}

func (w *optionWriter) millis(key string, t time.Duration) {
	if t != 0 {
		w.d.Set(key, t.Milliseconds())
	}
}

// switches are those of the flags list, found by the parser's own names.
func (w *optionWriter) switches(o *Options) {
	for _, name := range []string{
		"original-sendrecv", "loop-protect", "generate-mid", "no-rtcp-attribute", "full-rtcp-attribute", "WebRTC", "no-tls-id", "recrypt",
		"trickle-ICE", "reject-ICE", "reset", "fragment", "provisional", "port-latching", "no-port-latching", "SIP-source-address",
		"single-codec", "reuse-codecs", "static-codecs", "allow-asymmetric-codecs", "symmetric-codecs", "reorder-codecs", "always-transcode",
		"force-transcoding", "allow-transcoding", "allow-no-codec-media", "inject-DTMF", "detect-DTMF", "asymmetric", "strict-source",
		"media-handover", "NAT-wait", "pierce-NAT", "block-DTMF",
	} {
		w.flag(name, *o.descriptionFlag(name))
	}
}

func (w *optionWriter) description(o *Options) {
	r := o.Replace
	w.list("replace", chosen(word{"origin", r.Origin}, word{"origin-full", r.OriginFull}, word{"username", r.Username},
		word{"session-name", r.SessionName}, word{"SDP-version", r.Version}, word{"force-increment-sdp-ver", r.ForceVersion}, word{"zero-address", r.ZeroAddress}, word{"session-connection", r.SessionConnection}))
	m := o.RTCPMux
	w.list("rtcp-mux", chosen(word{"offer", m.Offer}, word{"require", m.Require}, word{"demux", m.Demux}, word{"accept", m.Accept}, word{"reject", m.Reject}))
	b := o.Bundle
	w.list("bundle", chosen(word{"accept", b.Accept}, word{"offer", b.Offer}, word{"require", b.Require}, word{"strict", b.Strict}, word{"reject", b.Reject}))
	w.list("sdp-media-remove", o.RemoveMedia)
	w.str("transport-protocol", o.Transport)
	if o.TransportAccept {
		w.d.Set("transport-protocol", "accept")
	}
	switch o.Family {
	case bridge.IPv4:
		w.d.Set("address-family", "IP4")
	case bridge.IPv6:
		w.d.Set("address-family", "IP6")
	}
	if o.MediaAddress.IsValid() {
		w.d.Set("media-address", o.MediaAddress.String())
	}
	w.millis("ptime", o.Ptime)
	w.millis("ptime-reverse", o.PtimeReverse)
	t := o.T38
	w.list("T.38", chosen(word{"decode", t.Decode}, word{"force", t.Force}, word{"stop", t.Stop}, word{"no-ECM", t.NoECM}, word{"no-V.17", t.NoV17},
		word{"no-V.27ter", t.NoV27ter}, word{"no-V.29", t.NoV29}, word{"no-V.34", t.NoV34}, word{"no-IAF", t.NoIAF}, word{"FEC", t.FEC}))
	if t.Version != 0 {
		w.d.Set("T.38-version", t.Version)
	}
}

type word struct {
	name string
	on   bool
}

func chosen(words ...word) (out []string) {
	for _, w := range words {
		if w.on {
			out = append(out, w.name)
		}
	}
	return out
}

func (w *optionWriter) security(o *Options) {
	modes := map[bridge.DTLSMode]string{bridge.DTLSOff: "off", bridge.DTLSPassive: "passive", bridge.DTLSActive: "active"}
	w.str("DTLS", modes[o.DTLS])
	w.str("DTLS-reverse", modes[o.DTLSReverse])
	w.str("DTLS-fingerprint", o.Fingerprint)
	w.list("SDES", sdesWords(&o.SDES))
	s := o.OSRTP
	w.list("OSRTP", chosen(word{"offer", s.Offer}, word{"offer-legacy", s.OfferLegacy}, word{"accept-RFC", s.Accept}, word{"accept-legacy", s.AcceptLegacy}))
	w.str("ICE", map[bridge.ICEMode]string{bridge.ICERemove: "remove", bridge.ICEForce: "force", bridge.ICEForceRelay: "force-relay", bridge.ICEOptional: "optional"}[o.ICE])
	w.str("ICE-lite", map[bridge.LiteMode]string{bridge.LiteOff: "off", bridge.LiteForward: "forward", bridge.LiteBackward: "backward", bridge.LiteBoth: "both"}[o.ICELite])
}

func sdesWords(s *sdes.Options) []string {
	out := chosen(word{"off", s.Off}, word{"nonew", s.NoNew}, word{"pad", s.Pad}, word{"lifetime", s.Lifetime}, word{"static", s.Static}, word{"prefer", s.Prefer})
	for _, suite := range s.No {
		out = append(out, "no-"+suite.String())
	}
	for _, suite := range s.Only {
		out = append(out, "only-"+suite.String())
	}
	if s.OnlyThese && len(s.Only) == 0 {
		out = append(out, "only-none")
	}
	for name, list := range map[string][]srtp.Suite{"order:": s.Order, "offerer_pref:": s.OffererPref} {
		var names []string
		for _, suite := range list {
			names = append(names, suite.String())
		}
		if len(names) > 0 {
			out = append(out, name+strings.Join(names, ";"))
		}
	}
	for name, c := range map[string]sdes.Change{"encrypted_srtp": s.UnencryptedRTP, "encrypted_srtcp": s.UnencryptedRTCP, "authenticated_srtp": s.UnauthenticatedRTP} {
		switch c {
		case sdes.Set:
			out = append(out, "un"+name)
		case sdes.Remove:
			out = append(out, name)
		}
	}
	return out
}

func (w *optionWriter) lists(o *Options) {
	c := &o.Codec
	var codec Dict
	for _, l := range []struct {
		name string
		list []string
	}{{"strip", c.Strip}, {"offer", c.Offer}, {"mask", c.Mask}, {"except", c.Except}, {"consume", c.Consume}, {"accept", c.Accept}, {"transcode", c.Transcode}, {"ignore", c.Ignore}, {"set", c.Set}} {
		if len(l.list) > 0 {
			codec.Set(l.name, l.list)
		}
	}
	if codec.Len() > 0 {
		w.d.Set("codec", codec)
	}
	var extmap Dict
	if len(o.StripExtensions) > 0 {
		extmap.Set("strip", o.StripExtensions)
	}
	if len(o.MaskExtensions) > 0 {
		extmap.Set("mask", o.MaskExtensions)
	}
	if extmap.Len() > 0 {
		w.d.Set("extmap", extmap)
	}
	var edits Dict
	for _, place := range []string{"none", "audio", "video", "text", "application", "message", "image"} {
		e := o.Attributes.Of(place)
		if place == "none" {
			e = &o.Attributes.Session
		}
		if d := editDict(e); d.Len() > 0 {
			edits.Set(place, d)
		}
	}
	if edits.Len() > 0 {
		w.d.Set("sdp-attr", edits)
	}
}

func editDict(e *sdp.AttributeEdit) (d Dict) {
	if len(e.Add) > 0 {
		d.Set("add", e.Add)
	}
	if len(e.Remove) > 0 {
		d.Set("remove", e.Remove)
	}
	if len(e.Substitute) > 0 {
		l := List{}
		for _, s := range e.Substitute {
			l = append(l, List{s[0], s[1]})
		}
		d.Set("substitute", l)
	}
	return d
}

func (w *optionWriter) packets(o *Options) {
	if o.FromInterface != "" && o.ToInterface != "" {
		w.d.Set("direction", List{o.FromInterface, o.ToInterface})
	} else {
		w.str("from-interface", o.FromInterface)
		w.str("to-interface", o.ToInterface)
	}
	if o.Source.IsValid() {
		w.d.Set("received-from", List{family(o.Source), o.Source.String()})
	}
	w.str("endpoint-learning", o.Learning)
	if o.TOS >= 0 {
		w.d.Set("TOS", o.TOS)
	}
	if o.HasDelayBuffer {
		w.d.Set("delay-buffer", o.DelayBuffer.Milliseconds())
	}
	if o.HasDeleteDelay {
		w.d.Set("delete-delay", int64(o.DeleteDelay/time.Second))
	}
	for key, value := range map[string]string{
		"record-call": o.Record, "metadata": o.Metadata, "recording-file": o.RecordingFile, "recording-dir": o.RecordingDir,
		"recording-pattern": o.RecordingPattern, "drop-traffic": o.DropTraffic, "generate-RTCP": o.GenerateRTCP, "media-echo": o.MediaEcho,
	} {
		w.str(key, value)
	}
	if o.Early {
		w.d.Set("SIP-code", 183)
	} else if o.FinalResponse {
		w.d.Set("SIP-code", 200)
	}
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "IP4"
	}
	return "IP6"
}

func (w *optionWriter) dtmf(o *DTMFOptions) {
	w.str("DTMF-security", o.Mode)
	w.str("digit", o.Digit)
	var f []string
	for _, n := range o.Frequencies {
		f = append(f, strconv.Itoa(n))
	}
	w.list("frequencies", f)
	for key, n := range map[string]int{"volume": o.Volume, "trigger-end-digits": o.TriggerEndCount} {
		if n != 0 {
			w.d.Set(key, n)
		}
	}
	for key, value := range map[string]string{
		"trigger": o.Trigger, "DTMF-security-trigger": o.TriggerMode, "end-trigger": o.TriggerEnd, "DTMF-security-trigger-end": o.TriggerEndMode,
	} {
		w.str(key, value)
	}
	w.millis("trigger-end-time", o.TriggerEndTime)
	w.millis("DTMF-delay", o.Delay)
	if o.LogTo.IsValid() {
		w.d.Set("DTMF-log-dest", o.LogTo.String())
	}
}
