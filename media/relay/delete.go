package relay

import (
	"context"
	"time"
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
	if !s.deleteBranch(&req, now) {
		return s.report(), nil
	}
	report := s.report()
	report.Ended = now
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
		return len(s.legs) <= 2 && s.byTag(req.FromTag) != nil
	}
	for _, tag := range []string{req.ToTag, req.FromTag} {
		// Other branches share the ports. The one that a final answer chose
		// takes them with it.
		if last := len(branch.tags) - 1; last > 0 && branch.has(tag) && (branch.early || branch.tags[last] != tag) {
			branch.removeTag(tag)
			return false
		}
	}
	if len(s.legs) <= 2 {
		return true
	}
	s.drop(branch, now)
	return false
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
	if fx, fy := s.fans(x), s.fans(y); fx < fy || fx == fy && x.owner != nil {
		return x
	}
	return y
}

// fans counts the legs that send to this one, or would.
func (s *session) fans(of *leg) int {
	n := 0
	for _, l := range s.legs {
		if l.peer == of || l.owner == of {
			n++
		}
	}
	return n
}
