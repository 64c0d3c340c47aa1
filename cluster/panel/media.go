package panel

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/class5-go/class5/media/relay"
)

// media are the figures of the media relay for a call.
type media struct {
	Known bool
	Held  bool
	Rows  []stream
	Raw   string // the figures as they came, when they are not a relay's
}

// stream is one stream of one party.
type stream struct {
	Party, Kind, Codec, Address string
	Received, Sent              uint64
	Lost                        string
	Jitter, Peak                string
	MOS                         string
	Quality                     string // good, fair or poor; empty when not known
	Dropped                     uint64
}

func readMedia(raw json.RawMessage) media {
	if len(raw) == 0 || string(raw) == "null" {
		return media{}
	}
	var r relay.Report
	if json.Unmarshal(raw, &r) != nil || len(r.Legs) == 0 {
		return media{Known: true, Raw: indent(raw)}
	}
	m := media{Known: true, Held: r.Held}
	for i, leg := range r.Legs {
		for _, s := range leg.Streams {
			m.Rows = append(m.Rows, showStream(party(i, leg), s))
		}
	}
	return m
}

// party names a leg: the offerer of the session is the caller.
func party(i int, leg relay.LegReport) string {
	name := "Caller"
	if i > 0 {
		name = "Callee"
	}
	if i > 1 {
		name += fmt.Sprintf(" %d", i)
	}
	if !leg.Connected && i > 1 {
		name += " (not connected)"
	}
	return name
}

func showStream(who string, s relay.StreamReport) stream {
	out := stream{
		Party: who, Kind: s.Kind, Codec: s.Codec, Received: s.Received.Packets, Sent: s.Sent.Packets, Address: address(s.Remote, s.Signalled),
	}
	for _, n := range s.Dropped {
		out.Dropped += n
	}
	if s.Rejected {
		out.Kind += " (rejected)"
	}
	if e := s.Received.Expected; e > 0 {
		out.Lost = fmt.Sprintf("%d (%.1f %%)", s.Received.Lost, float64(s.Received.Lost)*100/float64(e))
	}
	if s.Received.Packets > 0 {
		out.Jitter, out.Peak = milliseconds(s.Received.JitterMean), milliseconds(s.Received.JitterMax)
	}
	if mos := s.Received.MOS; mos > 0 {
		out.MOS = fmt.Sprintf("%.2f", mos)
		out.Quality = quality(mos)
	}
	return out
}

// quality puts a mean opinion score into a word, by the bounds of ITU-T G.107
// annex B for most users satisfied and many users dissatisfied.
func quality(mos float64) string {
	switch {
	case mos >= 4.03:
		return "good"
	case mos >= 3.6:
		return "fair"
	}
	return "poor"
}

func address(remote, signalled netip.AddrPort) string {
	if remote.IsValid() {
		return remote.String()
	}
	if signalled.IsValid() {
		return signalled.String()
	}
	return ""
}

func milliseconds(d time.Duration) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond)), ".0") + " ms"
}
