// Package guard keeps floods, scanners and guessers of passwords away from a
// SIP edge, in memory that is fixed when it is made.
//
// A [Guard] is asked three times about a message from outside: [Guard.Source]
// before anything is parsed, then [Guard.Request] when it is a request, or
// [Guard.Malformed] when package wire refused it. It learns from
// [Guard.Proved], which says that a source has answered to something that was
// sent to it, and from [Guard.Result], which says how an authentication ended.
//
// # What the defaults protect against
//
// Floods from one address: [Limits]. 100 messages a second with a burst of 500
// is what an office of some hundred phones does after a power cut; Kamailio's
// pike is often set to 15 a second, which such an office breaks. What costs a
// proxy most has less: 20 INVITE and 30 REGISTER a second. Who sends another
// 200 a second for ten seconds against an empty bucket is banned.
//
// Floods in the name of one subscriber from many addresses: Limits.User, 5
// requests a second outside of dialogs.
//
// Scanners: [Traps]. Names that known scanners give themselves are dropped and
// their sources banned. Name users that you don't have (100, 1000, admin, test)
// in Traps.Users to catch those that lie. A missing User-Agent is no offence
// until you say so.
//
// Messages that break what stands behind: [Policy], the sanity table.
//
// Guessing from one address: after 50 failed authentications in 10 minutes the
// source is banned for 10 minutes, then 20, up to 12 hours (IvozProvider bans for
// 12 hours after 100 failures). A single phone with a wrong password tries once
// or twice a minute and stays below.
//
// Guessing at one user from many addresses: after 30 failures from 8 addresses
// the user is protected for an hour, and longer each time. Until then only
// sources where the user has succeeded in the last 7 days may authenticate as
// that user; all others are answered 403 without asking the proxy. The user's
// phone goes on; what does not work is to log in from a new place meanwhile.
//
// # Forged source addresses
//
// Anybody can send datagrams with somebody else's source address, and a packet
// does not tell. What follows from datagrams is therefore limited:
//
//   - A source that has not proved its address is banned for 30 s at most, for
//     datagrams alone, and one datagram a second passes, so that its owner can
//     prove it.
//   - A source at which a user has succeeded in the last two hours is never
//     banned for an offence. If passwords are guessed there, it is restricted:
//     only users known there may authenticate. An office behind one address
//     isn't locked out by the one phone with a wrong password.
//   - Datagrams and connections have different buckets.
//   - Where the bucket of a method or a user is empty, a user who is known at
//     this source has another one, which takes both the address and the name to
//     empty.
//   - Messages that carry a valid token, those of running calls, have a bucket
//     that nobody can empty without having seen the token: see
//     [Guard.SecondLook] and [Guard.Dialog].
//
// What is not protected: while a flood with a phone's address lasts, datagrams
// of that phone outside of its calls share the bucket of the flood, and few of
// them pass. Above Limits.SecondLooks the same is true inside of calls. A
// source that has proved its address but where nobody has authenticated, such
// as a peer, can be made to look like a scanner: put peers into [Config.Allow],
// or take them over connections. And addresses in Allow are believed: let your
// routers drop what comes with them from elsewhere.
//
// # Memory and concurrency
//
// All tables are set-associative arrays made by [New], 19 MiB by default, with a
// hash that nobody outside can predict; [Guard.Memory] is their size. IPv6
// sources count by /64. Where a table is full, the entry goes whose loss does
// least harm: the fullest bucket, the ban that ends soonest, the source that
// never succeeded; a newcomer worth less than all others finds no place.
//
// Methods may be called from many goroutines and take what time it is as an
// argument. Those about messages don't allocate; [Guard.Stats], [Guard.Bans]
// and [Guard.Unban] go over whole tables.
//
// Bans are not written anywhere: after a restart offenders have to offend
// again. Package xdp has the kernel drop what is banned.
package guard
