package ngrelay_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/ng/ngrelay"
	"github.com/class5-go/class5/media/record"
	"github.com/class5-go/class5/media/relay"
)

// TestForwardingRefused: without a place to send audio to, and for a call that
// is not there.
func TestForwardingRefused(t *testing.T) {
	r, err := relay.New(relay.Config{Interfaces: []relay.Interface{{Addr: netip.MustParseAddr("127.0.0.1")}}, Deny: []netip.Prefix{}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(cfg ngrelay.Config, command string) string {
		_, err := ngrelay.NewHandler(r, cfg).HandleNG(t.Context(), &ng.Request{Command: command, Dict: ng.Of("call-id", "c")})
		if err == nil {
			return ""
		}
		return err.Error()
	}
	to := func(string) (record.Sink, error) { return record.Forward{Addr: "127.0.0.1:1"}.Sink() }
	bad := func(string) (record.Sink, error) { return nil, errors.New("no place") }
	for _, c := range []struct {
		cfg           ngrelay.Config
		command, want string
	}{
		{ngrelay.Config{}, "start-forwarding", "not configured"},
		{ngrelay.Config{Forward: bad}, "start-forwarding", "no place"},
		{ngrelay.Config{Forward: to}, "start-forwarding", "Unknown call"},
		{ngrelay.Config{Forward: to}, "stop-forwarding", "Unknown call"},
	} {
		if got := ask(c.cfg, c.command); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.command, got, c.want)
		}
	}
}
