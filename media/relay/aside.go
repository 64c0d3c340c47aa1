package relay

import (
	"context"
	"time"

	"github.com/class5-go/class5/media/dtmf"
)

// TakeDTMF takes the digits of parties out of their media, events and tones
// alike, and delivers them as events of kind Digit whatever Config.Events
// says, or stops doing so: for an owner that passes them on by signalling. What
// SecureDTMF keeps secret stays that, and its events say so. Audio is late by
// 60 ms meanwhile.
func (r *Relay) TakeDTMF(ctx context.Context, by Selector, take bool) error {
	return r.change(ctx, by, func(s *stream) {
		e := s.ask()
		switch {
		case e.setsAside() == take:
			return
		case take && e.secrets == nil:
			e.secrets = newSecrets(DTMFSecurity{})
			r.pacer.add(s.leg.session)
		case !take && !e.secrets.how.secret():
			e.secrets = nil
		}
		if e.secrets != nil {
			e.secrets.aside = take
		}
		if s.digits == nil || !take {
			s.watchDigits(s.codecs)
		}
	})
}

// SecretDTMF tells whether the digits of any of the parties are kept secret now.
func (r *Relay) SecretDTMF(ctx context.Context, by Selector) (secret bool, err error) {
	now := r.now()
	err = r.change(ctx, by, func(s *stream) {
		if x := s.extra.keeps(); x != nil {
			x.choose(now)
			secret = secret || x.secret
		}
	})
	return secret, err
}

// setsAside tells whether digits of the stream are for its owner only.
func (e *extra) setsAside() bool { return e != nil && e.secrets != nil && e.secrets.aside }

// secret tells whether the digits of now are kept from everybody.
func (e *extra) secret() bool { return e != nil && e.secrets != nil && e.secrets.secret }

// keeps is what keeps digits secret, or will when it is told to; nil: nothing.
func (e *extra) keeps() *secrets {
	if e == nil || e.secrets == nil || !e.secrets.how.secret() {
		return nil
	}
	return e.secrets
}

// playSecret does about digits that were pressed elsewhere what is done about
// those in the stream, and returns to how many what stands for them is played.
// Nothing is, too.
func (s *stream) playSecret(x *secrets, req *PlayDTMFRequest, list []dtmf.Event, now time.Time) (played int) {
	for _, e := range list {
		x.choose(now)
		if stands, hertz, ok := x.stand(e); ok {
			one := *req
			one.tone = hertz
			played += s.playKeys(&one, []dtmf.Event{stands}, now)
		} else {
			played++
		}
		if x.trigger != nil {
			x.began = x.trigger.Digit(e, now) || x.began
		}
	}
	return played
}
