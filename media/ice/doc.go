// Package ice is an ICE agent for a media relay: it shares the relay's sockets
// and neither opens any nor keeps time.
//
// An [Agent] is a state machine. [Agent.Handle] takes the STUN packets that
// arrived on a socket, [Agent.Advance] is called when [Agent.Deadline] comes;
// both return datagrams to be sent and events. [Agent.SetRemote] takes what the
// peer's description says, [Agent.AddRemote] what trickles in later.
// [Agent.Path] is where media goes, [Agent.Admits] whom it may come from.
//
//	a := ice.New(ice.Config{Controlling: offerer})
//	i, err := a.AddStream(ice.Credentials{}, []ice.Local{{Component: 1, Base: socket}})
//	…                                     // a.Credentials(i), a.Candidates(i) go into the SDP
//	_, err = a.SetRemote(i, remote, now)
//	out := a.Advance(now)                 // send out.Datagrams, look at out.Events
//	…
//	out = a.Handle(packet, socket, from, now)
//
// # What it does
//
// Full agents follow RFC 8445: checklists by foundation, checks paced by Ta (turns
// that nobody else wants go to frozen pairs, as in RFC 5245), triggered checks, peer-reflexive candidates, regular nomination; role
// conflicts are settled by the tie-breaker. As the controlled side an agent
// also takes peers that nominate every pair (the aggressive nomination of RFC
// 5245). Lite agents answer, and take what the peer nominates. Candidates may
// trickle (RFC 8840), streams restart, and consent is kept fresh (RFC 7675): a
// peer that does not answer for 30 s gets nothing more. A lite agent sends no
// consent checks; there, silence of the media itself has to end a call.
//
// Candidates are hosts: a relay has addresses of its own, which it may
// advertise differently. TURN and server-reflexive candidates are read, and
// checked, as candidates of the peer.
//
// # Input from strangers
//
// Requests need FINGERPRINT, the right USERNAME and MESSAGE-INTEGRITY by our
// password, compared in constant time; whatever stands behind it in a message
// is not looked at. All else is dropped, counted by reason, and changes
// nothing. The lists are bounded: [MaxCandidates], [MaxPairs]. Config.Deny
// keeps checks from addresses that the relay must not talk to.
//
// # Take-over
//
// [Agent.Export] and [Import] move an agent to another process, which answers
// the peer's checks at once and goes on with consent.
//
// An Agent is not safe for concurrent use. What Output holds is valid until
// the next call. Answering a check allocates nothing.
package ice
