package pionsrtp

import (
	"encoding/binary"
	"fmt"

	"github.com/class5-go/class5/media/srtp"
	pion "github.com/pion/srtp/v2"
)

// engine drives a pion context without using its memory: the index is set
// before each packet.
type engine struct {
	params  srtp.Params
	profile pion.ProtectionProfile
	options []pion.ContextOption
	ctx     *pion.Context
	seen    map[uint32]bool // SSRCs that ctx has state for
	check   srtp.Engine     // authenticates before ctx sees a packet
	copied  []byte
	out     []byte
}

// New makes the engine. It is an srtp.NewEngine.
func New(p srtp.Params) (srtp.Engine, error) {
	profile, ok := profiles(p.Suite)
	if !ok || p.UnauthenticatedRTP {
		return nil, fmt.Errorf("%w: pion/srtp cannot do %v as asked", srtp.ErrSuite, p.Suite)
	}
	// The key is needed again whenever the pion context is made anew.
	p.Key, p.Salt = append([]byte(nil), p.Key...), append([]byte(nil), p.Salt...)
	e := &engine{params: p, profile: profile}
	if p.UnencryptedRTP {
		e.options = append(e.options, pion.SRTPNoEncryption())
	}
	if p.UnencryptedRTCP {
		e.options = append(e.options, pion.SRTCPNoEncryption())
	}
	var err error
	if e.check, err = srtp.Native(p); err != nil {
		return nil, err
	}
	return e, e.renew()
}

func profiles(s srtp.Suite) (pion.ProtectionProfile, bool) {
	switch s {
	case srtp.AES256SHA180:
		return pion.ProtectionProfileAes256CmHmacSha1_80, true
	case srtp.AES256SHA132:
		return pion.ProtectionProfileAes256CmHmacSha1_32, true
	}
	// The others have the numbers that DTLS gives them.
	return pion.ProtectionProfile(s.Profile()), s.Profile() != 0
}

func (e *engine) renew() error {
	ctx, err := pion.CreateContext(e.params.Key, e.params.Salt, e.profile, e.options...)
	if err != nil {
		return fmt.Errorf("%w: %w", srtp.ErrSuite, err)
	}
	e.ctx, e.seen = ctx, make(map[uint32]bool)
	return nil
}

// admit bounds the SSRCs that pion keeps.
func (e *engine) admit(ssrc uint32) error {
	if !e.seen[ssrc] && len(e.seen) == srtp.MaxSSRC {
		if err := e.renew(); err != nil {
			return err
		}
	}
	e.seen[ssrc] = true
	return nil
}

func (e *engine) SealRTP(buf []byte, _, n int, index uint64) (int, error) {
	ssrc := binary.BigEndian.Uint32(buf[8:])
	if err := e.admit(ssrc); err != nil {
		return 0, err
	}
	e.ctx.SetROC(ssrc, uint32(index>>16))
	out, err := e.ctx.EncryptRTP(e.out[:0], buf[:n], nil)
	return e.back(buf, out, n+e.params.TagLen(), err)
}

func (e *engine) OpenRTP(pkt []byte, header int, index uint64) (int, error) {
	e.copied = append(e.copied[:0], pkt...)
	if _, err := e.check.OpenRTP(e.copied, header, index); err != nil {
		return 0, err
	}
	ssrc := binary.BigEndian.Uint32(pkt[8:])
	if err := e.admit(ssrc); err != nil {
		return 0, err
	}
	e.ctx.SetROC(ssrc, uint32(index>>16))
	out, err := e.ctx.DecryptRTP(e.out[:0], pkt, nil)
	return e.back(pkt, out, len(pkt)-e.params.TagLen(), err)
}

// SealRTCP sets the index before the one to use: pion counts before it
// encrypts.
func (e *engine) SealRTCP(buf []byte, n int, index uint32) (int, error) {
	ssrc := binary.BigEndian.Uint32(buf[4:])
	if err := e.admit(ssrc); err != nil {
		return 0, err
	}
	if index == 0 {
		return 0, fmt.Errorf("%w: pion/srtp does not send SRTCP index 0", srtp.ErrIndexUsed)
	}
	e.ctx.SetIndex(ssrc, index-1)
	out, err := e.ctx.EncryptRTCP(nil, buf[:n], nil)
	return e.back(buf, out, n+e.params.Suite.TagLenRTCP()+4, err)
}

func (e *engine) OpenRTCP(pkt []byte) (int, error) {
	e.copied = append(e.copied[:0], pkt...)
	if _, err := e.check.OpenRTCP(e.copied); err != nil {
		return 0, err
	}
	if err := e.admit(binary.BigEndian.Uint32(pkt[4:])); err != nil {
		return 0, err
	}
	out, err := e.ctx.DecryptRTCP(nil, pkt, nil)
	return e.back(pkt, out, len(pkt)-e.params.Suite.TagLenRTCP()-4, err)
}

// back copies what pion made into the packet's buffer. Another length than
// expected is a header that pion writes otherwise than it was.
func (e *engine) back(buf, out []byte, want int, err error) (int, error) {
	switch {
	case err != nil:
		return 0, fmt.Errorf("%w: %w", srtp.ErrMalformed, err)
	case len(out) != want || want > len(buf):
		return 0, srtp.ErrMalformed
	}
	return copy(buf, out), nil
}
