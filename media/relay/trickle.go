package relay

import "context"

// trickle gives candidates that a party sent after its description to the
// agents that check them.
func (r *Relay) trickle(ctx context.Context, callID, tag string, fragment []byte, w func(string)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := r.lookup(callID)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	res, err := s.bridge.Trickle(tag, fragment)
	if err != nil {
		return translate(err)
	}
	p, now := s.bridge.Plan(), r.now()
	for i := range p.Legs {
		l := s.leg(p.Legs[i].ID)
		if l == nil || l.id != res.From {
			continue
		}
		for k := range p.Legs[i].Media {
			m := &p.Legs[i].Media[k]
			// A restart that is not answered yet has an agent of its own later, which
			// is then given all.
			if st := l.stream(m.Index); st != nil && st.shield != nil && st.shield.ice != nil && m.ICE != nil && st.shield.ice.generation == m.ICE.Generation {
				st.shield.ice.update(m.ICE, m.Mux, now)
			}
		}
	}
	warn(w, res.Warnings)
	s.save()
	return nil
}
