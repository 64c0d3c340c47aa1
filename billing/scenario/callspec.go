package scenario

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
)

// spec is a call of the timeline, understood.
type spec struct {
	cdr       billing.CDR
	direct    string // profile that prices it, "" for those of its parties
	direction billing.Direction
	payer     string // account of a direct profile
	service   tariff.Service
	units     int64
	wanted    bool // a duration or units were given
	settled   *billing.Amount
	credit    *billing.Amount
	given     []billing.Party
	online    bool
}

// endpoints fills in who called whom.
func (w *world) endpoints(here string, c *billing.CDR, caller, callee, from, to, fromURI, toURI, ip string) error {
	for _, e := range [...]struct {
		path, party, number, uri string
		to                       *billing.Endpoint
	}{{"/caller", caller, from, fromURI, &c.Caller}, {"/callee", callee, to, toURI, &c.Callee}} {
		e.to.Number = e.number
		e.to.User, e.to.Domain, _ = strings.Cut(e.uri, "@")
		if e.party == "" {
			continue
		}
		p := w.parties[e.party]
		switch {
		case p == nil:
			return at(here+e.path, fmt.Errorf("%w: no party %.40q", ErrName, e.party))
		case p.role == "carrier":
			e.to.Peer = e.party
		default:
			e.to.Account = e.party
		}
	}
	if ip == "" {
		return nil
	}
	var err error
	if c.Source, err = netip.ParseAddr(ip); err != nil || c.Source.Zone() != "" {
		return at(here+"/ip", fmt.Errorf("%w: %.40q is no address", billing.ErrSyntax, ip))
	}
	return nil
}

var statuses = map[string]billing.Status{
	"": billing.StatusOK, "ok": billing.StatusOK, "busy": billing.StatusBusy, "noanswer": billing.StatusNoAnswer, "cancel": billing.StatusCancel,
	"timeout": billing.StatusTimeout, "offline": billing.StatusOffline, "other": billing.StatusOther, "failed": billing.StatusFailed,
}

// spec understands a call.
func (w *world) spec(here string, c *Call) (*spec, error) {
	s := &spec{direction: c.Direction, service: c.Service, units: c.Units, online: c.Online, payer: c.Account}
	if err := w.endpoints(here, &s.cdr, c.Caller, c.Callee, c.From, c.To, c.FromURI, c.ToURI, c.IP); err != nil {
		return nil, err
	}
	if err := w.payers(here, c, s); err != nil {
		return nil, err
	}
	var ok bool
	if s.cdr.Status, ok = statuses[c.Status]; !ok {
		return nil, at(here+"/status", fmt.Errorf("%w: %.40q", ErrFile, c.Status))
	}
	if s.cdr.Code = c.Code; c.Code != 0 && c.Status == "" {
		s.cdr.Status = billing.StatusOf(c.Code)
	}
	if c.Code != 0 && (c.Code < 200 || c.Code > 699) {
		return nil, at(here+"/code", fmt.Errorf("%w: %d is no final response", ErrFile, c.Code))
	}
	if c.Units < 0 {
		return nil, at(here+"/units", fmt.Errorf("%w: %d units", ErrFile, c.Units))
	}
	d, err := span(here+"/duration", c.Duration)
	if err != nil {
		return nil, err
	}
	if s.cdr.Duration = max(d, 0); d < 0 {
		s.cdr.Flags |= billing.FlagClock
	}
	s.wanted = c.Duration != "" || c.Units != 0
	for _, m := range [...]struct {
		name string
		from *Money
		to   **billing.Amount
	}{{"settled", c.Settled, &s.settled}, {"credit", c.Credit, &s.credit}} {
		if m.from == nil {
			continue
		}
		a, err := w.unit.amount(*m.from)
		if err != nil {
			return nil, at(here+"/"+m.name, err)
		}
		*m.to = &a
	}
	return s, w.given(here, c, s)
}

// payers finds out who prices and pays a call.
func (w *world) payers(here string, c *Call, s *spec) error {
	if _, ok := w.accounts[c.Account]; c.Account != "" && !ok {
		return at(here+"/account", fmt.Errorf("%w: no account %.40q", ErrName, c.Account))
	}
	if c.Profile != "" {
		if _, ok := w.terms.Profiles[c.Profile]; !ok {
			return at(here+"/profile", fmt.Errorf("%w: no profile %.40q", ErrName, c.Profile))
		}
		if s.direct = c.Profile; w.tariffs[c.Profile] == nil {
			return at(here+"/profile", fmt.Errorf("%w: profile %.40q has no fees", ErrName, c.Profile))
		}
		s.payer = cmp.Or(c.Account, w.accountOf(c.Caller))
		return nil
	}
	if c.Account != "" && c.Caller == "" {
		s.cdr.Caller.Account = c.Account
	}
	if e := &s.cdr; e.Caller.Account+e.Caller.Peer+e.Callee.Account+e.Callee.Peer != "" || len(c.Prices) > 0 {
		return nil
	}
	if len(w.tariffs) != 1 {
		return at(here, fmt.Errorf("%w: a call names a profile, an account or a party where the file has not just one profile", ErrName))
	}
	for name := range w.tariffs {
		s.direct = name
	}
	return nil
}

func (w *world) accountOf(name string) string {
	if p := w.parties[name]; p != nil {
		return p.account
	}
	return ""
}

// given reads the prices that a call comes with.
func (w *world) given(here string, c *Call, s *spec) error {
	for i, g := range c.Prices {
		where := fmt.Sprintf("%s/prices/%d", here, i)
		if err := among(where+"/side", g.Side, "caller", "callee"); err != nil {
			return err
		}
		if err := among(where+"/role", g.Role, "customer", "reseller", "carrier"); err != nil {
			return err
		}
		a, err := w.unit.amount(g.Price)
		if err != nil {
			return at(where+"/price", err)
		}
		if g.Party != "" && w.parties[g.Party] == nil {
			return at(where+"/party", fmt.Errorf("%w: no party %.40q", ErrName, g.Party))
		}
		p := billing.Party{Side: billing.Side(g.Side), Role: billing.Role(g.Role), Depth: g.Depth, Account: g.Party, Amount: a}
		if p.Side == billing.SideCallee {
			p.Direction = billing.In
		}
		if p.Role == billing.RoleReseller && p.Depth == 0 {
			p.Depth = 1
		}
		if p.Depth < 0 {
			return at(where+"/depth", fmt.Errorf("%w: a depth of %d", ErrFile, p.Depth))
		}
		if slices.ContainsFunc(s.given, func(q billing.Party) bool { return q.Side == p.Side && q.Role == p.Role && q.Depth == p.Depth }) {
			return at(where, fmt.Errorf("%w: a second price of the %s's %s", ErrFile, g.Side, g.Role))
		}
		s.given = append(s.given, p)
	}
	return nil
}

// checkTimeline understands every action once, so that a run begins with
// nothing that it would have to refuse in the middle.
func (w *world) checkTimeline() error { return w.checkSteps("/timeline", w.f.Timeline) }

func (w *world) checkSteps(path string, list []Step) error {
	for i := range list {
		here := fmt.Sprintf("%s/%d", path, i)
		w.ids[list[i].ID] = true
		if list[i].At != "" {
			if _, err := w.optional(here+"/at", list[i].At); err != nil {
				return err
			}
		}
		if err := w.checkStep(here, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) checkStep(here string, s *Step) error {
	var err error
	name := func(field, account string) error {
		if _, ok := w.accounts[account]; ok {
			return nil
		}
		return at(here+field, fmt.Errorf("%w: no account %.40q", ErrName, account))
	}
	switch {
	case s.Call != nil:
		_, err = w.spec(here+"/call", s.Call)
	case s.Authorize != nil:
		var c *spec
		if c, err = w.spec(here+"/authorize", s.Authorize); err == nil && c.cdr.Flags&billing.FlagClock != 0 {
			err = at(here+"/authorize/duration", fmt.Errorf("%w: nobody can ask for less than nothing", ErrFile))
		}
	case s.Start != nil:
		_, err = w.spec(here+"/start", &s.Start.Call)
	case s.Event != nil:
		var c billing.CDR
		e := s.Event
		if err = w.endpoints(here+"/event", &c, e.Caller, e.Callee, e.From, e.To, e.FromURI, e.ToURI, e.IP); err == nil {
			_, err = w.optional(here+"/event/init", e.Init)
		}
	case s.Update != nil:
		_, err = span(here+"/update/used", s.Update.Used)
	case s.Stop != nil:
		_, err = span(here+"/stop/used", s.Stop.Used)
	case s.Parallel != nil:
		err = w.checkSteps(here+"/parallel/steps", s.Parallel.Steps)
	case s.TopUp != nil:
		if err = name("/topup/account", s.TopUp.Account); err == nil {
			_, err = w.unit.amount(s.TopUp.Amount)
			err = at(here+"/topup/amount", err)
		}
	case s.Voucher != nil:
		if err = name("/voucher/account", s.Voucher.Account); err == nil {
			if _, ok := w.vouchers[s.Voucher.Code]; !ok {
				err = at(here+"/voucher/code", fmt.Errorf("%w: no voucher %.40q", ErrName, s.Voucher.Code))
			}
		}
	case s.Debit != nil:
		if err = name("/debit/account", s.Debit.Account); err == nil {
			_, _, err = w.debit(here+"/debit", s.Debit)
		}
	default:
		err = w.checkRest(here, s, name)
	}
	return err
}

func (w *world) checkRest(here string, s *Step, name func(field, account string) error) error {
	switch {
	case s.Set != nil:
		if err := name("/set/account", s.Set.Account); err != nil {
			return err
		}
		unit, ok := w.unitIn(s.Set.Account, s.Set.Wallet)
		if !ok {
			return nil // there may be one by then
		}
		_, err := w.unit.value(unit, s.Set.Value)
		return at(here+"/set/value", err)
	case s.Assign != nil:
		if err := name("/assign/account", s.Assign.Account); err != nil {
			return err
		}
		return w.known(here+"/assign/profiles", s.Assign.Profiles)
	case s.Advance != nil:
		_, err := span(here+"/advance/by", s.Advance.By)
		return err
	case s.Unlock != nil:
		return name("/unlock/account", s.Unlock.Account)
	case s.Rerate == nil:
		return nil
	}
	for from, to := range s.Rerate.Profiles {
		for _, n := range [...]string{from, to} {
			if w.tariffs[n] == nil {
				return at(here+"/rerate/profiles/"+pointer(from), fmt.Errorf("%w: no profile %.40q with fees", ErrName, n))
			}
		}
	}
	for i, a := range s.Rerate.Accounts {
		if w.parties[a] == nil {
			return at(fmt.Sprintf("%s/rerate/accounts/%d", here, i), fmt.Errorf("%w: no party %.40q", ErrName, a))
		}
	}
	if _, err := w.optional(here+"/rerate/from", s.Rerate.From); err != nil {
		return err
	}
	_, err := w.optional(here+"/rerate/to", s.Rerate.To)
	return err
}

// unitIn is the unit of a wallet that an account has from the beginning.
func (w *world) unitIn(name, wallet string) (balance.Unit, bool) {
	switch wallet {
	case "", balance.CashWallet:
		return balance.Cash, true
	case balance.FreeWallet:
		return balance.Time, true
	}
	for _, own := range w.accounts[name].wallets {
		if own.ID == wallet {
			return own.Unit, true
		}
	}
	return "", false
}

// debit reads money, or a call that no tariff prices.
func (w *world) debit(here string, d *Debit) (*billing.Amount, rate.Call, error) {
	c := rate.Call{Service: d.Service, Destination: d.To, Units: d.Units}
	if d.Amount != "" {
		if d.Duration != "" || d.Units != 0 {
			return nil, c, at(here, fmt.Errorf("%w: a debit of money and of something else", ErrFile))
		}
		a, err := w.unit.amount(d.Amount)
		if err == nil && a.Sign() < 0 {
			err = fmt.Errorf("%w: a debit below zero", ErrFile)
		}
		return &a, c, at(here+"/amount", err)
	}
	var err error
	if c.Duration, err = span(here+"/duration", d.Duration); err != nil {
		return nil, c, err
	}
	if c.Duration < 0 || c.Units < 0 || c.Units > 1<<30 || c.Duration > 366*86_400_000 || c.Duration == 0 && c.Units == 0 {
		return nil, c, at(here, fmt.Errorf("%w: a debit of nothing, or of too much", ErrFile))
	}
	return nil, c, nil
}
