package bridge

import (
	"strconv"
	"strings"
	"time"

	"github.com/class5-go/class5/media/sdp"
)

// format is one payload format in a list of codecs.
type format struct {
	sdp.Codec
	Known    bool     `json:"known,omitempty"` // has an encoding: a static type or an rtpmap
	Feedback []string `json:"fb,omitempty"`    // values of a=rtcp-fb
	Bitrate  int      `json:"bitrate,omitempty"`
	Ptime    int      `json:"ptime,omitempty"` // ms, from a codec option
	Options  string   `json:"options,omitempty"`
	// New: offered by us beyond what the offerer has. Accept: the offerer gets
	// it even when the answerer refuses it.
	New    bool `json:"new,omitempty"`
	Accept bool `json:"accept,omitempty"`
	kept   bool // asked for by name, while an offer is made
}

// codecState is what is known of the codecs on one leg.
type codecState struct {
	Said []format `json:"said,omitempty"` // what the party can receive
	Told []format `json:"told,omitempty"` // what it was told
	Set  []string `json:"set,omitempty"`  // options of codecs used towards the party
	// Transcode: the last offer to the party had codecs of ours, or its ptime
	// was changed.
	Transcode bool `json:"transcode,omitempty"`
	Inject    bool `json:"inject,omitempty"`
	Detect    bool `json:"detect,omitempty"`
	Force     bool `json:"force,omitempty"`
}

// maxFeedback bounds the a=rtcp-fb lines kept for a payload type.
const maxFeedback = 16

// hearCodecs lists the payload formats of an m= line in order of preference,
// unknown ones included.
func hearCodecs(m *sdp.Media) []format {
	known := m.Codecs()
	fb := hearFeedback(m)
	list := make([]format, 0, len(m.Formats()))
	var seen [128]bool
	for _, f := range m.Formats() {
		pt, err := strconv.ParseUint(f, 10, 7)
		if err != nil || seen[pt] {
			continue
		}
		seen[pt] = true
		c := format{Codec: sdp.Codec{PayloadType: uint8(pt), Channels: 1}, Feedback: fb[uint8(pt)]}
		for _, k := range known {
			if k.PayloadType == c.PayloadType {
				c.Codec, c.Known = k, true
			}
		}
		list = append(list, c)
	}
	return list
}

func hearFeedback(m *sdp.Media) map[uint8][]string {
	var fb map[uint8][]string
	for v := range m.Attrs("rtcp-fb") {
		num, rest, _ := strings.Cut(v, " ")
		pt, err := strconv.ParseUint(num, 10, 7)
		if err != nil || len(fb[uint8(pt)]) >= maxFeedback {
			continue
		}
		if fb == nil {
			fb = make(map[uint8][]string)
		}
		fb[uint8(pt)] = append(fb[uint8(pt)], rest)
	}
	return fb
}

// Names of formats that accompany a codec and are not one themselves.
const (
	eventName = "telephone-event"
	noiseName = "CN"
)

func (f *format) event() bool { return strings.EqualFold(f.Name, eventName) }
func (f *format) noise() bool { return strings.EqualFold(f.Name, noiseName) }

// companion tells whether the format only makes sense beside a codec of the
// same clock.
func (f *format) companion() bool { return f.event() || f.noise() }

// same tells whether two formats carry the same encoding.
func (f *format) same(o *format) bool {
	if !f.Known || !o.Known {
		return f.Known == o.Known && f.PayloadType == o.PayloadType
	}
	return strings.EqualFold(f.Name, o.Name) && f.ClockRate == o.ClockRate && f.Channels == o.Channels
}

func (f *format) codec() Codec {
	return Codec{Codec: f.Codec, Bitrate: f.Bitrate, Ptime: time.Duration(f.Ptime) * time.Millisecond, Options: f.Options}
}

func (f *format) rtpmap() string {
	s := strconv.Itoa(int(f.PayloadType)) + " " + f.Name + "/" + strconv.FormatUint(uint64(f.ClockRate), 10)
	if f.Channels > 1 {
		s += "/" + strconv.Itoa(f.Channels)
	}
	return s
}

// codes tells whether the transcoder can decode and encode a format.
func (w *work) codes(f *format) bool {
	if f.companion() {
		return true
	}
	if !f.Known || w.cfg.Can == nil {
		return false
	}
	d, e := w.cfg.Can(f.codec())
	return d && e
}

func find(list []format, ok func(*format) bool) *format {
	for i := range list {
		if ok(&list[i]) {
			return &list[i]
		}
	}
	return nil
}

func formatNames(list []format) []string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = strconv.Itoa(int(list[i].PayloadType))
	}
	return names
}
