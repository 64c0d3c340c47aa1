package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// mediaCLI are the text commands that operators of rtpengine type.
type mediaCLI struct{ *MediaNode }

func (c mediaCLI) run(ctx context.Context, line string) (string, error) {
	f := strings.Fields(line)
	switch {
	case len(f) == 2 && f[0] == "terminate":
		return c.terminate(ctx, f[1])
	case len(f) >= 2 && (f[0] == "list" || f[0] == "get"):
		if text, err := c.list(ctx, f[1:]); text != "" || err != nil {
			return text, err
		}
	}
	return "", errors.New("commands: list sessions, numsessions, totals, counters, interfaces, transcoders, maxsessions, jsonstats; terminate CALL-ID|all")
}

// list answers the commands that begin with that word; "" for one that is not
// known.
func (c mediaCLI) list(ctx context.Context, what []string) (string, error) {
	var b strings.Builder
	t := c.relay.Totals()
	switch what[0] {
	case "numsessions":
		fmt.Fprintf(&b, "Current sessions own: %d\nCurrent sessions foreign: 0\nCurrent sessions total: %[1]d\n", t.Sessions)
	case "sessions":
		for id := range c.relay.List() {
			fmt.Fprintf(&b, "ID: %s\n", id)
		}
		if b.Len() == 0 {
			b.WriteString("No sessions on this media relay.\n")
		}
	case "totals":
		for _, x := range []struct {
			name string
			n    uint64
		}{
			{"managed sessions", t.Ended.Sessions()}, {"rejected sessions", t.Rejected}, {"timed-out sessions", t.Ended.Timeout + t.Ended.SilentTimeout + t.Ended.OfferTimeout},
			{"regular terminated sessions", t.Ended.Regular}, {"forced terminated sessions", t.Ended.Forced},
			{"relayed packets", t.Forwarded}, {"relayed packets (kernel)", t.Kernel}, {"relayed packet errors", t.SendErrors}, {"relayed bytes", t.Bytes},
			{"number of streams with no relayed packets", t.Ended.ZeroWay}, {"number of 1-way streams", t.Ended.OneWay},
		} {
			fmt.Fprintf(&b, "Total %s: %d\n", x.name, x.n)
		}
	case "counters":
		r := t.Rates
		fmt.Fprintf(&b, "Packets per second (userspace): %.0f\nBytes per second (userspace): %.0f\nErrors per second (userspace): %.0f\nPackets per second (kernel): %.0f\nBytes per second (kernel): %.0f\n",
			r.Packets-r.KernelPackets, r.Bytes-r.KernelBytes, r.SendErrors, r.KernelPackets, r.KernelBytes)
	case "interfaces":
		for _, i := range c.relay.Interfaces() {
			fmt.Fprintf(&b, "Interface '%s' address '%s'\n  Port range: %d - %d\n  Ports used: %d / %d\n", i.Name, i.Address, i.PortMin, i.PortMax, 2*(i.Pairs-i.Free), 2*i.Pairs)
		}
	case "transcoders":
		p, err := c.relay.Present(ctx)
		if err != nil {
			return "", err
		}
		all := p.Transcoders
		for _, chain := range slices.Sorted(maps.Keys(all)) {
			fmt.Fprintf(&b, "%s: %d transcoders\n", chain, all[chain])
		}
		if b.Len() == 0 {
			b.WriteString("No transcoders.\n")
		}
	case "maxsessions":
		fmt.Fprintf(&b, "Maximum sessions configured on this media relay: %d\n", c.sessionLimit())
	case "jsonstats":
		d, err := c.server.Statistics(ctx)
		if err != nil {
			return "", err
		}
		all, _ := d.Dict("statistics")
		j, err := json.Marshal(numbered("", all))
		return string(j) + "\n", err
	}
	return b.String(), nil
}

// numbered are figures with their fractions as numbers, which the protocol has
// no other way to write than as strings.
func numbered(key string, v any) any {
	switch v := v.(type) {
	case ng.Dict:
		m := make(map[string]any, v.Len())
		for k, x := range v.All() {
			m[k] = numbered(k, x)
		}
		return m
	case ng.List:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = numbered("", x)
		}
		return list
	case string:
		if slices.Contains([]string{"name", "address", "proxy", "chain"}, key) {
			return v
		}
		if _, err := strconv.ParseFloat(v, 64); err == nil {
			return json.Number(v)
		}
	}
	return v
}

func (c mediaCLI) terminate(ctx context.Context, which string) (string, error) {
	n := 0
	for id := range c.relay.List() {
		if which != "all" && which != id {
			continue
		}
		if _, err := c.relay.Delete(ctx, relay.DeleteRequest{CallID: id, Forced: true}); err == nil {
			n++
		}
	}
	return fmt.Sprintf("%d sessions terminated\n", n), nil
}
