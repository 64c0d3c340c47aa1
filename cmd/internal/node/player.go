package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/class5-go/class5/media/play"
	"github.com/class5-go/class5/media/play/prompts"
	"github.com/class5-go/class5/media/sdp"
	"github.com/class5-go/class5/sip/app/announce"
)

// player gives calls to the test number an announcement and then an echo.
type player struct {
	endpoint *play.Endpoint
	prompt   *play.Prompt
	ids      atomic.Uint64 // of sessions, for the o= line
}

func newPlayer(cfg MediaConfig, env Env) (*player, error) {
	e, err := play.New(play.Config{Addr: localAddr(cfg)}, play.WithLogger(env.Log), play.WithClock(env.Now))
	if err != nil {
		return nil, fmt.Errorf("%w: test number: %w", ErrConfig, err)
	}
	prompt, err := prompts.Welcome()
	if err != nil {
		return nil, fmt.Errorf("test number: %w", err)
	}
	p := &player{endpoint: e, prompt: prompt}
	p.ids.Store(uint64(env.Now().Unix()))
	return p, nil
}

// localAddr is an address of this machine that the relay can send to: the one
// it is bound to, the advertised one if it is local (behind static NAT it is
// not), or the first that is not loopback.
func localAddr(cfg MediaConfig) netip.Addr {
	if !cfg.Addr.IsUnspecified() {
		return cfg.Addr
	}
	first := cfg.Advertised
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return first
	}
	found := false
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		ip := p.Addr().Unmap()
		if ip == cfg.Advertised {
			return ip
		}
		if !found && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && ip.Is4() == cfg.Addr.Is4() {
			first, found = ip, true
		}
	}
	return first
}

func (p *player) run(ctx context.Context) error { return p.endpoint.Run(ctx) }

// heard is one call to the test number.
type heard struct {
	session *play.Session
	local   sdp.LocalMedia
}

// Answer implements announce.Player. The caller decides when it is over.
func (p *player) Answer(_ context.Context, offer []byte, _ func()) (announce.Session, []byte, error) {
	s, err := p.endpoint.Open()
	if err != nil {
		return nil, nil, err
	}
	h := &heard{session: s, local: sdp.LocalMedia{Addr: s.Addr(), SessionID: p.ids.Add(1)}}
	answer, err := h.Reoffer(offer)
	if err != nil {
		s.Close()
		return nil, nil, err
	}
	s.Play(play.Script{Prompt: p.prompt, Echo: true})
	return h, answer, nil
}

// Reoffer implements announce.Session.
func (h *heard) Reoffer(offer []byte) ([]byte, error) {
	if len(offer) == 0 {
		return nil, fmt.Errorf("%w: an INVITE without description", announce.ErrNotAcceptable)
	}
	d, err := sdp.Parse(offer, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", announce.ErrNotAcceptable, err)
	}
	h.local.Version++
	answer, c, err := sdp.Answer(d, h.local)
	if errors.Is(err, sdp.ErrNoCommonMedia) {
		return nil, fmt.Errorf("%w: %w", announce.ErrNotAcceptable, err)
	}
	if err != nil {
		return nil, err
	}
	return answer, h.session.Connect(play.Remote{
		Addr: c.Remote, Source: netip.Addr{}, Codec: c.Codec.Name, PayloadType: c.Codec.PayloadType, DTMF: c.DTMF, Ptime: c.Ptime,
		MaySend: c.Direction.Sends(), MayReceive: c.Direction.Receives(),
	})
}

// Close implements announce.Session.
func (h *heard) Close() { h.session.Close() }
