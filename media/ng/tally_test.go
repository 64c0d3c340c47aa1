package ng

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// TestTally: commands are counted by client, with their times, and by minute.
func TestTally(t *testing.T) {
	now := time.Unix(1_800_000_000, 0) // a full minute
	h := HandlerFunc(func(_ context.Context, r *Request) (Dict, error) {
		spent, _ := r.Dict.Int("spend")
		now = now.Add(time.Duration(spent) * time.Millisecond)
		switch r.Dict.Str("end") {
		case "limit":
			return Dict{}, &LoadLimitError{errors.New("enough")}
		case "bad":
			return Dict{}, errors.New("bad")
		}
		if r.Command == "statistics" {
			return Of("statistics", Of("intervalstatistics", Of("minmanagedsessions", 7))), nil
		}
		return Dict{}, nil
	})
	s := NewServer(h, Config{}, WithClock(func() time.Time { return now }))
	ask := func(client string, pairs ...any) {
		t.Helper()
		if s.Answer(t.Context(), Append(nil, Of(pairs...), JSON), netip.AddrPortFrom(netip.MustParseAddr(client), 4000), false) == nil {
			t.Fatal("no answer")
		}
	}
	for i := range 3 {
		ask("192.0.2.1", "command", "offer", "spend", 10*i)
	}
	ask("192.0.2.1", "command", "offer", "end", "limit", "supports", []string{"load limit"})
	ask("::ffff:192.0.2.1", "command", "block_DTMF", "end", "bad")
	ask("192.0.2.2", "command", "make coffee", "end", "bad")
	ask("192.0.2.2", "command", "ping")
	now = now.Add(2 * time.Second)
	ask("192.0.2.2", "command", "offer", "spend", 2)
	list := s.Clients()
	if len(list) != 2 || list[0].Errors != 1 || list[1].Errors != 1 || list[0].Client != netip.MustParseAddr("192.0.2.1") {
		t.Fatalf("%+v", list)
	}
	of := func(c ClientStats, name string) CommandStats {
		for _, x := range c.Commands {
			if x.Command == name {
				return x
			}
		}
		t.Fatalf("no %q", name)
		return CommandStats{}
	}
	for _, c := range []struct {
		client int
		want   CommandStats
	}{
		{0, CommandStats{"offer", 4, 30 * time.Millisecond}}, {0, CommandStats{"block DTMF", 1, 0}}, {0, CommandStats{Command: "ping"}},
		{1, CommandStats{"offer", 1, 2 * time.Millisecond}}, {1, CommandStats{Command: "ping", Count: 1}},
	} {
		if got := of(list[c.client], c.want.Command); got != c.want {
			t.Errorf("%+v, want %+v", got, c.want)
		}
	}
	offers := func() CommandInterval { return s.Interval()[1] }
	if got := offers(); got != (CommandInterval{Command: "offer"}) {
		t.Errorf("before a minute was over: %+v", got)
	}
	now = time.Unix(1_800_000_060, 0)
	want := CommandInterval{Command: "offer", MaxTime: 20 * time.Millisecond, AvgTime: 6400 * time.Microsecond, MaxRate: 4}
	if got := offers(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for i := range 120 { // two in each second of the whole minute
		now = time.Unix(1_800_000_060+int64(i/2), 0)
		ask("192.0.2.1", "command", "offer", "spend", 1)
	}
	now = time.Unix(1_800_000_120, 0)
	ms := time.Millisecond
	want = CommandInterval{Command: "offer", MinTime: ms, MaxTime: ms, AvgTime: ms, MinRate: 2, MaxRate: 2, AvgRate: 2}
	if got := offers(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}

	reply, err := s.Statistics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, _ := reply.Dict("statistics")
	interval, _ := all.Dict("intervalstatistics")
	control, _ := all.Dict("controlstatistics")
	first := dictsOf(control, "proxies")[0]
	for key, got := range map[string]string{
		"7":         interval.Str("minmanagedsessions"),
		"2":         interval.Str("maxofferrequestrate"),
		"0.001000":  interval.Str("avgofferdelay"),
		"0":         interval.Str("minblock DTMFrequestrate"),
		"125":       control.Str("totaloffercount"),
		"192.0.2.1": first.Str("proxy"),
		"124":       first.Str("offercount"),
		"0.150000":  first.Str("offerduration"),
		"1":         first.Str("blkdtmfcount"),
	} {
		if got != key {
			t.Errorf("%q where %q is due", got, key)
		}
	}
	if first.Str("errorcount") != "1" {
		t.Errorf("%v", first)
	}

	now = time.Unix(1_800_009_999, 0)
	if got := offers(); got != (CommandInterval{Command: "offer"}) {
		t.Errorf("after a long time: %+v", got)
	}
	if !now.After(time.Unix(s.tally.second-1, 0)) || s.tally.second != now.Unix() {
		t.Errorf("at %d", s.tally.second)
	}
}

func dictsOf(d Dict, key string) (out []Dict) {
	v, _ := d.Value(key)
	list, _ := v.(List)
	for _, x := range list {
		out = append(out, x.(Dict))
	}
	return out
}

// TestTallyOfMany: figures of any number of clients take so much room, and the
// reply to statistics fits a datagram.
func TestTallyOfMany(t *testing.T) {
	s := NewServer(HandlerFunc(func(_ context.Context, r *Request) (Dict, error) {
		return Of("statistics", Dict{}), nil
	}), Config{})
	for i := range 1000 {
		from := netip.AddrPortFrom(netip.MustParseAddr(fmt.Sprintf("10.0.%d.%d", i/250, i%250)), 4000)
		for range 1 + i%7 {
			s.Answer(t.Context(), Append(nil, Of("command", "offer", "call-id", "x"), Bencode), from, false)
		}
	}
	list := s.Clients()
	if len(list) != maxClients+1 || list[0].Client.IsValid() {
		t.Errorf("%d clients, the first %v", len(list), list[0].Client)
	}
	reply := s.Answer(t.Context(), Append(nil, Of("command", "statistics"), Bencode), netip.MustParseAddrPort("10.9.9.9:1"), false)
	d, _, err := Parse(reply)
	if err != nil || len(reply) > 65507 {
		t.Fatalf("%d octets, %v", len(reply), err)
	}
	all, _ := d.Dict("statistics")
	control, _ := all.Dict("controlstatistics")
	proxies, sum := dictsOf(control, "proxies"), int64(0)
	for _, p := range proxies {
		n, _ := p.Int("offercount")
		sum += n
	}
	if total, _ := control.Int("totaloffercount"); len(proxies) != maxListed || sum != total || total != 3997 {
		t.Errorf("%d clients with %d of %d offers", len(proxies), sum, total)
	}
}
