// Package play is a small RTP endpoint: it plays recordings as G.711 and can
// send back what it hears, which is what a test number, an announcement or a
// waiting queue needs.
//
// # Use
//
//	e, err := play.New(play.Config{Addr: addr})
//	go e.Run(ctx)
//	s, err := e.Open()                    // a port; s.Addr() goes into the SDP
//	answer, choice, err := sdp.Answer(offer, sdp.LocalMedia{Addr: s.Addr()})
//	err = s.Connect(play.Remote{Addr: choice.Remote, PayloadType: choice.Codec.PayloadType, …})
//	s.Play(play.Script{Prompt: prompt, Echo: true})
//	…
//	report := s.Close()
//
// A [Prompt] is encoded once and shared by all sessions that play it. In echo
// mode each packet goes back as soon as it comes, telephone events included,
// under the session's own SSRC; sequence numbers and timestamps continue those
// of the prompt and keep the gaps and the order of what was received, so that
// the caller's figures show the way there and back.
//
// # Contract
//
// Methods may be called from any goroutine and do not block. One goroutine of
// [Endpoint.Run] sends for all sessions, the others receive; there is none per
// session, and a packet allocates nothing. Packets are accepted by the rules of
// package latch. Run ends all sessions and returns when its goroutines have.
package play
