package ngrelay

import (
	"errors"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// TestDigitsElsewhere: a relay behind the protocol plays digits, takes those of a
// party, and says no in the terms of one that is here.
func TestDigitsElsewhere(t *testing.T) {
	n := newNode(t, relay.Config{})
	set, err := ng.NewNodes(ng.NodesConfig{Nodes: []ng.Node{{ClientConfig: ng.ClientConfig{URL: n.url, Timeout: 5 * time.Second}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	r := NewRemote(set)
	a, b := newParty(t), newParty(t)
	if _, err := r.Offer(t.Context(), relay.OfferRequest{CallID: "c", FromTag: "a", SDP: []byte(a.sdp())}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Answer(t.Context(), relay.AnswerRequest{CallID: "c", FromTag: "a", ToTag: "b", SDP: []byte(b.sdp())}); err != nil {
		t.Fatal(err)
	}
	of := relay.Selector{CallID: "c", Tag: "a"}
	play := func(q relay.PlayDTMFRequest) error {
		q.Duration, q.Pause = 40*time.Millisecond, 40*time.Millisecond
		return r.PlayDTMF(t.Context(), q)
	}
	secret := func(want bool) {
		t.Helper()
		if got, err := n.SecretDTMF(t.Context(), of); err != nil || got != want {
			t.Errorf("secret: %v, %v", got, err)
		}
	}
	if err := play(relay.PlayDTMFRequest{Selector: of, Digits: "1d#", Volume: 10}); err != nil {
		t.Fatal(err)
	}
	b.receive(t, 3*4) // each is 80 ms long
	if err := r.TakeDTMF(t.Context(), of, true); err != nil {
		t.Fatal(err)
	}
	secret(true)
	if other, err := n.SecretDTMF(t.Context(), relay.Selector{CallID: "c", Tag: "b"}); err != nil || other {
		t.Errorf("the other's are secret: %v, %v", other, err)
	}
	if err := play(relay.PlayDTMFRequest{Selector: of, Digits: "5", Pressed: true}); err != nil {
		t.Error(err)
	}
	_ = b.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if got, err := b.Read(make([]byte, 2000)); err == nil {
		t.Errorf("%d octets of a digit that is taken", got)
	}
	if err := r.TakeDTMF(t.Context(), of, false); err != nil {
		t.Fatal(err)
	}
	secret(false)
	for name, c := range map[string]struct {
		q    relay.PlayDTMFRequest
		want error
	}{
		"unknown call":  {relay.PlayDTMFRequest{Selector: relay.Selector{CallID: "none", Tag: "a"}, Digits: "1"}, relay.ErrUnknownCall},
		"unknown party": {relay.PlayDTMFRequest{Selector: relay.Selector{CallID: of.CallID, Tag: "z"}, Digits: "1"}, relay.ErrUnknownCall},
		"no digit":      {relay.PlayDTMFRequest{Selector: of, Digits: "x"}, relay.ErrPlay},
		"volume":        {relay.PlayDTMFRequest{Selector: of, Digits: "1", Volume: 99}, relay.ErrPlay},
	} {
		if err := play(c.q); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
