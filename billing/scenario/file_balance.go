package scenario

import (
	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/fraud"
)

// Interval lays balance intervals over time.
type Interval struct {
	// Count and Period are the length: "minute", "hour", "day", "week" or
	// "month"; one month when left out.
	Count  int            `json:"count,omitzero"`
	Period balance.Period `json:"period,omitzero"`
	// Start is where the first one begins: "1st" (the default) with the calendar
	// month, "create" at 00:00 of the day of creation, both in the operator's zone
	// and as "1st_tz", "create_tz" in the customer's; "topup", each top-up begins
	// an interval without end; "topup_interval", the first top-up begins a chain.
	Start balance.Start `json:"start,omitempty" enum:"1st,1st_tz,create,create_tz,topup,topup_interval"`
}

// Length is a number of periods.
type Length struct {
	Count  int            `json:"count"`
	Period balance.Period `json:"period"`
}

// Package bundles the rules of a balance.
type Package struct {
	Interval *Interval `json:"interval,omitzero"`
	// CarryOver is what becomes of cash at the end of an interval: "carry_over"
	// (the default), "carry_over_timely" only after a top-up in its last Timely
	// part, or "discard".
	CarryOver balance.CarryOver `json:"carry_over,omitempty" enum:"carry_over,carry_over_timely,discard"`
	Timely    *Length           `json:"timely,omitzero"`
	// DiscardAfter is how many periods after the end of the interval of the last
	// top-up cash is discarded; 0 for never.
	DiscardAfter int `json:"discard_after,omitzero"`
	// InitialBalance is given when an account is opened, ServiceCharge taken off
	// each top-up that names the package.
	InitialBalance Money `json:"initial_balance,omitempty"`
	ServiceCharge  Money `json:"service_charge,omitempty"`
	// LockBelow is a threshold: cash that falls from it or above to below it sets
	// LockLevel. ProfileBelow brings the Underrun profiles into force likewise.
	LockBelow    *Money `json:"lock_below,omitzero"`
	LockLevel    *int   `json:"lock_level,omitzero"`
	ProfileBelow *Money `json:"profile_below,omitzero"`
	// TopUpLock is the lock level after a top-up.
	TopUpLock *int `json:"topup_lock,omitzero"`
	// Initial, Underrun and TopUp are sets of profiles that come into force when
	// the account is opened, at an underrun, and at a top-up.
	Initial  []Mapping `json:"initial,omitempty"`
	Underrun []Mapping `json:"underrun,omitempty"`
	TopUp    []Mapping `json:"topup,omitempty"`
	// Bundles are wallets that each top-up which names the package gives.
	Bundles []Bundle `json:"bundles,omitempty"`
}

// Mapping is a profile, for callers from a network or for all.
type Mapping struct {
	Profile string `json:"profile"`
	Network string `json:"network,omitempty"`
}

// Bundle is a wallet that lives for a time, for ever when that is left out.
type Bundle struct {
	Wallet
	Life *Length `json:"life,omitzero"`
}

// Wallet is a store of money, time or things beside cash and free time.
type Wallet struct {
	ID string `json:"id"`
	// Unit is "cash", "time", or names what is counted: "sms", "data".
	Unit balance.Unit `json:"unit"`
	// Value is money, seconds or a number of things, as Unit says.
	Value string `json:"value"`
	// Weight decides who pays first: the heavier. Cash and free time have 0; of
	// equal ones time and things go before money, then what expires first.
	Weight int `json:"weight,omitzero"`
	// Filter says what it pays for.
	Filter *Filter `json:"filter,omitzero"`
	// Expires is when what is left is lost.
	Expires Time `json:"expires,omitempty"`
	// Increment in seconds or things: it is used up in whole ones.
	Increment int `json:"increment,omitzero"`
	// Price of each second or thing taken, and Connect once a call, paid with
	// money.
	Price   Price `json:"price,omitempty"`
	Connect Money `json:"connect,omitempty"`
	// Blocker: what it is for may be paid by no lighter one when it is used up.
	Blocker bool `json:"blocker,omitzero"`
	// Shared wallets pay for the accounts whose Groups name this one.
	Shared bool `json:"shared,omitzero"`
	// Overdraft of a wallet of money is how far it may go below zero.
	Overdraft Money `json:"overdraft,omitempty"`
}

// Filter is what a wallet pays for; an empty list is everything.
type Filter struct {
	// Destinations are prefixes of the called number.
	Destinations []string `json:"destinations,omitempty"`
	// Services are "call" (or "voice", which is the same), "sms", "data".
	Services []string `json:"services,omitempty" enum:"call,voice,sms,data"`
	// Zones and Rates are names of fees' zones and of calendar rates ("" is the
	// fee's own).
	Zones      []string            `json:"zones,omitempty"`
	Rates      []string            `json:"rates,omitempty"`
	Directions []billing.Direction `json:"directions,omitempty"`
}

// Voucher is a code that is worth a top-up, once.
type Voucher struct {
	Amount Money `json:"amount,omitempty"`
	// Package becomes the account's.
	Package string `json:"package,omitempty"`
	// ValidUntil is exclusive.
	ValidUntil Time `json:"valid_until,omitempty"`
	// Account, when named, is the only one that may redeem it.
	Account string `json:"account,omitempty"`
}

// Account is a balance.
type Account struct {
	// Created is when it was opened; File.Origin when left out.
	Created Time `json:"created,omitempty"`
	// Package, and Profile or Assignments of several ones. With none of them the
	// account has a profile without fees, which is enough for wallets.
	Package     string       `json:"package,omitempty"`
	Profile     string       `json:"profile,omitempty"`
	Assignments []Assignment `json:"assignments,omitempty"`
	// Parent is the reseller that sells to the account.
	Parent string `json:"parent,omitempty"`
	// Zone is the customer's time zone.
	Zone string `json:"zone,omitempty"`
	// Cash and FreeTime replace what the account would be opened with.
	Cash     *Money `json:"cash,omitzero"`
	FreeTime *Span  `json:"free_time,omitzero"`
	// Overdraft is how far cash may go below zero.
	Overdraft Money `json:"overdraft,omitempty"`
	// Lock is the level at the beginning, 0 to 5: 1 no foreign calls, 2 none out,
	// 3 none in or out, 4 nor self-care, 5 ported away.
	Lock int `json:"lock,omitzero"`
	// Wallets besides cash and free time.
	Wallets []Wallet `json:"wallets,omitempty"`
	// Groups are accounts whose shared wallets pay too.
	Groups []string `json:"groups,omitempty"`
	// Limits for fraud, above those of the profile.
	Limits *Limits `json:"limits,omitzero"`
}

// Limits bound what may be spent. Those of an account replace the profile's, which
// replace the system's, each period by itself.
type Limits struct {
	Hour  *Limit `json:"hour,omitzero"`
	Day   *Limit `json:"day,omitzero"`
	Month *Limit `json:"month,omitzero"`
	// Window bounds the calls that end within a time.
	Window *Calls `json:"window,omitzero"`
	// Reseller counts the reseller's prices instead of the customer's.
	Reseller *bool `json:"reseller,omitzero"`
	// Hysteresis is by how many percent of the limit a sum has to fall below it
	// before it can be exceeded again.
	Hysteresis *int `json:"hysteresis,omitzero"`
}

// Limit bounds the money of a period. The sum that reaches it exceeds it.
type Limit struct {
	Limit Money `json:"limit"`
	fraud.Action
}

// Calls bounds a number of calls.
type Calls struct {
	Limit int  `json:"limit"`
	Span  Span `json:"span"`
	fraud.Action
}

// Sessions is how online charging grants.
type Sessions struct {
	// Quota is granted at a time (60 s when left out), to be renewed Early (10 s)
	// before its end; the reservation is valid for Slack (30 s) more.
	Quota Span `json:"quota,omitempty"`
	Early Span `json:"early,omitempty"`
	Slack Span `json:"slack,omitempty"`
	// OnFailure is what happens to a running call when the ledger cannot be asked:
	// "terminate" (the default) or "continue" up to Cap (5 minutes).
	OnFailure string `json:"on_failure,omitempty" enum:"terminate,continue"`
	Cap       Span   `json:"cap,omitempty"`
}
