package scenario

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// Step is one thing that happens: a time, and exactly one of the actions. The
// answer has one entry for each step.
type Step struct {
	// At is when; the time of the step before, or File.Origin, when left out. A
	// step may lie before its predecessor: that is how something arrives late.
	At Time `json:"at,omitempty"`
	// ID names the step, and the call in it, for journals and re-rating; "0", "1"
	// and so on when left out, with a ' behind it where another step has that
	// id. It may not come twice.
	ID string `json:"id,omitempty"`

	// Call is a call, message or use of data that took place and is rated and
	// charged now.
	Call *Call `json:"call,omitzero"`
	// Event is a row of SIP accounting, for mediation.
	Event *Event `json:"event,omitzero"`
	// Restart tells mediation that the node came up again: all open legs end.
	Restart *Empty `json:"restart,omitzero"`
	// Authorize asks how long a call, or how many units, may be.
	Authorize *Call `json:"authorize,omitzero"`
	// Start, Update and Stop are the requests of an online session.
	Start  *Start  `json:"start,omitzero"`
	Update *Update `json:"update,omitzero"`
	Stop   *Update `json:"stop,omitzero"`
	// Debit takes from an account what no tariff prices, all or nothing.
	Debit *Debit `json:"debit,omitzero"`
	// Parallel does steps at the same time.
	Parallel *Parallel `json:"parallel,omitzero"`
	// TopUp pays in, Voucher redeems a code.
	TopUp   *TopUp  `json:"topup,omitzero"`
	Voucher *Redeem `json:"voucher,omitzero"`
	// Set corrects what a wallet holds.
	Set *Set `json:"set,omitzero"`
	// Assign puts a profile into force for an account.
	Assign *Assign `json:"assign,omitzero"`
	// Advance moves the clock and brings everything up to it: balance intervals,
	// expiries, silent legs.
	Advance *Advance `json:"advance,omitzero"`
	// Rerate prices the calls so far once more and corrects the balances.
	Rerate *Rerate `json:"rerate,omitzero"`
	// Unlock pardons an account what it spent so far.
	Unlock *Ref `json:"unlock,omitzero"`
	// Ledger is "down" or "up": whether sessions can reach it.
	Ledger string `json:"ledger,omitempty" enum:"down,up"`
	// Fence refuses requests of a node with an epoch below this one.
	Fence *Fence `json:"fence,omitzero"`

	// Expect is a part of the step's answer, see Answer.Check.
	Expect jsontext.Value `json:"expect,omitempty"`
}

// Empty has no fields.
type Empty struct{}

// Call says who called whom, and for how long. Its time is that of the answer.
type Call struct {
	// Profile prices the call directly, in Direction ("out" when left out), for
	// no party or for Account.
	Profile   string            `json:"profile,omitempty"`
	Direction billing.Direction `json:"direction,omitzero"`
	// Account pays, in place of Caller.
	Account string `json:"account,omitempty"`
	// Caller and Callee are parties: customers that the call is of or for,
	// carriers that it comes from or goes to. With none of them and no profile,
	// the only profile of the file prices the call.
	Caller string `json:"caller,omitempty"`
	Callee string `json:"callee,omitempty"`
	// From and To are numbers in the form of the tariff, FromURI and ToURI
	// user@domain.
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`
	FromURI string `json:"from_uri,omitempty"`
	ToURI   string `json:"to_uri,omitempty"`
	// IP is the caller's address.
	IP string `json:"ip,omitempty"`
	// Service is "call" (the default), "sms" or "data".
	Service tariff.Service `json:"service,omitzero"`
	// Duration of a call, or Units of the others. In Authorize it is the most that
	// is wanted, 24 h or 2^30 when left out.
	Duration Span  `json:"duration,omitempty"`
	Units    int64 `json:"units,omitzero"`
	// Status is "ok" (the default), "busy", "noanswer", "cancel", "timeout",
	// "offline", "other" or "failed"; all but ok cost nothing. Code may say it as
	// the final SIP response, 200 to 699, instead.
	Status string `json:"status,omitempty" enum:"ok,busy,noanswer,cancel,timeout,offline,other,failed"`
	Code   int    `json:"code,omitzero"`
	// Settled is the price that the account has paid online.
	Settled *Money `json:"settled,omitzero"`
	// Online says that the call is cut when the account's credit ends.
	Online bool `json:"online,omitzero"`
	// Prices of parties, given instead of rated.
	Prices []Given `json:"prices,omitempty"`
	// Credit, in Authorize, is the money in place of an account.
	Credit *Money `json:"credit,omitzero"`
}

// Given is a party's price that is known already.
type Given struct {
	// Side is "caller" or "callee", Role as in Party, Depth that of a reseller, 1
	// for the one that sells to the customer.
	Side  string `json:"side" enum:"caller,callee"`
	Role  string `json:"role" enum:"customer,reseller,carrier"`
	Depth int    `json:"depth,omitzero"`
	Party string `json:"party,omitempty"`
	Price Money  `json:"price"`
}

// Event is a row of SIP accounting.
type Event struct {
	// Set groups events; each set is mediated by itself.
	Set string `json:"set,omitempty"`
	// Method is INVITE (answered with a code of 2xx, failed with one of 300 and
	// more), BYE, REFER, or INTERIM for a mark that the call is still alive.
	Method string `json:"method"`
	// Code is the final response; 200 when left out.
	Code int `json:"code,omitzero"`
	// CallID with its suffixes, FromTag, and Leg: 0 for the call itself.
	CallID  string `json:"call_id"`
	FromTag string `json:"from_tag,omitempty"`
	Leg     int    `json:"leg,omitzero"`
	// Type of a forwarded or transferred leg: "cfu", "cfb", "cft", "cfna", "cfr",
	// "cfo", "transfer"; "call" when left out.
	Type billing.CallType `json:"type,omitzero"`
	// Refer is the Call-ID of the call that goes on, in a REFER.
	Refer string `json:"refer,omitempty"`
	// Init is when the request came, in an INVITE; At when left out.
	Init Time `json:"init,omitempty"`
	// Who called whom, as in Call.
	Caller  string `json:"caller,omitempty"`
	Callee  string `json:"callee,omitempty"`
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`
	FromURI string `json:"from_uri,omitempty"`
	ToURI   string `json:"to_uri,omitempty"`
	IP      string `json:"ip,omitempty"`
	// Times is how often the same row comes; once when left out.
	Times int `json:"times,omitzero"`
}

// Start opens an online session and asks for the first quota. Duration and
// units of its call do not count.
type Start struct {
	Session string `json:"session"`
	// Number of the request, rising from request to request; the same once more
	// is a repetition.
	Number int64 `json:"number,omitzero"`
	Call
	// Node and Epoch of its lease make the request; "node" at 0 when left out.
	Node  string `json:"node,omitempty"`
	Epoch int64  `json:"epoch,omitzero"`
}

// Update asks for another quota of a session, or stops it.
type Update struct {
	Session string `json:"session"`
	Number  int64  `json:"number,omitzero"`
	// Used is the time since the answer.
	Used Span `json:"used,omitempty"`
}

// Debit names an account, and money, a duration or units of a service.
type Debit struct {
	Account  string `json:"account"`
	Amount   Money  `json:"amount,omitempty"`
	Duration Span   `json:"duration,omitempty"`
	Units    int64  `json:"units,omitzero"`
	// Service, To and Zone are for filters of wallets.
	Service tariff.Service `json:"service,omitzero"`
	To      string         `json:"to,omitempty"`
	Zone    string         `json:"zone,omitempty"`
}

// Parallel does each of its steps N times at the same time, 1 when left out. Of
// N steps, sessions and references have "#0", "#1" and so on behind their names.
// The steps have neither a time nor an expect member.
type Parallel struct {
	N     int    `json:"n,omitzero"`
	Steps []Step `json:"steps"`
}

// TopUp is money paid in.
type TopUp struct {
	Account string `json:"account"`
	Amount  Money  `json:"amount,omitempty"`
	// Package becomes the account's.
	Package string `json:"package,omitempty"`
	// Ref is the token of the payment; the same once more changes nothing.
	Ref string `json:"ref,omitempty"`
}

// Redeem redeems a voucher.
type Redeem struct {
	Account string `json:"account"`
	Code    string `json:"code"`
}

// Set says what a wallet holds from now on: "cash", "free" or the name of
// another one. Value is in its unit, as in Wallet.
type Set struct {
	Account string `json:"account"`
	Wallet  string `json:"wallet,omitempty"`
	Value   string `json:"value"`
}

// Assign puts profiles into force for an account.
type Assign struct {
	Account  string    `json:"account"`
	Profiles []Mapping `json:"profiles"`
}

// Advance moves the clock to the step's time, or By so much.
type Advance struct {
	By Span `json:"by,omitempty"`
}

// Rerate prices calls again.
type Rerate struct {
	// Profiles say which profile counts in place of which other one.
	Profiles map[string]string `json:"profiles"`
	// Accounts, when there are any, are whose calls are rated.
	Accounts []string `json:"accounts,omitempty"`
	// From and To bound the calls by their answer, To exclusively.
	From Time `json:"from,omitempty"`
	To   Time `json:"to,omitempty"`
	// Dry only tells the differences.
	Dry bool `json:"dry,omitzero"`
}

// Ref names an account.
type Ref struct {
	Account string `json:"account"`
}

// Fence is the lease of a node.
type Fence struct {
	Node  string `json:"node"`
	Epoch int64  `json:"epoch"`
}
