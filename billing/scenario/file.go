package scenario

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// Format is the value of File.Format.
const Format = "class5-rating/1"

// File is a tariff world, what happens in it, and what is expected of it.
type File struct {
	// Format is "class5-rating/1".
	Format string `json:"format"`
	// Title and Note are for people.
	Title string `json:"title,omitempty"`
	Note  string `json:"note,omitempty"`

	// Currency of everything, three capital letters of ISO 4217; EUR when left
	// out. Nothing is ever converted.
	Currency billing.Currency `json:"currency,omitzero"`
	// Amounts says what decimals count, in the file and in the answer: "units" of
	// the currency (the default) or "hundredths" of it.
	Amounts string `json:"amounts,omitempty" enum:"units,hundredths"`
	// Zone is the operator's time zone, a name of the tz database; UTC when left
	// out. Tariffs, balance intervals, limits and wall-clock times are in it
	// unless they name another one.
	Zone string `json:"zone,omitempty"`
	// Origin is what offsets count from, and where the clock of the run begins;
	// 2026-01-01T00:00:00 in Zone when left out.
	Origin Time `json:"origin,omitempty"`

	// Rounding of prices: mode half-up, half-even, up or down, places 0 to 6, and
	// what is rounded, the sum of a leg or each increment. "half-up 6 leg" when
	// left out.
	Rounding billing.Rounding `json:"rounding,omitzero"`
	// Counting is how a duration becomes charged time: "begun", every increment
	// begun counts as a whole; "nearest", the duration is rounded to the nearest
	// second first; "whole", begun seconds do not count; "exact", the last
	// increment is charged pro rata.
	Counting tariff.Counting `json:"counting,omitzero"`
	// Crossing says which rate an increment has during which the rate in force
	// changes: "begin", that at its beginning; "split", each for its part.
	Crossing tariff.Crossing `json:"crossing,omitzero"`
	// MissingStop says what becomes of an answered leg whose stop never came.
	MissingStop *MissingStop `json:"missing_stop,omitzero"`
	// FirstInterval says how much of the free time and cash the first balance
	// interval of an account gets: "scaled" by the part of it that is left at the
	// day of creation (the default), or the "whole".
	FirstInterval string `json:"first_interval,omitempty" enum:"scaled,whole"`

	// Fee alone, with a Calendar where it needs one, makes a profile named
	// "default", which calls get that name no other.
	Fee      *Fee         `json:"fee,omitzero"`
	Calendar *CalendarRef `json:"calendar,omitzero"`
	// Calendars by name, for profiles to share.
	Calendars map[string]Calendar `json:"calendars,omitempty"`
	// Profiles are billing profiles by name.
	Profiles map[string]Profile `json:"profiles,omitempty"`
	// Portings are the ported numbers.
	Portings []Porting `json:"portings,omitempty"`
	// Networks are blocks of addresses by name: "10.0.0.0/8", "2001:db8::/32".
	Networks map[string][]string `json:"networks,omitempty"`
	// Parties are those who pay or are paid for calls, by name. An account is a
	// party too, a customer, without being listed here.
	Parties map[string]Party `json:"parties,omitempty"`
	// Packages are balance packages by name.
	Packages map[string]Package `json:"packages,omitempty"`
	// Vouchers by their code.
	Vouchers map[string]Voucher `json:"vouchers,omitempty"`
	// Accounts are balances by name.
	Accounts map[string]Account `json:"accounts,omitempty"`
	// Limits of the system for fraud, below those of profiles and accounts.
	Limits *Limits `json:"limits,omitzero"`
	// Sessions says how online charging grants.
	Sessions *Sessions `json:"sessions,omitzero"`

	// Timeline is what happens, in this order.
	Timeline []Step `json:"timeline,omitempty"`

	// Show adds to the answer: "explain", the steps of each price in words;
	// "journal", all entries of the accounts.
	Show []string `json:"show,omitempty" enum:"explain,journal"`
	// Expect is a part of the answer, see Answer.Check.
	Expect jsontext.Value `json:"expect,omitempty"`
}

// MissingStop is a policy for mediation.
type MissingStop struct {
	// Policy is "evidence" (the default): a leg ends at its last interim mark,
	// flagged and chargeable, and fails without one; "fail": it fails and costs
	// nothing; "hold": it stays open.
	Policy string `json:"policy,omitempty" enum:"evidence,fail,hold"`
	// Age is how long a leg may be silent; 6 hours when left out.
	Age Span `json:"age,omitempty"`
	// Linger is how long a complete leg is remembered for late events; 2 minutes
	// when left out.
	Linger Span `json:"linger,omitempty"`
}

// Fee is what one kind of calls, messages or data costs. Price and Interval
// are those of each further increment; the first is the same unless InitPrice or
// InitInterval says otherwise.
type Fee struct {
	// ID names the fee in answers; made of what it matches when left out.
	ID string `json:"id,omitempty"`
	// Direction of the calls, for whom the profile belongs to: "out" (the
	// default) for those placed, "in" for those received.
	Direction billing.Direction `json:"direction,omitzero"`
	// Service is "call" (the default), "sms" or "data".
	Service tariff.Service `json:"service,omitzero"`
	// Mode is how Source and Destination are meant: "prefix" (the default),
	// "exact", "regex-match" (the longest match wins) or "regex-pattern" (the
	// longest expression wins). Exact ones are asked first, then prefixes, then
	// expressions; user@domain before the user.
	Mode tariff.Mode `json:"mode,omitzero"`
	// Source and Destination are numbers, users or user@domain; empty is any.
	// "lnp:<provider>" and "lnpnumbertype:<type>" as a destination stand for
	// ported numbers and come before everything else.
	Source      string `json:"source,omitempty"`
	Destination string `json:"destination,omitempty"`
	// Zone is the group of destinations that the answer names.
	Zone string `json:"zone,omitempty"`
	// Connect is charged once for an answered call.
	Connect Money `json:"connect,omitempty"`
	// Cap is the most that a call costs.
	Cap *Cap `json:"cap,omitzero"`
	Rate
	// Rates are further rates by the names that the calendar brings into force,
	// such as "offpeak". A name that is missing here is the fee's own rate.
	Rates map[string]Rate `json:"rates,omitempty"`
}

// Cap bounds the price of a call.
type Cap struct {
	Amount Money `json:"amount"`
	// Action when it is reached: the rest is "free", or "disconnect" ends the
	// call before the increment that would cost more.
	Action tariff.CapAction `json:"action"`
}

// Rate is how time, or units, are charged: each increment begun as a whole.
type Rate struct {
	// Price of the increments, by the second or unit: "0.10/60" is 0.10 for each
	// 60 s. It is multiplied with the increment's length.
	Price Price `json:"price,omitempty"`
	// Interval is the length of an increment in seconds or units; 1 when left
	// out.
	Interval *int `json:"interval,omitzero"`
	// InitPrice and InitInterval are those of the first increment.
	InitPrice    *Price `json:"init_price,omitzero"`
	InitInterval *int   `json:"init_interval,omitzero"`
	// Tiers replace price and increment from some second on.
	Tiers []Tier `json:"tiers,omitempty"`
	// Extra is charged once, by calls that last for so many seconds.
	Extra *Extra `json:"extra,omitzero"`
	// FreeTime says that free time may pay for calls that begin at this rate.
	FreeTime bool `json:"free_time,omitzero"`
}

// Tier is a rate from so many seconds or units after the beginning on.
type Tier struct {
	From int `json:"from"`
	// Connect is charged once, when the first increment of the tier begins.
	Connect  Money `json:"connect,omitempty"`
	Price    Price `json:"price,omitempty"`
	Interval *int  `json:"interval,omitzero"`
}

// Extra is a one-off price.
type Extra struct {
	Second int   `json:"second"`
	Price  Money `json:"price"`
}

// Calendar says which named rate is in force when. Outside of all windows it is
// the fee's own.
type Calendar struct {
	// Windows are parts of the week: a rate, days and times, such as "offpeak
	// mon-fri 18:00-24:00", "offpeak sat,sun 00:00-24:00".
	Windows []tariff.Window `json:"windows,omitempty"`
	// Specials are dates on which a rate is in force whatever the weekday: "offpeak
	// 2026-12-24T18:00/2026-12-27". The rate "default" is the fee's own. They win
	// for their span only.
	Specials []tariff.Special `json:"specials,omitempty"`
	// InclusiveEnds says that the last second of a window belongs to it.
	InclusiveEnds bool `json:"inclusive_ends,omitzero"`
	// Zone of the windows; that of the file when left out.
	Zone string `json:"zone,omitempty"`
	// CustomerZone says that windows are local time of the customer, where the
	// party has a zone.
	CustomerZone bool `json:"customer_zone,omitzero"`
}

// CalendarRef is a calendar, or in its place the name of one in
// File.Calendars.
type CalendarRef struct {
	Name string `json:"-"`
	Calendar
}

// Profile is a billing profile.
type Profile struct {
	// Prepaid says that credits of negative prices go to the cash balance.
	Prepaid bool `json:"prepaid,omitzero"`
	// Fees of the profile, and Deck for those in a CSV file.
	Fees []Fee `json:"fees,omitempty"`
	Deck *Deck `json:"deck,omitzero"`
	// Calendar of the rates.
	Calendar *CalendarRef `json:"calendar,omitzero"`
	// IgnoreDomain matches fees with users alone.
	IgnoreDomain bool `json:"ignore_domain,omitzero"`
	// Currency, Rounding, Counting and Crossing replace those of the file.
	Currency billing.Currency  `json:"currency,omitzero"`
	Rounding *billing.Rounding `json:"rounding,omitzero"`
	Counting *tariff.Counting  `json:"counting,omitzero"`
	Crossing *tariff.Crossing  `json:"crossing,omitzero"`
	// FreeTime and FreeCash are given in each balance interval.
	FreeTime Span  `json:"free_time,omitempty"`
	FreeCash Money `json:"free_cash,omitempty"`
	// Interval is that of accounts without a package.
	Interval *Interval `json:"interval,omitzero"`
	// Limits for fraud.
	Limits *Limits `json:"limits,omitzero"`
}

// Deck is a fee list in CSV.
type Deck struct {
	// Layout is "own" (the columns of tariff.Builder.ReadCSV) or "ngcp". Prices
	// are always those of the layout, whatever File.Amounts says.
	Layout string `json:"layout,omitempty" enum:"own,ngcp"`
	// Text is the file itself, its first line included.
	Text string `json:"text"`
}

// Porting is a range of numbers that belongs to a provider for a time.
type Porting struct {
	Prefix   string `json:"prefix"`
	Provider string `json:"provider,omitempty"`
	Type     string `json:"type,omitempty"`
	// From and To bound it, To exclusively; left out, they do not.
	From Time `json:"from,omitempty"`
	To   Time `json:"to,omitempty"`
}

// Party is who pays or is paid for calls. Which side of a call it is on, the
// call says.
type Party struct {
	// Role is "customer" (the default), "reseller" or "carrier".
	Role string `json:"role,omitempty" enum:"customer,reseller,carrier"`
	// Parent is the reseller that sells to this one.
	Parent string `json:"parent,omitempty"`
	// Profile, or Assignments of several ones, price its calls; an Account brings
	// its own and pays from its balance.
	Profile     string       `json:"profile,omitempty"`
	Assignments []Assignment `json:"assignments,omitempty"`
	Account     string       `json:"account,omitempty"`
	// Zone is the party's time zone.
	Zone string `json:"zone,omitempty"`
}

// Assignment puts a profile into force. Of those that hold at a time the one
// whose network has the caller's address counts, else one without a network; of
// several the one that began last.
type Assignment struct {
	Profile string `json:"profile"`
	// From and To bound it, To exclusively; left out, they do not.
	From Time `json:"from,omitempty"`
	To   Time `json:"to,omitempty"`
	// Network of File.Networks that the caller's address is in.
	Network string `json:"network,omitempty"`
}
