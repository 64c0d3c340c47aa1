package ngrelay

import (
	"strings"
	"testing"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// TestStatistics: what readers of rtpengine's figures look for is there, under
// its keys and in its units.
func TestStatistics(t *testing.T) {
	n := newNode(t, relay.Config{})
	c := n.client(t)
	a, b := newParty(t), newParty(t)
	do := func(pairs ...any) ng.Dict {
		t.Helper()
		reply, err := c.Do(t.Context(), ng.Of(pairs...))
		if err != nil {
			t.Fatal(err)
		}
		return reply
	}
	do("command", "offer", "call-id", "x", "from-tag", "a", "sdp", a.sdp())
	toA := do("command", "answer", "call-id", "x", "from-tag", "a", "to-tag", "b", "sdp", b.sdp()).Str("sdp")
	a.send(t, []byte(toA), 1, 5)
	b.receive(t, 5)
	do("command", "delete", "call-id", "x", "from-tag", "a", "delete-delay", 0)
	do("command", "offer", "call-id", "y", "from-tag", "a", "sdp", a.sdp())
	all, _ := do("command", "statistics").Dict("statistics")
	at := func(path string) (string, bool) {
		d, keys := all, strings.Split(path, ".")
		for _, k := range keys[:len(keys)-1] {
			if v, _ := d.Value(k); v != nil {
				if list, ok := v.(ng.List); ok && len(list) > 0 {
					d = list[0].(ng.Dict)
					continue
				}
			}
			d, _ = d.Dict(k)
		}
		_, ok := d.Value(keys[len(keys)-1])
		return d.Str(keys[len(keys)-1]), ok
	}
	for path, want := range map[string]string{
		"currentstatistics.sessionsown": "1", "currentstatistics.sessionsforeign": "0", "currentstatistics.sessionstotal": "1", "currentstatistics.transcodedmedia": "0",
		"currentstatistics.media_userspace": "1", "currentstatistics.media_kernel": "0",
		"totalstatistics.managedsessions": "1", "totalstatistics.rejectedsessions": "0", "totalstatistics.timeoutsessions": "0", "totalstatistics.silenttimeoutsessions": "0",
		"totalstatistics.offertimeoutsessions": "0", "totalstatistics.regularterminatedsessions": "1", "totalstatistics.forcedterminatedsessions": "0",
		"totalstatistics.relayedpackets_user": "5", "totalstatistics.relayedpackets_kernel": "0", "totalstatistics.relayedpackets": "5", "totalstatistics.relayedpacketerrors": "0",
		"totalstatistics.relayedbytes_kernel": "0", "totalstatistics.onewaystreams": "1", "totalstatistics.zerowaystreams": "0",
		"intervalstatistics.totalcallsduration": "0.000000", "intervalstatistics.minmanagedsessions": "0", "intervalstatistics.maxofferrequestrate": "0",
		"intervalstatistics.avgofferdelay": "0.000000", "intervalstatistics.minstart recordingdelay": "0.000000", "intervalstatistics.maxunsubscriberequestrate": "0",
		"mos.mos_samples_total": "0", "mos.mos_total": "0.000000", "mos.mos_average": "0.000000", "mos.mos_stddev": "0.000000", "mos.mos2_total": "0.000000",
		"controlstatistics.proxies.proxy": "127.0.0.1", "controlstatistics.proxies.offercount": "2", "controlstatistics.proxies.answercount": "1",
		"controlstatistics.proxies.deletecount": "1", "controlstatistics.proxies.subreqcount": "0", "controlstatistics.proxies.errorcount": "0",
		"controlstatistics.totaloffercount": "2", "controlstatistics.totalblkdtmfcount": "0",
		"interfaces.address": "127.0.0.1",
	} {
		if got, ok := at(path); !ok || got != want {
			t.Errorf("%s: %q (%v), want %q", path, got, ok, want)
		}
	}
	for _, path := range strings.Fields("currentstatistics.packetrate_user currentstatistics.byterate_user currentstatistics.errorrate_user currentstatistics.packetrate_kernel " +
		"currentstatistics.byterate_kernel currentstatistics.packetrate currentstatistics.byterate currentstatistics.errorrate totalstatistics.uptime totalstatistics.relayedbytes " +
		"totalstatistics.relayedbytes_user totalstatistics.relayedpacketerrors_user totalstatistics.avgcallduration totalstatistics.totalcallsduration totalstatistics.totalcallsduration2 " +
		"totalstatistics.totalcallsduration_stddev intervalstatistics.maxmanagedsessions controlstatistics.proxies.offerduration controlstatistics.proxies.slnmediacount interfaces.name " +
		"interfaces.ports.min interfaces.ports.max interfaces.ports.used interfaces.ports.used_pct interfaces.ports.free interfaces.ports.totals interfaces.ports.last transcoders") {
		if _, ok := at(path); !ok {
			t.Errorf("no %s", path)
		}
	}
	if v, _ := at("totalstatistics.totalcallsduration"); v == "0.000000" || !strings.Contains(v, ".") {
		t.Errorf("the call took %s", v)
	}
	if v, _ := at("controlstatistics.proxies.offerduration"); v == "0.000000" {
		t.Errorf("offers took %s", v)
	}
	do("command", "delete", "call-id", "y", "from-tag", "a", "delete-delay", 0)
}
