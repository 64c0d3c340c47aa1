package exports

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
)

// Options of a Runner; all are required.
type Options struct {
	Store   *sqlstore.Store
	Now     func() time.Time
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Runner does the exports of a configuration.
type Runner struct {
	opt    Options
	jobs   []*job
	files  *prometheus.CounterVec
	failed *prometheus.CounterVec
}

// job is one export.
type job struct {
	cfg      Config
	zone     *time.Location
	exporter *ship.Exporter
}

// Check reports what is wrong with exports, without connecting anywhere.
func Check(list []Config) error {
	_, err := jobs(list, Options{Store: &sqlstore.Store{}, Now: time.Now})
	return err
}

// New makes a Runner. Nothing runs before Run.
func New(list []Config, opt Options) (*Runner, error) {
	r := &Runner{opt: opt}
	var err error
	if r.jobs, err = jobs(list, opt); err != nil || len(r.jobs) == 0 {
		return r, err
	}
	counter := func(name, help string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "class5", Subsystem: "export", Name: name, Help: help}, []string{"stream"})
		opt.Metrics.MustRegister(c)
		return c
	}
	r.files = counter("files_total", "Files that a sink took.")
	r.failed = counter("failures_total", "Attempts to export that failed.")
	return r, nil
}

func jobs(list []Config, opt Options) (out []*job, err error) {
	names := map[string]bool{}
	for i := range list {
		j, err := newJob(list[i], opt)
		if err == nil && names[list[i].Name] {
			err = errors.New("there are two of the name")
		}
		if err != nil {
			return nil, fmt.Errorf("export %q: %w", list[i].Name, err)
		}
		names[list[i].Name] = true
		out = append(out, j)
	}
	return out, nil
}

func newJob(c Config, opt Options) (*job, error) {
	if c.Every = c.every(); c.Every < time.Second || c.Keep < 0 {
		return nil, errors.New("every is a second at least, and keep not negative")
	}
	if c.Rejects && c.Interim {
		return nil, errors.New("one export is either rejects or interim")
	}
	s, err := c.stream()
	if err != nil {
		return nil, err
	}
	sink, err := c.sink()
	if err != nil {
		return nil, err
	}
	store := ship.ExportStore(opt.Store)
	switch {
	case c.Rejects:
		store = opt.Store.Rejects()
	case c.Interim:
		store = opt.Store.Interims()
	}
	e, err := ship.NewExporter(ship.ExporterConfig{Stream: s, Store: store, Sink: sink, Now: opt.Now, Logger: opt.Log})
	return &job{cfg: c, zone: s.Zone, exporter: e}, err
}

// Run exports until ctx is done, each stream at its times and in its own pace:
// a server that does not answer holds up nobody else's files.
func (r *Runner) Run(ctx context.Context) error {
	var g errgroup.Group
	for _, j := range r.jobs {
		g.Go(func() error { r.run(ctx, j); return nil })
	}
	return g.Wait()
}

// pause is how long after a failure the export is tried again.
const pause = 30 * time.Second

func (r *Runner) run(ctx context.Context, j *job) {
	told := time.Time{} // the day that the last control file is of
	for {
		wait := j.wait(r.opt.Now())
		err := r.once(ctx, j, &told)
		if err != nil && ctx.Err() == nil {
			r.failed.WithLabelValues(j.cfg.Name).Inc()
			r.opt.Log.Error("export failed", "stream", j.cfg.Name, "error", err)
			wait = min(wait, pause)
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}

// wait is the time to the next whole interval of the clock.
func (j *job) wait(now time.Time) time.Duration {
	return now.Truncate(j.cfg.Every).Add(j.cfg.Every).Sub(now)
}

func (r *Runner) once(ctx context.Context, j *job, told *time.Time) error {
	n, err := j.exporter.Export(ctx)
	r.files.WithLabelValues(j.cfg.Name).Add(float64(n))
	if errors.Is(err, ship.ErrRaced) {
		return nil // another node did it
	}
	if err != nil {
		return err
	}
	now := r.opt.Now()
	if yesterday := now.In(j.zone).AddDate(0, 0, -1); j.cfg.Control && yesterday.Format(time.DateOnly) != told.Format(time.DateOnly) {
		if err := j.exporter.Control(ctx, yesterday); err != nil {
			return err
		}
		*told = yesterday
	}
	if j.cfg.Keep > 0 {
		return r.opt.Store.Forget(ctx, j.cfg.Name, billing.MillisOf(now.Add(-j.cfg.Keep)))
	}
	return nil
}
