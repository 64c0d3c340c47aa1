package dtlssrtp

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/class5-go/class5/media/srtp"
	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
)

// MaxDatagram is the longest DTLS datagram that is taken, in octets.
const MaxDatagram = 8192

var (
	// ErrHandshake is for a handshake that failed or timed out.
	ErrHandshake = errors.New("dtlssrtp: handshake failed")
	// ErrProfile is for a handshake that agreed on no SRTP profile.
	ErrProfile = errors.New("dtlssrtp: no common SRTP profile")
)

// Config is what an association needs. Zero values of the numbers are replaced
// by the defaults that are named.
type Config struct {
	Role        Role
	Certificate Certificate
	// Fingerprints are those of the peer's SDP; one has to match.
	Fingerprints []Fingerprint
	// Suites are offered or accepted in this order. Default: AEAD_AES_256_GCM,
	// AEAD_AES_128_GCM and both AES_CM_128 suites.
	Suites []srtp.Suite
	// Send sends a datagram to the peer. It must not block nor keep the slice, is
	// called by one goroutine at a time, and not after Close has returned.
	Send func(datagram []byte) error
	// Timeout bounds the handshake. Default: 30 s.
	Timeout time.Duration
	// Repeat is when a flight is sent again for the first time; the interval then
	// doubles. Default: 1 s.
	Repeat time.Duration
	// Queue is how many datagrams may wait. Default: 32.
	Queue int
	// MTU is the longest handshake datagram we send, in octets. Default: 1,200.
	MTU int
	// Result, if set, is called once when the handshake has ended. It must not
	// call Close.
	Result func(Keys, error)
	// Local and Remote are only told to the DTLS library. Default: unspecified.
	Local, Remote net.Addr
}

func (c *Config) defaults() error {
	if c.Role != Active && c.Role != Passive {
		return fmt.Errorf("%w: role", ErrSetup)
	}
	if len(c.Fingerprints) == 0 {
		return fmt.Errorf("%w: none given", ErrFingerprint)
	}
	if c.Send == nil || len(c.Certificate.tls.Certificate) == 0 {
		return errors.New("dtlssrtp: Send and Certificate are needed")
	}
	if len(c.Suites) == 0 {
		c.Suites = []srtp.Suite{srtp.GCM256, srtp.GCM128, srtp.AES128SHA180, srtp.AES128SHA132}
	}
	for v, d := range map[*time.Duration]time.Duration{&c.Timeout: 30 * time.Second, &c.Repeat: time.Second} {
		if *v <= 0 {
			*v = d
		}
	}
	for v, d := range map[*int]int{&c.Queue: 32, &c.MTU: 1200} {
		if *v <= 0 {
			*v = d
		}
	}
	for _, a := range []*net.Addr{&c.Local, &c.Remote} {
		if *a == nil {
			*a = &net.UDPAddr{IP: net.IPv4zero}
		}
	}
	return nil
}

// Association is one DTLS handshake and what is left of it.
type Association struct {
	conn   *pushConn
	cancel context.CancelFunc
	done   chan struct{} // the handshake has ended
	ended  chan struct{} // the goroutine has
	keys   Keys
	err    error
}

// Start begins a handshake. It ends with ctx, with [Association.Close], or when
// the peer closes. Errors of the configuration come back at once.
func Start(ctx context.Context, c Config) (*Association, error) {
	if err := c.defaults(); err != nil {
		return nil, err
	}
	a := &Association{conn: newPushConn(c), done: make(chan struct{}), ended: make(chan struct{})}
	conn, err := c.dtls(a.conn)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHandshake, err)
	}
	ctx, a.cancel = context.WithCancel(ctx)
	go a.run(ctx, c, conn)
	return a, nil
}

// dtls makes the library's connection; its handshake has not begun.
func (c *Config) dtls(conn net.PacketConn) (*dtls.Conn, error) {
	var profiles []dtls.SRTPProtectionProfile
	for _, s := range c.Suites {
		id := s.Profile()
		if id == 0 {
			return nil, fmt.Errorf("%w: %v has none", ErrProfile, s)
		}
		profiles = append(profiles, dtls.SRTPProtectionProfile(id))
	}
	fingerprints := c.Fingerprints
	verify := func(raw [][]byte, _ [][]*x509.Certificate) error {
		for _, f := range fingerprints {
			if len(raw) > 0 && f.Matches(raw[0]) {
				return nil
			}
		}
		return fmt.Errorf("%w: the peer's certificate has another", ErrFingerprint)
	}
	shared := []dtls.Option{
		dtls.WithCertificates(c.Certificate.tls),
		dtls.WithSRTPProtectionProfiles(profiles...),
		dtls.WithExtendedMasterSecret(dtls.RequestExtendedMasterSecret),
		dtls.WithInsecureSkipVerify(true), // the fingerprint is what counts
		dtls.WithVerifyPeerCertificate(verify),
		dtls.WithFlightInterval(c.Repeat),
		dtls.WithMTU(c.MTU),
		dtls.WithLoggerFactory(quiet{}),
	}
	if c.Role == Active {
		opts := make([]dtls.ClientOption, 0, len(shared))
		for _, o := range shared {
			opts = append(opts, o)
		}
		return dtls.ClientWithOptions(conn, c.Remote, opts...)
	}
	opts := make([]dtls.ServerOption, 0, len(shared)+1)
	for _, o := range shared {
		opts = append(opts, o)
	}
	opts = append(opts, dtls.WithClientAuth(dtls.RequireAnyClientCert))
	return dtls.ServerWithOptions(conn, c.Remote, opts...)
}

func (a *Association) run(ctx context.Context, c Config, conn *dtls.Conn) {
	defer close(a.ended)
	defer a.conn.Close()
	a.keys, a.err = a.handshake(ctx, c, conn)
	close(a.done)
	if c.Result != nil {
		c.Result(a.keys, a.err)
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		conn.Close()
		close(closed)
	})
	if a.err == nil {
		drain(conn)
	}
	if stop() {
		conn.Close()
	} else {
		<-closed
	}
}

func (a *Association) handshake(ctx context.Context, c Config, conn *dtls.Conn) (Keys, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return Keys{}, fmt.Errorf("%w: %w", ErrHandshake, err)
	}
	return export(conn, c.Role)
}

// drain reads until the connection ends: there is no application data, but
// somebody has to take what comes, and it is how a close is seen.
func drain(conn *dtls.Conn) {
	b := make([]byte, MaxDatagram)
	for {
		if _, err := conn.Read(b); errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, dtls.ErrConnClosed) {
			return
		}
	}
}

// Push gives a datagram that came from the peer. It is copied; Push does not
// block. It returns false if the datagram was dropped: not DTLS, too long, the
// queue full, or the association at its end.
func (a *Association) Push(datagram []byte) bool {
	if len(datagram) == 0 || len(datagram) > MaxDatagram || datagram[0] < 20 || datagram[0] > 63 {
		return false
	}
	_, err := a.conn.in.Write(datagram, nil)
	return err == nil
}

// Done is closed when the handshake has succeeded or failed.
func (a *Association) Done() <-chan struct{} { return a.done }

// Ended is closed when the association is over: the handshake has failed, the
// peer has closed it, or we have.
func (a *Association) Ended() <-chan struct{} { return a.ended }

// Keys waits for the handshake's end. Errors wrap [ErrHandshake] or
// [ErrProfile], and where they apply [ErrFingerprint] and the context's.
func (a *Association) Keys(ctx context.Context) (Keys, error) {
	select {
	case <-a.done:
		return a.keys, a.err
	case <-ctx.Done():
		return Keys{}, ctx.Err()
	}
}

// Close ends the association and waits until it has ended. The keys stay
// good.
func (a *Association) Close() {
	a.cancel()
	<-a.ended
}

// quiet keeps the library from logging: what matters comes back as an error.
type quiet struct{}

func (quiet) NewLogger(scope string) logging.LeveledLogger {
	return logging.NewDefaultLeveledLoggerForScope(scope, logging.LogLevelDisabled, io.Discard)
}
