package node

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/transport"
)

// latency measures how long an edge takes, on a sample: of one in so many
// batches of messages, from when each was read to when what it became was handed
// to the kernel. The time in the kernel's queue before that is not in it.
type latency struct {
	batches [2]atomic.Uint32       // of each side: requests and responses take turns
	sides   [2]prometheus.Observer // outside, inside
	through *prometheus.HistogramVec
	answers *prometheus.HistogramVec
}

const sampledOneIn = 32 // batches

func newLatency() *latency {
	l := &latency{
		through: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "class5", Name: "edge_latency_seconds",
			Help:    "Time from reading a message to handing it on to the kernel, of a sample, by the side it came from.",
			Buckets: []float64{10e-6, 20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 50e-3, 0.2, 1},
		}, []string{"from"}),
		answers: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "class5", Name: "edge_invite_response_seconds",
			Help:    "Time from an INVITE to a response to it, of a sample, by kind: trying is 100, ringing any other below 200.",
			Buckets: []float64{1e-3, 5e-3, 20e-3, 50e-3, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 180},
		}, []string{"response"}),
	}
	l.sides = [2]prometheus.Observer{l.through.WithLabelValues("outside"), l.through.WithLabelValues("inside")}
	return l
}

// relayed has r do its work and times it now and then.
func (l *latency) relayed(r *relay.Relay, inside bool, batch []transport.Packet, out *transport.Outbox, now func() time.Time) {
	r.ServeSIP(batch, out)
	from := 0
	if inside {
		from = 1
	}
	if !l.due(from) {
		return
	}
	out.Flush() // as the endpoint would have done a moment later
	side, end := l.sides[from], now()
	for i := range batch {
		side.Observe(end.Sub(batch[i].At).Seconds())
	}
}

// due counts a batch from a side and reports whether it is one of the sample.
func (l *latency) due(from int) bool { return l.batches[from].Add(1)%sampledOneIn == 0 }

// answered is relay.Config.Answered.
func (l *latency) answered(status int, after time.Duration) {
	kind := "final"
	switch {
	case status == 100:
		kind = "trying"
	case status < 200:
		kind = "ringing"
	}
	l.answers.WithLabelValues(kind).Observe(after.Seconds())
}

// Describe and Collect implement prometheus.Collector.
func (l *latency) Describe(ch chan<- *prometheus.Desc) {
	l.through.Describe(ch)
	l.answers.Describe(ch)
}

// Collect hands out both histograms.
func (l *latency) Collect(ch chan<- prometheus.Metric) {
	l.through.Collect(ch)
	l.answers.Collect(ch)
}
