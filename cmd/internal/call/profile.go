package call

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/srtp"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/wire"
)

// Profile is how media are spoken with one party, whatever the other speaks:
// the relay stands between the two.
type Profile uint8

// The profiles, with the names that ParseProfile reads.
const (
	Same   Profile = iota // same: as the other party offers it
	AVP                   // avp: plain RTP
	OSRTP                 // osrtp: plain RTP with keys that may be taken or not (RFC 8643)
	SAVP                  // savp: SRTP with keys in the description (RFC 4568)
	DTLS                  // dtls: SRTP with keys by DTLS (RFC 5764)
	WebRTC                // webrtc: DTLS with ICE and RTCP on the same port, for browsers (RFC 8834)
)

var profiles = [...]string{Same: "same", AVP: "avp", OSRTP: "osrtp", SAVP: "savp", DTLS: "dtls", WebRTC: "webrtc"}

// String is the name of a profile.
func (p Profile) String() string { return profiles[p] }

// ParseProfile reads a name.
func ParseProfile(name string) (Profile, error) {
	for i, s := range profiles {
		if s == name {
			return Profile(i), nil
		}
	}
	return Same, fmt.Errorf("no profile %q: want one of %s", name, strings.Join(profiles[:], ", "))
}

// Policy says which profile a party is offered. The zero value is Same for all.
type Policy struct {
	Subscribers map[string]Profile // by user@domain, before Transports
	Transports  map[string]Profile // by what the party registered over: udp, tcp, tls, ws, wss
}

// profile is that of a party of which no description is known.
func (p *Policy) profile(aor, transport string) Profile {
	if named, ok := p.Subscribers[aor]; ok {
		return named
	}
	if transport == "" { // an application, or a foreign edge that does not say
		transport = "udp"
	}
	return p.Transports[strings.ToLower(transport)]
}

func (p *Policy) off() bool { return len(p.Subscribers)+len(p.Transports) == 0 }

// spoken is the profile of a party that offers this: it is offered the same when
// the other side offers later.
func spoken(sdp []byte) Profile {
	for line := range bytes.Lines(sdp) {
		media, ok := bytes.CutPrefix(line, []byte("m="))
		if !ok {
			continue
		}
		f := bytes.Fields(media)
		if len(f) < 3 {
			continue
		}
		switch proto := strings.ToUpper(string(f[2])); {
		case strings.HasPrefix(proto, "UDP/TLS/") && bytes.Contains(sdp, []byte("\na=ice-ufrag:")):
			return WebRTC
		case strings.HasPrefix(proto, "UDP/TLS/"):
			return DTLS
		case strings.HasPrefix(proto, "RTP/SAVP"):
			return SAVP
		case bytes.Contains(sdp, []byte("\na=crypto:")):
			return OSRTP
		case strings.HasPrefix(proto, "RTP/AVP"):
			return AVP
		}
	}
	return Same
}

// options are those of an offer of one party to another.
func options(from, to Profile) (o bridge.Options) {
	browser := from == WebRTC
	if browser {
		o.ICELite = bridge.LiteBackward
	}
	if to == Same {
		return o
	}
	o.Bundle.Accept, o.OSRTP.Accept = true, true
	if browser && to != WebRTC { // telephones that offer such things pass them on
		o.ICE, o.RTCPMux.Demux = bridge.ICERemove, true
	}
	switch to {
	case AVP, OSRTP:
		o.Transport = "RTP/AVP"
		o.OSRTP.Offer = to == OSRTP
	case SAVP:
		o.Transport = "RTP/SAVP"
	case DTLS:
		o.Transport = "UDP/TLS/RTP/SAVPF"
		o.SDES.Off = true
	case WebRTC:
		o.WebRTC = true
		o.Bundle.Offer = true // browsers with the policy max-bundle take no offer without a group
		if o.ICELite = bridge.LiteForward; browser {
			o.ICELite = bridge.LiteBoth
		}
	}
	if to == OSRTP || to == SAVP {
		o.DTLS = bridge.DTLSOff
		// Phones exist that take these and cannot decrypt what comes then
		// (baresip 1.0).
		o.SDES.No = []srtp.Suite{srtp.GCM256, srtp.GCM128}
	}
	return o
}

// profileOf is the profile of a target of the call.
func (k *call) profileOf(t *proxy.Target) Profile {
	callee := k.shared(k.leg(t)).Callee
	transport := ""
	if b, ok := t.Value.(*registrar.Binding); ok {
		transport = b.Transport
	}
	return k.core.Profiles.profile(callee.User+"@"+callee.Domain, transport)
}

// answering is the profile of the target that answers the call: as it was spoken
// to, or as it offers itself.
func (k *call) answering(t *proxy.Target, m *wire.Message) Profile {
	if p := spoken(m.Body()); len(k.anchor.offered) == 0 && p != Same && !k.core.Profiles.off() {
		return p
	}
	return k.profileOf(t)
}

// profilesOf are the profiles of all targets, each once.
func (k *call) profilesOf(groups []proxy.Group) (list []Profile) {
	var seen [len(profiles)]bool
	for _, g := range groups {
		for i := range g.Targets {
			if p := k.profileOf(&g.Targets[i]); !seen[p] {
				seen[p] = true
				list = append(list, p)
			}
		}
	}
	return list
}

// hears notes how a side speaks that offers, and returns how the other is spoken
// to.
func (k *call) hears(side dialog.Side, sdp []byte) (from, to Profile) {
	if k.core.Profiles.off() {
		return Same, Same
	}
	if p := spoken(sdp); p != Same {
		k.profiles[side] = p
	}
	return k.profiles[side], k.profiles[side.Other()]
}
