package relay

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// bigStreams is an Inside with a connection for what is large.
type bigStreams struct{ flow transport.Flow }

func (b bigStreams) Stream(_ netip.AddrPort, size int) (transport.Flow, Way) {
	if size > 800 {
		return b.flow, OverStream
	}
	return transport.Flow{}, OverUDP
}

// nodeSeven is a Media hook that sends all calls through one node.
type nodeSeven struct{ tb testing.TB }

func (h nodeSeven) Request(leg Leg, m *wire.Message, edit *wire.Edit) Decision {
	if m.ToTag() != nil && leg.Node != 7 {
		h.tb.Errorf("%s in a dialog of node %d", m.Method(), leg.Node)
	}
	h.body(m, edit)
	return Decision{Node: 7}
}

func (h nodeSeven) Response(leg Leg, m *wire.Message, edit *wire.Edit) int {
	if leg.Node != 7 {
		h.tb.Errorf("response on node %d", leg.Node)
	}
	h.body(m, edit)
	return 0
}

func (h nodeSeven) body(m *wire.Message, edit *wire.Edit) {
	if body := m.Body(); len(body) > 0 {
		edit.SetBody("", fmt.Appendf(nil, "%s by node 7", strings.TrimSpace(string(body))))
	}
}

// modes is how relays differ for which there are flows.
func modes(tb testing.TB) map[string]func(*Config) {
	stream := testFlow(tb, "inttcp", proxyA.String(), testEpoch<<32|0xff)
	return map[string]func(*Config){
		"hide":   func(c *Config) { c.Listeners[0].HideContact = true },
		"inside": func(c *Config) { c.Inside = bigStreams{stream} },
		"ngcp":   func(c *Config) { c.Compat = CompatNGCP },
		"media":  func(c *Config) { c.Media = nodeSeven{tb} },
	}
}

// TestModes plays the flows in testdata/modes, each with a relay of its own kind.
func TestModes(t *testing.T) {
	modes := modes(t)
	for file, text := range scripts(t, "testdata/modes/*.txt") {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		change, ok := modes[name]
		if !ok {
			t.Fatalf("no relay for %s", file)
		}
		delete(modes, name)
		t.Run(name, func(t *testing.T) { newPlayer(t, file, 2, change).play(text) })
	}
	if len(modes) != 0 {
		t.Errorf("no flows for %v", modes)
	}
}
