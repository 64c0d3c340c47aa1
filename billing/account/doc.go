// Package account keeps the accounts of customers in a ledger.
//
// A balance.Account is the document of its ledger account, and the ledger's
// wallets are what the document says: each operation of package balance becomes
// one posting that books its entries and stores the changed document, in a step
// that nothing else for the account interrupts. [Open] makes the posting of a
// new account, [Apply] that of any other operation. Postings are carried out by
// ledger.Ledger.Post, or by sqlledger within a transaction of the caller's.
//
// [Usage] turns a priced call into what balance.Charge takes.
//
// # Sessions
//
// A session settles the price of a call from the cash that it had reserved. The
// record of the call is then charged like any other, by [Settled], which books
// the difference: what free time and other wallets pay goes back to cash, and
// ledger and document are one again.
//
// # Contract
//
// The package starts no goroutine, reads no clock and keeps no state. The
// functions that it puts into postings only compute; they may be called several
// times.
package account
