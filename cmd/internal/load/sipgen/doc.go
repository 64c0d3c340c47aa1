// Package sipgen drives a SIP element as many clients at once, with few
// goroutines and messages composed in place, so that the generator costs little
// beside what it measures.
//
// A [Run] has lanes, each a UDP socket with its reading goroutine, and slots in
// each lane: a slot is one operation under way, an [Op], begun again when it has
// ended. In a closed loop every slot is busy all the time; in an open loop
// operations begin at a rate, in whichever slot is free. Answers find their slot
// by the Call-ID. What arrives for the other end of a call goes to a [Server].
//
// With [Streams] a lane is not a socket but a bundle of TCP, TLS or WebSocket
// connections, one for each slot, watched by one epoll: a goroutine for each
// would cost more than many a server does. Connections are opened first, and
// each carries one operation at once; what the target used for that is figured
// apart. [Run.SetHold] keeps them open.
//
// Operations check what they get. One that gets something wrong has failed, one
// that gets nothing in time is lost; both are counted apart from those done and
// do not enter the latencies.
//
// The relay operation ([NewRelay]) plays the clients, and [FakeProxy] the
// proxies, of a stateless edge; [NewRegister] and [NewCall] are subscribers of a
// registrar and proxy.
package sipgen
