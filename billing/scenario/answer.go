package scenario

import (
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/class5-go/class5/billing/balance"
)

// Answer is what a run led to. Decimals are strings in the unit that the file
// names, without a currency; times are seconds as strings; instants are RFC 3339
// in UTC.
type Answer struct {
	Format   string `json:"format"`
	Title    string `json:"title,omitempty"`
	Currency string `json:"currency"`
	Amounts  string `json:"amounts"`
	// Steps, one for each of the timeline.
	Steps []StepAnswer `json:"steps"`
	// Accounts by name, as of their last change.
	Accounts map[string]AccountAnswer `json:"accounts,omitempty"`
	// Events by the name of their set, "default" for those that name none.
	Events map[string]EventsAnswer `json:"events,omitempty"`
}

// StepAnswer is that of one step.
type StepAnswer struct {
	ID   string `json:"id"`
	Step string `json:"step"` // name of the action
	At   string `json:"at"`
	// Error is a code for programs, "" when all went well; Message is for people.
	// Nothing was changed by a step with an error.
	Error   string `json:"error,omitempty"`
	Message string `json:"message,omitempty"`

	Call      *CallAnswer      `json:"call,omitzero"`
	Authorize *AuthorizeAnswer `json:"authorize,omitzero"`
	Session   *SessionAnswer   `json:"session,omitzero"`
	Booking   *BookingAnswer   `json:"booking,omitzero"`
	Parallel  *ParallelAnswer  `json:"parallel,omitzero"`
	Rerate    *RerateAnswer    `json:"rerate,omitzero"`
	Records   []CallAnswer     `json:"records,omitempty"` // that an event completed
}

// CallAnswer is a call, as rated and charged.
type CallAnswer struct {
	ID     string `json:"id,omitempty"` // of the step, or the Call-ID
	Type   string `json:"type,omitempty"`
	Status string `json:"status"`
	Code   int    `json:"code,omitzero"`
	Start  string `json:"start"` // the answer
	// Duration as reported, Served as much of it as the call could last.
	Duration string `json:"duration"`
	Served   string `json:"served"`
	// Maximum is how long the account's credit was enough for at the start.
	Maximum    string   `json:"maximum,omitempty"`
	Flags      []string `json:"flags,omitempty"`
	Evidence   string   `json:"evidence,omitempty"`
	Revision   int      `json:"revision"`
	Generation int      `json:"generation"`

	// The price of the first party, and how it was made.
	Fee     string `json:"fee"`
	Zone    string `json:"zone"`
	Price   Money  `json:"price"`
	Charged string `json:"charged"` // seconds
	Units   int64  `json:"units,omitzero"`
	Connect Money  `json:"connect"` // connect fees in the price
	Extra   Money  `json:"extra"`   // the one-off price in it
	Capped  bool   `json:"capped,omitzero"`
	Cut     bool   `json:"cut,omitzero"`

	Steps []PriceStep `json:"steps,omitempty"`
	// Rates are the parts of the price by the name of the rate, "default" for the
	// fee's own.
	Rates     map[string]RatePart `json:"rates,omitempty"`
	Fragments []Fragment          `json:"fragments,omitempty"`
	Parties   []PartyAnswer       `json:"parties,omitempty"`
	// Prices has an entry for each side and role that NGCP's records have, 0 where
	// nobody is: caller_customer, caller_reseller, caller_carrier, callee_...
	Prices map[string]Money `json:"prices"`

	*Paid
}

// Paid is how an account paid.
type Paid struct {
	Account     string `json:"account,omitempty"`
	FromBalance Money  `json:"from_balance"`
	Due         Money  `json:"due"`
	FreeTime    string `json:"free_seconds"` // of the profiles
	Blocked     bool   `json:"blocked,omitzero"`
	// Balances of all wallets of the account, and of shared ones that paid.
	Balances  []BalanceChange `json:"balances,omitempty"`
	Intervals []IntervalPart  `json:"debits,omitempty"`
	Verdict   *Verdict        `json:"verdict,omitzero"`
	// Payments of further accounts, where several parties have one.
	Others []Paid `json:"others,omitempty"`
}

// PriceStep is a run of equal increments.
type PriceStep struct {
	Kind   string `json:"kind"` // connect, init, follow or extra
	Offset string `json:"offset"`
	Rate   string `json:"rate,omitempty"`
	Count  int64  `json:"count"`
	Span   string `json:"span"`
	Price  Price  `json:"price,omitempty"`
	Amount Money  `json:"amount"`
}

// RatePart is what was charged at one rate.
type RatePart struct {
	Charged string `json:"charged"`
	Amount  Money  `json:"amount"`
}

// Fragment is a part of a call between two changes of any party's rate.
type Fragment struct {
	Offset   string `json:"offset"`
	Duration string `json:"duration"`
	// States and Prices of the parties, in their order.
	States []string `json:"states"`
	Prices []Money  `json:"prices"`
}

// PartyAnswer is a price of one party.
type PartyAnswer struct {
	Side      string   `json:"side"`
	Role      string   `json:"role"`
	Depth     int      `json:"depth,omitzero"`
	Account   string   `json:"account"`
	Direction string   `json:"direction"`
	Profile   string   `json:"profile,omitempty"`
	Fee       string   `json:"fee"`
	Zone      string   `json:"zone"`
	Price     Money    `json:"price"`
	Charged   string   `json:"charged"`
	Units     int64    `json:"units,omitzero"`
	Tariff    string   `json:"tariff,omitempty"` // hash
	Explain   []string `json:"explain,omitempty"`
}

// BalanceChange is a wallet before and after.
type BalanceChange struct {
	Account string       `json:"account"`
	Wallet  string       `json:"wallet"`
	Unit    balance.Unit `json:"unit"`
	Before  string       `json:"before"`
	After   string       `json:"after"`
}

// IntervalPart is the part of a price in one balance interval.
type IntervalPart struct {
	Start  string `json:"start"`
	Amount Money  `json:"amount"`
}

// AuthorizeAnswer says how long a call may last, or how many units there are.
type AuthorizeAnswer struct {
	Authorized bool   `json:"authorized"`
	Maximum    string `json:"maximum"` // seconds, or units
	Fee        string `json:"fee,omitempty"`
	Zone       string `json:"zone,omitempty"`
	Available  Money  `json:"available"` // cash that is not reserved
	Lock       int    `json:"lock"`
}

// SessionAnswer is that of a session request.
type SessionAnswer struct {
	Session    string `json:"session"`
	Number     int64  `json:"number"`
	Grant      int64  `json:"grant"` // seconds from what was reported as used
	Total      string `json:"total"` // from the answer
	Final      bool   `json:"final"`
	RenewAfter string `json:"renew_after,omitempty"`
	ValidUntil string `json:"valid_until,omitempty"`
	Price      Money  `json:"price"` // of a stop
	Settled    Money  `json:"settled"`
	Short      Money  `json:"short"`
	Refund     Money  `json:"refund"`
	Reserved   Money  `json:"reserved"`  // by the session now
	Available  Money  `json:"available"` // on the account now
}

// BookingAnswer is that of a top-up, voucher, debit, correction and the like.
type BookingAnswer struct {
	Account   string `json:"account"`
	Duplicate bool   `json:"duplicate,omitzero"` // it was done before
	*Paid
	// Events are what else followed: new intervals, locks, profiles.
	Events []string `json:"events,omitempty"`
}

// ParallelAnswer counts, because which of several steps comes first is chance.
type ParallelAnswer struct {
	// Outcomes are the numbers of steps by their error, "ok" for none.
	Outcomes map[string]int `json:"outcomes"`
	Price    Money          `json:"price"`        // sum of the prices of calls
	Paid     Money          `json:"from_balance"` // of calls and debits
	Granted  int64          `json:"granted"`      // seconds, of sessions
	Settled  Money          `json:"settled"`
}

// RerateAnswer is the difference that a re-rating made.
type RerateAnswer struct {
	Records int64 `json:"records"`
	Changed int64 `json:"changed"`
	Failed  int64 `json:"failed"`
	// Accounts by role and name.
	Accounts []Difference `json:"accounts,omitempty"`
	// Calls as they are now, those that changed.
	Calls []CallAnswer `json:"calls,omitempty"`
}

// Difference is what one party paid and pays.
type Difference struct {
	Role    string `json:"role"`
	Account string `json:"account"`
	Records int64  `json:"records"`
	Changed int64  `json:"changed"`
	Old     Money  `json:"old"`
	New     Money  `json:"new"`
}

// AccountAnswer is an account as of its last change.
type AccountAnswer struct {
	Cash      Money            `json:"cash"`
	Held      Money            `json:"held"`      // by sessions
	Available Money            `json:"available"` // to be reserved
	FreeTime  string           `json:"free_time"` // seconds left
	Package   string           `json:"package"`
	Profile   string           `json:"profile"` // in force
	Lock      int              `json:"lock"`    // the higher of the two below
	Underrun  int              `json:"lock_balance"`
	Fraud     int              `json:"lock_fraud"`
	Intervals []IntervalAnswer `json:"intervals"`
	Wallets   []WalletAnswer   `json:"wallets,omitempty"`
	// Sums of what was spent in the current hour, day and month.
	Sums     []Sum          `json:"sums,omitempty"`
	Verdict  *Verdict       `json:"verdict,omitzero"`
	Profiles []ProfileSince `json:"profiles,omitempty"`
	Entries  []JournalEntry `json:"journal,omitempty"`
}

// ProfileSince is a set of profiles in force from an instant on.
type ProfileSince struct {
	From     string    `json:"from"`
	Profiles []Mapping `json:"profiles"`
}

// IntervalAnswer is one balance interval, [Start, End).
type IntervalAnswer struct {
	Start      string `json:"start"`
	End        string `json:"end"` // "" when it has none
	LocalStart string `json:"local_start"`
	LocalEnd   string `json:"local_end"`
	Profile    string `json:"profile"`
	Opening    Money  `json:"opening"`
	Cash       Money  `json:"cash"`
	Debit      Money  `json:"debit"`
	FreeCash   Money  `json:"free_cash"`
	FreeTime   string `json:"free_time"`
	FreeLeft   string `json:"free_left"`
	TopUps     int    `json:"topups"`
	Timely     bool   `json:"timely"`
	Discarded  bool   `json:"discarded"` // cash of the interval before
	Expiry     string `json:"expiry"`    // when cash is discarded without a top-up
}

// WalletAnswer is what a wallet holds.
type WalletAnswer struct {
	ID      string       `json:"id"`
	Unit    balance.Unit `json:"unit"`
	Value   string       `json:"value"`
	Expires string       `json:"expires,omitempty"`
}

// Sum is what was spent in a period.
type Sum struct {
	Period   string `json:"period"`
	Start    string `json:"start"`
	Customer Money  `json:"customer"`
	Reseller Money  `json:"reseller"`
	Calls    int    `json:"calls"`
	Exceeded bool   `json:"exceeded"`
}

// Verdict is what follows from limits.
type Verdict struct {
	Lock    int      `json:"lock"`
	Cut     bool     `json:"cut"`
	Notify  bool     `json:"notify"`
	Periods []string `json:"periods,omitempty"` // exceeded
}

// JournalEntry is a line of the journal; a positive value was taken out.
type JournalEntry struct {
	At     string       `json:"at"`
	Wallet string       `json:"wallet"`
	Unit   balance.Unit `json:"unit"`
	Value  string       `json:"value"`
	Reason string       `json:"reason"`
	Ref    string       `json:"ref,omitempty"`
}

// EventsAnswer is what mediation made of a set of events.
type EventsAnswer struct {
	Records     []CallAnswer  `json:"records"` // the latest revision of each leg
	Pending     int           `json:"pending"` // legs that wait for their end
	Quarantined []Quarantined `json:"quarantined,omitempty"`
}

// Quarantined is an event that mediation could not use.
type Quarantined struct {
	Step   string `json:"step"`
	Reason string `json:"reason"`
}

// Write writes an answer as JSON, indented unless it is to be on one line.
func (a *Answer) Write(w io.Writer, oneLine bool) error {
	opts := []jsontext.Options{json.Deterministic(true)}
	if !oneLine {
		opts = append(opts, jsontext.WithIndent("  "))
	}
	return json.MarshalWrite(w, a, json.JoinOptions(opts...))
}
