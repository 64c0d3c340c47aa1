package ng

import (
	"strings"

	"github.com/class5-go/class5/media/bridge"
)

// flag reads one word of the flags list. Most words are switches; those with a
// prefix are another way to write a list or a dictionary.
func (p *optionParser) flag(word string) {
	w := canonical(word)
	if on := p.o.descriptionFlag(w); on != nil {
		*on = true
		return
	}
	if p.mediaFlag(w) || p.prefixed(w, word) {
		return
	}
	switch w {
	case "trust-address", "symmetric", "fatal", "fast", "to-tag", "debug", "debugging", "unidirectional", "directional", "bidirectional", "all",
		"early-media", "new-branch", "skip-recording-db", "exclude-recording", "discard-recording", "low-delay", "siprec", "SIPREC", "inactive",
		"RTCP-mirror", "mirror-RTCP", "rtcp-mirror":
		return // the default here, or read by the command
	}
	p.warn("flag %.40q not understood", word)
}

// descriptionFlag finds what a flag switches on in the engine's options.
func (o *Options) descriptionFlag(w string) *bool {
	b := &o.Options
	switch w {
	case "original-sendrecv":
		return &b.OriginalDirection
	case "loop-protect":
		return &b.LoopProtect
	case "generate-mid":
		return &b.GenerateMID
	case "no-rtcp-attribute":
		return &b.NoRTCPAttribute
	case "full-rtcp-attribute":
		return &b.FullRTCPAttribute
	case "WebRTC", "webrtc":
		return &b.WebRTC
	case "no-tls-id":
		return &b.NoTLSID
	case "recrypt":
		return &b.SDES.Recrypt
	case "trickle-ICE":
		return &b.Trickle
	case "reject-ICE":
		return &b.RejectICE
	case "reset":
		return &b.Reset
	case "fragment":
		return &b.FragmentOfTrickle
	case "provisional":
		return &b.ProvisionalAnswer
	case "port-latching":
		return &b.PortLatching
	case "no-port-latching":
		return &b.NoPortLatching
	case "SIP-source-address":
		return &b.SIPSourceAddress
	case "pad-crypto":
		return &b.SDES.Pad
	}
	return o.codecFlag(w)
}

func (o *Options) codecFlag(w string) *bool {
	b := &o.Options
	switch w {
	case "single-codec":
		return &b.SingleCodec
	case "reuse-codecs", "no-codec-renegotiation":
		return &b.ReuseCodecs
	case "static-codecs":
		return &b.StaticCodecs
	case "allow-asymmetric-codecs":
		return &b.AsymmetricCodecs
	case "symmetric-codecs":
		return &b.SymmetricCodecs
	case "reorder-codecs":
		return &b.ReorderCodecs
	case "always-transcode":
		return &b.AlwaysTranscode
	case "force-transcoding":
		return &b.ForceTranscoding
	case "allow-transcoding":
		return &b.AllowTranscoding
	case "allow-no-codec-media":
		return &b.AllowNoCodecMedia
	case "inject-DTMF":
		return &b.InjectDTMF
	case "detect-DTMF":
		return &b.DetectDTMF
	case "asymmetric":
		return &o.Asymmetric
	case "strict-source":
		return &o.StrictSource
	case "media-handover":
		return &o.MediaHandover
	case "NAT-wait":
		return &o.NATWait
	case "pierce-NAT":
		return &o.PierceNAT
	case "block-DTMF":
		return &o.BlockDTMF
	}
	return nil
}

func (p *optionParser) mediaFlag(w string) bool {
	switch w {
	case "record-call":
		p.o.Record = "on"
	case "generate-RTCP":
		p.o.GenerateRTCP = "on"
	case "strip-extmap":
		p.o.StripExtensions = append(p.o.StripExtensions, "all")
	default:
		return false
	}
	return true
}

// prefixed reads words such as codec-strip-PCMA and SDES-no-NULL_HMAC_SHA1_32.
// raw is the word as written, since suites have underscores.
func (p *optionParser) prefixed(w, raw string) bool {
	rest := func(prefix string) (string, bool) {
		if strings.HasPrefix(w, prefix) {
			return raw[len(prefix):], true
		}
		return "", false
	}
	if s, ok := rest("codec-"); ok {
		for i := range len(s) {
			if s[i] == '-' {
				if list := p.codecList(s[:i]); list != nil {
					*list = append(*list, unescapeAll([]string{s[i+1:]})...)
					return true
				}
			}
		}
		return false
	}
	for _, key := range [...]string{"SDES-", "rtcp-mux-", "OSRTP-", "ICE-", "replace-", "T.38-", "bundle-"} {
		if s, ok := rest(key); ok {
			return p.word(key[:len(key)-1], s)
		}
	}
	if s, ok := rest("sdp-attr-"); ok {
		return p.attributeFlag(s)
	}
	if s, ok := rest("endpoint-learning-"); ok {
		p.learning(s)
		return true
	}
	if s, ok := rest("sdp-media-remove-"); ok {
		p.o.RemoveMedia = append(p.o.RemoveMedia, s)
		return true
	}
	_, ok := rest("from-tags-")
	return ok
}

// attributeFlag reads COMMAND-MEDIA-VALUE, with .. for a space and -- for =.
func (p *optionParser) attributeFlag(s string) bool {
	command, s, _ := strings.Cut(s, "-")
	media, value, ok := strings.Cut(s, "-")
	e := p.place(media)
	if !ok || e == nil {
		return false
	}
	value = strings.NewReplacer("..", " ", "--", "=").Replace(value)
	switch command {
	case "add":
		e.Add = append(e.Add, value)
	case "remove":
		e.Remove = append(e.Remove, value)
	case "substitute":
		from, to, ok := strings.Cut(value, ">")
		e.Substitute = append(e.Substitute, [2]string{from, to})
		return ok
	default:
		return false
	}
	return true
}

func (p *optionParser) replace(w string) bool {
	r := &p.o.Replace
	switch canonical(w) {
	case "origin":
		r.Origin = true
	case "origin-full":
		r.OriginFull = true
	case "username":
		r.Username = true
	case "session-name":
		r.SessionName = true
	case "SDP-version", "sdp-version":
		r.Version = true
	case "force-increment-sdp-ver", "force-increment-SDP-ver":
		r.ForceVersion = true
	case "zero-address":
		r.ZeroAddress = true
	case "session-connection":
		p.o.Replace.SessionConnection = true
	default:
		return false
	}
	return true
}

func (p *optionParser) rtcpMux(w string) bool {
	m := &p.o.RTCPMux
	switch w {
	case "offer":
		m.Offer = true
	case "require":
		m.Require = true
	case "demux":
		m.Demux = true
	case "accept":
		m.Accept = true
	case "reject":
		m.Reject = true
	default:
		return false
	}
	return true
}

func (p *optionParser) bundle(w string) bool {
	b := &p.o.Bundle
	switch w {
	case "accept":
		b.Accept = true
	case "offer":
		b.Offer = true
	case "require":
		b.Require = true
	case "strict":
		b.Strict = true
	case "reject":
		b.Reject = true
	default:
		return false
	}
	return true
}

func (p *optionParser) osrtp(w string) bool { return p.o.OSRTP.Set(w) }

func (p *optionParser) ice(w string) bool {
	b := &p.o.Options
	switch w {
	case "remove":
		b.ICE = bridge.ICERemove
	case "force":
		b.ICE = bridge.ICEForce
	case "default":
		b.ICE = bridge.ICEDefault
	case "force-relay":
		b.ICE = bridge.ICEForceRelay
	case "optional":
		b.ICE = bridge.ICEOptional
	case "trickle":
		b.Trickle = true
	case "lite-off":
		b.ICELite = bridge.LiteOff
	case "lite-forward":
		b.ICELite = bridge.LiteForward
	case "lite-backward":
		b.ICELite = bridge.LiteBackward
	case "lite-both":
		b.ICELite = bridge.LiteBoth
	case "ice2":
		// Announced by an option of the description only; both ends work without.
	default:
		return false
	}
	return true
}

func (p *optionParser) t38(w string) bool {
	t := &p.o.T38
	switch canonical(w) {
	case "decode":
		t.Decode = true
	case "force":
		t.Force = true
	case "stop":
		t.Stop = true
	case "no-ECM":
		t.NoECM = true
	case "no-V.17":
		t.NoV17 = true
	case "no-V.27ter":
		t.NoV27ter = true
	case "no-V.29":
		t.NoV29 = true
	case "no-V.34":
		t.NoV34 = true
	case "no-IAF":
		t.NoIAF = true
	case "FEC":
		t.FEC = true
	default:
		return false
	}
	return true
}

func (p *optionParser) sdes(w string) bool { return p.o.SDES.Set(w) }
