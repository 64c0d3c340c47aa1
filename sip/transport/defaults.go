package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"time"
)

const (
	maxBatch   = 64
	maxMessage = 65535
)

// withDefaults returns cfg with zero fields filled in and everything checked
// that can be checked without binding. It changes nothing of the caller's.
func (cfg Config) withDefaults() (Config, error) {
	if len(cfg.Listeners) == 0 || len(cfg.Listeners) > 256 {
		return cfg, fmt.Errorf("transport: %d listeners, want 1 to 256", len(cfg.Listeners))
	}
	listeners := make([]ListenerConfig, len(cfg.Listeners))
	for i, l := range cfg.Listeners {
		l, err := l.withDefaults()
		if err != nil {
			return cfg, fmt.Errorf("transport: listener %q: %w", l.Name, err)
		}
		l.queueErrors = cfg.Unreachable != nil && l.Internal
		listeners[i] = l
	}
	cfg.Listeners = listeners
	if cfg.Loops < 0 || cfg.Loops > 256 {
		return cfg, fmt.Errorf("transport: %d loops, want at most 256", cfg.Loops)
	}
	fill(&cfg.Loops, min(runtime.GOMAXPROCS(0), 256))
	cfg.Limits = cfg.Limits.withDefaults()
	cfg.Timeouts = cfg.Timeouts.withDefaults()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg, nil
}

func (l ListenerConfig) withDefaults() (ListenerConfig, error) {
	if l.Name == "" {
		l.Name = strings.ToLower(l.Protocol.String()) + "/" + l.Addr.String()
	}
	switch {
	case !l.Protocol.valid():
		return l, fmt.Errorf("unknown protocol %s", l.Protocol)
	case !l.Addr.IsValid():
		return l, errors.New("no address")
	case l.Addr.Addr().Is4In6():
		return l, errors.New("IPv4-mapped address")
	case l.Protocol.Secure() && l.TLS == nil:
		return l, errors.New("no TLS configuration")
	case l.ClientAuth > ClientAuthRequire:
		return l, fmt.Errorf("unknown client authentication %d", l.ClientAuth)
	case l.ClientAuth != ClientAuthNone && (l.ClientCAs == nil || !l.Protocol.Secure()):
		return l, errors.New("client authentication without authorities or without TLS")
	case l.ProxyV1 && len(l.ProxyFrom) == 0, len(l.ProxyFrom) > 0 && l.Protocol == UDP:
		return l, errors.New("PROXY protocol without senders or for datagrams")
	case l.Ping < 0:
		return l, fmt.Errorf("ping every %v", l.Ping)
	case l.Batch < 0 || l.Batch > maxBatch:
		return l, fmt.Errorf("batch %d, want at most %d", l.Batch, maxBatch)
	case l.Readers < 0 || l.Readers > 256:
		return l, fmt.Errorf("%d readers, want at most 256", l.Readers)
	case l.DSCP > 63:
		return l, fmt.Errorf("DSCP %d, want at most 63", l.DSCP)
	case l.MaxMessage < 0 || l.MaxMessage > maxMessage:
		return l, fmt.Errorf("longest message %d bytes, want at most %d", l.MaxMessage, maxMessage)
	}
	fill(&l.Readers, 1)
	fill(&l.Batch, 32)
	fill(&l.ReceiveBuffer, 4<<20)
	fill(&l.SendBuffer, 1<<20)
	fill(&l.MaxMessage, maxMessage)
	if l.Protocol.Secure() {
		l.TLS = l.serverTLS()
	}
	if l.DialTLS == nil {
		l.DialTLS = &tls.Config{}
	}
	l.DialTLS = atLeastTLS12(l.DialTLS)
	return l, nil
}

// serverTLS is the configuration of a listener's handshakes.
func (l *ListenerConfig) serverTLS() *tls.Config {
	c := atLeastTLS12(l.TLS)
	// SIP messages are small and each is written at once: cutting them into
	// records of a packet's size would only cost more system calls.
	c.DynamicRecordSizingDisabled = true
	switch l.ClientAuth {
	case ClientAuthRequest:
		c.ClientAuth, c.ClientCAs = tls.VerifyClientCertIfGiven, l.ClientCAs
	case ClientAuthRequire:
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, l.ClientCAs
	}
	return c
}

// atLeastTLS12 keeps RFC 8996: no TLS 1.0 or 1.1.
func atLeastTLS12(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	return c
}

func (l Limits) withDefaults() Limits {
	fill(&l.Connections, 20_000)
	fill(&l.ConnectionsPerSource, 1024)
	fill(&l.Handshakes, 1024)
	fill(&l.DialedConnections, 1024)
	fill(&l.WriteQueue, 256<<10)
	fill(&l.HandshakeRate, 1000)
	fill(&l.HandshakeRatePerSource, 50)
	fill(&l.AcceptRate, 5000)
	fill(&l.StreamMemory, 256<<20)
	return l
}

func (t Timeouts) withDefaults() Timeouts {
	fill(&t.Handshake, 10*time.Second)
	fill(&t.Partial, 10*time.Second)
	fill(&t.First, 30*time.Second)
	fill(&t.Idle, 30*time.Minute)
	fill(&t.Write, 20*time.Second)
	fill(&t.Dial, 3500*time.Millisecond)
	fill(&t.Drain, time.Second)
	return t
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
