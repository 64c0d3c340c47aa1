package relay

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// Present is what a relay is busy with at the moment, for metrics.
type Present struct {
	// Streams are those that a party has described and not rejected.
	Streams map[StreamClass]int `json:"-"`
	// Transcoded are the streams whose payloads are worked on, each way counted.
	Transcoded int `json:"transcoded"`
	// Transcoders are they by the codecs that were heard last and that are made,
	// such as "PCMA/8000 -> opus/48000/2".
	Transcoders map[string]int `json:"transcoders,omitempty"`
	// Rated are the audio streams of which there is a sample of quality; MOS and
	// LowestMOS are the mean and the worst of their last samples.
	Rated     int     `json:"rated"`
	MOS       float64 `json:"mos"`
	LowestMOS float64 `json:"lowest_mos"`
}

// StreamClass is how packets of a party are forwarded.
type StreamClass struct {
	Kernel  bool
	Profile string // RTP/AVP, …, udptl; "other" for what this package has no name for
}

// Present looks at all sessions, one after the other.
func (r *Relay) Present(ctx context.Context) (Present, error) {
	p := Present{Streams: map[StreamClass]int{}, Transcoders: map[string]int{}}
	r.mu.RLock()
	list := slices.Collect(maps.Values(r.sessions))
	r.mu.RUnlock()
	for _, s := range list {
		if err := ctx.Err(); err != nil {
			return Present{}, err
		}
		s.mu.Lock()
		s.present(&p)
		s.mu.Unlock()
	}
	if p.Rated > 0 {
		p.MOS /= float64(p.Rated)
	}
	return p, nil
}

func (s *session) present(p *Present) {
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st == nil || st.off || !st.said {
				continue
			}
			p.Streams[StreamClass{st.kernel != nil && st.kernel.active, profile(st.proto)}]++
			for i := range st.routes {
				if c := st.routes[i].coder; c != nil {
					p.Transcoded++
					p.Transcoders[st.heardCodec()+" -> "+c.makes]++
				}
			}
			if st.quality.n == 0 {
				continue
			}
			mos := float64(st.quality.last.mos)
			if p.Rated == 0 || mos < p.LowestMOS {
				p.LowestMOS = mos
			}
			p.Rated++
			p.MOS += mos
		}
	}
}

// profile is a protocol as a label: descriptions must not make up labels.
func profile(proto string) string {
	for _, known := range []string{"RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF", "udptl"} {
		if strings.EqualFold(proto, known) {
			return known
		}
	}
	return "other"
}
