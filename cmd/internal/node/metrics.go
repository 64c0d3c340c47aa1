package node

import (
	"context"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	mediarelay "github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/shard"
	"github.com/class5-go/class5/sip/transport"
)

// emit hands one value to a scrape.
type emit func(name, help string, kind prometheus.ValueType, value float64, labels ...string)

// snapshot is a collector that reads counters which others keep.
type snapshot func(emit)

// Describe implements prometheus.Collector: the names depend on what is there.
func (snapshot) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector. labels alternate names and values.
func (s snapshot) Collect(ch chan<- prometheus.Metric) {
	s(func(name, help string, kind prometheus.ValueType, value float64, labels ...string) {
		var names, values []string
		for i := 0; i+1 < len(labels); i += 2 {
			names, values = append(names, labels[i]), append(values, labels[i+1])
		}
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("class5_"+name, help, names, nil), kind, value, values...)
	})
}

// transportMetrics counts what an endpoint carries; role tells the endpoints
// of one process apart.
func transportMetrics(role string, e *transport.Endpoint) prometheus.Collector {
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	return snapshot(func(emit emit) {
		emit("sip_stream_bytes", "Bytes of unfinished messages and of write queues.", gauge, float64(e.StreamMemory()), "role", role)
		emit("sip_handshakes", "Handshakes under way.", gauge, float64(e.Handshaking()), "role", role)
		for _, s := range e.Stats() {
			on := []string{"role", role, "listener", s.Name}
			emit("sip_received_messages_total", "SIP messages received.", counter, float64(s.Received), on...)
			emit("sip_received_bytes_total", "Bytes of SIP messages received.", counter, float64(s.ReceivedBytes), on...)
			emit("sip_sent_messages_total", "SIP messages sent.", counter, float64(s.Sent), on...)
			emit("sip_sent_bytes_total", "Bytes of SIP messages sent.", counter, float64(s.SentBytes), on...)
			emit("sip_keepalives_total", "Keep-alives received.", counter, float64(s.KeepAlives), on...)
			emit("sip_connections", "Open connections.", gauge, float64(s.Open), on...)
			emit("sip_accepted_total", "Connections accepted.", counter, float64(s.Accepted), on...)
			emit("sip_dialed_total", "Connections opened.", counter, float64(s.Dialed), on...)
			emit("sip_accept_errors_total", "Connections not taken from the kernel, such as for a lack of descriptors.", counter, float64(s.AcceptErrors), on...)
			emit("sip_handshakes_total", "Handshakes of TLS, WebSocket and PROXY that came to a good end.", counter, float64(s.Handshakes), on...)
			for d := range transport.DropCount {
				emit("sip_dropped_messages_total", "Messages not carried, by reason.", counter, float64(s.Dropped[d]), append(on[:4:4], "reason", d.String())...)
			}
			for c := range transport.CloseCount {
				emit("sip_closed_connections_total", "Connections closed or refused, by reason.", counter, float64(s.Closed[c]), append(on[:4:4], "reason", c.String())...)
			}
		}
	})
}

// relayMetrics counts what the edge did with messages.
func relayMetrics(r *relay.Relay, listeners []relay.Listener) prometheus.Collector {
	return snapshot(func(emit emit) {
		s := r.Stats()
		of := map[[4]string]uint64{} // from, transport, method, class
		for _, k := range r.Kinds() {
			l := listeners[k.Listener]
			from := "outside"
			if l.Internal {
				from = "inside"
			}
			of[[4]string{from, strings.ToLower(l.Protocol.String()), k.Method, k.Class}] += k.Messages
		}
		for k, n := range of {
			on := []string{"from", k[0], "transport", k[1]}
			if k[2] != "" {
				emit("edge_requests_total", "Requests read, by side, transport and method.", prometheus.CounterValue, float64(n), append(on, "method", k[2])...)
			} else {
				emit("edge_responses_total", "Responses read, by side, transport and class.", prometheus.CounterValue, float64(n), append(on, "class", k[3])...)
			}
		}
		for c := range s.Causes {
			emit("edge_messages_total", "Messages by what became of them.", prometheus.CounterValue,
				float64(s.Causes[c]), "cause", relay.Cause(c).String())
		}
		for reason, n := range s.Refused {
			emit("edge_malformed_total", "Messages refused by the scanner, by reason.", prometheus.CounterValue,
				float64(n), "reason", reason.String())
		}
	})
}

// shardMetrics counts what the proxy's shards took.
func shardMetrics(p *shard.Pool) prometheus.Collector {
	return snapshot(func(emit emit) {
		s := p.Stats()
		emit("proxy_messages_total", "Messages handed to a shard.", prometheus.CounterValue, float64(s.Taken))
		emit("proxy_overload_total", "Messages dropped because a shard's queue was full.", prometheus.CounterValue, float64(s.Full))
		emit("proxy_queue", "Messages waiting for a shard.", prometheus.GaugeValue, float64(s.Waiting))
		for reason, n := range s.Refused {
			emit("proxy_malformed_total", "Messages refused by the scanner, by reason.", prometheus.CounterValue, float64(n), "reason", reason)
		}
	})
}

// metrics are those of a proxy that its parts do not count.
func (p *Proxy) metrics() prometheus.Collector {
	return snapshot(func(emit emit) {
		emit("proxy_load_refused_percent", "Part of requests that edges are told to refuse.", prometheus.GaugeValue, float64(p.local.Loss()))
		emit("proxy_in_clear_total", "Messages not read, or not sent, in clear where everything goes over TLS.", prometheus.CounterValue, float64(p.edges.inClear.Load()))
		open, all := p.edges.streams.Connected()
		emit("proxy_edge_connections", "Connections to edges that are open.", prometheus.GaugeValue, float64(open))
		emit("proxy_edge_connections_wanted", "Edges to which there should be a connection.", prometheus.GaugeValue, float64(all))
	})
}

// gauge is a collector of one number read when it is asked for.
func gauge(name, help string, read func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "class5", Name: name, Help: help}, read)
}

// mediaMetrics counts what the media relay moved.
func mediaMetrics(r *mediarelay.Relay) prometheus.Collector {
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	return snapshot(func(emit emit) {
		t := r.Totals()
		emit("media_sessions", "Calls with relayed media.", gauge, float64(t.Sessions))
		emit("media_sessions_total", "Calls whose media were relayed.", counter, float64(t.Created))
		emit("media_rejected_sessions_total", "Calls refused by a limit.", counter, float64(t.Rejected))
		e := &t.Ended
		for reason, n := range map[string]uint64{"terminated": e.Regular, "force_terminated": e.Forced, "timeout": e.Timeout, "silent_timeout": e.SilentTimeout, "offer_timeout": e.OfferTimeout} {
			emit("media_closed_sessions_total", "Calls that have ended, by reason.", counter, float64(n), "reason", reason)
		}
		emit("media_call_seconds_total", "Length of the calls that have ended.", counter, e.Duration.Seconds())
		emit("media_zero_way_streams_total", "Pairs of streams of calls that have ended in which nobody said anything.", counter, float64(e.ZeroWay))
		emit("media_one_way_streams_total", "Pairs of streams of calls that have ended in which one side only said anything.", counter, float64(e.OneWay))
		emit("media_mos_samples_total", "Seconds of audio streams whose quality was estimated.", counter, float64(t.MOS.Samples))
		emit("media_mos_total", "Sum of these estimates, MOS.", counter, t.MOS.Sum)
		emit("media_mos_squares_total", "Sum of their squares.", counter, t.MOS.Squares)
		emit("media_timeouts_total", "Calls without media in either direction.", counter, float64(t.MediaTimeouts))
		emit("media_packets_total", "Packets received.", counter, float64(t.Packets))
		emit("media_bytes_total", "Bytes received.", counter, float64(t.Bytes))
		emit("media_forwarded_packets_total", "Packets sent on.", counter, float64(t.Forwarded))
		emit("media_send_errors_total", "Packets that the kernel refused.", counter, float64(t.SendErrors))
		emit("media_kernel_packets_total", "Packets sent on by the kernel.", counter, float64(t.Kernel))
		emit("media_kernel_bytes_total", "Bytes sent on by the kernel.", counter, float64(t.KernelBytes))
		emit("media_transcoded_packets_total", "Packets received whose payload was worked on.", counter, float64(t.Transcoded))
		for result, n := range map[string]uint64{"ok": t.Handshakes, "failed": t.BadHandshakes} {
			emit("media_dtls_handshakes_total", "DTLS handshakes by what became of them.", counter, float64(n), "result", result)
		}
		emit("media_store_errors_total", "Writes of the states of calls that failed.", counter, float64(t.StoreErrors))
		emit("media_store_rewrites_total", "How often the states of all calls were written again.", counter, float64(t.StoreRewrites))
		emit("media_store_waiting", "Calls whose states wait to be written.", gauge, float64(t.StoreWaiting))
		emit("media_store_lag_seconds", "How long ago the states of all calls were current in the store.", gauge, t.StoreLag.Seconds())
		for result, n := range map[string]uint64{"ok": t.Restored, "failed": t.Unrestored} {
			emit("media_restored_sessions_total", "Calls that the process before left, by what became of them.", counter, float64(n), "result", result)
		}
		for cause, n := range t.Dropped {
			emit("media_dropped_packets_total", "Packets not sent on, by cause.", counter, float64(n), "cause", cause)
		}
		for addr, n := range t.PortsFree {
			emit("media_ports_free", "Pairs of ports not in use.", gauge, float64(n), "address", addr)
		}
		presentMetrics(r, emit)
	})
}

// presentMetrics shows what the relay is busy with.
func presentMetrics(r *mediarelay.Relay, emit emit) {
	const gauge = prometheus.GaugeValue
	p, err := r.Present(context.Background())
	if err != nil {
		return
	}
	for class, n := range p.Streams {
		emit("media_streams", "Streams of parties, by where they are forwarded and their profile.", gauge, float64(n),
			"path", map[bool]string{false: "user", true: "kernel"}[class.Kernel], "profile", class.Profile)
	}
	emit("media_transcoded_streams", "Streams whose payloads are worked on, each way counted.", gauge, float64(p.Transcoded))
	if p.Rated > 0 {
		for of, v := range map[string]float64{"mean": p.MOS, "lowest": p.LowestMOS} {
			emit("media_mos", "Estimated quality of the audio streams in their last second.", gauge, v, "of", of)
		}
	}
}
