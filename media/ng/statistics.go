package ng

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Statistics asks the handler for its figures, by the command statistics, and
// adds those of the server under the keys that rtpengine has for them:
// controlstatistics by client, and in intervalstatistics what came in the last
// full minute. Fractions are strings, as the protocol has integers only.
func (s *Server) Statistics(ctx context.Context) (Dict, error) {
	return s.statistics(ctx, &Request{Command: "statistics", Dict: Of("command", "statistics")})
}

func (s *Server) statistics(ctx context.Context, req *Request) (Dict, error) {
	reply, err := s.handler.HandleNG(ctx, req)
	all, ok := reply.Dict("statistics")
	if err != nil || !ok {
		return reply, err
	}
	interval, _ := all.Dict("intervalstatistics")
	for _, c := range s.Interval() {
		interval.Set("min"+c.Command+"delay", Seconds(c.MinTime))
		interval.Set("max"+c.Command+"delay", Seconds(c.MaxTime))
		interval.Set("avg"+c.Command+"delay", Seconds(c.AvgTime))
	}
	for _, c := range s.Interval() {
		interval.Set("min"+c.Command+"requestrate", c.MinRate)
		interval.Set("max"+c.Command+"requestrate", c.MaxRate)
		interval.Set("avg"+c.Command+"requestrate", c.AvgRate)
	}
	all.Set("intervalstatistics", interval)
	all.Set("controlstatistics", s.control())
	reply.Set("statistics", all)
	return reply, nil
}

// control is what the clients asked for.
func (s *Server) control() Dict {
	clients, totals := s.Clients(), make([]uint64, len(commands))
	proxies := List{}
	for _, c := range fold(clients) {
		p := Of("proxy", clientName(c.Client))
		for i, n := range c.Commands {
			totals[i] += n.Count
			p.Set(commands[i].short+"count", n.Count)
			p.Set(commands[i].short+"duration", Seconds(n.Time))
		}
		p.Set("errorcount", c.Errors)
		proxies = append(proxies, p)
	}
	d := Of("proxies", proxies)
	for i, n := range totals {
		d.Set("total"+commands[i].short+"count", n)
	}
	return d
}

// maxListed is how many clients have figures of their own in a reply, which has
// to fit a datagram.
const maxListed = 24

// fold makes one client of all but those that asked for the most.
func fold(list []ClientStats) []ClientStats {
	if len(list) <= maxListed {
		return list
	}
	all := func(c ClientStats) (n uint64) {
		for _, x := range c.Commands {
			n += x.Count
		}
		return n
	}
	slices.SortStableFunc(list, func(a, b ClientStats) int { return cmp.Compare(all(b), all(a)) })
	others := ClientStats{Commands: make([]CommandStats, len(commands))}
	for _, c := range list[maxListed-1:] {
		others.Errors += c.Errors
		for i, x := range c.Commands {
			others.Commands[i].Count += x.Count
			others.Commands[i].Time += x.Time
		}
	}
	return append(list[:maxListed-1:maxListed-1], others)
}

func clientName(a netip.Addr) string {
	if !a.IsValid() {
		return "others"
	}
	return a.String()
}

// Seconds writes a time as the figures of the protocol have it: seconds with six
// decimals.
func Seconds(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }
