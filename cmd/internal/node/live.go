package node

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/class5-go/class5/cluster/live"
	"github.com/class5-go/class5/media/relay"
)

// Live is what this proxy lets web pages see.
func (p *Proxy) Live() live.Source { return proxySource{p} }

type proxySource struct{ p *Proxy }

func (s proxySource) Calls(_ context.Context, limit int) ([]live.Call, error) {
	calls := s.p.calls.List(limit)
	out := make([]live.Call, len(calls))
	for i, c := range calls {
		out[i] = live.Call{
			ID: c.ID, CallID: c.CallID, State: c.State, Caller: c.Caller, Callee: c.Callee,
			Invited: c.Invited, Answered: c.Answered, Node: s.p.env.Node,
		}
	}
	return out, nil
}

func (s proxySource) Registrations(ctx context.Context, prefix string, limit int) ([]live.Registration, error) {
	var out []live.Registration
	for record, err := range s.p.stores.Bindings.All(ctx, s.p.env.Now()) {
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(record.AoR, prefix) {
			continue
		}
		for _, b := range record.Bindings {
			r := live.Registration{
				AoR: record.AoR, Contact: b.Contact, Path: b.Path, UserAgent: b.UserAgent, Transport: b.Transport,
				Instance: b.Instance, Q: int(b.Q), Registered: b.Registered, Expires: b.Expires,
			}
			if b.Source.IsValid() {
				r.Source = b.Source.String()
			}
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b live.Registration) int {
		if c := strings.Compare(a.AoR, b.AoR); c != 0 {
			return c
		}
		return strings.Compare(a.Contact, b.Contact)
	})
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out, nil
}

func (s proxySource) Ladder(_ context.Context, callID string) ([]live.Message, error) {
	if s.p.env.Capture == nil {
		return nil, live.ErrNotFound
	}
	messages := s.p.env.Capture.Call(callID)
	if len(messages) == 0 {
		return nil, live.ErrNotFound
	}
	out := make([]live.Message, len(messages))
	for i, m := range messages {
		out[i] = live.Message{At: m.At, Node: m.Node, Protocol: m.Protocol, From: m.From.String(), To: m.To.String(), Data: string(m.Data)}
	}
	slices.SortStableFunc(out, func(a, b live.Message) int { return a.At.Compare(b.At) })
	return out, nil
}

func (s proxySource) Media(ctx context.Context, callID string) (json.RawMessage, error) {
	for _, c := range s.p.calls.ByCallID(callID) {
		report, err := s.p.media.query(ctx, c.ID)
		if errors.Is(err, relay.ErrUnknownCall) {
			continue
		}
		if err != nil {
			return nil, err
		}
		report.CallID = callID
		return json.Marshal(report)
	}
	return nil, live.ErrNotFound
}

func (s proxySource) Counts(ctx context.Context) (live.Counts, error) {
	n, err := s.p.stores.Bindings.Len(ctx, s.p.env.Now())
	return live.Counts{Calls: s.p.calls.Len(), Registrations: n, Media: s.p.media.count(s.p.calls.Len())}, err
}

func (s proxySource) Version(context.Context) (uint64, error) {
	return s.p.calls.Version() + s.p.shared.Stats.Changes.Load(), nil
}
