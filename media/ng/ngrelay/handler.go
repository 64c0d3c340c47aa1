package ngrelay

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/play"
	"github.com/class5-go/class5/media/record"
	"github.com/class5-go/class5/media/relay"
)

// Relay is what a Handler drives; *relay.Relay is one.
type Relay interface {
	Offer(ctx context.Context, req relay.OfferRequest) ([]byte, error)
	Answer(ctx context.Context, req relay.AnswerRequest) ([]byte, error)
	Delete(ctx context.Context, req relay.DeleteRequest) (relay.Report, error)
	Subscribe(ctx context.Context, req relay.SubscribeRequest) (relay.Subscription, error)
	SubscribeAnswer(ctx context.Context, req relay.SubscribeAnswerRequest) error
	Unsubscribe(ctx context.Context, callID, toTag string) error
	Publish(ctx context.Context, req relay.PublishRequest) ([]byte, error)
	Create(ctx context.Context, req relay.CreateRequest) (relay.Creation, error)
	CreateAnswer(ctx context.Context, req relay.CreateAnswerRequest) error
	Connect(ctx context.Context, req relay.ConnectRequest) error
	Disconnect(ctx context.Context, req relay.ConnectRequest) error
	Inject(ctx context.Context, req relay.InjectRequest) error
	StopInject(ctx context.Context, req relay.InjectRequest) error
	Query(ctx context.Context, callID string) (relay.Report, error)
	List() iter.Seq[string]
	Totals() relay.Totals
	Present(ctx context.Context) (relay.Present, error)
	Interfaces() []relay.InterfaceReport
	Play(ctx context.Context, req relay.PlayRequest) (time.Duration, error)
	StopPlay(ctx context.Context, by relay.Selector) error
	BlockMedia(ctx context.Context, by relay.Selector, block bool) error
	SilenceMedia(ctx context.Context, by relay.Selector, silence bool) error
	SecureDTMF(ctx context.Context, by relay.Selector, how relay.DTMFSecurity) error
	DelayMedia(ctx context.Context, by relay.Selector, d time.Duration) error
	PlayDTMF(ctx context.Context, req relay.PlayDTMFRequest) error
	Record(ctx context.Context, req relay.RecordRequest) (*record.Recording, error)
	PauseRecording(ctx context.Context, callID string, pause bool) error
	StopRecording(ctx context.Context, callID string) error
	StopForwarding(ctx context.Context, by relay.Selector) error
}

// Prompts makes prompts of what play media names; *play.Cache is one.
type Prompts interface {
	// File is what a path names. The path comes from the client: an
	// implementation decides which it may name.
	File(name string) (*play.Prompt, error)
	// Blob is audio that came in the message: a WAVE file.
	Blob(b []byte) (*play.Prompt, error)
}

// Config of a Handler. The zero value is usable.
type Config struct {
	// Prompts are what play media plays; nil refuses it.
	Prompts Prompts
	// Recording is what recording commands record, when they do not say; its
	// zero value means packets.
	Recording record.Spec
	// Forward makes the sink that start forwarding sends audio to; nil refuses
	// it.
	Forward func(metadata string) (record.Sink, error)
	// DeleteDelay is how long a session goes on working after its delete, when the
	// command does not say. Zero: not at all.
	DeleteDelay time.Duration
}

// Handler carries out commands. Make one with [NewHandler].
type Handler struct {
	relay    Relay
	cfg      Config
	commands map[string]command
	draining atomic.Bool
}

// Drain refuses new sessions from now on, or takes them again. Clients are told
// that the limit is reached, and ask another relay; sessions that exist go on.
func (h *Handler) Drain(on bool) { h.draining.Store(on) }

// Draining tells whether new sessions are refused.
func (h *Handler) Draining() bool { return h.draining.Load() }

type command func(ctx context.Context, req *ng.Request) (ng.Dict, error)

var _ ng.Handler = (*Handler)(nil)

// NewHandler makes a handler.
func NewHandler(r Relay, cfg Config) *Handler {
	if !cfg.Recording.WAV {
		cfg.Recording.PCAP = true
	}
	h := &Handler{relay: r, cfg: cfg}
	h.commands = map[string]command{
		"offer": h.offer, "answer": h.answer, "delete": h.delete, "query": h.query, "list": h.list, "statistics": h.statistics,
		"create": h.create, "create-answer": h.createAnswer, "connect": h.connect, "publish": h.publish, "subscribe-request": h.subscribe, "subscribe-answer": h.subscribeAnswer, "unsubscribe": h.unsubscribe,
		"inject-start": h.inject(r.Inject), "inject-stop": h.inject(r.StopInject),
		"play-DTMF": h.playDTMF, "block-DTMF": h.blockDTMF, "unblock-DTMF": h.unblockDTMF,
		"play-media": h.play, "stop-media": h.stopPlay,
		"start-recording": h.startRecording, "pause-recording": h.pauseRecording, "stop-recording": h.stopRecording,
		"start-forwarding": h.startForwarding, "stop-forwarding": h.stopForwarding,
	}
	for name, f := range map[string]func(ctx context.Context, by relay.Selector, on bool) error{
		"block-media": r.BlockMedia, "silence-media": r.SilenceMedia,
	} {
		h.commands[name] = h.toggle(f, true)
		h.commands["un"+name] = h.toggle(f, false)
	}
	for _, name := range []string{ // for parties of a session, by tag or label
		"block-media", "unblock-media", "silence-media", "unsilence-media", "block-DTMF", "unblock-DTMF", "play-DTMF",
		"play-media", "stop-media", "start-forwarding", "stop-forwarding",
	} {
		h.commands[name] = toParty(h.commands[name])
	}
	return h
}

// toParty tells which party a command did not find.
func toParty(f command) command {
	return func(ctx context.Context, req *ng.Request) (ng.Dict, error) {
		reply, err := f(ctx, req)
		return reply, tagged(err)
	}
}

// HandleNG implements ng.Handler.
func (h *Handler) HandleNG(ctx context.Context, req *ng.Request) (ng.Dict, error) {
	f := h.commands[req.Command]
	if f == nil {
		if slices.Contains(declined, req.Command) {
			return ng.Dict{}, fmt.Errorf("command %q is not supported by this relay", req.Command)
		}
		return ng.Dict{}, errors.New("Unrecognized command") //nolint:staticcheck // wording is protocol
	}
	if req.Dict.Str("call-id") == "" && req.Command != "list" && req.Command != "statistics" && req.Command != "create" {
		return ng.Dict{}, errors.New("No call-id in message") //nolint:staticcheck // wording is protocol
	}
	reply, err := f(ctx, req)
	return reply, said(err)
}

// declined are commands of the protocol that this relay has no answer to.
var declined = []string{"transform", "mesh"}

// said gives errors the words that clients know.
func said(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, relay.ErrSessions):
		return &ng.LoadLimitError{Err: relay.ErrSessions}
	case errors.Is(err, relay.ErrLoad), errors.Is(err, relay.ErrCPU), errors.Is(err, relay.ErrBandwidth), errors.Is(err, relay.ErrSource):
		return &ng.LoadLimitError{Err: err}
	case errors.Is(err, relay.ErrPorts):
		return relay.ErrPorts
	case errors.Is(err, relay.ErrUnknownCall):
		return errors.New("Unknown call-id") //nolint:staticcheck // wording is protocol
	}
	return err
}

// warned adds what was not understood to a reply.
func warned(d ng.Dict, warnings []string) ng.Dict {
	if len(warnings) > 0 {
		d.Set("warning", strings.Join(warnings, "; "))
	}
	return d
}

// selector names the parties that a command is for. Clients put a from-tag
// into every message; it counts only with the flag directional.
func selector(d ng.Dict, directional bool) relay.Selector {
	by := relay.Selector{CallID: d.Str("call-id"), Label: d.Str("label")}
	if by.Label == "" {
		by.Label = d.Str("from-label")
	}
	if by.Label == "" && (directional || flag(d, "directional")) && !flag(d, "all") && d.Str("all") != "all" {
		by.Tag = d.Str("from-tag")
	}
	return by
}

func flag(d ng.Dict, name string) bool {
	return slices.ContainsFunc(d.Strings("flags"), func(f string) bool {
		return strings.ReplaceAll(strings.ReplaceAll(f, " ", "-"), "_", "-") == name
	})
}

func (h *Handler) toggle(f func(context.Context, relay.Selector, bool) error, on bool) command {
	return func(ctx context.Context, req *ng.Request) (ng.Dict, error) {
		return ng.Dict{}, f(ctx, selector(req.Dict, false), on)
	}
}
