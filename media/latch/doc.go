// Package latch decides whom a media port listens to and sends to: the
// learning of a party's real address behind NAT, without letting strangers in
// (the classes of faults known as RTP bleed and RTP injection).
//
// A [Latch] is a pure state machine of one port. Signalling tells it the
// address a party announced and where its signalling came from
// ([Latch.Signal]); each packet asks for admission ([Latch.Admit]);
// [Latch.Remote] is where to send. Times are given by the caller.
//
// The rules, for the [Heuristic] mode:
//
//   - The announced address and port are admitted at once and locked.
//   - Another port of the announced address, and any port of the address the
//     signalling came from, are admitted at once too: that is how NAT looks. The
//     first such source wins. For [Window] the announced address and port may
//     still replace it, then it is locked.
//   - Anyone else is admitted only when none of the above was heard for
//     [Window] since signalling, and only if the party is expected to send. It is
//     replaced as soon as one of the above is heard, and not locked until then.
//   - When locked, one source is admitted and no other, until signalling names
//     another address. Repeating the same address opens nothing.
//   - When locked, a packet from elsewhere that continues the party's stream is
//     believed once the old source is quiet ([Latch.Roam]): the party changed
//     its network. Whether it continues is the caller's to know.
//   - A caller that was told to believe every source moves a locked party
//     ([Latch.Move]).
//   - Denied addresses are never admitted nor sent to.
//
// A Latch allocates nothing after [New] and never blocks. It is not safe for
// concurrent use.
package latch
