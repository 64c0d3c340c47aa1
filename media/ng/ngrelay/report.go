package ngrelay

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/sdp"
)

// reportDict writes a session as the replies to query and delete have it.
func reportDict(r relay.Report) ng.Dict {
	last := r.Created
	if r.Answered.After(last) {
		last = r.Answered
	}
	d := ng.Of("created", r.Created.Unix(), "created_us", r.Created.Nanosecond()/1000, "last signal", last.Unix())
	var tags, ssrcs ng.Dict
	var rtp, rtcp counters
	for i, leg := range r.Legs {
		name := lastTag(leg)
		tags.Set(name, legDict(r, i, name))
		for _, s := range leg.Streams {
			rtp.add(s.Received, dropped(s))
			rtcp.add(s.ReceivedRTCP, 0)
			if s.Received.SSRC != 0 {
				ssrcs.Set(fmt.Sprint(s.Received.SSRC), ssrcDict(s))
			}
		}
	}
	d.Set("SSRC", ssrcs)
	d.Set("tags", tags)
	d.Set("totals", ng.Of("RTP", rtp.dict(), "RTCP", rtcp.dict()))
	return d
}

type counters struct{ packets, bytes, errors uint64 }

func (c *counters) add(f relay.Flow, errors uint64) {
	c.packets += f.Packets
	c.bytes += f.Bytes
	c.errors += errors
}

func (c *counters) dict() ng.Dict {
	return ng.Of("packets", c.packets, "bytes", c.bytes, "errors", c.errors)
}

func dropped(s relay.StreamReport) (n uint64) {
	for _, v := range s.Dropped {
		n += v
	}
	return n
}

func lastTag(leg relay.LegReport) string {
	if len(leg.Tags) == 0 {
		return ""
	}
	return leg.Tags[len(leg.Tags)-1]
}

func legDict(r relay.Report, i int, name string) ng.Dict {
	leg := r.Legs[i]
	d := ng.Of("tag", name, "created", r.Created.Unix())
	if leg.ViaBranch != "" {
		d.Set("via-branch", leg.ViaBranch)
	}
	if leg.Label != "" {
		d.Set("label", leg.Label)
	}
	subscriptions, subscribers := ng.List{}, ng.List{}
	for _, o := range r.Legs {
		other := lastTag(o)
		kind := "offer/answer"
		if o.Subscriber || leg.Subscriber {
			kind = "pub/sub"
		}
		if slices.Contains(o.HeardBy, name) {
			subscriptions = append(subscriptions, ng.Of("tag", other, "type", kind))
		}
		if slices.Contains(leg.HeardBy, other) {
			subscribers = append(subscribers, ng.Of("tag", other, "type", kind))
			if leg.Connected && kind == "offer/answer" {
				d.Set("in dialogue with", other) // what older clients look for
			}
		}
	}
	d.Set("subscriptions", subscriptions)
	d.Set("subscribers", subscribers)
	medias := ng.List{}
	for _, s := range leg.Streams {
		medias = append(medias, mediaDict(s))
	}
	d.Set("medias", medias)
	return d
}

func mediaDict(s relay.StreamReport) ng.Dict {
	flags := ng.List{"initialized"}
	switch s.Direction { // the party's; the flags are the relay's
	case sdp.SendRecv.String():
		flags = append(flags, "send", "recv")
	case sdp.RecvOnly.String():
		flags = append(flags, "send")
	case sdp.SendOnly.String():
		flags = append(flags, "recv")
	}
	if s.Mux {
		flags = append(flags, "rtcp-mux")
	}
	proto := strings.ToUpper(s.Protocol)
	if strings.Contains(proto, "TLS") {
		flags = append(flags, "DTLS-SRTP")
	} else if strings.Contains(proto, "SAVP") {
		flags = append(flags, "SDES")
	}
	if s.Transcoded {
		flags = append(flags, "transcoding")
	}
	streams := ng.List{streamDict(s, "RTP", s.Local, s.Remote, s.Signalled, s.Received, s.Sent, dropped(s))}
	if up := next(s.Local); up.IsValid() {
		streams = append(streams, streamDict(s, "RTCP", up, next(s.Remote), next(s.Signalled), s.ReceivedRTCP, s.SentRTCP, 0))
	}
	d := ng.Of("index", s.Index+1, "type", s.Kind, "protocol", s.Protocol, "flags", flags, "streams", streams)
	if s.Codec != "" && s.ClockRate > 0 {
		d.Set("codec", s.Codec+"/"+strconv.Itoa(int(s.ClockRate)))
	}
	return d
}

func next(a netip.AddrPort) netip.AddrPort {
	if !a.IsValid() || a.Port() == 65535 || a.Port() == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Addr(), a.Port()+1)
}

func streamDict(s relay.StreamReport, kind string, local, remote, signalled netip.AddrPort, in, out relay.Flow, errors uint64) ng.Dict {
	flags := ng.List{kind, "filled"}
	if s.Locked {
		flags = append(flags, "confirmed")
	}
	if kind == "RTP" {
		if s.Path.Kernel {
			flags = append(flags, "kernelized")
		} else if s.Path.Why != "" {
			flags = append(flags, "no kernel support")
		}
	}
	d := ng.Of("local port", local.Port(), "local address", local.Addr().String(), "family", family(local.Addr()), "flags", flags)
	if remote.IsValid() {
		d.Set("endpoint", endpoint(remote))
	}
	if signalled.IsValid() {
		d.Set("advertised endpoint", endpoint(signalled))
	}
	if !in.Last.IsZero() {
		d.Set("last packet", in.Last.Unix())
	}
	d.Set("stats", ng.Of("packets", in.Packets, "bytes", in.Bytes, "errors", errors))
	d.Set("stats_out", ng.Of("packets", out.Packets, "bytes", out.Bytes, "errors", 0))
	if s.Received.SSRC != 0 {
		d.Set("SSRC", s.Received.SSRC)
	}
	if s.Suite != "" {
		d.Set("crypto suite", s.Suite)
	}
	return d
}

func endpoint(a netip.AddrPort) ng.Dict {
	return ng.Of("family", family(a.Addr()), "address", a.Addr().String(), "port", a.Port())
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// ssrcDict has the quality of a stream in the units of the protocol: MOS in
// tenths, loss in percent, jitter in milliseconds, round trip in microseconds.
func ssrcDict(s relay.StreamReport) ng.Dict {
	d := ng.Of("packets", s.Received.Packets, "bytes", s.Received.Bytes, "last RTP timestamp", 0, "cumulative loss", s.Received.Lost)
	q := s.Quality
	if q == nil {
		return d
	}
	d.Set("average MOS", ng.Of("MOS", tenths(q.MOS), "samples", q.Samples))
	d.Set("lowest MOS", sampleDict(q.Lowest))
	d.Set("highest MOS", sampleDict(q.Highest))
	return d
}

func tenths(mos float64) int64 { return int64(mos*10 + 0.5) }

func sampleDict(s relay.Sample) ng.Dict {
	return ng.Of("MOS", tenths(s.MOS), "packet loss", int64(s.Loss*100+0.5), "jitter", s.Jitter.Milliseconds(),
		"round-trip time", s.RoundTrip.Microseconds(), "samples", 1, "reported at", s.At.Unix())
}
