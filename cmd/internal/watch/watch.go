package watch

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/fraud"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cmd/internal/prepaid"
	"github.com/class5-go/class5/sip/routing"
)

// Config of a Watch. Store, Reader and Cut are required.
type Config struct {
	Store  *directory.Store
	Reader *directory.Reader
	// Ledger tells what prepaid customers have reserved.
	Ledger interface {
		Held(ctx context.Context, wallet string, at billing.Millis, accounts ...string) (map[string]int64, error)
	}
	// Cut ends a running call.
	Cut func(ctx context.Context, callID, id string) error
	// Notify hears of limits that are newly exceeded; they are logged anyhow.
	Notify  func(customerID int64, v fraud.Verdict)
	Every   time.Duration // between judgements of who has running calls; 1 s
	Sweep   time.Duration // between looks for locks that are over; 30 s
	Timeout time.Duration // for the database; 2 s
	Now     func() time.Time
	Log     *slog.Logger
}

// Watch knows the running calls of this node and judges their customers. It is
// safe for concurrent use.
type Watch struct {
	cfg      Config
	exceeded prometheus.Counter
	cut      prometheus.Counter

	mu       sync.Mutex
	calls    map[string]*running           // by id
	of       map[int64]map[string]*running // by customer
	verdicts map[int64]fraud.Verdict       // of a transaction that is not committed yet
}

// New makes a Watch.
func New(cfg Config) *Watch {
	set := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&cfg.Every, time.Second)
	set(&cfg.Sweep, 30*time.Second)
	set(&cfg.Timeout, 2*time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "class5", Subsystem: "limits", Name: name, Help: help})
	}
	return &Watch{
		cfg: cfg, calls: map[string]*running{}, of: map[int64]map[string]*running{}, verdicts: map[int64]fraud.Verdict{},
		exceeded: counter("exceeded_total", "Limits on spending that were newly exceeded."),
		cut:      counter("calls_cut_total", "Running calls ended by a limit on spending."),
	}
}

// Metrics are the counters.
func (w *Watch) Metrics() []prometheus.Collector { return []prometheus.Collector{w.exceeded, w.cut} }

// Run judges until ctx is done.
func (w *Watch) Run(ctx context.Context) error {
	judge, sweep := time.NewTicker(w.cfg.Every), time.NewTicker(w.cfg.Sweep)
	defer judge.Stop()
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-judge.C:
			w.judgeAll(ctx)
		case <-sweep.C:
			w.sweep(ctx)
		}
	}
}

func (w *Watch) judgeAll(ctx context.Context) {
	w.mu.Lock()
	customers := make([]int64, 0, len(w.of))
	for id := range w.of {
		customers = append(customers, id)
	}
	w.mu.Unlock()
	w.each(ctx, customers, func(ctx context.Context, p *position) error {
		v, err := w.check(ctx, p)
		if err != nil {
			return err
		}
		return w.act(ctx, p.CustomerID, v)
	})
}

// position is what is known of a customer that has limits.
type position struct {
	*directory.Spending
	counter fraud.Counter
	held    int64 // of its cash, by calls on all nodes
}

func (p *position) account() string { return strconv.FormatInt(p.CustomerID, 10) }

// each looks at the customers that have limits, in two queries for all of them
// together.
func (w *Watch) each(ctx context.Context, customers []int64, do func(ctx context.Context, p *position) error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	warn := func(err error, args ...any) {
		if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
			w.cfg.Log.Warn("limits were not looked at", append(args, "error", directory.Cause(err))...)
		}
	}
	var all []*position
	for _, id := range customers {
		switch sp, err := w.cfg.Reader.Spending(ctx, id); {
		case err != nil:
			warn(err, "customer", id)
		case sp.Limited():
			all = append(all, &position{Spending: sp})
		}
	}
	if err := w.read(ctx, all); err != nil {
		warn(err, "customers", len(all))
		return
	}
	for _, p := range all {
		if err := do(ctx, p); err != nil {
			warn(err, "customer", p.CustomerID)
		}
	}
}

// read fills positions in.
func (w *Watch) read(ctx context.Context, all []*position) error {
	var names, prepaid []string
	for _, p := range all {
		names = append(names, p.account())
		if p.Prepaid {
			prepaid = append(prepaid, p.account())
		}
	}
	counters, err := w.cfg.Store.Spent().FindAll(ctx, names...)
	if err != nil {
		return err
	}
	held := map[string]int64{}
	if w.cfg.Ledger != nil {
		if held, err = w.cfg.Ledger.Held(ctx, balance.CashWallet, billing.MillisOf(w.cfg.Now()), prepaid...); err != nil {
			return err
		}
	}
	for _, p := range all {
		p.counter, p.held = counters[p.account()], held[p.account()]
	}
	return nil
}

// check judges by the sums of an account. What is new is stored, so that it is
// told once.
func (w *Watch) check(ctx context.Context, p *position) (v fraud.Verdict, err error) {
	reserved, err := w.reserved(ctx, p)
	if err != nil {
		return v, err
	}
	now := billing.MillisOf(w.cfg.Now())
	if _, v, err = fraud.Check(p.counter, p.Limits, now, reserved, p.Zone); err != nil || !v.Notify && !news(v) {
		return v, err
	}
	err = w.cfg.Store.Spent().Change(ctx, p.account(), func(c fraud.Counter) (fraud.Counter, error) {
		c, v, err = fraud.Check(c, p.Limits, now, reserved, p.Zone)
		return c, err
	})
	return v, err
}

// news reports whether a verdict says something for the first time.
func news(v fraud.Verdict) bool {
	for _, r := range v.Reasons {
		if r.New {
			return true
		}
	}
	return false
}

// reserved is what running calls count for: prepaid ones for what is set aside
// on all nodes, others for what they have cost on this one.
func (w *Watch) reserved(ctx context.Context, p *position) (billing.Amount, error) {
	sum := billing.NewAmount(0, p.Currency)
	if p.Prepaid && w.cfg.Ledger != nil {
		return billing.NewAmount(p.held, p.Currency), nil
	}
	now := billing.MillisOf(w.cfg.Now())
	for _, r := range w.callsOf(p.CustomerID) {
		if r.rater == nil {
			s, err := prepaid.Snapshot(ctx, w.cfg.Reader, r.customer, r.event.Init, r.event.Source)
			if err != nil {
				return sum, err
			}
			r.rater = prepaid.NewRater(s, &r.event, billing.SideCaller)
		}
		price, err := r.rater.Price(max(now-r.event.Start, 0))
		if err != nil {
			continue // its record will say so
		}
		if sum, err = sum.Add(price); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// act carries a verdict out.
func (w *Watch) act(ctx context.Context, customer int64, v fraud.Verdict) error {
	for _, r := range v.Reasons {
		if r.New {
			w.exceeded.Inc()
			w.cfg.Log.Warn("a limit on spending is exceeded", "customer", customer, "period", string(r.Period),
				"limit", r.Limit, "spent", r.Spent, "lock", r.Lock, "cut", r.Cut)
		}
	}
	if v.Notify && w.cfg.Notify != nil {
		w.cfg.Notify(customer, v)
	}
	// The lock comes before the cut: whoever is cut must not call again.
	var err error
	if v.Lock > 0 {
		err = w.lock(ctx, customer, routing.Lock(v.Lock))
	}
	if v.Cut {
		for _, r := range w.callsOf(customer) {
			w.cut.Inc()
			if cut := w.cfg.Cut(ctx, r.event.CallID, r.id); cut != nil {
				err = cut
			}
		}
	}
	return err
}

func (w *Watch) lock(ctx context.Context, customer int64, level routing.Lock) error {
	l, err := w.cfg.Store.Customers().Locks(ctx, customer)
	if err != nil || l.Spent == level {
		return err
	}
	return w.cfg.Store.Customers().SetSpentLock(ctx, customer, level)
}

// sweep ends locks whose limits are not exceeded any more.
func (w *Watch) sweep(ctx context.Context) {
	list, err := w.cfg.Store.Customers().SpentLocks(ctx)
	if err != nil {
		if ctx.Err() == nil {
			w.cfg.Log.Warn("locks stay", "error", directory.Cause(err))
		}
		return
	}
	var limited []int64
	for _, l := range list {
		switch sp, err := w.cfg.Reader.Spending(ctx, l.CustomerID); {
		case err != nil:
			w.cfg.Log.Warn("a lock stays", "customer", l.CustomerID, "error", directory.Cause(err))
		case sp.Limited():
			limited = append(limited, l.CustomerID)
		default: // its limits were taken away
			if err := w.cfg.Store.Customers().SetSpentLock(ctx, l.CustomerID, routing.LockNone); err != nil {
				w.cfg.Log.Warn("a lock stays", "customer", l.CustomerID, "error", directory.Cause(err))
			}
		}
	}
	w.each(ctx, limited, func(ctx context.Context, p *position) error {
		v, err := w.check(ctx, p)
		if err != nil || v.Lock != 0 {
			return err
		}
		return w.cfg.Store.Customers().SetSpentLock(ctx, p.CustomerID, routing.LockNone)
	})
}
