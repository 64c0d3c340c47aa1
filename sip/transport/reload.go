package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
)

// secrets is what a listener makes TLS handshakes with; it does not change.
type secrets struct {
	server  *tls.Config
	tickets *ticketUser // nil without shared keys
	dial    *tls.Config
}

// newSecrets takes the configuration of a listener.
func newSecrets(cfg *ListenerConfig) *secrets {
	s := &secrets{server: cfg.TLS, dial: cfg.DialTLS}
	if s.server != nil && s.server.ClientAuth >= tls.VerifyClientCertIfGiven {
		s.server = s.server.Clone()
		cas := s.server.ClientCAs
		verify := s.server.VerifyConnection
		s.server.VerifyConnection = func(state tls.ConnectionState) error {
			if err := verifyResumed(state, cas); err != nil {
				return err
			}
			if verify != nil {
				return verify(state)
			}
			return nil
		}
	}
	if cfg.Tickets != nil && cfg.Protocol.Secure() {
		s.tickets = &ticketUser{keys: cfg.Tickets, cfg: s.server}
	}
	return s
}

// verifyResumed holds the certificate of a resumed session against the
// authorities of now: those of its first handshake may not be trusted any more.
func verifyResumed(state tls.ConnectionState, cas *x509.CertPool) error {
	if !state.DidResume || len(state.PeerCertificates) == 0 {
		return nil
	}
	opts := x509.VerifyOptions{Roots: cas, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for _, cert := range state.PeerCertificates[1:] {
		opts.Intermediates.AddCert(cert)
	}
	_, err := state.PeerCertificates[0].Verify(opts)
	return err
}

// SetAuthorities exchanges the authorities that a TLS or WSS listener trusts: of
// its clients' certificates, where it asks for any, and of those of servers that
// Dial connects to from it. Nil leaves them as they are. Connections that are
// open stay open; from now on handshakes, those that resume a session too, go by
// the new ones.
func (e *Endpoint) SetAuthorities(i uint8, clients, servers *x509.CertPool) error {
	if int(i) >= len(e.listeners) {
		return ErrNoListener
	}
	l := e.listeners[i]
	e.reload.Lock()
	defer e.reload.Unlock()
	old := l.secrets.Load()
	cfg := l.cfg
	cfg.DialTLS = old.dial
	if clients != nil {
		if cfg.TLS == nil || cfg.ClientAuth == ClientAuthNone {
			return errors.New("transport: the listener asks for no certificates")
		}
		cfg.TLS = cfg.TLS.Clone()
		cfg.TLS.ClientCAs = clients
	}
	if servers != nil {
		cfg.DialTLS = old.dial.Clone()
		cfg.DialTLS.RootCAs = servers
	}
	next := &secrets{server: old.server, tickets: old.tickets, dial: cfg.DialTLS}
	if clients != nil {
		next = newSecrets(&cfg)
	}
	l.secrets.Store(next)
	return nil
}

// SetLimits exchanges the limits; zero fields take the default. What is held
// already is not taken away: connections above a lower limit stay open, and none
// is added until there is room again.
func (e *Endpoint) SetLimits(limits Limits) {
	limits = limits.withDefaults()
	e.reload.Lock()
	defer e.reload.Unlock()
	e.limits.Store(&limits)
	e.admission.set(limits)
	e.accepts.set(limits.AcceptRate)
	e.handshakes.set(limits.HandshakeRate)
	e.dials.mu.Lock()
	e.dials.limit = limits.DialedConnections
	e.dials.mu.Unlock()
}
