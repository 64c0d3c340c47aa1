// Package bridge is the offer/answer engine between the two parties of a media
// relay (RFC 3264): it reads what one party says, decides what the other is
// told, and what the packet plane has to do so that both are right. It owns no
// socket, no clock and no goroutine.
//
// An [Engine] holds what is the same for all calls. A [Session] is one call:
// it remembers what every leg said and was told, and can be exported and
// restored. [Session.Offer] and [Session.Answer] return the description to
// send on, in the form rtpengine writes: order of lines, attributes and
// lengths are the same byte for byte, so that a proxy cannot tell the two
// apart.
//
//	e, err := bridge.New(bridge.Config{Can: codecs.Can, Fingerprint: cert.Fingerprint})
//	s := e.Session()
//	toCallee, err := s.Offer(bridge.Offer{FromTag: a, ViaBranch: br, SDP: invite, Options: o}, ports)
//	toCaller, err := s.Answer(bridge.Answer{FromTag: a, ToTag: b, ViaBranch: br, SDP: ok}, ports)
//	plan := s.Plan()
//
// FromTag is the tag of the party that wrote the offer and ToTag that of the
// party that answers it, whichever of them sent the INVITE.
//
// # What the packet plane does with it
//
// [Plan] is the state after the last successful call; it is complete, so the
// packet plane compares it with what it runs and changes the difference. A
// [Leg] faces one party, a [Media] is one m= line of it with its sockets, a
// [Flow] is one direction between two of them.
//
//   - Sockets: [Ports.Local] is called while the engine works, once for each
//     m= line that needs ports of its own. Ports belong to (Leg, Media,
//     Generation). Media.Local is the generation in use. Media.Old are earlier
//     ones: packets that arrive there belong to the same stream. Sockets of
//     legs and generations that no Plan names are closed.
//   - From a party: a packet at a socket of Media.Local is, after demultiplexing,
//     opened by SDESIn or by the keys of the DTLS association, and belongs to
//     the m= line found by Bundle (MID extension, then SSRC, then payload type).
//   - To a party: packets go to Media.RTP or, once learned or nominated, to that
//     address; never while Muted or Rejected; RTCP to Media.RTCP, or with RTP
//     when Mux. Addresses are as signalled: whom to believe is the packet
//     plane's business.
//   - Between: the Flows of the source leg and index say where a packet leaves.
//     A flow that is not Open drops RTP. Verbatim flows forward without looking
//     at payload types; others look the payload type up in Payloads. With
//     SameKeys nothing is opened or sealed as long as nothing else needs the
//     contents.
//   - Mixed in: for each of Plan.Mixes the audio of a stream is heard in another one
//     beside what flows to it.
//   - Header extensions: Flow.Extensions, when there are any, say how the
//     identifiers change; with Media.SendMID packets for the party carry
//     Media.MID in extension MIDID.
//   - ICE and DTLS: a changed Generation means a new agent or association with
//     the values that stand beside it.
//
// A plan after an offer already holds what the offer says: a first offer can
// receive early media at once. When a re-offer is refused by its recipient,
// [Session.Rollback] returns to the state before it.
//
// # Contract
//
// A Session is not safe for concurrent use; an Engine is. Descriptions passed
// in are not kept, those returned belong to the caller. An error leaves the
// session as it was. All randomness comes from [Config.Rand], so that a test
// can be exact. Input is bounded by [Config.Limits], candidates
// that trickle as well: what is beyond is an error, none of it is taken.
package bridge
