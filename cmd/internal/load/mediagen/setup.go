package mediagen

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/sdp"
	"github.com/class5-go/class5/media/srtp"
	"github.com/class5-go/class5/media/srtp/sdes"
)

// Control is the control protocol of a relay: ng.Client has it.
type Control interface {
	Do(ctx context.Context, request ng.Dict) (ng.Dict, error)
}

// stream is what one side of a call sends, and how it arrives at the other.
type stream struct {
	call, side int
	format     Format
	to         unix.RawSockaddrInet4
	ssrc       uint32
	first      uint16 // sequence number
	number     uint32 // of the next packet
	tone       [][]byte
	seal       *srtp.Context // nil: sent in the clear

	arrives  Format
	unseal   *srtp.Context
	listener *listener // nil: not decoded
	heard    bool
	last     uint16
	source   uint32 // SSRC as it arrives
	expected uint32 // number of the next packet
}

// begin makes a stream as its sender knows it.
func (r *run) begin(call, side int) *stream {
	s := &stream{call: call, side: side, format: r.cfg.Formats[side], arrives: r.cfg.Formats[1-side], ssrc: uint32(2*call + side + 1),
		first: uint16(call * 37)}
	if r.tones[side] != nil {
		s.tone = r.tones[side][call%pitches]
	}
	return s
}

const secureSuite = srtp.AES128SHA180

// setUp makes the calls with a few requests at the same time.
func (r *run) setUp(ctx context.Context) error {
	r.streams = make([]*stream, 2*r.cfg.Calls)
	for i := range r.streams {
		r.streams[i] = r.begin(i/2, i%2)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for call := range r.cfg.Calls {
		g.Go(func() error {
			if r.cfg.Control == nil {
				return r.direct(call)
			}
			if err := r.call(ctx, call); err != nil {
				return fmt.Errorf("call %d: %w", call, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// call offers and answers one call and learns the relay's ports.
func (r *run) call(ctx context.Context, n int) error {
	id := fmt.Sprintf("bench-%d", n)
	var own sdes.Attribute
	profile, crypto := "RTP/AVP", ""
	if r.cfg.Secure {
		var err error
		if own, crypto, err = newKey(); err != nil {
			return err
		}
		profile = "RTP/SAVP"
	}
	began := time.Now()
	offer := r.cfg.Formats[0].describe(r.sides[0].local, 2*n+1, profile, crypto)
	request := ng.Of("command", "offer", "call-id", id, "from-tag", "a", "sdp", offer, "direction", ng.List{"a", "b"},
		"ICE", "remove", "transport-protocol", "RTP/AVP", "flags", ng.List{"trust-address"})
	if a, b := r.cfg.Formats[0].Name(), r.cfg.Formats[1].Name(); a != b {
		request = with(request, "codec", ng.Of("mask", ng.List{a}, "transcode", ng.List{b}))
	}
	atCallee, _, err := r.ask(ctx, request)
	if err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	answer := r.cfg.Formats[1].describe(r.sides[1].local, 2*n+2, "RTP/AVP", "")
	atCaller, keys, err := r.ask(ctx, ng.Of("command", "answer", "call-id", id, "from-tag", "a", "to-tag", "b", "sdp", answer))
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	took := time.Since(began)
	if r.cfg.Secure {
		theirs, refused := sdes.ParseAll(keys)
		if len(theirs) != 1 {
			return fmt.Errorf("answer with %d crypto attributes: %w", len(theirs), errors.Join(refused...))
		}
		if err := r.secure(n, own, theirs[0]); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.setups.Add(took)
	return r.route(n, atCaller, atCallee)
}

// direct lets a call's packets go to the other side as they are. Where callers
// are SRTP, callees decrypt what they get and send in the clear: as much work
// as with a relay.
func (r *run) direct(n int) error {
	if r.cfg.Secure {
		own, _, err := newKey()
		if err != nil {
			return err
		}
		s := r.streams[2*n]
		if s.seal, err = own.Context(); err != nil {
			return err
		}
		if s.unseal, err = own.Context(); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for side := range 2 {
		s := r.streams[2*n+side]
		s.to, s.arrives = raw(r.sides[1-side].local), s.format
	}
	return nil
}

// route notes where the relay listens for a call, which is where it sends from.
func (r *run) route(n int, atCaller, atCallee netip.AddrPort) error {
	for side, at := range [2]netip.AddrPort{atCaller, atCallee} {
		if !at.Addr().Is4() || at.Port() == 0 {
			return fmt.Errorf("the relay listens at %v", at)
		}
		if other := r.calls[side][at.Port()]; other != 0 {
			return fmt.Errorf("the relay gave port %d to call %d too", at.Port(), other-1)
		}
		r.calls[side][at.Port()] = int32(n + 1)
		r.streams[2*n+side].to = raw(at)
	}
	return nil
}

// ask sends an offer or answer and reads where media goes, and the keys.
func (r *run) ask(ctx context.Context, request ng.Dict) (at netip.AddrPort, crypto []string, err error) {
	reply, err := r.cfg.Control.Do(ctx, request)
	if err != nil {
		return at, nil, err
	}
	d, err := sdp.Parse([]byte(reply.Str("sdp")), nil)
	if err != nil {
		return at, nil, err
	}
	if d.Len() != 1 {
		return at, nil, fmt.Errorf("a description with %d streams", d.Len())
	}
	m := d.Media(0)
	for v := range m.Attrs("crypto") {
		crypto = append(crypto, v)
	}
	return m.Addr(), crypto, nil
}

// secure gives a call's streams their keys, at the caller's end.
func (r *run) secure(n int, own, theirs sdes.Attribute) (err error) {
	if r.streams[2*n].seal, err = own.Context(); err != nil {
		return err
	}
	r.streams[2*n+1].unseal, err = theirs.Context()
	return err
}

func newKey() (sdes.Attribute, string, error) {
	b := make([]byte, secureSuite.KeyLen()+secureSuite.SaltLen())
	if _, err := rand.Read(b); err != nil {
		return sdes.Attribute{}, "", err
	}
	line := fmt.Sprintf("1 %v inline:%s", secureSuite, base64.StdEncoding.EncodeToString(b))
	a, err := sdes.Parse(line)
	return a, line, err
}

// with is a dictionary with one more key.
func with(d ng.Dict, key string, value any) ng.Dict {
	pairs := make([]any, 0, 2*d.Len()+2)
	for k, v := range d.All() {
		pairs = append(pairs, k, v)
	}
	return ng.Of(append(pairs, key, value)...)
}

// encode makes the tones of both sides, once for all calls.
func (r *run) encode() error {
	if r.cfg.Formats[0].Name() == r.cfg.Formats[1].Name() {
		return nil
	}
	var g errgroup.Group
	var mu sync.Mutex
	for side, f := range r.cfg.Formats {
		r.tones[side] = make([][][]byte, pitches)
		for i := range pitches {
			g.Go(func() error {
				t, err := f.tone(pitch(side, i))
				mu.Lock()
				defer mu.Unlock()
				r.tones[side][i] = t
				return err
			})
		}
	}
	return g.Wait()
}
