// Package relay anchors the media of calls: every audio and video stream of a
// session runs over its ports, in both directions, so that the parties never
// learn each other's addresses, NAT bindings stay open, and every packet is
// counted.
//
// # Use
//
//	r, err := relay.New(relay.Config{Interfaces: []relay.Interface{{Addr: addr}}})
//	go r.Run(ctx)
//	toCallee, err := r.Offer(ctx, relay.OfferRequest{CallID: id, FromTag: a, SDP: invite, Source: src})
//	toCaller, err := r.Answer(ctx, relay.AnswerRequest{CallID: id, FromTag: a, ToTag: b, SDP: ok})
//	report, err := r.Delete(ctx, relay.DeleteRequest{CallID: id})
//
// Nothing is sent to or taken from addresses that no party of a public network
// has, loopback among them: on one machine, set Config.Deny to an empty list.
//
// FromTag is always the tag of the party that wrote the offer and ToTag that
// of the party that answers, whichever of them sent the INVITE. For an INVITE
// without a body, whose 200 OK carries the offer and whose ACK the answer,
// FromTag is therefore the tag in the To header of the 200 OK; the same holds
// for a re-INVITE or UPDATE of the called party, where it is simply the From
// tag of that request.
//
// # Sessions, legs, forks
//
// A session (one Call-ID) consists of legs. A leg faces one party and owns the
// ports that this party sends to. The first offer makes two legs: one for the
// offerer, one for the branch it goes to. What arrives at the ports of a leg
// from its party leaves through the ports of the leg it is connected to.
//
// When a proxy forks, it calls Offer once per branch with a ViaBranch: each
// branch gets ports of its own, the ports towards the caller are the same for
// all. A proxy that sends one description to all branches calls Offer once;
// the branches then share a leg, and its answers replace each other. In both
// cases the branch that answered last is connected: early media of another
// branch is counted and dropped. Answers may be repeated (183, then 200) and
// change nothing when they say the same.
//
// Offers and answers go through package bridge, which decides what the other
// party is told; [OfferRequest.Options] are its options. A re-offer of parties
// in conversation changes nothing until it is answered, so that a refused one
// leaves the session as it was ([Relay.Withdraw] forgets it). A party that is
// told of another address of the other gets new ports; what still comes to the
// old ones belongs to the call. Rejected media (port 0) keep their place, and
// their ports in case they return. A description that already names a port of
// its own session (the call came through the same relay twice) is returned as
// it is.
//
// Two sessions become one when parties of both are to hear each other
// ([Relay.Connect], [Relay.Inject]): their ports, keys and figures stay, both
// Call-IDs lead to it, and events are told under both.
//
// # What it does with packets
//
// Plain streams are forwarded and counted, by the kernel where
// [Config.Offload] can. All else takes a longer way: STUN, DTLS, RTP and RTCP
// on one port are told apart; who sends is believed when SRTP authenticates it
// or ICE has checked it; SRTP is opened, digits and taps see the packet,
// payloads are renumbered or transcoded, SSRCs mapped, and SRTP of the other
// leg is made. When both legs have the same keys, packets pass as they are:
// those of the announced address and of the one that is settled unseen, all
// others when they are authentic.
// Header extensions (RFC 8285) get the identifiers that the receiver was told,
// those that it was not told of are taken out as soon as any has to be changed,
// and packets for a party that bundles streams carry their MID, RTCP too. Transcoded
// packets have no other extension.
// What [Relay.Inject] mixes into what a party hears is decoded, waits in a
// package mix buffer and is added at the pace of the party's own stream, or by the clock while
// that has nothing; these streams are not forwarded by the kernel meanwhile.
// RTCP passes with its SSRCs mapped; where the relay makes the packets it makes
// the reports too, every 5 s.
//
// # Whom it listens to
//
// A party's packets are accepted from the address in its description or, as
// clients behind NAT cannot know theirs, from another port of that address or
// from the address its signalling came from ([OfferRequest.Source]). When
// nothing at all came from there for three seconds, and the party did not say
// that it will not send, anyone may be the party. The first accepted source
// is where packets for the party go from then on. It gives way to the
// announced address for three seconds, then it is locked, and only signalling
// that names another address opens it again; a stranger is never locked and
// always gives way. When a locked source is quiet, a packet from elsewhere that
// continues its stream (SSRC and sequence number) is the party in another
// network. Everything else is counted and dropped. Nothing is ever
// sent to an address that was neither signalled nor learned, nor to one in the
// deny list. Package latch is the rule in full.
//
// What comes before the description of its party is neither believed nor
// answered, but for checks of ICE, which know our password. A few packets wait
// for the description, DTLS up to 3 s, media up to 300 ms, and are then judged
// like what comes behind them: an answer may be slower than the media, and a
// ClientHello that is lost comes again after a second only.
//
// # Contract
//
// Offer, Answer, Delete and Query may be called from any goroutine and do not
// wait for the network; binding ports is the longest they do. SDP passed in is
// not kept, SDP returned belongs to the caller. Packets are moved by the
// goroutines that [Relay.Run] owns: a few loops, each serving thousands of
// sockets, which allocate nothing per packet. Run returns when all of them
// have ended. Time-outs are told through [Relay.Events]; the relay ends no
// session itself before its owner had time to do so.
//
// # Going on elsewhere
//
// [Relay.Export] and [Relay.Import] move a session to another process; with
// [Config.Store] every change is kept, and [Relay.Restore] goes on with all of
// it at the same ports, while the kernel has gone on forwarding. See [State]
// for what must be kept secret. States are written behind signalling, which goes
// on when the store (package filerelay or redisrelay) is slow or away: a process
// that dies loses the changes of its last milliseconds. Calls with SRTP whose
// states may be older than ten seconds do not go on: an index would be used twice.
//
// [Relay.Suspend] and [Arrivals.Take] do so between two processes of a host
// that both run, with the sockets themselves: nothing is lost, recordings and
// announcements go on.
//
//	held, err := old.Suspend(ctx, func(h relay.Handed) error { … }) // send h and its descriptors
//	// the other process: arrivals.Take(ctx, h) for each
//	held.Leave() // then the other calls Run; or held.Resume()
package relay
