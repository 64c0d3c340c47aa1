package bridge

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/class5-go/class5/media/sdp"
)

// Subscription asks for copies of what parties send: for a recorder, or for
// somebody who listens.
type Subscription struct {
	// Tags and Labels name the parties whose media is wanted, in this order;
	// none: everybody's who has been heard of.
	Tags, Labels []string
	ToTag        string // required: of the subscriber; a known one is offered anew
	Label        string // of the subscriber
	Interface    string // facing the subscriber, by name
	// Inactive describes media that does not flow yet, as is done anyway with
	// that of a party on hold.
	Inactive bool
	// Bidirectional lets the subscriber speak too, as far as those it hears
	// receive. What it says goes to publishers that are bidirectional as well; the
	// parties of a call go on hearing each other alone.
	Bidirectional bool
	// MediaLabels gives every m= line an a=label (RFC 4574), as recording
	// clients do (RFC 7866).
	MediaLabels bool
	Options     Options
}

// Subscribed is the offer for a subscriber. From of its Result is 0.
type Subscribed struct {
	Result
	Media []Source // what the m= lines are copies of
}

// Source is the stream that an m= line of a subscriber is a copy of.
type Source struct {
	Leg        LegID
	Tag, Label string // of the party
	Index      int    // of its m= line
	Kind       string
	MediaLabel string // a=label; empty: none
	Direction  sdp.Direction
}

// copied names the stream of a party.
type copied struct {
	Leg   LegID `json:"leg"`
	Index int   `json:"index"`
}

// Subscribe makes a description for a subscriber, as an offer of the relay:
// what the parties named send, m= line by m= line. [Session.SubscribeAnswer]
// takes what the subscriber says to it; [Session.Remove] ends it.
func (s *Session) Subscribe(q Subscription, ports Ports) (Subscribed, error) {
	if q.ToTag == "" {
		return Subscribed{}, fmt.Errorf("%w: no tag of the subscriber", ErrMismatch)
	}
	st := s.state.clone()
	to := st.byTag(q.ToTag)
	switch {
	case to == nil:
		var err error
		if to, err = st.newLeg(s.cfg.MaxLegs, 0); err != nil {
			return Subscribed{}, err
		}
		to.tag(q.ToTag)
	case !to.subscribes():
		return Subscribed{}, fmt.Errorf("%w: the tag of a party", ErrMismatch)
	}
	legs, err := st.wanted(&q)
	if err != nil {
		return Subscribed{}, err
	}
	label(to, q.Label)
	options := q.Options.expand()
	options.Replace.ZeroAddress, options.PortLatching = true, true
	// What the parties send stays as it is: to strip a codec is to not show it.
	options.Codec.Mask, options.Codec.Strip = slices.Concat(options.Codec.Mask, options.Codec.Strip), nil
	to.Heard = &leg{} // nobody: it says what the parties said
	to.Both = q.Bidirectional
	if q.MediaLabels {
		st.labelMedia()
	}
	w := &work{state: st, cfg: s.cfg, ports: ports, o: &exchange{offer: true, options: &options, from: to.Heard, to: to, toInterface: q.Interface}}
	out := Subscribed{Media: to.copies(legs, q.MediaLabels)}
	if len(out.Media) == 0 {
		return Subscribed{}, fmt.Errorf("%w: nothing to subscribe to", ErrUnknown)
	}
	b, err := w.exchange(w.said(legs, to, out.Media, q.Inactive))
	if err != nil {
		return Subscribed{}, err
	}
	s.add(st, to)
	out.Result = Result{SDP: b, To: to.ID, Warnings: w.o.warnings}
	return out, nil
}

// add makes a state with a leg that has no partner the present one. An offer
// between others can still be taken back.
func (s *Session) add(st *state, l *leg) {
	s.state = st
	if s.before == nil {
		return
	}
	b := s.before.clone()
	b.Legs = slices.DeleteFunc(b.Legs, func(o *leg) bool { return o.ID == l.ID })
	b.Legs, b.Next, b.Labels = append(b.Legs, l.clone()), st.Next, st.Labels
	for _, l := range b.Legs {
		if now := st.leg(l.ID); now != nil {
			for i := range min(len(l.Media), len(now.Media)) {
				l.Media[i].Label = now.Media[i].Label
			}
		}
	}
	s.before = b
}

// wanted are the parties that a subscription is to, subscribers not among them.
func (s *state) wanted(q *Subscription) (list []*leg, err error) {
	add := func(name string, ok func(*leg) bool) error {
		i := slices.IndexFunc(s.Legs, func(l *leg) bool { return !l.subscribes() && ok(l) })
		if i < 0 {
			return fmt.Errorf("%w: no party %.64q", ErrUnknown, name)
		}
		if !slices.Contains(list, s.Legs[i]) {
			list = append(list, s.Legs[i])
		}
		return nil
	}
	for _, tag := range q.Tags {
		if err := add(tag, func(l *leg) bool { return l.has(tag) }); err != nil {
			return nil, err
		}
	}
	for _, name := range q.Labels {
		if err := add(name, func(l *leg) bool { return l.Label == name }); err != nil {
			return nil, err
		}
	}
	if len(q.Tags)+len(q.Labels) > 0 {
		return list, nil
	}
	for _, l := range s.Legs {
		if !l.subscribes() {
			list = append(list, l)
		}
	}
	return list, nil
}

// labelMedia gives the streams of parties the numbers by which recorders know
// them, for the life of the session: two recorders, or one that asks again when
// others have joined, find the same stream under the same label. They count m=
// line by m= line, of each the answerer's first, as rtpengine's do.
func (s *state) labelMedia() {
	for i, some := 0, true; some; i++ {
		some = false
		for _, l := range slices.Backward(s.Legs) {
			if l.subscribes() || i >= len(l.Media) {
				continue
			}
			if some = true; l.Media[i].Label == 0 {
				s.Labels++
				l.Media[i].Label = s.Labels
			}
		}
	}
}

// copies lists the streams of parties, and makes those of the subscriber
// copies of them.
func (l *leg) copies(of []*leg, labels bool) (list []Source) {
	for _, m := range l.Media {
		m.Copy = nil
	}
	for _, o := range of {
		for i, m := range o.Media {
			if m.Rejected || m.Untouched || !isRTP(m.Proto) || !m.RTP.IsValid() || len(m.Codecs.Said) == 0 {
				continue
			}
			c := Source{Leg: o.ID, Label: o.Label, Index: i, Kind: m.Kind, Direction: m.Dir}
			if len(o.Tags) > 0 {
				c.Tag = o.Tags[len(o.Tags)-1]
			}
			if labels {
				c.MediaLabel = strconv.Itoa(m.Label - 1)
			}
			l.media(len(list)).Copy = &copied{o.ID, i}
			list = append(list, c)
		}
	}
	return list
}

// said is a description of the streams that are copied, as if one party had
// written it.
func (w *work) said(legs []*leg, to *leg, list []Source, inactive bool) []byte {
	origin, name := "o=- "+strconv.Itoa(int(to.ID))+" 1 IN IP4 0.0.0.0", "s="+w.cfg.Software
	if len(legs) == 1 && legs[0].Origin != "" {
		origin, name = legs[0].Origin, legs[0].Name
	} else {
		w.o.options.Replace.Origin = true // nobody wrote it
	}
	lines := []string{"v=0", origin, name, "t=0 0"}
	for _, c := range list {
		m := w.leg(c.Leg).Media[c.Index]
		lines = append(lines, m.mediaLines(m.Codecs.Said)...)
		if c.MediaLabel != "" {
			lines = append(lines, "a=label:"+c.MediaLabel)
		}
		lines = append(lines, "a="+flowing(!inactive && m.Dir.Sends(), !inactive && to.Both && w.leg(c.Leg).hears(m)).String())
		if m.Ptime > 0 {
			lines = append(lines, "a=ptime:"+strconv.FormatInt(m.Ptime.Milliseconds(), 10))
		}
	}
	for _, m := range to.Media[len(list):] { // of an earlier subscription: they keep their places
		lines = append(lines, "m="+m.Kind+" 0 "+m.Proto+" 0", "c="+network(zero(to.Family)))
	}
	return written(lines)
}

// flowing is the direction of media that go one way, the other, or both.
func flowing(out, in bool) sdp.Direction {
	switch {
	case out && in:
		return sdp.SendRecv
	case out:
		return sdp.SendOnly
	case in:
		return sdp.RecvOnly
	}
	return sdp.Inactive
}

// hears tells whether the relay sends a stream to the party.
func (l *leg) hears(m *stream) bool { return m.Dir.Receives() && (!l.Publishes || l.Both) }

// mediaLines are those of a stream with a list of formats.
func (m *stream) mediaLines(list []format) []string {
	at := m.RTP
	if !at.IsValid() || at.Port() == 0 {
		at = netip.AddrPortFrom(zero(IPv4), 9)
	}
	proto := m.Proto
	lines := []string{"m=" + m.Kind + " " + strconv.Itoa(int(at.Port())) + " " + proto + " " + strings.Join(formatNames(list), " "),
		"c=" + network(at.Addr())}
	for i := range list {
		lines = list[i].lines(lines)
	}
	return lines
}

func written(lines []string) []byte { return []byte(strings.Join(lines, "\r\n") + "\r\n") }

// SubscribeAnswer takes a subscriber's answer to the description that
// Subscribe made. Source and ViaBranch are not looked at, FromTag neither.
func (s *Session) SubscribeAnswer(a Answer, ports Ports) (Result, error) {
	st := s.state.clone()
	from := st.byTag(a.ToTag)
	if from == nil || !from.subscribes() {
		return Result{}, fmt.Errorf("%w: no subscription of that tag", ErrUnknown)
	}
	return s.alone(st, from, a, ports)
}

// copyFlows connects the streams of a subscriber to those they are copies of.
func (w *work) copyFlows(to *leg) []Flow {
	var list []Flow
	for j, t := range to.Media {
		if t.Copy == nil || t.Rejected || t.Kind == "" {
			continue
		}
		from := w.leg(t.Copy.Leg)
		if from == nil || t.Copy.Index >= len(from.Media) {
			continue
		}
		f := from.Media[t.Copy.Index].alone()
		if f.Rejected || f.Untouched || f.local() == nil && f.Bundle == t.Copy.Index {
			continue
		}
		fl := Flow{From: from.ID, To: to.ID, FromMedia: t.Copy.Index, ToMedia: j, Extensions: mapExtensions(f, t)}
		fl.Open = w.open(f, t)
		w.routes(&fl, f, t, false)
		list = append(list, fl)
		if to.Both && from.Both && from.Publishes {
			back := Flow{From: to.ID, To: from.ID, FromMedia: j, ToMedia: t.Copy.Index, Extensions: mapExtensions(t, f)}
			back.Open = w.open(t, f)
			w.routes(&back, t, f, false)
			list = append(list, back)
		}
	}
	return list
}
