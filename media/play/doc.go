// Package play plays recordings: to the parties of a relay, or as a small RTP
// endpoint of its own that can also send back what it hears, which is what a
// test number, an announcement or a waiting queue needs.
//
// # Prompts
//
// A [Prompt] is a recording: a WAVE file of linear samples or G.711, of any rate
// and number of channels. It is encoded once for each codec and packet length
// that is asked for, and shared by all who play it. A [Cache] finds prompts by
// content or file name, within bounds.
//
// A [Source] gives payloads of a prompt when they are due, repeated, from a
// position on, for a time. It has neither goroutine nor socket: a relay pulls
// from it and sends under its own SSRC. Next allocates nothing.
//
//	prompt, err := cache.Blob(file)             // or cache.File(name)
//	frames, err := prompt.Frames(codec, codec.Params{Ptime: ptime, Fmtp: fmtp})
//	src := play.NewSource(frames, play.Playback{Times: -1})
//	…
//	for f, ok := src.Next(now); ok; f, ok = src.Next(now) {
//		… // send f.Payload with timestamp base + f.Timestamp
//	}
//
// # The endpoint
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
// It speaks G.711. In echo mode each packet goes back as soon as it comes,
// telephone events included, under the session's own SSRC; sequence numbers and
// timestamps continue those of the prompt and keep the gaps and the order of
// what was received, so that the caller's figures show the way there and back.
//
// # Contract
//
// Methods may be called from any goroutine and do not block. One goroutine of
// [Endpoint.Run] sends for all sessions, the others receive; there is none per
// session, and a packet allocates nothing. Packets are accepted by the rules of
// package latch. Run ends all sessions and returns when its goroutines have.
package play
