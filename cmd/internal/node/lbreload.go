package node

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/class5-go/class5/sip/dispatch"
	"github.com/class5-go/class5/sip/transport"
)

// Reload implements Reloader: keys, certificates, session tickets, proxies,
// the guard's rules and the tap's filter. Everything is tried before anything
// is changed. What else differs needs a restart and is logged.
func (l *LB) Reload(_ context.Context, cfg *Config) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	tickets, err := l.tryReload(cfg)
	if err != nil {
		return err
	}
	if l.guard != nil {
		g, err := cfg.LB.Guard.config()
		if err != nil {
			return err
		}
		if err := l.guard.Reload(g); err != nil { // or it is as before, too
			return fmt.Errorf("%w: lb: guard: %w", ErrConfig, err)
		}
	}
	if err := l.replace(cfg, tickets); err != nil {
		return fmt.Errorf("files changed while they were read, reload again: %w", err)
	}
	for _, setting := range l.restartFor(cfg.LB) {
		l.env.Log.Warn("a changed setting needs a restart", "setting", "lb: "+setting)
	}
	return nil
}

// tryReload finds out whether a configuration can be taken, and reads the
// secret of session tickets.
func (l *LB) tryReload(cfg *Config) (tickets []byte, err error) {
	if err := cfg.LB.check(); err != nil {
		return nil, err
	}
	if err := cfg.KeyRing(new(Env)); err != nil {
		return nil, err
	}
	if l.ownCertificates() {
		if _, err := transport.LoadCertificates(cfg.LB.pairs()...); err != nil {
			return nil, fmt.Errorf("%w: lb: certificates: %w", ErrConfig, err)
		}
	}
	if l.tickets != nil {
		s, err := secretFile("lb: tickets", cfg.LB.Tickets)
		if err != nil {
			return nil, err
		}
		tickets = []byte(s)
		if _, err := transport.NewTicketKeys(0, tickets); err != nil {
			return nil, fmt.Errorf("%w: lb: tickets: %w", ErrConfig, err)
		}
	}
	if _, err := dispatch.New(dispatch.Config{Interval: -1}, cfg.LB.targets()...); err != nil {
		return nil, fmt.Errorf("%w: lb: proxies: %w", ErrConfig, err)
	}
	return tickets, nil
}

// ownCertificates: those of the configuration, not a self-signed one.
func (l *LB) ownCertificates() bool { return l.certificates != nil && len(l.cfg.Certificates) > 0 }

// replace changes one after the other what was tried.
func (l *LB) replace(cfg *Config, tickets []byte) error {
	if err := cfg.reloadKeys(l.env.Keys); err != nil {
		return err
	}
	if l.ownCertificates() {
		if err := l.certificates.Load(cfg.LB.pairs()...); err != nil {
			return err
		}
	}
	if l.tickets != nil {
		if err := l.tickets.SetSecrets(tickets); err != nil {
			return err
		}
	}
	if err := l.pool.Set(cfg.LB.targets()...); err != nil {
		return err
	}
	if l.tap != nil {
		return l.tap.SetFilter(cfg.LB.Tap.filter())
	}
	return nil
}

// restartFor names the settings that differ from those the process runs with
// and can't be changed in it.
func (l *LB) restartFor(now LBConfig) (settings []string) {
	was := l.cfg
	for _, c := range []*LBConfig{&was, &now} {
		c.Proxies, c.Certificates, c.Guard, c.Tickets = nil, nil, GuardConfig{}, ""
		c.Tap.Sample, c.Tap.Methods, c.Tap.Sources = 0, nil, nil
	}
	a, b := reflect.ValueOf(was), reflect.ValueOf(now)
	for i := range a.NumField() {
		if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			settings = append(settings, a.Type().Field(i).Tag.Get("yaml"))
		}
	}
	return settings
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
