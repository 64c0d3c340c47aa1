package mediate

import (
	"bytes"

	"github.com/class5-go/class5/billing"
)

// kinds is one more than the highest event kind.
const kinds = int(billing.EventForward) + 1

// leg is what is known of a leg: of each kind of event the one that counts.
// Because that choice is a minimum or maximum, order and repetition of the
// events make no difference.
type leg struct {
	best     [kinds]*billing.Event // by kind
	key      billing.LegKey
	base     string         // Call-ID of the call that the leg is part of
	shared   bool           // the record ends with a stop that is not the leg's own
	pos      uint64         // position of the first event
	noticed  billing.Millis // when Expire first saw it after the last event, 0 before
	closed   string         // why the mediator ended it, "" when it did not
	done     bool           // record was complete when last made
	queued   bool           // in the queue of open legs
	revision int            // of the last record given out
	last     billing.CDR    // that record, without key and revision
}

// merge takes e in and reports whether that changed anything.
func (l *leg) merge(e *billing.Event) bool {
	was := l.best[e.Kind]
	switch {
	case was == nil:
		kept := *e
		l.best[e.Kind] = &kept
	case counts(e, was):
		*was = *e
	default:
		return false
	}
	return true
}

// counts reports whether a is to be preferred to b, of the same kind: the
// first of everything, but the last interim mark, and a stop that tells the
// answer before one that does not. Equal times are decided by the bytes, for
// something must decide.
func counts(a, b *billing.Event) bool {
	if told := answered(a) > 0; a.Kind == billing.EventStop && told != (answered(b) > 0) {
		return told
	}
	at, bt := moment(a), moment(b)
	if a.Kind == billing.EventInterim {
		at, bt = bt, at
	}
	if at != bt {
		return at < bt
	}
	ab, aerr := a.MarshalBinary()
	bb, berr := b.MarshalBinary()
	return aerr == nil && berr == nil && bytes.Compare(ab, bb) < 0
}

// moment is the time that orders events of one kind.
func moment(e *billing.Event) billing.Millis {
	if e.Kind == billing.EventStart {
		return answered(e)
	}
	return e.At
}

// answered is when, by this event, the leg was answered; 0 when it does not say.
func answered(e *billing.Event) billing.Millis {
	switch {
	case e == nil, e.Kind == billing.EventFail, e.Kind == billing.EventAttempt, e.Kind >= billing.EventTransfer:
		return 0
	case e.Start > 0:
		return e.Start
	case e.Kind == billing.EventStart:
		return e.At
	}
	return 0
}

// number is the leg's place in its call.
func (l *leg) number() int {
	for _, e := range l.best {
		if e != nil {
			return e.Leg
		}
	}
	return 0
}

// kind is how the leg came about.
func (l *leg) kind() billing.CallType {
	for _, e := range l.best {
		if e != nil {
			return e.Type
		}
	}
	return billing.CallPlain
}

// proof is the last time at which the leg is known to have gone on.
func (l *leg) proof() billing.Millis {
	t := answered(l.best[billing.EventStart])
	if e := l.best[billing.EventInterim]; e != nil {
		t = max(t, e.At, e.Start)
	}
	return t
}

// bare reports whether nothing but an end is known, which does not even say
// when the leg was answered: it is the end of other legs.
func (l *leg) bare() bool {
	for k, e := range l.best {
		if e != nil && (k != int(billing.EventStop) && k != int(billing.EventTransfer) || answered(e) > 0) {
			return false
		}
	}
	return true
}

// seen is the time of the latest event.
func (l *leg) seen() billing.Millis {
	var t billing.Millis
	for _, e := range l.best {
		if e != nil {
			t = max(t, e.At, e.Init)
		}
	}
	return t
}
