package call

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Stats counts what the cores of a proxy did. It is a Prometheus collector.
type Stats struct {
	Requests      *prometheus.CounterVec // by method and what became of them
	Auth          *prometheus.CounterVec // by outcome
	Ended         *prometheus.CounterVec // calls by cause
	MediaFailures *prometheus.CounterVec // by step
	Emergency     *prometheus.CounterVec // calls to emergency services, by what became of them
	Digits        *prometheus.CounterVec // between INFO and media, by what became of them
	Unrecorded    prometheus.Counter     // events that could not be kept
	Warned        prometheus.Counter     // callers whose credit was about to end
	Changes       atomic.Uint64          // of registrations, for watchers
}

// NewStats makes counters at zero.
func NewStats() *Stats {
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "class5", Subsystem: "proxy", Name: name, Help: help}, labels)
	}
	return &Stats{
		Requests:      vec("requests_total", "Requests outside of dialogs, by method and status answered here (0: forwarded).", "method", "status"),
		Auth:          vec("auth_total", "Digest verifications by outcome.", "outcome"),
		Ended:         vec("calls_ended_total", "Calls by the cause of their end.", "cause"),
		MediaFailures: vec("media_failures_total", "Descriptions that could not be anchored, by step.", "step"),
		Emergency:     vec("emergency_calls_total", "Calls to emergency services, by the status they were refused with (0: sent on).", "status"),
		Digits:        vec("digits_total", "Digits that were to become INFO or media: played, told, blocked, refused, lost; not_taken: parties whose media keep them.", "result"),
		Unrecorded: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "class5", Subsystem: "proxy", Name: "unrecorded_events_total", Help: "Billing events that could not be stored."}),
		Warned: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "class5", Subsystem: "proxy", Name: "credit_warnings_total", Help: "Calls whose credit was about to end."}),
	}
}

func (s *Stats) all() []prometheus.Collector {
	return []prometheus.Collector{s.Requests, s.Auth, s.Ended, s.MediaFailures, s.Emergency, s.Digits, s.Unrecorded, s.Warned}
}

// Describe implements prometheus.Collector.
func (s *Stats) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range s.all() {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (s *Stats) Collect(ch chan<- prometheus.Metric) {
	for _, c := range s.all() {
		c.Collect(ch)
	}
}
