package registrar_test

import (
	"testing"
	"time"

	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/wire"
)

func TestPath(t *testing.T) {
	const path = "<sip:p2.example.com;lr>, <sip:p1.example.com;lr>;x"
	lines := []string{"Contact: <sip:a@x>", "Path: <sip:p2.example.com;lr> ,\r\n <sip:p1.example.com;lr>;x"}
	tests := []struct {
		name     string
		cfg      registrar.Config
		more     []string
		status   int
		returned string
	}{
		{"client knows", registrar.Config{}, []string{"Supported: gruu, path"}, 200, "<sip:p2.example.com;lr> | <sip:p1.example.com;lr>;x"},
		{"client requires", registrar.Config{RequirePath: true}, []string{"Require: path"}, 200, "<sip:p2.example.com;lr> | <sip:p1.example.com;lr>;x"},
		{"client does not know, stored all the same", registrar.Config{}, nil, 200, ""},
		{"client does not know, refused", registrar.Config{RequirePath: true}, nil, 421, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, tt.cfg)
			m := b.want(tt.status, append(lines, tt.more...)...)
			if got := values(m, wire.HdrPath); got != tt.returned {
				t.Errorf("returned %s", got)
			}
			if tt.status == 421 {
				if got := values(m, wire.HdrRequire); got != "path" || b.contacts() != "" {
					t.Errorf("Require: %s", got)
				}
				return
			}
			if got := b.bindings(alice)[0].Path; got != path {
				t.Errorf("stored %s", got)
			}
		})
	}
}

const (
	ob     = "Path: <sip:p2;lr>, <sip:token@p1;lr;ob>"
	noOb   = "Path: <sip:p2;lr;ob>, <sip:token@p1;lr>"
	hop    = "Via: SIP/2.0/UDP lb;branch=z9hG4bK0"
	flow1  = `Contact: <sip:a@x>;+sip.instance="<urn:uuid:1>";reg-id=1`
	flow2  = `Contact: <sip:a@x>;+sip.instance="<urn:uuid:1>";reg-id=2`
	knows  = "Supported: path, outbound"
	target = "<urn:uuid:1>"
)

func TestOutbound(t *testing.T) {
	tests := []struct {
		name   string
		lines  []string
		status int
		regID  uint32
		tells  bool // Require: outbound and Flow-Timer
	}{
		{"through an edge that knows", []string{hop, ob, flow1, knows}, 200, 1, true},
		{"straight to us", []string{flow1, knows}, 200, 1, true},
		{"client says nothing", []string{hop, ob, flow1}, 200, 1, false},
		{"edge does not know", []string{hop, noOb, flow1, knows}, 439, 0, false},
		{"no Path behind an edge", []string{hop, flow1, knows}, 439, 0, false},
		{"edge does not know, client says nothing", []string{hop, noOb, flow1}, 200, 0, false},
		{"no instance", []string{hop, ob, "Contact: <sip:a@x>;reg-id=1", knows}, 200, 0, false},
		{"no reg-id", []string{hop, ob, `Contact: <sip:a@x>;+sip.instance="<urn:uuid:1>"`, knows}, 200, 0, false},
		{"two contacts", []string{hop, ob, flow1, "Contact: <sip:b@x>", knows}, 400, 0, false},
		{"one contact, one removed", []string{hop, ob, flow1, "Contact: <sip:b@x>;expires=0", knows}, 200, 1, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, registrar.Config{FlowTimer: 25 * time.Second})
			m := b.want(tt.status, tt.lines...)
			if tells := values(m, wire.HdrRequire) == "outbound" && values(m, wire.HdrFlowTimer) == "25"; tells != tt.tells {
				t.Errorf("Require: %s, Flow-Timer: %s", values(m, wire.HdrRequire), values(m, wire.HdrFlowTimer))
			}
			if tt.status != 200 {
				if b.contacts() != "" {
					t.Error("stored")
				}
				return
			}
			if got := b.bindings(alice)[0].RegID; got != tt.regID {
				t.Errorf("reg-id %d", got)
			}
		})
	}
}

func TestFlowsAreKeyedByInstance(t *testing.T) {
	b := newBench(t, registrar.Config{})
	b.want(200, hop, ob, flow1, knows)
	b.want(200, hop, ob, flow2, knows)
	if n := len(b.bindings(alice)); n != 2 {
		t.Fatalf("%d bindings for two flows of one contact", n)
	}
	// After a reboot: another address, another Call-ID, the same flow.
	m := b.want(200, hop, ob, `Contact: <sip:new@y>;+sip.instance="<urn:uuid:1>";reg-id=1`, knows, "Call-ID: other", "CSeq: 1 REGISTER")
	if got := b.contacts(); got != "sip:new@y sip:a@x" {
		t.Errorf("got %s", got)
	}
	want := `<sip:new@y>;expires=3600;+sip.instance="<urn:uuid:1>";reg-id=1 | <sip:a@x>;expires=3600;+sip.instance="<urn:uuid:1>";reg-id=2`
	if got := values(m, wire.HdrContact); got != want {
		t.Errorf("got %s", got)
	}
	// Another instance at the same address is another phone.
	b.want(200, hop, ob, `Contact: <sip:a@x>;+sip.instance="<urn:uuid:2>";reg-id=1`, knows)
	// A contact without flow does not take a flow over, but may end it.
	b.want(200, "Contact: <sip:a@x>")
	if n := len(b.bindings(alice)); n != 4 {
		t.Errorf("%d bindings", n)
	}
	b.want(200, "Contact: <sip:new@y>;expires=0", "Call-ID: other", "CSeq: 2 REGISTER")
	for _, x := range b.bindings(alice) {
		if x.Instance == target && x.RegID == 1 {
			t.Errorf("left: %+v", x)
		}
	}
}
