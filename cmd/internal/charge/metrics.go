package charge

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/spool"
)

// figure is a metric of spool and shipper. One whose name ends in _total only
// grows.
type figure struct {
	name, help string
	value      func(s ship.Stats, l spool.Stats) float64
}

func figures() []figure {
	return []figure{
		{"events_total", "Billing events read from the spool.", func(s ship.Stats, _ spool.Stats) float64 { return float64(s.Events) }},
		{"records_total", "Call records stored.", func(s ship.Stats, _ spool.Stats) float64 { return float64(s.Records) }},
		{"interim_records_total", "Records of running calls stored.", func(s ship.Stats, _ spool.Stats) float64 { return float64(s.Interims) }},
		{"quarantined_total", "Events, records and damaged places of the spool put aside.", func(s ship.Stats, _ spool.Stats) float64 { return float64(s.Quarantined) }},
		{"unrated_total", "Records stored without a price that they should have.", func(s ship.Stats, _ spool.Stats) float64 { return float64(s.Unrated) }},
		{"retries_total", "Attempts to rate or store records that failed.", func(s ship.Stats, _ spool.Stats) float64 { return float64(s.Retries) }},
		{"pending_records", "Records in memory that are not stored yet.", func(s ship.Stats, _ spool.Stats) float64 { return float64(s.Pending) }},
		{"unread_bytes", "Bytes of the spool that are not read yet.", func(s ship.Stats, l spool.Stats) float64 { return float64(l.End) - float64(s.Read) }},
		{"unstored_bytes", "Bytes of the spool that the database does not make superfluous yet.", func(s ship.Stats, l spool.Stats) float64 { return float64(l.End) - float64(s.Stored) }},
		{"spool_bytes", "Bytes that the spool takes on disk.", func(_ ship.Stats, l spool.Stats) float64 { return float64(l.Bytes) }},
		{"spool_max_bytes", "Bytes that the spool may take.", func(_ ship.Stats, l spool.Stats) float64 { return float64(l.MaxBytes) }},
		{"spool_alarms_total", "How often the spool crossed its high watermark.", func(_ ship.Stats, l spool.Stats) float64 { return float64(l.Alarms) }},
		{"spool_refused_total", "Events that the full spool did not take.", func(_ ship.Stats, l spool.Stats) float64 { return float64(l.Full) }},
		{"spool_failed_total", "Groups of events that the disk did not take.", func(_ ship.Stats, l spool.Stats) float64 { return float64(l.Failed) }},
	}
}

func (r *Recorder) metrics() (all []prometheus.Collector) {
	for _, f := range figures() {
		opts := prometheus.Opts{Namespace: "class5", Subsystem: "charge", Name: f.name, Help: f.help}
		value := func() float64 { return f.value(r.shipper.Stats(), r.log.Stats()) }
		if strings.HasSuffix(f.name, "_total") {
			all = append(all, prometheus.NewCounterFunc(prometheus.CounterOpts(opts), value))
			continue
		}
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts), value))
	}
	return all
}
