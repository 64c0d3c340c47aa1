package srtp

import (
	"fmt"
)

// Limits of a context.
const (
	// MaxSSRC is how many SSRCs a context has at most.
	MaxSSRC = 64
	// MaxMKI is the longest master key identifier in octets (RFC 4568 section
	// 6.1).
	MaxMKI = 128
	// MaxKeys is how many master keys a context has at most.
	MaxKeys = 16
	// MaxOverhead is the most that protecting adds to a packet in octets, with
	// any suite and MKI.
	MaxOverhead = gcmTag + indexWord + MaxMKI
)

// Session has the session parameters that take protection away (RFC 4568
// section 6.3). None applies to the RTP of an AEAD suite.
type Session struct {
	UnencryptedRTP     bool
	UnencryptedRTCP    bool
	UnauthenticatedRTP bool
}

type direction uint8

const (
	undecided direction = iota
	outgoing
	incoming
)

// Context has the keys and the packet indices of one direction. Its first use
// decides which: Protect and ProtectRTCP, or Unprotect and UnprotectRTCP.
type Context struct {
	suite     Suite
	session   Session
	newEngine NewEngine
	tag       int // octets of the RTP tag
	tagRTCP   int
	words     int // replay window in units of 64 packets
	limit     uint64
	warnLeft  uint64
	warn      func(mki []byte, left uint64)

	keys   []*masterKey
	send   *masterKey
	mkiLen int

	dir      direction
	retired  bool
	imported bool
	// floorRTCP is the first SRTCP index of a new outgoing SSRC.
	floorRTCP uint32
	streams   []ssrcState
	last      int    // where the last SSRC was found
	tick      uint64 // packets accepted
	revision  uint64
	scratch   []byte
}

// Option changes a context.
type Option func(*Context, *masterKey)

// WithEngine chooses who transforms packets; [Native] is the default.
func WithEngine(e NewEngine) Option {
	return func(c *Context, _ *masterKey) { c.newEngine = e }
}

// WithReplayWindow sets the size of the replay window in packets: 64 to 512,
// rounded up to a multiple of 64. The default is 128.
func WithReplayWindow(packets int) Option {
	return func(c *Context, _ *masterKey) { c.words = min(max((packets+63)/64, 1), maxWords) }
}

// WithMKI gives the key an identifier, which each packet then carries.
func WithMKI(mki []byte) Option {
	return func(_ *Context, k *masterKey) { k.mki = append([]byte(nil), mki...) }
}

// WithSession takes encryption or authentication away.
func WithSession(s Session) Option {
	return func(c *Context, _ *masterKey) { c.session = s }
}

// WithLifetime sets how many SRTP packets, and how many SRTCP packets, a
// master key may protect, below the limits of 2^48 and 2^31 (RFC 3711 section
// 9.2).
func WithLifetime(packets uint64) Option {
	return func(c *Context, _ *masterKey) { c.limit = packets }
}

// WithExpiryWarning calls warn once for each master key, when it may protect
// only left more SRTP or SRTCP packets. It is called from within the method
// that protects or unprotects and must not call the context.
func WithExpiryWarning(left uint64, warn func(mki []byte, left uint64)) Option {
	return func(c *Context, _ *masterKey) { c.warnLeft, c.warn = left, warn }
}

// NewContext makes a context for one direction of a master key. The key and
// the salt are not kept. Errors wrap [ErrSuite] or [ErrKey].
func NewContext(suite Suite, key, salt []byte, opts ...Option) (*Context, error) {
	if !suite.Valid() {
		return nil, fmt.Errorf("%w: number %d", ErrSuite, suite)
	}
	c := &Context{suite: suite, newEngine: Native, words: defaultWords}
	k := &masterKey{}
	for _, o := range opts {
		o(c, k)
	}
	if suite.AEAD() && (c.session.UnencryptedRTP || c.session.UnauthenticatedRTP) {
		return nil, fmt.Errorf("%w: %v always encrypts and authenticates", ErrSuite, suite)
	}
	c.tag, c.tagRTCP = c.params(key, salt).TagLen(), suite.TagLenRTCP()
	c.mkiLen = len(k.mki)
	if c.mkiLen > MaxMKI {
		return nil, fmt.Errorf("%w: MKI of %d octets", ErrKey, c.mkiLen)
	}
	if err := c.arm(k, key, salt); err != nil {
		return nil, err
	}
	c.keys = append(c.keys, k)
	c.send = k
	return c, nil
}

func (c *Context) params(key, salt []byte) Params {
	return Params{Suite: c.suite, Key: key, Salt: salt, Session: c.session}
}

// Suite is the context's suite.
func (c *Context) Suite() Suite { return c.suite }

// Overhead is what Protect adds to a packet in octets.
func (c *Context) Overhead() int { return c.tag + c.mkiLen }

// OverheadRTCP is what ProtectRTCP adds to a packet in octets.
func (c *Context) OverheadRTCP() int { return c.tagRTCP + indexWord + c.mkiLen }

// Index is the highest 48-bit index of an SSRC: its roll-over counter and its
// sequence number. ok is false if no RTP packet of it was accepted.
func (c *Context) Index(ssrc uint32) (index uint64, ok bool) {
	s := c.find(ssrc)
	if s == nil || !s.rtp.started {
		return 0, false
	}
	return s.rtp.top, true
}

// SSRCs is the number of SSRCs the context has state for.
func (c *Context) SSRCs() int { return len(c.streams) }

// Revision changes when an SSRC is new, gone, or has another roll-over
// counter: what a copy of the state must not miss. Sequence numbers come back
// with the next packet.
func (c *Context) Revision() uint64 { return c.revision }

// Retire ends the use of an outgoing context, so that another one can go on
// with its exported state. Protect and ProtectRTCP return [ErrRetired] from
// then on.
func (c *Context) Retire() { c.retired = true }

// claim decides the direction on first use.
func (c *Context) claim(d direction) error {
	if c.dir != d {
		if c.dir != undecided {
			return ErrDirection
		}
		c.dir = d
	}
	if c.retired && d == outgoing {
		return ErrRetired
	}
	return nil
}
