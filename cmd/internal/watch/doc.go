// Package watch holds customers to the limits on what they spend.
//
// What records cost is counted in the transaction that stores them
// ([Watch.Hook]); the answers of billing/fraud are carried out when that is
// committed ([Counted]): somebody is told, the customer is locked, its running
// calls are cut. Between records [Watch.Run] judges again, with what running
// calls have cost or reserved so far, so that a limit ends the calls that reach
// it. It also ends locks whose period is over. Whatever failed once is done by
// the next judgement: a limit stays exceeded as long as its period lasts.
//
// Calls are cut on the node that has them; each node judges for itself by the
// sums that all share.
package watch
