package node

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"reflect"

	"github.com/class5-go/class5/sip/dispatch"
	"github.com/class5-go/class5/sip/overload"
	"github.com/class5-go/class5/sip/transport"
)

// Reload implements Reloader: keys, certificates, authorities of clients and
// proxies, session tickets, limits of messages and connections, emergency
// numbers, proxies, the guard's rules and the tap's filter. Everything is tried before anything is
// changed. What else differs, listeners above all, needs a restart and is logged.
func (l *LB) Reload(_ context.Context, cfg *Config) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	next, err := l.tryReload(cfg)
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
	if err := l.replace(cfg, next); err != nil {
		return fmt.Errorf("files changed while they were read, reload again: %w", err)
	}
	for _, setting := range l.restartFor(cfg.LB) {
		l.env.Log.Warn("a changed setting needs a restart", "setting", "lb: "+setting)
	}
	return nil
}

// reloaded is what a reload has read from files.
type reloaded struct {
	tickets         []byte
	emergency       *overload.Emergency
	clients, inside *x509.CertPool // nil: not asked for
}

// tryReload finds out whether a configuration can be taken, and reads what goes
// with it.
func (l *LB) tryReload(cfg *Config) (next reloaded, err error) {
	if err := cfg.LB.check(); err != nil {
		return next, err
	}
	if err := cfg.KeyRing(new(Env)); err != nil {
		return next, err
	}
	if l.ownCertificates() {
		if _, err := transport.LoadCertificates(cfg.LB.pairs()...); err != nil {
			return next, fmt.Errorf("%w: lb: certificates: %w", ErrConfig, err)
		}
	}
	if l.tickets != nil {
		s, err := secretFile("lb: tickets", cfg.LB.Tickets)
		if err != nil {
			return next, err
		}
		next.tickets = []byte(s)
		if _, err := transport.NewTicketKeys(0, next.tickets); err != nil {
			return next, fmt.Errorf("%w: lb: tickets: %w", ErrConfig, err)
		}
	}
	if next.emergency, err = cfg.LB.emergency(); err != nil {
		return next, err
	}
	if _, err := dispatch.New(dispatch.Config{Interval: -1}, cfg.LB.targets()...); err != nil {
		return next, fmt.Errorf("%w: lb: proxies: %w", ErrConfig, err)
	}
	for _, x := range l.cfg.Listeners {
		if or(x.ClientCert, "none") != "none" && next.clients == nil {
			if next.clients, err = authorities("lb: client_ca", cfg.LB.ClientCA); err != nil {
				return next, err
			}
		}
	}
	if l.cfg.InternalTransport == "tls" {
		if next.inside, err = authorities("lb: internal_ca", cfg.LB.InternalCA); err != nil {
			return next, err
		}
	}
	return next, nil
}

// ownCertificates: those of the configuration, not a self-signed one.
func (l *LB) ownCertificates() bool { return l.certificates != nil && len(l.cfg.Certificates) > 0 }

// replace changes one after the other what was tried.
func (l *LB) replace(cfg *Config, next reloaded) error {
	if err := cfg.reloadKeys(l.env.Keys); err != nil {
		return err
	}
	if l.ownCertificates() {
		if err := l.certificates.Load(cfg.LB.pairs()...); err != nil {
			return err
		}
	}
	if l.tickets != nil {
		if err := l.tickets.SetSecrets(next.tickets); err != nil {
			return err
		}
	}
	if err := l.pool.Set(cfg.LB.targets()...); err != nil {
		return err
	}
	if err := l.replaceAuthorities(next); err != nil {
		return err
	}
	l.endpoint.SetLimits(cfg.LB.Connections.limits())
	l.relay.SetLimits(cfg.LB.Message.limits())
	l.relay.SetEmergency(next.emergency)
	if l.tap != nil {
		return l.tap.SetFilter(cfg.LB.Tap.filter())
	}
	return nil
}

// replaceAuthorities has listeners trust what was read.
func (l *LB) replaceAuthorities(next reloaded) error {
	internal := len(l.table) - len(l.cfg.Listeners)
	if next.inside != nil {
		if err := l.endpoint.SetAuthorities(uint8(internal-1), next.inside, next.inside); err != nil {
			return err
		}
	}
	for i, x := range l.cfg.Listeners {
		if or(x.ClientCert, "none") == "none" {
			continue
		}
		if err := l.endpoint.SetAuthorities(uint8(internal+i), next.clients, nil); err != nil {
			return err
		}
	}
	return nil
}

// restartFor names the settings that differ from those the process runs with
// and can't be changed in it.
func (l *LB) restartFor(now LBConfig) (settings []string) {
	was := l.cfg
	for _, c := range []*LBConfig{&was, &now} {
		c.Proxies, c.Certificates, c.Tickets, c.Emergency = nil, nil, "", nil
		c.Guard = GuardConfig{Off: c.Guard.Off, XDP: c.Guard.XDP}
		c.Tap.Sample, c.Tap.Methods, c.Tap.Sources = 0, nil, nil
		c.ClientCA, c.InternalCA, c.Message = "", "", MessageConfig{}
		k := c.Connections // the time-outs need a restart
		c.Connections = ConnectionsConfig{Handshake: k.Handshake, Partial: k.Partial, Idle: k.Idle}
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
			unasked := l.prober == nil
			for _, s := range l.pool.List() {
				switch s.State {
				case dispatch.StateUp, dispatch.StateSlowStart:
					// A new edge takes its proxies for up. Before one has answered, who
					// asks us whether to send calls here should not hear so.
					if s.Proven || unasked {
						return nil
					}
				}
			}
			return errors.New("no proxy takes new calls")
		},
	}
}
