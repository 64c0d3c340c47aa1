package node

import (
	"errors"
	"testing"

	"github.com/class5-go/class5/cmd/internal/call"
)

func TestMediaProfiles(t *testing.T) {
	p, err := MediaConfig{Profiles: map[string]string{"tls": "savp", "bob@example.com": "dtls"}}.policy()
	if err != nil {
		t.Fatal(err)
	}
	for transport, want := range map[string]call.Profile{"udp": call.AVP, "tls": call.SAVP, "wss": call.WebRTC} {
		if got := p.Transports[transport]; got != want {
			t.Errorf("%s is %v, want %v", transport, got, want)
		}
	}
	if got := p.Subscribers["bob@example.com"]; got != call.DTLS {
		t.Errorf("the subscriber is %v", got)
	}
	for whom, name := range map[string]string{"sctp": "avp", "udp": "rtp", "bob": "dtls", "": ""} {
		if _, err := (MediaConfig{Profiles: map[string]string{whom: name}}).policy(); !errors.Is(err, ErrConfig) {
			t.Errorf("%q: %q: %v", whom, name, err)
		}
	}
}
