package node

import (
	"net/netip"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	mediarelay "github.com/class5-go/class5/media/relay"
)

// TestMediaMetrics: what a media relay shows is one consistent set of families,
// with the streams of the moment among them.
func TestMediaMetrics(t *testing.T) {
	local := netip.MustParseAddr("127.0.0.1")
	r, err := mediarelay.New(mediarelay.Config{Interfaces: []mediarelay.Interface{{Addr: local}}, PortMin: 20000, PortMax: 59999})
	if err != nil {
		t.Fatal(err)
	}
	offer := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
	if _, err := r.Offer(t.Context(), mediarelay.OfferRequest{CallID: "1", FromTag: "a", SDP: []byte(offer)}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := r.Delete(t.Context(), mediarelay.DeleteRequest{CallID: "1"}); err != nil {
			t.Error(err)
		}
	}()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(mediaMetrics(r))
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.Label {
				name += " " + l.GetValue()
			}
			series[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"class5_media_sessions": 1, "class5_media_streams user RTP/AVP": 1, "class5_media_transcoded_streams": 0, "class5_media_kernel_packets_total": 0,
		"class5_media_dtls_handshakes_total failed": 0, "class5_media_dropped_packets_total replay": 0, "class5_media_store_errors_total": 0,
	} {
		if got, ok := series[name]; !ok || got != want {
			t.Errorf("%s is %v, %v", name, got, ok)
		}
	}
}
