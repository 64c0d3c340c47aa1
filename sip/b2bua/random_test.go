package b2bua

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/wire"
)

// chaos is a call in which everything happens in any order.
type chaos struct {
	*world
	r      *rapid.T
	invite string
	all    []*sent         // what the element sent
	open   []*sent         // requests that it sent, which may be answered at any time
	oks    map[string]bool // dialogs of callees that answered, "tag@address"
	ends   map[string]bool // and those that ended by a BYE of theirs
	seq    int
	hungUp bool // by the caller, and heard
}

func (x *chaos) collect() {
	for _, s := range x.take() {
		x.all = append(x.all, s)
		if s.IsRequest() && s.Method() != wire.ACK {
			x.open = append(x.open, s)
		}
	}
}

// pick draws one of the messages, by its number.
func pick(r *rapid.T, list []*sent) *sent {
	return list[rapid.IntRange(0, len(list)-1).Draw(r, "message")]
}

// respondAny answers a request of the element.
func (x *chaos) respondAny() {
	if len(x.open) == 0 {
		return
	}
	to := pick(x.r, x.open)
	status := rapid.SampledFrom([]int{100, 180, 183, 200, 200, 200, 302, 404, 481, 486, 487, 503, 600}).Draw(x.r, "status")
	tag := rapid.SampledFrom([]string{"b", "c", "d"}).Draw(x.r, "tag")
	strays := x.layer.Stats().Strays
	x.respond(to, status, tag)
	if to.Method() == wire.INVITE && len(to.ToTag()) == 0 && status == 200 && x.layer.Stats().Strays == strays {
		x.oks[tag+"@"+to.to] = true
	}
}

// inside sends a request inside a dialog.
func (x *chaos) inside() {
	method := rapid.SampledFrom([]string{"BYE", "ACK", "INVITE", "UPDATE", "INFO", "PRACK", "REFER"}).Draw(x.r, "method")
	var rings, legs []*sent
	for _, s := range x.all {
		switch {
		case s.CSeqMethod() == wire.INVITE && s.Status() > 100 && s.Status() < 300 && s.to == caller:
			rings = append(rings, s)
		case s.Method() == wire.INVITE && len(s.ToTag()) == 0:
			legs = append(legs, s)
		}
	}
	x.seq++
	if rapid.Bool().Draw(x.r, "by caller") {
		if len(rings) == 0 {
			return
		}
		ring := pick(x.r, rings)
		seq := 10 + x.seq
		if method == "ACK" {
			seq = 10
		}
		x.receive(caller, x.compose(caller, method, "sip:call1@"+host, seq, []string{alice, "To: " + ring.value(wire.HdrTo), "Contact: <sip:a@" + caller + ">"}, ""))
		x.hungUp = x.hungUp || method == "BYE" && x.said(200, wire.BYE, caller)
		return
	}
	if len(legs) == 0 {
		return
	}
	leg := pick(x.r, legs)
	tag := rapid.SampledFrom([]string{"b", "c", "d"}).Draw(x.r, "tag")
	x.receive(leg.to, x.compose(leg.to, method, "sip:call1@"+host, x.seq, []string{
		"From: <sip:bob@example.com>;tag=" + tag, "To: " + leg.value(wire.HdrFrom), "Contact: <sip:b@" + leg.to + ">",
	}, ""))
	if method == "BYE" && x.said(200, wire.BYE, leg.to) {
		x.ends[tag] = true
	}
}

// said reports whether the last message was this response.
func (x *chaos) said(status int, method wire.Method, to string) bool {
	for _, s := range x.out {
		if s.Status() == status && s.CSeqMethod() == method && s.to == to {
			return true
		}
	}
	return false
}

func (x *chaos) credit() {
	if x.call == nil {
		return
	}
	if rapid.IntRange(0, 4).Draw(x.r, "refused") == 0 {
		x.call.Refused(x.now, rapid.SampledFrom([]int{0, 402, 503}).Draw(x.r, "status"), "")
		return
	}
	total := time.Duration(rapid.IntRange(0, 200).Draw(x.r, "total")) * time.Second
	x.call.Granted(x.now, Grant{
		Total: total, Renew: total / 2, Final: rapid.Bool().Draw(x.r, "final"), Expected: total * 2,
		ValidUntil: x.now.Add(time.Duration(rapid.IntRange(-10, 100).Draw(x.r, "valid")) * time.Second),
	})
}

func (x *chaos) step() {
	switch rapid.SampledFrom([]string{"respond", "respond", "respond", "respond", "inside", "inside", "inside", "credit", "credit", "time", "time", "cancel", "end"}).Draw(x.r, "step") {
	case "respond":
		x.respondAny()
	case "inside":
		x.inside()
	case "credit":
		x.credit()
	case "time":
		x.advance(time.Duration(rapid.SampledFrom([]int{1, 100, 500, 5_000, 33_000, 100_000, 200_000}).Draw(x.r, "ms")) * time.Millisecond)
	case "cancel":
		x.receive(caller, strings.Replace(strings.Replace(x.invite, "INVITE sip", "CANCEL sip", 1), "10 INVITE", "10 CANCEL", 1))
	case "end":
		if x.call != nil && rapid.IntRange(0, 3).Draw(x.r, "really") == 0 {
			x.call.End(x.now, dialog.CauseAdministrative, 0, "")
		}
	}
	x.collect()
}

// In whatever order messages, answers of the ledger and timeouts come: both
// legs end, the end is told once, and nothing is left.
func TestAnyOrder(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		x := &chaos{world: owned(r, Config{Overrun: time.Duration(rapid.IntRange(0, 30).Draw(r, "overrun")) * time.Second}), r: r, oks: map[string]bool{}, ends: map[string]bool{}}
		x.plan.Groups[0].Targets = append(x.plan.Groups[0].Targets, proxy.Target{URI: []byte("sip:bob@" + second)})
		if rapid.Bool().Draw(r, "prepaid") {
			x.plan.Authorizer = bank{x.world}
		}
		bad := rapid.IntRange(0, 30).Draw(r, "bad")
		x.edit = func(*Passage, *wire.Message, *wire.Edit) error {
			if bad--; bad == 0 {
				return errors.New("not liked")
			}
			return nil
		}
		x.invite = x.dial()
		x.collect()
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			x.step()
		}
		x.advance(13 * time.Hour)
		x.collect()
		x.judge()
		if r.Failed() {
			r.Logf("sent: %s", short(x.all))
		}
	})
}

func (x *chaos) judge() {
	x.over()
	if s := x.layer.Stats(); s.Servers+s.Clients != 0 {
		x.t.Errorf("%d and %d transactions are left", s.Servers, s.Clients)
	}
	told := fmt.Sprint(x.log)
	if has(x.log, "ended") != 1 || has(x.log, "answered") > 1 || has(x.log, "begin") != has(x.log, "used") || has(x.log, "used") > 1 {
		x.t.Errorf("told: %s", told)
	}
	answered, refused, byes := 0, 0, 0
	for _, s := range x.all {
		switch {
		case s.to == caller && s.Method() == wire.BYE:
			byes++
		case s.to != caller || s.CSeqMethod() != wire.INVITE || cseq(s) != 10:
		case s.Status() >= 300:
			refused++
		case s.Status() >= 200:
			answered++
		}
	}
	switch {
	case answered > 0 && refused > 0, answered == 0 && refused == 0:
		x.t.Errorf("the caller got %d answers and %d refusals", answered, refused)
	case answered > 0 && byes == 0 && !x.hungUp:
		x.t.Errorf("the caller's leg has no end: %s", told)
	}
	for dialog := range x.oks {
		tag, to, _ := strings.Cut(dialog, "@")
		if x.sentTo(wire.ACK, tag, to) == 0 {
			x.t.Errorf("%s got no ACK", dialog)
		}
		if x.sentTo(wire.BYE, tag, to) == 0 && !x.ends[tag] {
			x.t.Errorf("the leg of %s has no end: %s", dialog, told)
		}
	}
}

func cseq(s *sent) uint32 {
	n, _ := s.CSeq()
	return n
}

func (x *chaos) sentTo(method wire.Method, tag, to string) (n int) {
	for _, s := range x.all {
		if s.Method() == method && s.to == to && string(s.ToTag()) == tag {
			n++
		}
	}
	return n
}
