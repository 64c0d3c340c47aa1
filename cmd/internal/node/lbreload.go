package node

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/class5-go/class5/sip/dispatch"
	"github.com/class5-go/class5/sip/guard"
)

// Reload implements Reloader: keys, certificates, session tickets, proxies,
// the guard's rules and the tap's filter. Everything is read before anything is
// changed. What else differs is named in an error of its own after that: it
// needs a restart.
func (l *LB) Reload(_ context.Context, cfg *Config) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := cfg.LB.check(); err != nil {
		return err
	}
	g, err := cfg.LB.Guard.config()
	if err != nil {
		return err
	}
	var tickets [][]byte
	if l.tickets != nil {
		s, err := secretFile("lb: tickets", cfg.LB.Tickets)
		if err != nil {
			return err
		}
		tickets = append(tickets, []byte(s))
	}
	if l.guard != nil {
		if err := l.guard.Reload(g); errors.Is(err, guard.ErrTables) {
			return fmt.Errorf("%w: lb: guard: tables need a restart", ErrConfig)
		} else if err != nil {
			return fmt.Errorf("%w: lb: guard: %w", ErrConfig, err)
		}
	}
	if err := l.replace(cfg, tickets); err != nil {
		return err
	}
	return l.restartFor(cfg.LB)
}

// replace changes what can be changed one by one.
func (l *LB) replace(cfg *Config, tickets [][]byte) error {
	if err := cfg.reloadKeys(l.env.Keys); err != nil {
		return err
	}
	if l.certificates != nil && len(l.cfg.Certificates) > 0 {
		if err := l.certificates.Load(cfg.LB.pairs()...); err != nil {
			return fmt.Errorf("%w: lb: certificates: %w", ErrConfig, err)
		}
	}
	if tickets != nil {
		if err := l.tickets.SetSecrets(tickets...); err != nil {
			return fmt.Errorf("%w: lb: tickets: %w", ErrConfig, err)
		}
	}
	if err := l.pool.Set(cfg.LB.targets()...); err != nil {
		return fmt.Errorf("%w: lb: proxies: %w", ErrConfig, err)
	}
	if l.tap != nil {
		if err := l.tap.SetFilter(cfg.LB.Tap.filter()); err != nil {
			return fmt.Errorf("%w: lb: tap: %w", ErrConfig, err)
		}
	}
	return nil
}

// restartFor names the settings that differ from those the process runs with
// and can't be changed in it.
func (l *LB) restartFor(now LBConfig) error {
	was := l.cfg
	for _, c := range []*LBConfig{&was, &now} {
		c.Proxies, c.Certificates, c.Guard, c.Tickets = nil, nil, GuardConfig{}, ""
		c.Tap.Sample, c.Tap.Methods, c.Tap.Sources = 0, nil, nil
	}
	a, b := reflect.ValueOf(was), reflect.ValueOf(now)
	var errs []error
	for i := range a.NumField() {
		if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			errs = append(errs, fmt.Errorf("%w: lb: %s needs a restart; the rest is reloaded", ErrConfig, a.Type().Field(i).Tag.Get("yaml")))
		}
	}
	return errors.Join(errs...)
}

// Checks are the conditions under which this edge is ready, by name.
func (l *LB) Checks() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"proxies": func(context.Context) error {
			for _, s := range l.pool.List() {
				switch s.State {
				case dispatch.StateUp, dispatch.StateSlowStart:
					return nil
				}
			}
			return errors.New("no proxy takes new calls")
		},
	}
}
