package bridge

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Creation asks for an offer that the relay makes itself, to a party that has
// said nothing yet.
type Creation struct {
	Tag       string // required; a party that was created before is offered anew
	Label     string
	Interface string
	// Media are the m= lines; none: audio with PCMA and PCMU.
	Media   []CreatedMedia
	Options Options
}

// CreatedMedia is an m= line of a party that is created.
type CreatedMedia struct {
	Kind   string   // audio, video
	Codecs []string // as in CodecOptions, the best first
}

// Create makes an offer to a new party. [Session.CreateAnswer] takes what it
// says to it, [Session.Connect] gives it somebody to talk to.
func (s *Session) Create(c Creation, ports Ports) (Result, error) {
	if c.Tag == "" {
		return Result{}, fmt.Errorf("%w: no tag", ErrMismatch)
	}
	st := s.state.clone()
	to := st.byTag(c.Tag)
	switch {
	case to == nil:
		var err error
		if to, err = st.newLeg(s.cfg.MaxLegs, 0); err != nil {
			return Result{}, err
		}
		to.tag(c.Tag)
		to.Created, to.Heard = true, &leg{}
	case !to.Created:
		return Result{}, fmt.Errorf("%w: the tag of a party that was not created", ErrMismatch)
	}
	body, err := c.said(s.cfg.Software)
	if err != nil {
		return Result{}, err
	}
	label(to, c.Label)
	options := c.Options.expand()
	options.Replace.Origin = true // nobody wrote it
	w := &work{state: st, cfg: s.cfg, ports: ports, o: &exchange{offer: true, options: &options, from: to.Heard, to: to, toInterface: c.Interface}}
	b, err := w.exchange(body)
	if err != nil {
		return Result{}, err
	}
	s.add(st, to)
	return Result{SDP: b, To: to.ID, Warnings: w.o.warnings}, nil
}

// nowhere is where nobody is: no packet is ever sent there.
var nowhere = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), 9)

// said is the description that nobody wrote.
func (c *Creation) said(name string) ([]byte, error) {
	media := c.Media
	if len(media) == 0 {
		media = []CreatedMedia{{Kind: "audio", Codecs: []string{"PCMA", "PCMU"}}}
	}
	lines := []string{"v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=" + name, "t=0 0"}
	for _, m := range media {
		if !registered(m.Kind) || len(m.Codecs) == 0 {
			return nil, fmt.Errorf("%w: media %.32q with %d codecs", ErrMismatch, m.Kind, len(m.Codecs))
		}
		list, err := created(m)
		if err != nil {
			return nil, err
		}
		st := stream{Kind: m.Kind, Proto: "RTP/AVP", RTP: nowhere}
		lines = append(append(lines, st.mediaLines(list)...), "a=sendrecv")
	}
	return written(lines), nil
}

// created are formats with payload types: those of RFC 3551, else the next
// dynamic one.
func created(m CreatedMedia) (list []format, err error) {
	next := uint8(96)
	for _, name := range m.Codecs {
		p := parseSpec(name)
		if p.name == "" || strings.ContainsAny(name, "\r\n") {
			return nil, fmt.Errorf("%w: codec %.32q", ErrMismatch, name)
		}
		f := p.make()
		if m.Kind == "video" && p.rate == 0 {
			f.ClockRate = 90000
		}
		pt, ok := static(&f)
		if !ok {
			if next > 127 {
				return nil, fmt.Errorf("%w: too many codecs", ErrMismatch)
			}
			pt = next
			next++
		}
		f.PayloadType, f.New = pt, false
		if find(list, func(o *format) bool { return o.PayloadType == pt }) != nil {
			return nil, fmt.Errorf("%w: codec %.32q twice, as payload type %s", ErrMismatch, name, strconv.Itoa(int(pt)))
		}
		list = append(list, f)
	}
	return list, nil
}

// CreateAnswer takes the answer of a party that was created. FromTag, Source and
// ViaBranch are not looked at.
func (s *Session) CreateAnswer(a Answer, ports Ports) (Result, error) {
	st := s.state.clone()
	from := st.byTag(a.ToTag)
	if from == nil || !from.Created {
		return Result{}, fmt.Errorf("%w: no party of that tag was created", ErrUnknown)
	}
	return s.alone(st, from, a, ports)
}

// alone takes the answer of a leg to an offer that nobody else wrote.
func (s *Session) alone(st *state, from *leg, a Answer, ports Ports) (Result, error) {
	label(from, a.Label)
	options := a.Options.expand()
	w := &work{state: st, cfg: s.cfg, ports: ports, o: &exchange{options: &options, source: a.Source, from: from, to: from.Heard}}
	if _, err := w.exchange(a.SDP); err != nil {
		return Result{}, err
	}
	for _, m := range from.Media {
		m.Codecs.Transcode = m.Codecs.Transcode || options.AllowTranscoding
	}
	from.Answers = max(from.Answers, 1)
	s.add(st, from)
	return Result{From: from.ID, Warnings: w.o.warnings}, nil
}

// Connect lets two parties talk to each other without an offer, whoever they
// talked to before: from now on what one sends goes to the other, transcoded
// when they have no codec in common. Parties that are left stay, and talk to
// nobody. Their m= lines go together kind by kind.
func (s *Session) Connect(tag, other string) (a, b LegID, err error) {
	st := s.state.clone()
	la, lb := st.byTag(tag), st.byTag(other)
	switch {
	case la == nil || lb == nil:
		return 0, 0, fmt.Errorf("%w: no such party", ErrUnknown)
	case la == lb:
		return 0, 0, fmt.Errorf("%w: one party", ErrMismatch)
	}
	for _, l := range []*leg{la, lb} {
		if l.subscribes() || l.Publishes || !l.described() {
			return 0, 0, fmt.Errorf("%w: %.64q does not both send and receive", ErrMismatch, l.Tags[len(l.Tags)-1])
		}
	}
	if la.Owner == lb.ID {
		la, lb = lb, la
	}
	if lb.Owner != la.ID {
		if !la.adopt(lb) {
			return 0, 0, fmt.Errorf("%w: no media of one kind", ErrMismatch)
		}
	}
	st.connect(la, lb)
	s.before, s.state = nil, st
	return la.ID, lb.ID, nil
}

// described tells whether the party said where it is.
func (l *leg) described() bool {
	for _, m := range l.Media {
		if m.RTP.IsValid() || m.Muted {
			return true
		}
	}
	return false
}

// adopt makes another leg a branch of l, its streams the partners of those of l
// that are of their kind. What has no partner comes behind them; false: nothing
// has one.
func (l *leg) adopt(branch *leg) (some bool) {
	taken, next := make([]bool, len(l.Media)), len(l.Media)
	for _, m := range branch.Media {
		m.Partner = -1
		for i, o := range l.Media {
			if !taken[i] && o.Kind == m.Kind && isRTP(o.Proto) == isRTP(m.Proto) {
				taken[i], m.Partner, some = true, i, true
				break
			}
		}
		if m.Partner < 0 {
			m.Partner = next
			next++
		}
	}
	branch.Owner = l.ID
	return some
}

// subscribes tells whether the leg is no party but gets copies.
func (l *leg) subscribes() bool { return l.Heard != nil && !l.Created }
