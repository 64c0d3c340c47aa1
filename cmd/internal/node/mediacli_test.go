package node

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
)

// TestMediaCLI: the text commands of rtpengine's operators, the JSON of all
// figures with numbers as numbers, and the counters for Prometheus.
func TestMediaCLI(t *testing.T) {
	cfg := MediaNodeConfig{NG: NGConfig{UDP: []netip.AddrPort{freeUDP(t)}}}
	cfg.Interfaces, cfg.AllowLoopback, cfg.PortMin, cfg.PortMax = []string{"1.5/127.0.0.1"}, true, 30000, 30999
	p := newMediaProcess(t, cfg, false)
	c, err := ng.NewClient(ng.ClientConfig{URL: fmt.Sprintf("udp://%v", cfg.NG.UDP[0]), Timeout: time.Second, Tries: 20})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
	do := func(command, id string) error {
		_, err := c.Do(t.Context(), ng.Of("command", command, "call-id", id, "from-tag", "a", "sdp", sdp))
		return err
	}
	for _, id := range []string{"one", "two"} {
		if err := do("offer", id); err != nil {
			t.Fatal(err)
		}
	}
	if do("query", "none") == nil {
		t.Error("an unknown call is known")
	}
	cli := func(line string) string {
		t.Helper()
		text, err := mediaCLI{p.MediaNode}.run(t.Context(), line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		return text
	}
	for line, want := range map[string]string{
		"list numsessions": "Current sessions total: 2\n",
		"get sessions all": "ID: one\n",
		"list totals":      "Total managed sessions: 0\n",
		"list counters":    "Packets per second (userspace): 0\n",
		"list interfaces":  "Interface '1.5' address '127.0.0.1'\n  Port range: 30000 - 30999\n  Ports used: 8 / 1000\n",
		"list transcoders": "No transcoders.\n",
		"list maxsessions": "relay: 10000\n",
	} {
		if got := cli(line); !strings.Contains(got, want) {
			t.Errorf("%s: %q", line, got)
		}
	}
	if got := cli("terminate one"); got != "1 sessions terminated\n" {
		t.Errorf("%q", got)
	}
	for _, line := range []string{"", "list", "list coffee", "terminate", "make coffee"} {
		if _, err := (mediaCLI{p.MediaNode}).run(t.Context(), line); err == nil || !strings.Contains(err.Error(), "jsonstats") {
			t.Errorf("%q: %v", line, err)
		}
	}
	var all struct {
		Total struct {
			Forced  int     `json:"forcedterminatedsessions"`
			Average float64 `json:"avgcallduration"`
		} `json:"totalstatistics"`
		Control struct {
			Proxies []struct {
				Proxy  string
				Offers int     `json:"offercount"`
				Time   float64 `json:"offerduration"`
				Errors int     `json:"errorcount"`
			}
		} `json:"controlstatistics"`
		Interfaces []struct{ Name, Address string }
	}
	if err := json.Unmarshal([]byte(cli("list jsonstats")), &all); err != nil {
		t.Fatal(err)
	}
	if all.Total.Forced != 1 || all.Total.Average <= 0 || len(all.Control.Proxies) != 1 || all.Control.Proxies[0].Offers != 2 ||
		all.Control.Proxies[0].Time <= 0 || all.Control.Proxies[0].Errors != 1 || all.Interfaces[0].Name != "1.5" {
		t.Errorf("%+v", all)
	}
	families, err := p.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"class5_media_requests_total 127.0.0.1 offer": 2, "class5_media_requests_total 127.0.0.1 query": 1, "class5_media_request_errors_total 127.0.0.1": 1,
		"class5_media_closed_sessions_total force_terminated": 1, "class5_media_closed_sessions_total terminated": 0, "class5_media_rejected_sessions_total": 0,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s: %v (%v), want %v", name, v, ok, want)
		}
	}
	if got["class5_media_request_seconds_total 127.0.0.1 offer"] <= 0 || got["class5_media_call_seconds_total"] <= 0 {
		t.Errorf("%v", got)
	}
	if got := cli("terminate all"); got != "1 sessions terminated\n" || p.relay.Count() != 0 {
		t.Errorf("%q", got)
	}
	p.stop()
	if err := p.ended(t); err != nil && context.Cause(t.Context()) == nil {
		t.Error(err)
	}
}
