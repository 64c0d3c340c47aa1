package bridge

import (
	"fmt"
	"slices"

	"github.com/class5-go/class5/media/sdp"
)

// t38State tells that a stream is fax over UDPTL on this leg and audio on the
// other.
type t38State struct {
	Gateway bool `json:"gateway,omitempty"`
	FEC     bool `json:"fec,omitempty"`
}

// fax handles streams that are not RTP on one side or both.
func (w *work) fax(p *pair) error {
	o := &w.o.options.T38
	if w.o.offer {
		switch {
		case o.Decode && isUDPTL(p.h.proto):
			return fmt.Errorf("%w: an image cannot be offered as audio", ErrFax)
		case o.Force && isRTP(p.h.proto):
			w.o.warnings = append(w.o.warnings, noGateway)
			w.force(p)
		default:
			p.from.T38, p.to.T38 = t38State{}, t38State{}
			p.formats = p.h.formats
		}
		return nil
	}
	if p.from.T38.Gateway && isUDPTL(p.h.proto) { // the offerer has audio
		w.answerAudio(p)
	} else {
		p.formats = p.h.formats
	}
	return nil
}

// faxes warns that an option was without effect this time.
func (w *work) faxes() {
	if w.o.offer && w.o.options.T38.Decode {
		w.o.warnings = append(w.o.warnings, "T.38: decode is refused where there is an image to be decoded: this relay has no fax modem")
	}
}

// noGateway is what the other end of a fax would find out later.
const noGateway = "T.38: the descriptions are translated, the packets are not: this relay has no fax modem"

// g711 is what an image is offered as when nothing else is known.
func g711() []format {
	list := []format{{Known: true}, {Known: true}}
	list[0].Codec = sdp.Codec{PayloadType: 0, Name: "PCMU", ClockRate: 8000, Channels: 1}
	list[1].Codec = sdp.Codec{PayloadType: 8, Name: "PCMA", ClockRate: 8000, Channels: 1}
	return list
}

// force offers an audio stream as an image.
func (w *work) force(p *pair) {
	t := p.to
	t.Kind, t.Proto = "image", "udptl"
	t.T38 = t38State{Gateway: true, FEC: w.o.options.T38.FEC}
	p.from.T38 = t38State{}
	p.from.Codecs.Said = p.h.codecs
	p.formats = []string{"t38"}
}

// answerAudio answers an audio offer that became an image with the first codec
// that can carry fax.
func (w *work) answerAudio(p *pair) {
	t := p.to
	list := slices.DeleteFunc(slices.Clone(t.Codecs.Said), func(f format) bool { return f.companion() || !w.codes(&f) })
	if len(list) == 0 {
		list = g711()
	}
	t.Kind, t.Codecs.Told = "audio", list[:1]
	p.formats = formatNames(t.Codecs.Told)
}

// attributes are the T.38 parameters of a stream that is a gateway's.
func (t *t38State) attributes() []string {
	ec := "t38UDPRedundancy"
	if t.FEC {
		ec = "t38UDPFEC"
	}
	return []string{"a=T38FaxVersion:0", "a=T38MaxBitRate:14400", "a=T38FaxRateManagement:transferredTCF",
		"a=T38FaxMaxBuffer:1800", "a=T38FaxMaxDatagram:512", "a=T38FaxUdpEC:" + ec}
}
