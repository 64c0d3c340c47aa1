// Package scenario states tariff worlds as JSON files and runs them: rates and
// calendars, profiles, parties, accounts with their packages and wallets, and a
// timeline of calls, accounting events, authorizations, online sessions,
// top-ups and re-ratings. The answer says what everything cost, why, and what
// is left on every account. Nothing is computed here: a run drives the other
// packages of billing, with a ledger in memory.
//
// # A file
//
// One rate and one call is a complete file:
//
//	{
//	  "format": "class5-rating/1",
//	  "fee": {"price": "0.10/60", "interval": 60},
//	  "timeline": [{"call": {"duration": 61}}]
//	}
//
// and so is one wallet and one question, without any rate:
//
//	{
//	  "format": "class5-rating/1",
//	  "accounts": {"a": {"wallets": [{"id": "w", "unit": "time", "value": "300"}]}},
//	  "timeline": [{"authorize": {"account": "a", "to": "4930123"}}]
//	}
//
// [File] has the members of a file and, with the types that it names, what each
// of them means; [Schema] returns the same as a JSON Schema. The format is
// strict: an unknown member, a member that comes twice, null, or a decimal that
// is not a string is an error that names the place as a JSON pointer
// (/timeline/3/call/duration) and the line. Members are only ever added to it.
//
//   - Money and prices are decimals in strings, in units of the currency or in
//     hundredths of it ([File] amounts). A [Price] is for so many seconds: "0.10/60"
//     is ten cents a minute, "10/60" in hundredths, and a price per second with a
//     minute's increment is {"price": "0.10", "interval": 60}.
//   - A [Span] is seconds, 90 or "90.5", or "1h30m".
//   - A [Time] is absolute, on the wall, or an offset to the origin: "+90".
//   - Peak and off-peak time is a calendar with windows of a named rate, such as
//     offpeak, and a fee that has that rate among its rates.
//
// # Who pays
//
// A call names its caller and callee: accounts, customers and resellers with a
// profile, or carriers. Each of them, with the resellers above it, gets its price
// by its own profile, as package chain says: out for those of the caller's side,
// in for the callee's. A party that has an account pays from it. A call may name
// a profile instead, which prices it alone, or bring the prices of its parties.
//
// # The timeline
//
// Steps are done in their order, each at its time. A [Call] took place and is
// rated and charged at once; its time is that of the answer. An [Event] is a row
// of SIP accounting; mediation makes records of them, which are then charged like
// calls. Authorize, start, update and stop are online charging: start and update
// grant seconds, stop settles. What is granted is reserved on the account; free
// time and wallets are counted on, but not reserved. Debit, top-up, voucher and
// set change an account without a call. Advance moves the clock, and with it
// balance intervals, expiries and legs whose stop is missing. Rerate prices
// earlier calls by other profiles and corrects the balances, as generation n+1.
//
// # The answer
//
// [Run] returns an [Answer]. A step that could not be done has an error code and
// changed nothing:
//
//	no_credit        not enough for the first increment or quota (SIP's 402)
//	insufficient     a debit that the account cannot pay whole
//	locked           the lock level forbids the call
//	no_fee           the profile has no fee for the call
//	no_tariff        a party of a placed call has no profile with fees
//	depth            resellers sell to each other in a ring
//	impossible_call  longer than a year, or out of the range of dates
//	overflow         a price or balance that does not fit
//	currency         two currencies met
//	quarantined      an accounting event that says nothing usable
//	fenced           the node's lease was taken over
//	number           a session request out of order
//	no_session       a session that was not started
//	unavailable      the ledger is down
//	voucher          redeemed before, over, or for another account
//	wallet           no wallet of that name
//	key, duplicate   a request that was made before, as another one or the same
//	terms, time, usage, name, syntax, precision, not_found, failed
//
// Expect members state a part of the answer; [Answer.Check] compares them.
//
// # Contract
//
// Reading is bounded: 16 MiB, 32 levels, 100,000 steps. [Run] is deterministic
// but for parallel steps, starts goroutines for those alone and waits for them,
// and reads no clock.
package scenario
