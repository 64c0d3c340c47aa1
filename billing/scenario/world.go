package scenario

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/fraud"
	"github.com/class5-go/class5/billing/mediate"
	"github.com/class5-go/class5/billing/session"
	"github.com/class5-go/class5/billing/tariff"
)

// world is a file, compiled: nothing in it changes during a run.
type world struct {
	compiler
	tariffs  map[string]*Tariff
	terms    *balance.Terms
	zones    map[string]*tariff.Zone
	parties  map[string]*party
	accounts map[string]*holder
	networks map[string][]netip.Prefix
	portings *chain.Portings
	vouchers map[string]balance.Voucher
	system   fraud.Limits
	limits   map[string]fraud.Limits // of profiles
	session  session.Config
	mediate  mediate.Config
	ids      map[string]bool // that steps have in the file
}

// party is who pays or is paid.
type party struct {
	role, parent, account, zone string
	assigned                    []balance.Assignment
}

// holder is how an account begins.
type holder struct {
	seed     balance.Account
	cash     *billing.Amount
	freeTime *billing.Millis
	wallets  []balance.Wallet
	groups   []string
	limits   fraud.Limits
}

// Check says whether a file could be run: an *Error where a name or an amount
// makes no sense, with the cause of the package that says so.
func (f *File) Check() error {
	_, err := newWorld(f)
	return err
}

func newWorld(f *File) (*world, error) {
	w := &world{
		compiler: compiler{f: f}, tariffs: map[string]*Tariff{}, zones: map[string]*tariff.Zone{}, parties: map[string]*party{},
		accounts: map[string]*holder{}, networks: map[string][]netip.Prefix{}, vouchers: map[string]balance.Voucher{},
		limits: map[string]fraud.Limits{}, ids: map[string]bool{},
		terms: &balance.Terms{
			Zones: map[string]*time.Location{}, Profiles: map[string]balance.Profile{noProfile: {}}, Packages: map[string]balance.Package{},
			WholeFirst: f.FirstInterval == "whole", Keep: 4096,
		},
	}
	for _, step := range [...]func() error{
		f.wellFormed, w.basics, w.readNetworks, w.readProfiles, w.readPortings, w.readPackages, w.readParties, w.readAccounts, w.readVouchers, w.readPolicies, w.checkTimeline,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *world) basics() error {
	cur := w.f.Currency
	if cur.IsZero() {
		cur = billing.MustCurrency("EUR")
	}
	w.unit = unitOf{hundredths: w.f.Amounts == "hundredths", currency: cur}
	var err error
	if w.clock.zone, err = zoneOr("/zone", w.f.Zone, time.UTC); err != nil {
		return err
	}
	w.terms.Operator = w.clock.zone
	origin := w.f.Origin
	if origin == "" {
		origin = "2026-01-01"
	}
	w.clock.origin, err = w.clock.instant(origin)
	return at("/origin", err)
}

func (w *world) readNetworks() error {
	for name, list := range w.f.Networks {
		for i, text := range list {
			p, err := netip.ParsePrefix(text)
			if a, aerr := netip.ParseAddr(text); aerr == nil {
				p, err = netip.PrefixFrom(a, a.BitLen()), nil
			}
			if err != nil {
				return at(fmt.Sprintf("/networks/%s/%d", pointer(name), i), fmt.Errorf("%w: %.60q is no block of addresses", billing.ErrSyntax, text))
			}
			w.networks[name] = append(w.networks[name], p.Masked())
		}
	}
	return nil
}

func (w *world) readProfiles() error {
	all, err := w.profiles()
	if err != nil {
		return err
	}
	for name, p := range all {
		if name == noProfile {
			return at("/profiles/", fmt.Errorf("%w: a profile without a name", ErrFile))
		}
		if len(p.Fees) > 0 || p.Deck != nil {
			if w.tariffs[name], err = w.tariff(name, &p); err != nil {
				return err
			}
		}
		if w.terms.Profiles[name], err = w.profile(name, &p); err != nil {
			return err
		}
		if w.limits[name], err = w.compiler.limits(w.place(name)+"/limits", p.Limits); err != nil {
			return err
		}
	}
	return at("/profiles", w.terms.Check())
}

func (w *world) readPortings() error {
	rows := make([]chain.Porting, 0, len(w.f.Portings))
	for i, p := range w.f.Portings {
		here := fmt.Sprintf("/portings/%d", i)
		row := chain.Porting{Prefix: p.Prefix, Provider: p.Provider, NumberType: p.Type}
		var err error
		if row.From, err = w.optional(here+"/from", p.From); err != nil {
			return err
		}
		if row.To, err = w.optional(here+"/to", p.To); err != nil {
			return err
		}
		if row.To != 0 && row.To <= row.From {
			return at(here+"/to", fmt.Errorf("%w: it ends before it begins", ErrFile))
		}
		rows = append(rows, row)
	}
	w.portings = chain.NewPortings(rows)
	return nil
}

func (w *world) readPackages() error {
	for name, p := range w.f.Packages {
		here := "/packages/" + pointer(name)
		pack, err := w.pack(here, &p)
		if err != nil {
			return err
		}
		for _, list := range [...]struct {
			name string
			maps []Mapping
		}{{"initial", p.Initial}, {"underrun", p.Underrun}, {"topup", p.TopUp}} {
			if err := w.known(here+"/"+list.name, list.maps); err != nil {
				return err
			}
		}
		alone := balance.Terms{Profiles: w.terms.Profiles, Packages: map[string]balance.Package{name: pack}}
		if err := alone.Check(); err != nil {
			return at(here, err)
		}
		w.terms.Packages[name] = pack
	}
	return nil
}

// known checks the names in a list of profiles.
func (w *world) known(here string, list []Mapping) error {
	for i, m := range list {
		if err := w.knows(fmt.Sprintf("%s/%d", here, i), m.Profile, m.Network); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) knows(here, profile, network string) error {
	if _, ok := w.terms.Profiles[profile]; !ok || profile == noProfile {
		return at(here+"/profile", fmt.Errorf("%w: no profile %.40q", ErrName, profile))
	}
	if _, ok := w.networks[network]; !ok && network != "" {
		return at(here+"/network", fmt.Errorf("%w: no network %.40q", ErrName, network))
	}
	return nil
}

// assigned lays assignments out: at each instant at which one begins or ends,
// all that hold from then on, the one that began last first.
func (w *world) assigned(here, profile string, list []Assignment) ([]balance.Assignment, error) {
	type row struct {
		m        balance.Mapping
		from, to billing.Millis
	}
	var rows []row
	if profile != "" {
		if err := w.knows(here, profile, ""); err != nil {
			return nil, err
		}
		rows = append(rows, row{m: balance.Mapping{Profile: profile}})
	}
	borders := []billing.Millis{0}
	for i, a := range list {
		where := fmt.Sprintf("%s/assignments/%d", here, i)
		if err := w.knows(where, a.Profile, a.Network); err != nil {
			return nil, err
		}
		r := row{m: balance.Mapping{Profile: a.Profile, Network: a.Network}}
		var err error
		if r.from, err = w.optional(where+"/from", a.From); err != nil {
			return nil, err
		}
		if r.to, err = w.optional(where+"/to", a.To); err != nil {
			return nil, err
		}
		if r.to != 0 && r.to <= r.from {
			return nil, at(where+"/to", fmt.Errorf("%w: it ends before it begins", ErrFile))
		}
		rows = append(rows, r)
		borders = append(borders, r.from, r.to)
	}
	slices.Reverse(rows)
	slices.SortStableFunc(rows, func(a, b row) int { return int(min(max(b.from-a.from, -1), 1)) })
	slices.Sort(borders)
	var out []balance.Assignment
	for _, from := range slices.Compact(borders) {
		s := balance.Assignment{From: from}
		for _, r := range rows {
			if r.from <= from && (r.to == 0 || from < r.to) {
				s.Profiles = append(s.Profiles, r.m)
			}
		}
		if !slices.ContainsFunc(s.Profiles, func(m balance.Mapping) bool { return m.Network == "" }) {
			s.Profiles = append(s.Profiles, balance.Mapping{Profile: noProfile})
		}
		out = append(out, s)
	}
	return out, nil
}

func (w *world) readParties() error {
	for name, p := range w.f.Parties {
		here := "/parties/" + pointer(name)
		if err := among(here+"/role", p.Role, "", "customer", "reseller", "carrier"); err != nil {
			return err
		}
		out := &party{role: p.Role, parent: p.Parent, account: p.Account, zone: p.Zone}
		var err error
		if out.assigned, err = w.assigned(here, p.Profile, p.Assignments); err != nil {
			return err
		}
		if _, ok := w.f.Accounts[p.Account]; p.Account != "" && !ok {
			return at(here+"/account", fmt.Errorf("%w: no account %.40q", ErrName, p.Account))
		}
		if err := w.zone(here+"/zone", p.Zone); err != nil {
			return err
		}
		if err := w.parent(here, p.Parent); err != nil {
			return err
		}
		w.parties[name] = out
	}
	return nil
}

func (w *world) parent(here, name string) error {
	_, ok := w.f.Parties[name]
	_, balanced := w.f.Accounts[name]
	if name == "" || ok || balanced {
		return nil
	}
	return at(here+"/parent", fmt.Errorf("%w: no party %.40q", ErrName, name))
}

// zone loads the time zone of a customer.
func (w *world) zone(here, name string) error {
	if name == "" || w.zones[name] != nil {
		return nil
	}
	loc, err := location(name)
	if err != nil {
		return at(here, err)
	}
	w.terms.Zones[name], w.zones[name] = loc, tariff.NewZone(loc)
	return nil
}

func (w *world) readAccounts() error {
	for name, a := range w.f.Accounts {
		here := "/accounts/" + pointer(name)
		if name == "" {
			return at("/accounts", fmt.Errorf("%w: an account without a name", ErrFile))
		}
		if err := w.zone(here+"/zone", a.Zone); err != nil {
			return err
		}
		if err := w.parent(here, a.Parent); err != nil {
			return err
		}
		out, err := w.holder(here, name, &a)
		if err != nil {
			return err
		}
		w.accounts[name] = out
		if w.parties[name] == nil {
			w.parties[name] = &party{parent: a.Parent, account: name, zone: a.Zone}
		}
	}
	return nil
}

func (w *world) holder(here, name string, a *Account) (*holder, error) {
	out := &holder{groups: a.Groups, seed: balance.Account{
		ID: name, Currency: w.unit.currency, Zone: a.Zone, Created: w.clock.origin, Package: a.Package, Lock: a.Lock,
	}}
	var err error
	if a.Created != "" {
		if out.seed.Created, err = w.optional(here+"/created", a.Created); err != nil {
			return nil, err
		}
	}
	pack, ok := w.terms.Packages[a.Package]
	if !ok && a.Package != "" {
		return nil, at(here+"/package", fmt.Errorf("%w: no package %.40q", ErrName, a.Package))
	}
	if a.Profile != "" || len(a.Assignments) > 0 || len(pack.Initial) == 0 {
		if out.seed.Assignments, err = w.assigned(here, a.Profile, a.Assignments); err != nil {
			return nil, err
		}
	}
	if out.seed.Overdraft, err = w.unit.amount(a.Overdraft); err != nil {
		return nil, at(here+"/overdraft", err)
	}
	if a.Cash != nil {
		cash, err := w.unit.amount(*a.Cash)
		if err != nil {
			return nil, at(here+"/cash", err)
		}
		out.cash = &cash
	}
	if a.FreeTime != nil {
		m, err := a.FreeTime.millis()
		if err != nil {
			return nil, at(here+"/free_time", err)
		}
		out.freeTime = &m
	}
	for i := range a.Wallets {
		v, err := w.wallet(fmt.Sprintf("%s/wallets/%d", here, i), &a.Wallets[i])
		if err != nil {
			return nil, err
		}
		out.wallets = append(out.wallets, v)
	}
	for i, g := range a.Groups {
		if _, ok := w.f.Accounts[g]; !ok || g == name {
			return nil, at(fmt.Sprintf("%s/groups/%d", here, i), fmt.Errorf("%w: no other account %.40q", ErrName, g))
		}
	}
	out.limits, err = w.compiler.limits(here+"/limits", a.Limits)
	return out, err
}

func (w *world) readVouchers() error {
	for code, v := range w.f.Vouchers {
		here := "/vouchers/" + pointer(code)
		out := balance.Voucher{Code: code, Package: v.Package, Account: v.Account}
		var err error
		if out.Amount, err = w.unit.amount(v.Amount); err != nil {
			return at(here+"/amount", err)
		}
		if out.ValidUntil, err = w.optional(here+"/valid_until", v.ValidUntil); err != nil {
			return err
		}
		if _, ok := w.terms.Packages[v.Package]; !ok && v.Package != "" {
			return at(here+"/package", fmt.Errorf("%w: no package %.40q", ErrName, v.Package))
		}
		if _, ok := w.accounts[v.Account]; !ok && v.Account != "" {
			return at(here+"/account", fmt.Errorf("%w: no account %.40q", ErrName, v.Account))
		}
		w.vouchers[code] = out
	}
	return nil
}

func (w *world) readPolicies() error {
	var err error
	if w.system, err = w.compiler.limits("/limits", w.f.Limits); err != nil {
		return err
	}
	if m := w.f.MissingStop; m != nil {
		policies := map[string]mediate.Policy{"": mediate.Evidence, "evidence": mediate.Evidence, "fail": mediate.Fail, "hold": mediate.Hold}
		var ok bool
		if w.mediate.MissingStop, ok = policies[m.Policy]; !ok {
			return among("/missing_stop/policy", m.Policy, "evidence", "fail", "hold")
		}
		age, err := length("/missing_stop/age", m.Age)
		if err != nil {
			return err
		}
		linger, err := length("/missing_stop/linger", m.Linger)
		if err != nil {
			return err
		}
		w.mediate.MaxAge, w.mediate.Linger = age.Duration(), linger.Duration()
	}
	s := w.f.Sessions
	if s == nil {
		return nil
	}
	if err := among("/sessions/on_failure", s.OnFailure, "", "terminate", "continue"); err != nil {
		return err
	}
	w.session.OnFailure = session.OnFailure(s.OnFailure)
	for _, m := range [...]struct {
		name string
		from Span
		to   *billing.Millis
	}{{"quota", s.Quota, &w.session.Quota}, {"early", s.Early, &w.session.Early}, {"slack", s.Slack, &w.session.Slack}, {"cap", s.Cap, &w.session.Cap}} {
		if *m.to, err = length("/sessions/"+m.name, m.from); err != nil {
			return err
		}
	}
	return nil
}

// resolve returns the profile in force for an address, of assignments.
func (w *world) resolve(list []balance.Assignment, when billing.Millis, source netip.Addr) string {
	for _, s := range slices.Backward(list) {
		if s.From > when {
			continue
		}
		for _, m := range s.Profiles {
			if m.Network != "" && w.within(m.Network, source) {
				return m.Profile
			}
		}
		for _, m := range s.Profiles {
			if m.Network == "" {
				return m.Profile
			}
		}
	}
	return noProfile
}

func (w *world) within(network string, source netip.Addr) bool {
	return slices.ContainsFunc(w.networks[network], func(p netip.Prefix) bool { return p.Contains(source.Unmap()) })
}
