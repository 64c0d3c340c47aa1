package node

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/class5-go/class5/sip/dispatch"
	"github.com/class5-go/class5/sip/guard/xdp"
	"github.com/class5-go/class5/sip/overload"
)

// metrics are those of an edge that its endpoint and relay do not count.
func (l *LB) metrics() prometheus.Collector {
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	return snapshot(func(emit emit) {
		now := l.env.Now()
		for _, s := range l.pool.List() {
			on := []string{"proxy", s.Addr.String()}
			for st := dispatch.StateDown; st <= dispatch.StateDraining; st++ {
				is := 0.0
				if st == s.State {
					is = 1
				}
				emit("edge_proxy_state", "1 for the state that a proxy is in.", gauge, is, append(on[:2:2], "state", st.String())...)
			}
			emit("edge_proxy_share", "Part of its weight that counts.", gauge, s.Share, on...)
		}
		for _, s := range l.control.Targets(now) {
			for c := range overload.Class(overload.Classes) {
				on := []string{"proxy", s.Addr.String(), "class", c.String()}
				emit("edge_overload_requests_total", "Requests that overload control was asked about.", counter, float64(s.Asked[c]), on...)
				emit("edge_overload_refused_total", "Requests refused by overload control.", counter, float64(s.Refused[c]), on...)
			}
		}
		open, all := l.inside.Connected()
		emit("edge_inside_connections", "Connections to proxies that are open.", gauge, float64(open))
		emit("edge_inside_connections_wanted", "Proxies to which there should be a connection.", gauge, float64(all))
		emit("edge_load_refused_percent", "Part of requests refused because this process is busy.", gauge, float64(l.local.Loss()))
		if l.repair != nil {
			s := l.repair.Stats()
			emit("edge_resent_total", "Messages sent to proxies again because of their age.", counter, float64(s.Resent))
			emit("edge_reworded_total", "Last words of clients sent again because a proxy repeated itself.", counter, float64(s.Reworded))
			emit("edge_resend_overflow_total", "Messages given up for newer ones.", counter, float64(s.Overflow))
			emit("edge_resend_entries", "Messages held to be sent again.", gauge, float64(s.Entries))
			emit("edge_resend_bytes", "Room that they take.", gauge, float64(s.Bytes))
		}
		if l.tap != nil {
			s := l.tap.Stats()
			emit("edge_tap_recorded_total", "Messages given to the tap's sinks.", counter, float64(s.Recorded))
			emit("edge_tap_dropped_total", "Messages for which the tap had no room.", counter, float64(s.Dropped))
			emit("edge_tap_failed_total", "Messages that a sink could not take.", counter, float64(s.Failed))
		}
		l.guardMetrics(emit)
		l.mediaMetrics(emit)
	})
}

func (l *LB) guardMetrics(emit emit) {
	if l.guard == nil {
		return
	}
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	s := l.guard.Stats(l.env.Now())
	for reason, n := range s.Refused {
		emit("edge_guard_refused_total", "Messages refused by the guard, by reason.", counter, float64(n), "reason", reason.String())
	}
	for reason, n := range s.Bans {
		emit("edge_guard_bans_total", "Bans set, by reason.", counter, float64(n), "reason", reason.String())
	}
	for check, n := range s.Checks {
		emit("edge_guard_insane_total", "Requests that broke a row of the sanity table.", counter, float64(n), "check", check.String())
	}
	emit("edge_guard_auth_succeeded_total", "Authentications that proxies found good.", counter, float64(s.Succeeded))
	emit("edge_guard_auth_failed_total", "Authentications that proxies found bad.", counter, float64(s.Failed))
	emit("edge_guard_memory_bytes", "Memory of the guard's tables.", gauge, float64(s.Memory))
	for _, t := range s.Tables {
		emit("edge_guard_table_used", "Entries in use of a table.", gauge, float64(t.Used), "table", t.Name)
		emit("edge_guard_table_size", "Entries of a table.", gauge, float64(t.Size), "table", t.Name)
		emit("edge_guard_table_evicted_total", "Entries lost to others before their time.", counter, float64(t.Evicted), "table", t.Name)
	}
	for i, k := range l.kernel {
		attached := 1.0
		if k.Mode() == xdp.Plain {
			attached = 0
		}
		emit("edge_guard_kernel_attached", "Whether the kernel drops what banned sources send.", gauge, attached, "interface", l.cfg.Guard.XDP[i])
		if n, err := k.Dropped(); err == nil {
			emit("edge_guard_kernel_dropped_packets_total", "Packets of banned sources dropped in the kernel.", counter, float64(n), "interface", l.cfg.Guard.XDP[i])
		}
	}
}
