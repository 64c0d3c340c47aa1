package ngrelay

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// Nodes sends commands to the relay that has a call; *ng.Nodes is one.
type Nodes interface {
	Do(ctx context.Context, callID string, request ng.Dict) (ng.Dict, error)
}

// Remote has the signalling methods of a relay and uses relays elsewhere.
type Remote struct{ nodes Nodes }

// NewRemote makes one.
func NewRemote(n Nodes) *Remote { return &Remote{nodes: n} }

// Offer is as that of [relay.Relay].
func (r *Remote) Offer(ctx context.Context, req relay.OfferRequest) ([]byte, error) {
	o := ng.Options{Options: req.Options, FromInterface: req.FromInterface, ToInterface: req.ToInterface, Source: req.Source, TOS: -1}
	if o.Family == relay.AnyFamily {
		o.Family = req.ToFamily
	}
	switch {
	case req.Learning == nil:
	case *req.Learning == relay.LearnAsymmetric:
		o.Asymmetric = true
	default:
		o.Learning = req.Learning.String()
	}
	handled(&o, req.Handling)
	if req.GenerateRTCP {
		o.GenerateRTCP = "on"
	}
	if req.TOS > 0 {
		o.TOS = req.TOS
	}
	o.DTMF.LogTo = req.DTMFLog
	d := message("offer", req.CallID, req.FromTag, req.ToTag, req.ViaBranch)
	d.Set("sdp", req.SDP)
	set(&d, "label", req.Label)
	set(&d, "to-label", req.ToLabel)
	return r.describe(ctx, req.CallID, d, &o)
}

// Answer is as that of [relay.Relay]. An empty description, by which a
// provisional answer is confirmed, is not sent: the protocol has no such
// message and needs none.
func (r *Remote) Answer(ctx context.Context, req relay.AnswerRequest) ([]byte, error) {
	if len(req.SDP) == 0 {
		return nil, nil
	}
	o := ng.Options{Options: req.Options, Source: req.Source, TOS: -1, Early: req.Early}
	handled(&o, req.Handling)
	d := message("answer", req.CallID, req.FromTag, req.ToTag, req.ViaBranch)
	d.Set("sdp", req.SDP)
	set(&d, "label", req.Label)
	return r.describe(ctx, req.CallID, d, &o)
}

// handled writes a handling as options.
func handled(o *ng.Options, h relay.Handling) {
	o.MediaEcho, o.MediaHandover, o.PierceNAT = h.Echo.String(), h.Handover, h.PierceNAT
	if h.Delay != nil {
		o.DelayBuffer, o.HasDelayBuffer = *h.Delay, true
	}
}

func message(command, callID, fromTag, toTag, branch string) ng.Dict {
	d := ng.Of("command", command, "call-id", callID)
	set(&d, "from-tag", fromTag)
	set(&d, "to-tag", toTag)
	set(&d, "via-branch", branch)
	return d
}

func set(d *ng.Dict, key, value string) {
	if value != "" {
		d.Set(key, value)
	}
}

func (r *Remote) describe(ctx context.Context, callID string, d ng.Dict, o *ng.Options) ([]byte, error) {
	if d.Str("command") == "offer" {
		d.Set("supports", []string{"load limit"})
	}
	o.Set(&d)
	reply, err := r.do(ctx, callID, d)
	if err != nil {
		return nil, err
	}
	sdp := reply.Str("sdp")
	if sdp == "" && o.FragmentOfTrickle {
		return nil, nil
	}
	if sdp == "" {
		return nil, fmt.Errorf("%w: reply without description", ng.ErrSyntax)
	}
	return []byte(sdp), nil
}

// do gives the errors of relays elsewhere the identity of those of one here.
func (r *Remote) do(ctx context.Context, callID string, d ng.Dict) (ng.Dict, error) {
	reply, err := r.nodes.Do(ctx, callID, d)
	var e *ng.ReplyError
	switch {
	case err == nil:
		return reply, nil
	case errors.Is(err, ng.ErrLoadLimit):
		return reply, fmt.Errorf("%w: %w", relay.ErrSessions, err)
	case errors.As(err, &e) && e.Reason == relay.ErrSessions.Error():
		return reply, fmt.Errorf("%w: %w", relay.ErrSessions, err)
	case errors.As(err, &e) && e.Reason == relay.ErrPorts.Error():
		return reply, fmt.Errorf("%w: %w", relay.ErrPorts, err)
	case errors.As(err, &e) && (e.Reason == "Unknown call-id" || strings.HasPrefix(e.Reason, "Tag not found")):
		return reply, fmt.Errorf("%w: %w", relay.ErrUnknownCall, err)
	}
	return reply, err
}

// Delete is as that of [relay.Relay]; the report has what the protocol tells.
func (r *Remote) Delete(ctx context.Context, req relay.DeleteRequest) (relay.Report, error) {
	d := message("delete", req.CallID, req.FromTag, req.ToTag, req.ViaBranch)
	d.Set("delete-delay", int64(req.Delay/time.Second))
	var asked relay.Report
	if req.FromTag == "" { // rtpengine then ends the session without a word about it
		asked, _ = r.Query(ctx, req.CallID)
	}
	reply, err := r.do(ctx, req.CallID, d)
	if err != nil {
		return relay.Report{}, err
	}
	_, told := reply.Dict("tags")
	if !told && reply.Str("warning") != "" {
		return relay.Report{}, relay.ErrUnknownCall
	}
	report := asked
	if told {
		report = readReport(req.CallID, reply)
	}
	report.Ended = time.Now()
	return report, nil
}

// Query is as that of [relay.Relay].
func (r *Remote) Query(ctx context.Context, callID string) (relay.Report, error) {
	reply, err := r.do(ctx, callID, message("query", callID, "", "", ""))
	if err != nil {
		return relay.Report{}, err
	}
	return readReport(callID, reply), nil
}

// readReport makes a report of a reply of ours or of rtpengine.
func readReport(callID string, d ng.Dict) relay.Report {
	created, _ := d.Int("created")
	r := relay.Report{CallID: callID, Created: time.Unix(created, 0)}
	tags, _ := d.Dict("tags")
	quality, _ := d.Dict("SSRC")
	for name, v := range tags.All() {
		t, ok := v.(ng.Dict)
		if !ok {
			continue
		}
		leg := relay.LegReport{Tags: []string{name}, ViaBranch: t.Str("via-branch"), Label: t.Str("label")}
		_, leg.Connected = t.Value("in dialogue with")
		for _, s := range dicts(t, "subscriptions") {
			leg.Connected = leg.Connected || s.Str("type") != "pub/sub"
			leg.Subscriber = leg.Subscriber || s.Str("type") == "pub/sub"
		}
		for _, s := range dicts(t, "subscribers") {
			leg.HeardBy = append(leg.HeardBy, s.Str("tag"))
		}
		for i, m := range dicts(t, "medias") {
			leg.Streams = append(leg.Streams, readStream(i, m, quality))
		}
		r.Legs = append(r.Legs, leg)
	}
	return r
}

// dicts are the dictionaries of a list.
func dicts(d ng.Dict, key string) (out []ng.Dict) {
	v, _ := d.Value(key)
	list, _ := v.(ng.List)
	for _, v := range list {
		if x, ok := v.(ng.Dict); ok {
			out = append(out, x)
		}
	}
	return out
}

func readStream(i int, m, quality ng.Dict) relay.StreamReport {
	s := relay.StreamReport{Index: i, Kind: m.Str("type"), Protocol: m.Str("protocol")}
	s.Codec, _, _ = strings.Cut(m.Str("codec"), "/")
	for j, d := range dicts(m, "streams") {
		if j > 1 {
			break
		}
		in, out := readFlow(d, "stats"), readFlow(d, "stats_out")
		if j == 1 {
			s.ReceivedRTCP, s.SentRTCP = in, out
			continue
		}
		s.Received, s.Sent, s.Suite = in, out, d.Str("crypto suite")
		s.Local, s.Remote, s.Signalled = readLocal(d), readEndpoint(d, "endpoint"), readEndpoint(d, "advertised endpoint")
		ssrc, _ := d.Int("SSRC")
		s.Received.SSRC = uint32(ssrc)
		readQuality(&s, quality)
	}
	return s
}

func readFlow(d ng.Dict, key string) (f relay.Flow) {
	stats, _ := d.Dict(key)
	n, _ := stats.Int("packets")
	b, _ := stats.Int("bytes")
	f.Packets, f.Bytes = uint64(max(n, 0)), uint64(max(b, 0))
	if last, ok := d.Int("last packet"); ok && last > 0 && key == "stats" {
		f.Last = time.Unix(last, 0)
	}
	return f
}

func readLocal(d ng.Dict) netip.AddrPort {
	a, err := netip.ParseAddr(d.Str("local address"))
	p, _ := d.Int("local port")
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a, uint16(p))
}

func readEndpoint(d ng.Dict, key string) netip.AddrPort {
	e, _ := d.Dict(key)
	a, err := netip.ParseAddr(e.Str("address"))
	p, _ := e.Int("port")
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a, uint16(p))
}

func readQuality(s *relay.StreamReport, quality ng.Dict) {
	q, ok := quality.Dict(strconv.FormatUint(uint64(s.Received.SSRC), 10))
	if !ok {
		return
	}
	lost, _ := q.Int("cumulative loss")
	s.Received.Lost = uint64(max(lost, 0))
	average, ok := q.Dict("average MOS")
	if !ok {
		return
	}
	samples, _ := average.Int("samples")
	s.Quality = &relay.Quality{Samples: int(samples), MOS: mos(average), Lowest: readSample(q, "lowest MOS"), Highest: readSample(q, "highest MOS")}
	s.Received.MOS = s.Quality.MOS
}

func mos(d ng.Dict) float64 {
	n, _ := d.Int("MOS")
	return float64(n) / 10
}

func readSample(d ng.Dict, key string) relay.Sample {
	q, _ := d.Dict(key)
	loss, _ := q.Int("packet loss")
	jitter, _ := q.Int("jitter")
	rtt, _ := q.Int("round-trip time")
	at, _ := q.Int("reported at")
	return relay.Sample{
		At: time.Unix(at, 0), MOS: mos(q), Loss: float64(loss) / 100,
		Jitter: time.Duration(jitter) * time.Millisecond, RoundTrip: time.Duration(rtt) * time.Microsecond,
	}
}
