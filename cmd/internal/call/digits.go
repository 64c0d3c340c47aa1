package call

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/registrar"
)

// Digits is how a party says and hears of keys that are pressed.
type Digits uint8

// The ways, with the names that ParseDigits reads.
const (
	DigitsPass  Digits = iota // pass: media and INFO pass as they come
	DigitsInfo                // info: the party sends INFO and wants it
	DigitsRTP                 // rtp: the party wants none; it gets what others say by INFO in its media
	DigitsBlock               // block: nobody learns which keys it presses
)

var digitWays = [...]string{DigitsPass: "pass", DigitsInfo: "info", DigitsRTP: "rtp", DigitsBlock: "block"}

// String is the name of a way.
func (d Digits) String() string { return digitWays[d] }

// ParseDigits reads a name.
func ParseDigits(name string) (Digits, error) {
	for i, s := range digitWays {
		if s == name {
			return Digits(i), nil
		}
	}
	return DigitsPass, fmt.Errorf("no way %q to say digits: want one of %s", name, strings.Join(digitWays[:], ", "))
}

// DigitPolicy says which way a party has; the first that names it counts. The
// zero value is DigitsPass for all.
type DigitPolicy struct {
	Subscribers map[string]Digits // by user@domain
	Peers       map[string]Digits // foreign networks, by name
	Domains     map[string]Digits
	Transports  map[string]Digits // by what the party registered over: udp, tcp, tls, ws, wss
}

func (p *DigitPolicy) off() bool {
	return len(p.Subscribers)+len(p.Peers)+len(p.Domains)+len(p.Transports) == 0
}

// way is that of a party.
func (p *DigitPolicy) way(e *billing.Endpoint, transport string) Digits {
	if p.off() {
		return DigitsPass
	}
	if e.Peer != "" {
		return p.Peers[e.Peer]
	}
	if d, ok := p.Subscribers[e.User+"@"+e.Domain]; ok {
		return d
	}
	if d, ok := p.Domains[e.Domain]; ok {
		return d
	}
	if transport == "" {
		transport = "udp"
	}
	return p.Transports[strings.ToLower(transport)]
}

// Keys is a relay that plays digits to parties and takes theirs.
type Keys interface {
	PlayDTMF(ctx context.Context, r relay.PlayDTMFRequest) error
	// TakeDTMF keeps the digits of a party from the others and tells of them.
	TakeDTMF(ctx context.Context, by relay.Selector, take bool) error
}

// secretKeeper is a relay that knows whether digits are kept secret.
type secretKeeper interface {
	SecretDTMF(ctx context.Context, by relay.Selector) (bool, error)
}

// wayOf is the way of a target of the call.
func (k *call) wayOf(t *proxy.Target) Digits {
	if k.core.Digits.off() {
		return DigitsPass
	}
	transport := ""
	if b, ok := t.Value.(*registrar.Binding); ok {
		transport = b.Transport
	}
	return k.core.Digits.way(&k.shared(k.leg(t)).Callee, transport)
}

// informs reports whether one of the parties may have to be told of digits by
// INFO: only the B2BUA can send requests of its own inside a dialog.
func (k *call) informs(targets []proxy.Group) bool {
	if k.core.Digits.off() || k.core.Keys == nil {
		return false
	}
	caller := k.ways[dialog.Caller]
	for _, g := range targets {
		for i := range g.Targets {
			if callee := k.wayOf(&g.Targets[i]); told(callee, caller) || told(caller, callee) {
				return true
			}
		}
	}
	return false
}

// told reports whether digits in the media of one party are told to another by
// INFO. Who sends INFO itself says the same in its media again, if at all.
func told(to, from Digits) bool {
	return to == DigitsInfo && (from == DigitsPass || from == DigitsRTP)
}

// taken reports whether digits of a side are taken out of its media.
func (k *call) taken(side dialog.Side) bool {
	from := k.ways[side]
	return from == DigitsBlock || k.limited != nil && told(k.ways[side.Other()], from)
}

// converts reports whether the relay may have anything to do with the digits of
// caller and targets.
func (k *call) converts(targets []proxy.Group) bool {
	if k.core.Digits.off() || k.core.Keys == nil {
		return false
	}
	for _, g := range targets {
		for i := range g.Targets {
			if k.wayOf(&g.Targets[i]) != DigitsPass {
				return true
			}
		}
	}
	return k.ways[dialog.Caller] != DigitsPass
}

// takeDigits has the relay take the digits of those whose media must not have
// them. Nothing waits for that.
func (k *call) takeDigits(now time.Time) {
	if !k.media.keys || k.record.State == dialog.Ended {
		return
	}
	for _, side := range []dialog.Side{dialog.Caller, dialog.Callee} {
		tag := k.record.Legs[side].Tag
		if tag == "" || !k.taken(side) {
			continue
		}
		var err error
		k.media.ask(now, &question{
			ask: func(ctx context.Context) {
				err = k.core.Keys.TakeDTMF(ctx, relay.Selector{CallID: k.media.id, Tag: tag}, true)
			},
			then: func(time.Time) {
				if err != nil {
					k.core.Stats.Digits.WithLabelValues("not_taken").Inc()
					k.core.Log.Warn("digits stay in the media", "call_id", k.record.CallID, "side", side.String(), "error", err)
				}
			},
		})
	}
}
