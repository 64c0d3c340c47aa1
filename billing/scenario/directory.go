package scenario

import (
	"cmp"
	"fmt"
	"net/netip"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/chain"
)

// directory is the chain.Directory of a run.
type directory struct {
	r       *run
	direct  *spec             // whose profile prices all
	replace map[string]string // profiles by others, for re-rating
}

var _ chain.Directory = (*directory)(nil)

// Terms implements chain.Directory.
func (d *directory) Terms(ref chain.Ref, when billing.Millis, source netip.Addr) (chain.Terms, error) {
	w := d.r.world
	if d.direct != nil {
		return d.terms(d.direct.direct, chain.Terms{Zone: w.zones[d.zoneOf(d.direct.payer)], Account: cmp.Or(d.direct.payer, d.direct.direct)}), nil
	}
	p := w.parties[ref.Account]
	if p == nil {
		return chain.Terms{}, fmt.Errorf("%w: no party %.40q", ErrName, ref.Account)
	}
	t := chain.Terms{Parent: p.parent, Zone: w.zones[p.zone]}
	list := p.assigned
	if p.account != "" {
		list = d.r.assignments(p.account)
	}
	return d.terms(w.resolve(list, when, source), t), nil
}

func (d *directory) zoneOf(account string) string {
	if a := d.r.world.accounts[account]; a != nil {
		return a.seed.Zone
	}
	return ""
}

func (d *directory) terms(profile string, t chain.Terms) chain.Terms {
	if other, ok := d.replace[profile]; ok {
		profile = other
	}
	t.Profile = profile
	if c := d.r.world.tariffs[profile]; c != nil {
		t.Snapshot = c.Snapshot
	}
	return t
}
