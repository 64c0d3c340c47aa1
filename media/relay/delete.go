package relay

import (
	"context"
	"time"

	"github.com/class5-go/class5/media/bridge"
)

// Delete ends a session or one branch and returns the figures of the whole
// session, final if it ended (Ended is set). Its ports rest from now on.
// Unknown sessions: ErrUnknownCall.
func (r *Relay) Delete(ctx context.Context, req DeleteRequest) (Report, error) {
	if err := ctx.Err(); err != nil {
		return Report{}, err
	}
	s, err := r.lookup(req.CallID)
	if err != nil {
		return Report{}, err
	}
	defer s.mu.Unlock()
	now := r.now()
	s.refresh()
	if !s.deleteBranch(&req, now) && !s.over(req.CallID) {
		return s.report(), nil
	}
	if req.Delay > 0 {
		s.deleted, s.doomed = now, now.Add(req.Delay)
		return s.report(), nil
	}
	s.forgetEarly()
	report := s.report()
	report.Ended = now
	how := regular
	if req.Forced {
		how = forced
	}
	r.account(s, how, now)
	r.remove(s, now)
	return report, nil
}

// deleteBranch ends the branch that is meant, unless it is the last one; then
// the session is to end.
func (s *session) deleteBranch(req *DeleteRequest, now time.Time) (all bool) {
	if req.ToTag == "" && req.ViaBranch == "" {
		return true
	}
	branch := s.meant(req)
	if branch == nil {
		return s.talkers() <= 2 && s.byTag(req.FromTag) != nil
	}
	for _, tag := range []string{req.ToTag, req.FromTag} {
		// Other branches share the ports. The one that a final answer chose
		// takes them with it.
		if last := len(branch.tags) - 1; last > 0 && branch.has(tag) && (branch.early || branch.tags[last] != tag) {
			s.bridge.Untag(branch.id, tag)
			s.replan(now)
			return false
		}
	}
	if s.talkers() <= 2 && !branch.subscriber {
		return true
	}
	s.bridge.Remove(branch.id)
	s.replan(now)
	return false
}

// replan makes what the offer/answer engine thinks now effective.
func (s *session) replan(now time.Time) {
	p := s.bridge.Plan()
	s.apply(&p, nil, now)
	s.save()
}

// meant finds the leg that a request to delete a branch names. Of the two
// parties of a dialog it is the one that fewer others are connected to: the
// tags come in either order, and either party may have made the first offer.
func (s *session) meant(req *DeleteRequest) *leg {
	for _, l := range s.legs {
		if req.ViaBranch != "" && l.branch == req.ViaBranch {
			return l
		}
	}
	x, y := s.byTag(req.FromTag), s.byTag(req.ToTag)
	if x == nil || y == nil || x == y {
		return nil
	}
	if fx, fy := s.fans(x.id), s.fans(y.id); fx < fy || fx == fy && x.owner != 0 {
		return x
	}
	return y
}

// fans counts the legs that send to this one, or would.
func (s *session) fans(of bridge.LegID) int {
	n := 0
	for _, l := range s.legs {
		if l.peer == of || l.owner == of {
			n++
		}
	}
	return n
}
