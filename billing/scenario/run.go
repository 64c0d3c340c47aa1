package scenario

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/account"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/fraud"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/mediate"
)

// node makes the requests of a run that name no other.
const node = "node"

// run is a timeline at work.
type run struct {
	*world
	ctx    context.Context
	ledger *ledger.Memory
	gate   gate
	now    billing.Millis

	mu       sync.Mutex // what parallel steps share
	docs     map[string]balance.Account
	counters map[string]fraud.Counter
	verdicts map[string]fraud.Verdict
	sessions map[string]*online
	journal  map[string][]balance.Entry
	records  []*record // in order, and by key
	byKey    map[billing.LegKey]*record
	sets     map[string]*events
	keys     int // of requests that read
	position uint64
}

// Run runs a file's timeline. The error is an *Error for a file that Check
// refuses, or that of ctx; what goes wrong in a step is in its answer.
func Run(ctx context.Context, f *File) (*Answer, error) {
	r, err := begin(ctx, f)
	if err != nil {
		return nil, err
	}
	return r.play()
}

// play does the timeline.
func (r *run) play() (*Answer, error) {
	f := r.f
	a := &Answer{Format: Format, Title: f.Title, Currency: r.unit.currency.String(), Amounts: "units"}
	if r.unit.hundredths {
		a.Amounts = "hundredths"
	}
	a.Steps = make([]StepAnswer, 0, len(f.Timeline))
	for i := range f.Timeline {
		if err := r.ctx.Err(); err != nil {
			return nil, fmt.Errorf("scenario: %w", err)
		}
		s := &f.Timeline[i]
		r.tick(s)
		a.Steps = append(a.Steps, r.step(fmt.Sprintf("/timeline/%d", i), strconv.Itoa(i), "", s, r.now))
	}
	if err := r.ledger.Audit(r.ctx); err != nil {
		return nil, fmt.Errorf("scenario: %w", err)
	}
	return a, r.finish(a)
}

func begin(ctx context.Context, f *File) (*run, error) {
	w, err := newWorld(f)
	if err != nil {
		return nil, err
	}
	r := &run{
		world: w, ctx: ctx, ledger: ledger.NewMemory(), now: w.clock.origin, docs: map[string]balance.Account{}, counters: map[string]fraud.Counter{},
		verdicts: map[string]fraud.Verdict{}, sessions: map[string]*online{}, journal: map[string][]balance.Entry{},
		byKey: map[billing.LegKey]*record{}, sets: map[string]*events{},
	}
	r.gate.l = r.ledger
	names := slices.Sorted(maps.Keys(w.accounts))
	for _, open := range [...]func(string) error{r.open, r.fill} { // groups too, before any is used
		for _, name := range names {
			if err := open(name); err != nil {
				return nil, at("/accounts/"+pointer(name), err)
			}
		}
	}
	return r, nil
}

// tick moves the clock to a step.
func (r *run) tick(s *Step) {
	if s.At != "" {
		if m, err := r.clock.instant(s.At); err == nil { // Check knows that it is
			r.now = m
		}
	}
	if s.Advance != nil && s.Advance.By != "" {
		if m, err := s.Advance.By.millis(); err == nil {
			r.now += m
		}
	}
}

func (r *run) open(name string) error {
	a := r.accounts[name]
	return r.post("open/"+name, name, account.Open(r.terms, a.seed), true, nil, a.seed.Created)
}

// fill gives an account what the file says that it begins with.
func (r *run) fill(name string) error {
	a := r.accounts[name]
	// What the file says was so from the beginning crosses no threshold.
	terms := *r.terms
	terms.Packages = map[string]balance.Package{}
	for n, p := range r.terms.Packages {
		p.LockBelow, p.ProfileBelow = nil, nil
		terms.Packages[n] = p
	}
	return r.post("opening/"+name, name, account.Apply(func(b balance.Account, _ []balance.Account) (balance.Change, any, error) {
		c, err := a.opening(&terms, b)
		return c, nil, err
	}), true, nil, a.seed.Created)
}

// opening sets the first balances.
func (a *holder) opening(t *balance.Terms, b balance.Account) (balance.Change, error) {
	all := balance.Change{Account: b}
	take := func(c balance.Change, err error) error {
		all.Account = c.Account
		all.Entries = append(all.Entries, c.Entries...)
		return err
	}
	created := a.seed.Created
	if a.cash != nil {
		if err := take(balance.Set(t, all.Account, balance.CashWallet, a.cash.Micros(), created, "opening")); err != nil {
			return all, err
		}
		i := &all.Account.Intervals[len(all.Account.Intervals)-1]
		i.Opening = i.Cash
	}
	if a.freeTime != nil {
		if err := take(balance.Set(t, all.Account, balance.FreeWallet, int64(*a.freeTime), created, "opening")); err != nil {
			return all, err
		}
	}
	for _, w := range a.wallets {
		if err := take(balance.Grant(t, all.Account, w, created, "opening")); err != nil {
			return all, err
		}
	}
	return all, nil
}

// post carries a posting out and keeps what the account is then. result, when
// not nil, gets what the operation said.
func (r *run) post(key, name string, do account.Make, force bool, result any, when billing.Millis) error {
	var done ledger.Effect
	p := ledger.Posting{
		Request: ledger.Request{Key: key, Node: node, Account: name, At: when}, Force: force, Accounts: r.accounts[name].groups,
		Make: func(s []ledger.State) (ledger.Effect, error) {
			e, err := do(s)
			done = e
			return e, err
		},
	}
	a, err := r.ledger.Post(r.ctx, p)
	var again *ledger.DuplicateError
	if errors.As(err, &again) {
		a = again.First
	} else if err != nil {
		return err
	} else if err := r.keep(&done); err != nil {
		return err
	}
	if result != nil && len(a.Result) > 0 {
		if jerr := json.Unmarshal(a.Result, result); jerr != nil {
			return jerr
		}
	}
	return err
}

// keep remembers the documents and entries of an effect.
func (r *run) keep(e *ledger.Effect) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range e.States {
		a, err := account.Decode(s)
		if err != nil {
			return err
		}
		r.docs[s.Account] = a
	}
	for _, n := range e.Entries {
		r.journal[n.Account] = append(r.journal[n.Account], n)
	}
	return nil
}

// look returns an account, and those of its groups, as they are.
func (r *run) look(name string) (balance.Account, []balance.Account, error) {
	r.mu.Lock()
	r.keys++
	key := fmt.Sprintf("look/%d", r.keys)
	r.mu.Unlock()
	var own balance.Account
	var shared []balance.Account
	_, err := r.ledger.Post(r.ctx, ledger.Posting{
		Request: ledger.Request{Key: key, Node: node, Account: name, At: r.now}, Accounts: r.accounts[name].groups,
		Make: func(states []ledger.State) (ledger.Effect, error) {
			shared = shared[:0]
			for i, s := range states {
				a, err := account.Decode(s)
				if err != nil {
					return ledger.Effect{}, err
				}
				if i == 0 {
					own = a
				} else {
					shared = append(shared, a)
				}
			}
			return ledger.Effect{}, nil
		},
	})
	return own, shared, err
}

// assignments are those of an account now.
func (r *run) assignments(name string) []balance.Assignment {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.docs[name].Assignments
}

// events is a set of events and what mediation makes of them.
type events struct {
	m           *mediate.Mediator
	inits       map[string]billing.Millis // of legs, for interim marks
	quarantined []Quarantined
	keys        []billing.LegKey
}

func (r *run) set(name string) *events {
	if name == "" {
		name = "default"
	}
	e := r.sets[name]
	if e == nil {
		e = &events{m: mediate.New(r.world.mediate), inits: map[string]billing.Millis{}}
		r.sets[name] = e
	}
	return e
}

// named is the name of a step. One that the file does not give is never that of
// another step: what is booked twice under one name is booked once.
func (r *run) named(id, n, mark string) string {
	name := cmp.Or(id, n) + mark
	if id == "" || mark != "" {
		for r.ids[name] {
			name += "'"
		}
	}
	return name
}

// step does one step. path is where it stands, n its number, and mark what
// tells apart the repetitions of a parallel one.
func (r *run) step(path, n, mark string, s *Step, when billing.Millis) StepAnswer {
	id := r.named(s.ID, n, mark)
	action := s.actions()[0]
	out := StepAnswer{ID: id, Step: action, At: absolute(when)}
	here := path + "/" + action
	var err error
	switch {
	case s.Call != nil:
		out.Call, err = r.call(here, id, s.Call, when)
	case s.Event != nil:
		out.Records, err = r.event(id, s.Event, when)
	case s.Restart != nil:
		out.Records, err = r.mediated(func(m *mediate.Mediator) []billing.CDR { return m.Restart(nil, when.Time()) })
	case s.Authorize != nil:
		out.Authorize, err = r.authorize(here, s.Authorize, when)
	case s.Start != nil:
		out.Session, err = r.start(here, mark, s.Start, when)
	case s.Update != nil:
		out.Session, err = r.update(mark, s.Update, when)
	case s.Stop != nil:
		out.Session, out.Call, err = r.stop(id, mark, s.Stop, when)
	case s.Parallel != nil:
		out.Parallel, err = r.parallel(here, id, s.Parallel, when)
	case s.Rerate != nil:
		out.Rerate, err = r.rerate(id, s.Rerate, when)
	case s.Ledger != "":
		r.gate.down = s.Ledger == "down"
	case s.Fence != nil:
		err = r.ledger.Fence(r.ctx, s.Fence.Node, s.Fence.Epoch)
	default:
		out.Booking, out.Records, err = r.booking(here, id, mark, s, when)
	}
	if err != nil {
		out.Error, out.Message = code(err), err.Error()
		if out.Booking != nil && !out.Booking.Duplicate {
			out.Booking = nil
		}
	}
	return out
}

// booking does the steps that change accounts without a call.
func (r *run) booking(here, id, mark string, s *Step, when billing.Millis) (*BookingAnswer, []CallAnswer, error) {
	var b *BookingAnswer
	var err error
	switch {
	case s.Debit != nil:
		b, err = r.debitNow(here, id, s.Debit, when)
	case s.TopUp != nil:
		b, err = r.topUp(id, mark, s.TopUp, when)
	case s.Voucher != nil:
		b, err = r.redeem(s.Voucher, when)
	case s.Set != nil:
		b, err = r.correct(here, id, s.Set, when)
	case s.Assign != nil:
		b, err = r.book(id, s.Assign.Account, when, func(a balance.Account) (balance.Change, error) {
			return balance.Assign(r.terms, a, mappings(s.Assign.Profiles), when)
		})
	case s.Unlock != nil:
		r.counters[s.Unlock.Account] = fraud.Unlock(r.counters[s.Unlock.Account], r.limitsOf(s.Unlock.Account, when), when, r.clock.zone)
		delete(r.verdicts, s.Unlock.Account)
	case s.Advance != nil:
		var records []CallAnswer
		records, err = r.advance(id, when)
		return nil, records, err
	}
	return b, nil, err
}
