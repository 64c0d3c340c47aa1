package mediagen

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/class5-go/class5/media/ng"
)

// Caller sets plain calls up that have no media.
type Caller struct {
	control       Control
	offer, answer string
}

// NewCaller makes one, for parties at two addresses.
func NewCaller(c Control, parties [2]netip.Addr) (*Caller, error) {
	f, err := FormatNamed("PCMA")
	if err != nil {
		return nil, err
	}
	const port = 40000 // where nobody listens
	describe := func(side int) string {
		return f.describe(netip.AddrPortFrom(parties[side], port), side+1, "RTP/AVP", "")
	}
	return &Caller{control: c, offer: describe(0), answer: describe(1)}, nil
}

// Call offers and answers, and returns how long the offer took. It may be used by
// many goroutines.
func (c *Caller) Call(ctx context.Context, id string) (time.Duration, error) {
	began := time.Now()
	_, err := c.control.Do(ctx, ng.Of("command", "offer", "call-id", id, "from-tag", "a", "sdp", c.offer, "direction", ng.List{"a", "b"}, "ICE", "remove"))
	took := time.Since(began)
	if err != nil {
		return 0, fmt.Errorf("offer: %w", err)
	}
	if _, err := c.control.Do(ctx, ng.Of("command", "answer", "call-id", id, "from-tag", "a", "to-tag", "b", "sdp", c.answer)); err != nil {
		return 0, fmt.Errorf("answer: %w", err)
	}
	return took, nil
}
