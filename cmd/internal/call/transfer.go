package call

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/wire"
)

// referrals are the calls in which one side was asked to call somebody else
// (RFC 3515), by the subscriber that was asked. The call that it makes then is
// one of its own; that it takes the place of the other is in the records.
type referrals struct {
	mu     sync.Mutex
	asked  map[string][]referral
	length int
	sweep  time.Time // no walk over all before that
}

type referral struct {
	event  billing.Event // the fields that all events of the transferred call share
	target string        // user part of Refer-To
	until  time.Time
}

// Bounds of referrals: who is asked calls at once.
const (
	referralTime = time.Minute
	maxReferrals = 10_000
	maxPerUser   = 8
)

func (r *referrals) add(now time.Time, subscriber string, f referral) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked == nil {
		r.asked = map[string][]referral{}
	}
	if r.length >= maxReferrals && !now.Before(r.sweep) {
		r.expire(now)
		r.sweep = now.Add(time.Second)
	}
	list := r.asked[subscriber]
	if r.length >= maxReferrals || len(list) >= maxPerUser && list[0].until.After(now) {
		return
	}
	if len(list) >= maxPerUser {
		list, r.length = slices.Delete(list, 0, 1), r.length-1
	}
	r.asked[subscriber] = append(list, f)
	r.length++
}

func (r *referrals) expire(now time.Time) {
	r.length = 0
	for subscriber, list := range r.asked {
		list = slices.DeleteFunc(list, func(f referral) bool { return !f.until.After(now) })
		if r.length += len(list); len(list) == 0 {
			delete(r.asked, subscriber)
			continue
		}
		r.asked[subscriber] = list
	}
}

// take finds the call in which a subscriber was asked to call a user, once.
func (r *referrals) take(now time.Time, subscriber, target string) (billing.Event, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.asked[subscriber]
	i := slices.IndexFunc(list, func(f referral) bool { return f.target == target && f.until.After(now) })
	if i < 0 {
		return billing.Event{}, false
	}
	e := list[i].event
	r.length--
	if list = slices.Delete(list, i, i+1); len(list) == 0 {
		delete(r.asked, subscriber)
	} else {
		r.asked[subscriber] = list
	}
	return e, true
}

// refer notes that one side of a call asks the other to call somebody.
func (k *call) refer(now time.Time, from dialog.Side, m *wire.Message) {
	h, _ := m.First(wire.HdrReferTo)
	addr, err := wire.ParseNameAddr(h.Value)
	if err != nil {
		return
	}
	uri, err := wire.ParseURI(addr.URI)
	if err != nil || !uri.IsSIP() {
		return
	}
	if asked := k.subscriber(from.Other()); asked != "" {
		k.core.asked.add(now, asked, referral{event: k.event, target: wire.Unescape(uri.User), until: now.Add(referralTime)})
	}
}

// subscriber is who is on a side, "" for nobody of this platform.
func (k *call) subscriber(side dialog.Side) string {
	if side == dialog.Caller {
		return k.event.Caller.Subscriber
	}
	return k.shared(k.answered).Callee.Subscriber
}

// transferred writes that a call goes on as the one that begins, when its
// caller was asked for that.
func (c *Core) transferred(now time.Time, m *wire.Message, caller *directory.Profile) {
	uri, err := wire.ParseURI(m.RequestURI())
	if err != nil {
		return
	}
	e, ok := c.asked.take(now, strconv.FormatInt(caller.SubscriberID, 10), wire.Unescape(uri.User))
	if !ok {
		return
	}
	e.Kind, e.Refer, e.At, e.Code = billing.EventTransfer, string(m.CallID()), billing.MillisOf(now), 0
	c.note(&e)
}
