package billgen

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"strconv"

	"github.com/class5-go/class5/billing"
)

// Month is when the first call begins, and Length how long the calls of a load
// are spread over, whatever their number.
const (
	Month  billing.Millis = 1_777_586_400_000 // 2026-05-01 00:00 in Vienna
	Length billing.Millis = 30 * 86_400_000
)

// Load is the calls 0 to Calls-1 of a world.
type Load struct {
	World *World
	Seed  uint64
	Calls int
	Node  string // that reports them; "p1" when empty
}

// call is what the events of one have in common.
type call struct {
	event    billing.Event
	answered bool
	duration billing.Millis
}

func (l *Load) call(n int) call {
	r := rand.New(rand.NewPCG(l.Seed, uint64(n)))
	id := customer(r.IntN(Customers))
	number := "4319" + strconv.Itoa(1_000_000+r.IntN(9_000_000))
	c := call{answered: r.IntN(10) >= 3, event: billing.Event{
		CallID: fmt.Sprintf("%d-%x@%s.example", n, l.Seed, id), FromTag: fmt.Sprintf("f%x", r.Uint32()),
		Init:   Month + billing.Millis(int64(n)*int64(Length)/int64(max(l.Calls, 1))),
		Caller: billing.Endpoint{Subscriber: "s" + id, Account: id, User: number, Domain: id + ".example", Number: number, Dialled: number},
		Source: netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), Node: l.Node,
	}}
	if c.event.Node == "" {
		c.event.Node = "p1"
	}
	called := l.World.Numbers[r.IntN(len(l.World.Numbers))]
	c.event.Callee = billing.Endpoint{User: called, Domain: "carrier.example", Number: called, Dialled: "00" + called, Peer: carrier(r.IntN(Carriers))}
	const sigma = 1.2
	seconds := math.Exp(math.Log(180) - sigma*sigma/2 + sigma*r.NormFloat64())
	c.duration = billing.Millis(1 + min(seconds, 4*3600)*1000)
	if r.IntN(10) == 0 { // over the end of the peak: 18:00 by UTC, a minute after the INVITE
		day := (c.event.Init / 86_400_000) * 86_400_000
		c.event.Init = day + 18*3_600_000 - 60_000
		c.duration += 60_000
	}
	return c
}

// Events appends the events of call n: start, a mark a minute and stop, or fail.
func (l *Load) Events(dst []billing.Event, n int) []billing.Event {
	c := l.call(n)
	e := c.event
	if !c.answered {
		e.Kind, e.Code, e.At = billing.EventFail, 486, e.Init+4000
		return append(dst, e)
	}
	e.ToTag, e.Start, e.Code = "t"+e.FromTag, e.Init+5000, 200
	e.Kind, e.At = billing.EventStart, e.Start
	dst = append(dst, e)
	for m := billing.Millis(60_000); m < c.duration; m += 60_000 {
		e.Kind, e.Seq, e.At = billing.EventInterim, e.Seq+1, e.Start+m
		dst = append(dst, e)
	}
	e.Kind, e.Seq, e.At = billing.EventStop, 0, e.Start+c.duration
	return append(dst, e)
}

// CDR is the record of call n without prices, as mediation makes it.
func (l *Load) CDR(n int) billing.CDR {
	c := l.call(n)
	e := &c.event
	r := billing.CDR{
		Key: e.Key(), Revision: 1, Generation: 1, CallID: e.CallID, FromTag: e.FromTag, Caller: e.Caller, Callee: e.Callee,
		Source: e.Source, Node: e.Node, Init: e.Init, Status: billing.StatusBusy, Code: 486, End: e.Init + 4000,
	}
	if c.answered {
		r.ToTag, r.Status, r.Code = "t"+e.FromTag, billing.StatusOK, 200
		r.Start, r.Duration = e.Init+5000, c.duration
		r.End = r.Start + r.Duration
	}
	return r
}
