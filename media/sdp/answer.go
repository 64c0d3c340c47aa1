package sdp

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrNoCommonMedia means: there is no audio description that both sides can use; a
// user agent says 488 Not Acceptable Here.
var ErrNoCommonMedia = errors.New("sdp: no common audio format")

// LocalMedia is what an endpoint that speaks telephone audio brings to a
// session. Only Addr is needed.
type LocalMedia struct {
	Addr       netip.AddrPort // where it receives RTP; RTCP one port above
	Codecs     []string       // encoding names it can use at 8 kHz, best first; nil: PCMA, PCMU
	NoDTMF     bool           // do not take part in telephone-event (RFC 4733)
	Direction  Direction      // what it wants; the answer never exceeds the offer
	Ptime      time.Duration  // default 20 ms
	User       string         // o= user; default "-"
	SessionID  uint64         // o= session identifier: constant for the life of the session
	Version    uint64         // o= version: one more for each description that differs from the last
	Attributes []string       // further a= lines of the media, without "a="
}

// Choice is the outcome of an offer and an answer for the audio stream of an
// endpoint.
type Choice struct {
	Index      int            // of the m= line
	Codec      Codec          // to send and to expect
	DTMF       uint8          // payload type of telephone-event; 0: not agreed
	Remote     netip.AddrPort // where the other side receives; the address may be invalid or unspecified
	RemoteRTCP netip.AddrPort
	Direction  Direction // as this endpoint may send and receive
	Ptime      time.Duration
}

func (l LocalMedia) codecs() []string {
	if l.Codecs == nil {
		return []string{"PCMA", "PCMU"}
	}
	return l.Codecs
}

func (l LocalMedia) ptime() time.Duration {
	if l.Ptime <= 0 {
		return 20 * time.Millisecond
	}
	return l.Ptime
}

// choose finds the first stream and codec of d that l supports.
func (l LocalMedia) choose(d *Description) (Choice, bool) {
	for i, m := range d.All() {
		if m.Kind() != "audio" || m.Rejected() || !plain(m.Proto()) {
			continue
		}
		codecs := m.Codecs()
		n := slices.IndexFunc(codecs, func(c Codec) bool {
			return c.ClockRate == 8000 && c.Channels == 1 &&
				slices.ContainsFunc(l.codecs(), func(s string) bool { return strings.EqualFold(s, c.Name) })
		})
		if n < 0 {
			continue
		}
		c := Choice{Index: i, Codec: codecs[n], Remote: m.Addr(), RemoteRTCP: m.RTCPAddr(),
			Direction: m.Direction().Reverse().And(l.Direction), Ptime: l.ptime()}
		if m.Ptime() > 0 {
			c.Ptime = m.Ptime()
		}
		if e := slices.IndexFunc(codecs, func(c Codec) bool { return c.Is("telephone-event", 8000) }); e >= 0 && !l.NoDTMF {
			c.DTMF = codecs[e].PayloadType
		}
		return c, true
	}
	return Choice{}, false
}

func plain(proto string) bool {
	return strings.EqualFold(proto, "RTP/AVP") || strings.EqualFold(proto, "RTP/AVPF")
}

// Answer answers an offer by the rules of RFC 3264 section 6: the first audio
// stream with a known codec is accepted with that codec and telephone-event,
// every other m= line is kept with port zero. Without a common codec the
// error is ErrNoCommonMedia.
func Answer(offer *Description, local LocalMedia) ([]byte, Choice, error) {
	c, ok := local.choose(offer)
	if !ok {
		return nil, Choice{}, ErrNoCommonMedia
	}
	w := local.head()
	for i, m := range offer.All() {
		if i == c.Index {
			formats := []Codec{c.Codec}
			if c.DTMF != 0 {
				formats = append(formats, dtmfCodec(c.DTMF))
			}
			w.audio(local, m.Proto(), formats, c.Direction, c.Ptime)
			if mid, ok := m.Attr("mid"); ok {
				w.line("a=mid:", mid)
			}
			continue
		}
		format := "0"
		if len(m.Formats()) > 0 {
			format = m.Formats()[0]
		}
		w.line("m=", m.Kind(), " 0 ", m.Proto(), " ", format)
	}
	return w.b, c, nil
}

// Offer composes an offer of one audio stream with all codecs of local. The
// codecs must have static payload types (PCMA, PCMU, G722, GSM, G729).
func Offer(local LocalMedia) []byte {
	w := local.head()
	var formats []Codec
	for _, name := range local.codecs() {
		for pt := range uint8(96) {
			if c, ok := staticCodec(pt); ok && c.Is(name, 8000) {
				formats = append(formats, c)
			}
		}
	}
	if !local.NoDTMF {
		formats = append(formats, dtmfCodec(101))
	}
	w.audio(local, "RTP/AVP", formats, local.Direction, local.ptime())
	return w.b
}

// Negotiated reads the answer to an offer made by [Offer] with the same local
// media.
func Negotiated(answer *Description, local LocalMedia) (Choice, error) {
	c, ok := local.choose(answer)
	if !ok {
		return Choice{}, ErrNoCommonMedia
	}
	return c, nil
}

func dtmfCodec(pt uint8) Codec {
	return Codec{PayloadType: pt, Name: "telephone-event", ClockRate: 8000, Channels: 1, Fmtp: "0-16"}
}

// writer composes a description line by line.
type writer struct{ b []byte }

func (w *writer) line(parts ...string) {
	for _, p := range parts {
		w.b = append(w.b, p...)
	}
	w.b = append(w.b, '\r', '\n')
}

func (l LocalMedia) head() *writer {
	w := &writer{b: make([]byte, 0, 512)}
	user := l.User
	if user == "" || strings.ContainsAny(user, " \t\r\n\x00") {
		user = "-"
	}
	where := "IN " + addrType(l.Addr.Addr()) + " " + l.Addr.Addr().String()
	w.line("v=0")
	w.line("o=", user, " ", strconv.FormatUint(l.SessionID, 10), " ", strconv.FormatUint(l.Version, 10), " ", where)
	w.line("s=-")
	w.line("c=", where)
	w.line("t=0 0")
	return w
}

func (w *writer) audio(l LocalMedia, proto string, formats []Codec, d Direction, ptime time.Duration) {
	pts := ""
	for _, f := range formats {
		pts += " " + strconv.Itoa(int(f.PayloadType))
	}
	w.line("m=audio ", strconv.Itoa(int(l.Addr.Port())), " ", proto, pts)
	for _, f := range formats {
		pt := strconv.Itoa(int(f.PayloadType))
		w.line("a=rtpmap:", pt, " ", f.Name, "/", strconv.FormatUint(uint64(f.ClockRate), 10))
		if f.Fmtp != "" {
			w.line("a=fmtp:", pt, " ", f.Fmtp)
		}
	}
	w.line("a=", d.String())
	w.line("a=ptime:", strconv.FormatInt(ptime.Milliseconds(), 10))
	for _, a := range l.Attributes {
		if !strings.ContainsAny(a, "\r\n\x00") {
			w.line("a=", a)
		}
	}
}
