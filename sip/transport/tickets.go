package transport

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	ticketSecretMin = 32 // bytes
	ticketPeriod    = 12 * time.Hour
	ticketInfo      = "class5 sip transport session ticket key"
)

// TicketKeys makes the keys that encrypt TLS session tickets. Nodes that have
// the same secret and the same period have the same keys at the same time
// without talking to each other, so that a session made at one is resumed at
// the other, and the keys of the past can't be computed by who finds those in
// memory. One TicketKeys may serve several listeners.
type TicketKeys struct {
	period time.Duration

	mu      sync.Mutex
	secrets [][]byte
	version uint64
}

// NewTicketKeys makes keys that change with every period, 12 hours if it is 0,
// counted from the Unix epoch. New tickets are encrypted with the first secret;
// those of the others are still accepted, for a change of secrets without a
// storm of full handshakes. A secret has at least 32 random bytes.
func NewTicketKeys(period time.Duration, secrets ...[]byte) (*TicketKeys, error) {
	fill(&period, ticketPeriod)
	if period < time.Minute {
		return nil, fmt.Errorf("transport: ticket keys for %v, want at least a minute", period)
	}
	t := &TicketKeys{period: period}
	return t, t.SetSecrets(secrets...)
}

// SetSecrets exchanges the secrets; listeners use them from their next
// handshake. After an error the old ones are in use still.
func (t *TicketKeys) SetSecrets(secrets ...[]byte) error {
	if len(secrets) == 0 {
		return errors.New("transport: no ticket secret")
	}
	kept := make([][]byte, len(secrets))
	for i, s := range secrets {
		if len(s) < ticketSecretMin {
			return fmt.Errorf("transport: ticket secret of %d bytes, want at least %d", len(s), ticketSecretMin)
		}
		kept[i] = append([]byte(nil), s...)
	}
	t.mu.Lock()
	t.secrets = kept
	t.version++
	t.mu.Unlock()
	return nil
}

// keys returns the keys at a time: first the one to encrypt with, then those of
// the neighbouring periods, for tickets made just before and for nodes whose
// clocks run ahead.
func (t *TicketKeys) keys(period int64, secrets [][]byte) [][32]byte {
	var all [][32]byte
	for _, p := range []int64{period, period - 1, period + 1} {
		for _, secret := range secrets {
			all = append(all, ticketKey(secret, t.period, p))
		}
	}
	return all
}

// ticketKey derives the key of one period (RFC 5869).
func ticketKey(secret []byte, length time.Duration, period int64) (key [32]byte) {
	info := fmt.Sprintf("%s %d %d", ticketInfo, length, period)
	b, err := hkdf.Key(sha256.New, secret, nil, info, len(key))
	if err != nil { // only for lengths that are not 32
		panic(err)
	}
	copy(key[:], b)
	return key
}

// ticketUser is a tls.Config that follows a TicketKeys.
type ticketUser struct {
	keys *TicketKeys
	cfg  *tls.Config

	mu      sync.Mutex
	period  int64
	version uint64
}

// refresh brings the configuration up to date; it is called before every
// handshake and mostly finds nothing to do.
func (u *ticketUser) refresh(now time.Time) {
	t := u.keys
	period := now.UnixNano() / int64(t.period)
	t.mu.Lock()
	secrets, version := t.secrets, t.version
	t.mu.Unlock()
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.version == version && u.period == period {
		return
	}
	u.version, u.period = version, period
	u.cfg.SetSessionTicketKeys(t.keys(period, secrets))
}
