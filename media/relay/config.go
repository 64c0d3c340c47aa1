package relay

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/latch"
	"github.com/class5-go/class5/media/record"
	"github.com/class5-go/class5/media/srtp/dtlssrtp"
	"github.com/class5-go/class5/media/transcode"
)

// Config is what a relay needs to know. Zero fields have the default stated.
type Config struct {
	// Interfaces to offer, at least one. The first one of the wanted family is
	// used when a request names none.
	Interfaces []Interface
	// Aliases are further names of interfaces: alias to name.
	Aliases map[string]string
	// FreeBind binds addresses that this host does not have yet (IP_FREEBIND):
	// a virtual address on the standby of a pair.
	FreeBind bool

	// PortMin and PortMax bound the ports, both included. RTP takes an even
	// port picked at random, RTCP the odd one above. Default 30000 to 40000.
	PortMin, PortMax uint16
	// Quarantine is how long a port rests after use, so that the last packets
	// of one call do not reach the next. Default 30 s; negative: none.
	Quarantine time.Duration

	Limits      Limits
	MaxSessions int // default 10,000
	MaxStreams  int // m= lines that are relayed, per session; default 8
	MaxLegs     int // legs (branches) per session; default 16

	// Learning decides whom a leg listens to. Default LearnHeuristic.
	Learning Learning
	// Deny are destinations never sent to, even when signalled. Nil means
	// [DefaultDeny]; empty but not nil means none.
	Deny []netip.Prefix
	// Control are the addresses where this host listens for signalling and
	// control. They are never sent to either, whatever Deny says: a
	// description must not make the relay talk to them.
	Control []netip.AddrPort
	// Events are the kinds that [Relay.Events] delivers. Nil means time-outs,
	// releases and lost consent; the others come often.
	Events []EventKind
	// DTMFLog is where the digits of all calls are reported, as JSON by UDP:
	// Kamailio's dtmf_events_sock. Invalid: nowhere.
	DTMFLog netip.AddrPort
	// KeepOrigin leaves the address in the o= line as it came. By default it
	// becomes the relay's, as the parties' addresses are nobody's business.
	KeepOrigin bool

	// Software is what the relay calls itself in the names of sessions that it
	// describes itself and in its ICE checks. Default "rtpengine-class5": there
	// are scripts that look for the first word.
	Software string

	// Recorder writes recordings; nil: none. It stays the caller's to close.
	Recorder *record.Recorder
	// Offload forwards plain streams in the kernel; nil: none. It stays the
	// caller's to close.
	Offload Offloader
	// Renew is how often the leases of its flows are extended: a tenth of what
	// they last. Default one minute.
	Renew time.Duration
	// Store keeps the states of sessions for the next process: see
	// [Relay.Restore]. Nil: none.
	Store Store
	// Certificate identifies the relay in DTLS handshakes. Relays that go on
	// with each other's calls share it. Default: made by New.
	Certificate *dtlssrtp.Certificate
	// Codecs are those that can be transcoded. Default codec.Default().
	Codecs codec.Registry
	// TOS is the type of service of packets, 1 to 255, unless an offer says
	// another; 0: 184 for audio and 136 for video (RFC 4594).
	TOS int
	// JitterBuffer is the most that transcoded streams are delayed to even out
	// jitter; 0: they leave as they come.
	JitterBuffer time.Duration
	// Pauses of transcoded streams are filled for receivers that know no comfort
	// noise; see [transcode.Pauses].
	Pauses transcode.Pauses
	// Silence sends comfort noise in place of audio quieter than this level in
	// -dBov, on transcoded streams whose receiver has comfort noise; 0: none.
	Silence uint8

	// PassOther lets m= lines that the relay does not carry (TCP, several
	// ports) pass as they are, with the parties' own addresses. By default they
	// are rejected.
	PassOther bool

	MediaTimeout time.Duration // no packet of either party; default 60 s
	HoldTimeout  time.Duration // same, while every stream is on hold; default 1 h
	OfferTimeout time.Duration // an offer that is never answered is released; default 180 s
	// ReleaseDelay is the time between a time-out event and the release of the
	// session by the relay itself. Default 30 s.
	ReleaseDelay time.Duration

	// Loops is the number of goroutines that move packets. One loop carries
	// some thousand streams, and each further one costs more per packet, so
	// sessions fill the first before the second is used. Default: half the
	// CPUs, at least 1.
	Loops    int
	portable bool // tests: the goroutine-per-socket implementation

	// Linger is the pause of a loop between two rounds when they follow each
	// other faster than twice this time: one wake-up then serves many packets,
	// for a delay of at most this much. Default 500 µs; negative: none.
	Linger time.Duration
}

// Learning is the rule by which a leg finds out where its party really is.
type Learning uint8

const (
	// LearnHeuristic prefers the signalled address and port, then the
	// signalled or SIP source address, then anyone after 3 s of silence.
	LearnHeuristic Learning = iota
	// LearnOff accepts and sends to the signalled address and port only.
	LearnOff
	// LearnImmediate takes the first packet's source, whoever it is. For
	// networks where only the parties can reach the relay.
	LearnImmediate
	// LearnDelayed passes everybody's packets on for 3 s and learns nothing,
	// then takes the next source, whoever it is. For such networks too.
	LearnDelayed
	// LearnAsymmetric sends to the signalled address and port and accepts
	// packets from elsewhere: from one source at a time, and from another when
	// that one has been quiet for a second. For parties that do not send from
	// where they receive.
	LearnAsymmetric
)

// ParseLearning reads off, immediate, delayed, heuristic or asymmetric.
func ParseLearning(s string) (Learning, error) {
	for _, l := range []Learning{LearnHeuristic, LearnOff, LearnImmediate, LearnDelayed, LearnAsymmetric} {
		if l.String() == s {
			return l, nil
		}
	}
	return 0, fmt.Errorf("relay: learning %q", s)
}

// String is the word of the control protocol.
func (l Learning) String() string {
	switch l {
	case LearnOff:
		return "off"
	case LearnImmediate:
		return "immediate"
	case LearnDelayed:
		return "delayed"
	case LearnAsymmetric:
		return "asymmetric"
	}
	return "heuristic"
}

func (l Learning) mode() latch.Mode {
	switch l {
	case LearnOff:
		return latch.Off
	case LearnImmediate:
		return latch.Immediate
	case LearnDelayed:
		return latch.Delayed
	case LearnAsymmetric:
		return latch.Asymmetric
	}
	return latch.Heuristic
}

// DefaultDeny is the list of destinations that no party of a public network
// can have: this host, link-local, multicast, reserved. IPv4-mapped IPv6
// addresses are on it so that they are no way around it.
func DefaultDeny() []netip.Prefix {
	list := make([]netip.Prefix, 0, 10)
	for _, s := range []string{
		"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
		"::/128", "::1/128", "::ffff:0:0/96", "fe80::/10", "ff00::/8",
	} {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}

// Option changes what is not configuration.
type Option func(*Relay)

// WithLogger sets the logger; the default discards. The relay logs what an
// operator must see (a port range running out, a loop failing), never a packet.
func WithLogger(l *slog.Logger) Option { return func(r *Relay) { r.log = l } }

// WithClock replaces time.Now. It must be safe for concurrent use and should
// carry a monotonic reading.
func WithClock(now func() time.Time) Option { return func(r *Relay) { r.now = now } }

func orDefault[T int | time.Duration | uint16](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// complete fills in the defaults and checks the rest.
func (c *Config) complete() error {
	orDefault(&c.PortMin, 30000)
	orDefault(&c.PortMax, 40000)
	orDefault(&c.Quarantine, 30*time.Second)
	orDefault(&c.Linger, 500*time.Microsecond)
	orDefault(&c.MaxSessions, 10000)
	orDefault(&c.MaxStreams, 8)
	orDefault(&c.MaxLegs, 16)
	orDefault(&c.Renew, time.Minute)
	orDefault(&c.MediaTimeout, time.Minute)
	orDefault(&c.HoldTimeout, time.Hour)
	orDefault(&c.OfferTimeout, 180*time.Second)
	orDefault(&c.ReleaseDelay, 30*time.Second)
	if c.Software == "" {
		c.Software = "rtpengine-class5"
	}
	if c.Codecs == nil {
		c.Codecs = codec.Default()
	}
	if c.Events == nil {
		c.Events = defaultEvents
	}
	if c.Deny == nil {
		c.Deny = DefaultDeny()
	}
	if len(c.Interfaces) == 0 {
		return errors.New("relay: no interface configured")
	}
	for _, i := range c.Interfaces {
		if err := i.check(); err != nil {
			return err
		}
	}
	for from, to := range c.Aliases {
		if !slices.ContainsFunc(c.Interfaces, func(i Interface) bool { return i.Name == to }) {
			return fmt.Errorf("relay: alias %q of %q, which is no interface", from, to)
		}
	}
	if c.PortMin%2 != 0 {
		c.PortMin++
	}
	if c.PortMax < c.PortMin+1 || c.PortMin < 1024 {
		return fmt.Errorf("relay: port range %d to %d", c.PortMin, c.PortMax)
	}
	return nil
}
