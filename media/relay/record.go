package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/record"
)

// ErrRecord means that nothing can be recorded: no recorder is configured, or
// the session is not being recorded.
var ErrRecord = errors.New("relay: no recording")

// RecordRequest records parties of a session.
type RecordRequest struct {
	Selector             // whom
	Spec     record.Spec // CallID is filled in
	// Forwarding: audio goes to the sinks of the Spec apart from what is recorded
	// of the session. Only StopForwarding ends it before the session.
	Forwarding bool
}

// recorded is a recording of a session.
type recorded struct {
	*record.Recording
	by         Selector
	forwarding bool
}

// side is what one party sends, as a recording takes it.
type side struct {
	to      *record.Recording
	id      int
	channel int
}

// RTP implements Tap.
func (x side) RTP(of *TapInfo, packet []byte, at time.Time) {
	x.to.Packet(x.id, of.Remote, of.Local, packet, at) // what it has no room for it counts itself
}

// Record begins to record, or to forward audio to the sinks of the Spec. The
// recording ends with the session at the latest; RecordingDone tells when its
// files are complete. A full disk ends it, marked, and the call goes on.
func (r *Relay) Record(ctx context.Context, req RecordRequest) (*record.Recording, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := r.lookup(req.CallID)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return s.record(req)
}

func (s *session) record(req RecordRequest) (*record.Recording, error) {
	r := s.r
	if r.cfg.Recorder == nil {
		return nil, ErrRecord
	}
	if _, err := s.parties(req.Selector); err != nil {
		return nil, err
	}
	req.Spec.CallID = req.CallID
	rec, err := r.cfg.Recorder.Start(req.Spec)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	x := &recorded{rec, req.Selector, req.Forwarding}
	s.recordings = append(s.recordings, x)
	s.recordStreams()
	s.resettle()
	r.tasks.Go(func() {
		<-rec.Done()
		report := rec.Report()
		s.notify(Event{Kind: RecordingDone, Recording: &report, At: report.End})
	})
	return rec, nil
}

// PauseRecording stops all recordings of a session for a while, or goes on.
func (r *Relay) PauseRecording(ctx context.Context, callID string, pause bool) error {
	return r.recordings(ctx, callID, func(x *recorded) {
		if pause {
			x.Pause()
		} else {
			x.Resume()
		}
	})
}

// StopRecording ends all recordings of a session.
func (r *Relay) StopRecording(ctx context.Context, callID string) error {
	return r.recordings(ctx, callID, nil)
}

// StopForwarding ends what goes to sinks of the parties that are named by the
// same words as when it began, or of the whole session.
func (r *Relay) StopForwarding(ctx context.Context, by Selector) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := r.lookup(by.CallID)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	whole := Selector{CallID: by.CallID}
	if !s.stopRecordings(func(x *recorded) bool { return x.forwarding && (x.by == by || by == whole && s.records(x, by.CallID)) }) {
		return ErrRecord
	}
	s.resettle()
	return nil
}

// recordings does something to all recordings of a session; nil ends them.
func (r *Relay) recordings(ctx context.Context, callID string, do func(*recorded)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := r.lookup(callID)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	meant := func(x *recorded) bool { return !x.forwarding && s.records(x, callID) }
	if !slices.ContainsFunc(s.recordings, meant) {
		return ErrRecord
	}
	if do == nil {
		s.stopRecordings(meant)
		s.resettle()
		return nil
	}
	for _, x := range s.recordings {
		if meant(x) {
			do(x)
		}
	}
	return nil
}

// records tells whether a recording is of the call of that name: of several that
// were joined each has its own.
func (s *session) records(x *recorded, callID string) bool {
	return len(s.aliases) == 0 || x.by.CallID == callID
}

// stopRecordings ends those that match and takes their taps off; it tells
// whether there were any.
func (s *session) stopRecordings(match func(*recorded) bool) (any bool) {
	s.recordings = slices.DeleteFunc(s.recordings, func(x *recorded) bool {
		if !match(x) {
			return false
		}
		any = true
		for _, l := range s.legs {
			for _, st := range l.streams {
				if st != nil && st.extra != nil {
					st.extra.remove(x.Recording)
				}
			}
		}
		x.Stop()
		return true
	})
	return any
}

// remove takes the tap of a recording off.
func (e *extra) remove(rec *record.Recording) {
	keep := e.taps[:0]
	for _, t := range e.taps {
		if x, ok := t.to.(side); !ok || x.to != rec {
			keep = append(keep, t)
		}
	}
	e.taps = keep
}

// recordStreams gives the recordings the streams they do not have yet, and takes
// those away that are not theirs any more.
func (s *session) recordStreams() {
	for _, x := range s.recordings {
		legs := s.taped(x)
		for _, l := range s.legs {
			if slices.Contains(legs, l) {
				continue
			}
			for _, st := range l.streams {
				if st != nil && st.extra != nil {
					st.extra.remove(x.Recording)
				}
			}
		}
		for _, l := range legs {
			for _, st := range l.streams {
				if st != nil && st.said && st.rtp && !st.extra.records(x.Recording) {
					s.recordStream(x, st)
				}
			}
		}
	}
}

// taped are the parties that a recording takes: those that it names. Where it
// names nobody in what was joined of several calls, it is those of its own call
// that talk to somebody, and whom they hear, of whatever call.
func (s *session) taped(x *recorded) []*leg {
	legs, err := s.parties(x.by)
	if err != nil || len(s.aliases) == 0 {
		return legs // none: that party is gone
	}
	var own []*leg
	for _, l := range legs {
		if l.of() == x.by.CallID {
			own = append(own, l)
		}
	}
	if x.by.Tag != "" || x.by.Label != "" {
		if len(own) > 0 {
			return own
		}
		return legs
	}
	talking := slices.DeleteFunc(slices.Clone(own), func(l *leg) bool { return !l.connected() })
	if len(talking) == 0 {
		return own
	}
	heard := slices.Clone(talking)
	for _, l := range legs {
		if !slices.Contains(heard, l) && slices.ContainsFunc(talking, l.heardBy) {
			heard = append(heard, l)
		}
	}
	return heard
}

// of is the Call-ID that the party came with.
func (l *leg) of() string {
	if l.call != "" {
		return l.call
	}
	return l.session.id
}

// heardBy tells whether another party gets what the leg sends, by itself or
// mixed into what else it hears.
func (l *leg) heardBy(o *leg) bool {
	for _, st := range l.streams {
		if st == nil {
			continue
		}
		for i := range st.routes {
			if st.routes[i].to.leg == o {
				return true
			}
		}
	}
	for _, st := range o.streams {
		if st != nil && slices.ContainsFunc(st.mixing.sources(), l.has) {
			return true
		}
	}
	return false
}

func (e *extra) records(rec *record.Recording) bool {
	if e == nil {
		return false
	}
	for _, t := range e.taps {
		if x, ok := t.to.(side); ok && x.to == rec {
			return true
		}
	}
	return false
}

func (s *session) recordStream(x *recorded, st *stream) {
	channel := s.channel(x, st.leg)
	tag := ""
	if n := len(st.leg.tags); n > 0 {
		tag = st.leg.tags[n-1]
	}
	call := st.leg.of()
	if call == x.Spec().CallID {
		call = ""
	}
	id, err := x.AddStream(record.Stream{Label: st.leg.label, Tag: tag, CallID: call, Channel: channel, Payloads: s.r.payloads(st.codecs)})
	if err != nil {
		s.r.log.Warn("a stream is not recorded", "error", err)
		return
	}
	e := st.ask()
	e.taps = append(e.taps, &tap{to: side{x.Recording, id, channel}, info: st.tapInfo()})
}

// channel is where a party is in stereo: the one that made the call left; one
// that comes later opposite of whom it talks to.
func (s *session) channel(x *recorded, l *leg) int {
	for _, p := range s.legs {
		if p.id != l.peer {
			continue
		}
		for _, st := range p.streams {
			if st == nil || st.extra == nil {
				continue
			}
			for _, t := range st.extra.taps {
				if y, ok := t.to.(side); ok && y.to == x.Recording {
					return 1 - y.channel
				}
			}
		}
	}
	if len(s.legs) > 0 && l == s.legs[0] {
		return 0
	}
	return 1
}

// payloads tells a recording what may come.
func (r *Relay) payloads(list []bridge.Codec) (out []record.Payload) {
	for _, c := range list {
		p := record.Payload{Type: c.PayloadType, Name: c.Name, Clock: int(c.ClockRate), Channels: max(c.Channels, 1)}
		found, ok := r.find(c)
		if ok && found.Kind == codec.Audio && found.NewDecoder != nil && !strings.EqualFold(c.Name, "CN") {
			p.Rate = found.SampleRate
			p.New = func() record.Decoder {
				d, err := found.Decoder(codec.Params{Fmtp: c.Fmtp})
				if err != nil {
					return nothing{}
				}
				return d
			}
		}
		out = append(out, p)
	}
	return out
}

// nothing decodes nothing: the codec did not like its parameters.
type nothing struct{}

func (nothing) Decode(dst []int16, _ []byte) ([]int16, error) { return dst, ErrRecord }
