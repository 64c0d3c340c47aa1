package ngrelay

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// statistics are the figures of the relay under the keys and in the units of
// rtpengine. Those that are not measured here are not there: sessions that end
// after a time whatever is heard (finaltimeoutsessions), errors of the kernel's
// path, streams on both paths at once, packets by transcoder.
func (h *Handler) statistics(ctx context.Context, _ *ng.Request) (ng.Dict, error) {
	now, err := h.relay.Present(ctx)
	if err != nil {
		return ng.Dict{}, err
	}
	t := h.relay.Totals()
	interval := ng.Of("totalcallsduration", ng.Seconds(t.LastMinute.Duration),
		"minmanagedsessions", t.LastMinute.MinSessions, "maxmanagedsessions", t.LastMinute.MaxSessions)
	return ng.Of("statistics", ng.Of("currentstatistics", current(&t, &now), "totalstatistics", totals(&t), "intervalstatistics", interval,
		"mos", sounded(t.MOS), "interfaces", ports(h.relay.Interfaces()), "transcoders", transcoders(now.Transcoders), "time", time.Now().Unix())), nil
}

// current is what there is now, and what passed in the last second.
func current(t *relay.Totals, p *relay.Present) ng.Dict {
	user, kernel := 0, 0
	for class, n := range p.Streams {
		if class.Kernel {
			kernel += n
		} else {
			user += n
		}
	}
	r := &t.Rates
	rate := func(v float64) int64 { return int64(math.Round(max(v, 0))) }
	return ng.Of("sessionsown", t.Sessions, "sessionsforeign", 0, "sessionstotal", t.Sessions, "transcodedmedia", p.Transcoded,
		"packetrate_user", rate(r.Packets-r.KernelPackets), "byterate_user", rate(r.Bytes-r.KernelBytes), "errorrate_user", rate(r.SendErrors),
		"packetrate_kernel", rate(r.KernelPackets), "byterate_kernel", rate(r.KernelBytes),
		"packetrate", rate(r.Packets), "byterate", rate(r.Bytes), "errorrate", rate(r.SendErrors),
		"media_userspace", user, "media_kernel", kernel)
}

// totals are of sessions that have ended, and of all packets.
func totals(t *relay.Totals) ng.Dict {
	var drops ng.Dict
	for _, cause := range slices.Sorted(maps.Keys(t.Dropped)) {
		drops.Set(cause, t.Dropped[cause])
	}
	e := &t.Ended
	n := e.Sessions()
	mean, deviation := 0.0, 0.0
	if n > 0 {
		mean = e.Duration.Seconds() / float64(n)
		deviation = math.Sqrt(max(e.Squares/float64(n)-mean*mean, 0))
	}
	return ng.Of("uptime", int64(t.Uptime/time.Second), "managedsessions", n, "rejectedsessions", t.Rejected, "timeoutsessions", e.Timeout,
		"silenttimeoutsessions", e.SilentTimeout, "offertimeoutsessions", e.OfferTimeout, "regularterminatedsessions", e.Regular, "forcedterminatedsessions", e.Forced,
		"relayedpackets_user", t.Forwarded-min(t.Kernel, t.Forwarded), "relayedpacketerrors_user", t.SendErrors, "relayedbytes_user", t.Bytes-min(t.KernelBytes, t.Bytes),
		"relayedpackets_kernel", t.Kernel, "relayedbytes_kernel", t.KernelBytes,
		"relayedpackets", t.Forwarded, "relayedpacketerrors", t.SendErrors, "relayedbytes", t.Bytes,
		"zerowaystreams", e.ZeroWay, "onewaystreams", e.OneWay, "avgcallduration", decimal(mean), "totalcallsduration", ng.Seconds(e.Duration),
		"totalcallsduration2", decimal(e.Squares), "totalcallsduration_stddev", decimal(deviation), "dropped", drops)
}

// sounded is the quality of all samples.
func sounded(m relay.MOSTotals) ng.Dict {
	mean, deviation := 0.0, 0.0
	if n := float64(m.Samples); n > 0 {
		mean = m.Sum / n
		deviation = math.Sqrt(max(m.Squares/n-mean*mean, 0))
	}
	return ng.Of("mos_total", decimal(m.Sum), "mos2_total", decimal(m.Squares), "mos_samples_total", m.Samples, "mos_average", decimal(mean), "mos_stddev", decimal(deviation))
}

// ports are the interfaces; those that rest count as used.
func ports(list []relay.InterfaceReport) ng.List {
	out := ng.List{}
	for _, i := range list {
		all, used := 2*i.Pairs, 2*(i.Pairs-i.Free)
		out = append(out, ng.Of("name", i.Name, "address", i.Address.String(), "ports", ng.Of("min", i.PortMin, "max", i.PortMax, "used", used,
			"used_pct", fmt.Sprintf("%.2f", float64(used)*100/float64(max(all, 1))), "free", all-used, "totals", all, "last", i.Last)))
	}
	return out
}

func transcoders(all map[string]int) ng.List {
	out := ng.List{}
	for _, chain := range slices.Sorted(maps.Keys(all)) {
		out = append(out, ng.Of("chain", chain, "num", all[chain]))
	}
	return out
}

func decimal(v float64) string { return fmt.Sprintf("%.6f", v) }
