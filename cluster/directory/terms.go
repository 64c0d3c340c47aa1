package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/fraud"
	"github.com/class5-go/class5/sip/routing"
)

// Terms are what a billing profile says besides prices. A profile without any
// is postpaid and has no limits.
type Terms struct {
	BillingProfileID int64
	Prepaid          bool
	Limits           fraud.Limits // on what a customer spends
	// FreeTime and FreeCash are given for each interval of Rule to accounts
	// without a package; the cash is in the currency of the profile.
	FreeTime billing.Millis
	FreeCash billing.Amount
	Rule     balance.Rule // calendar months when zero
}

// Locks are what keeps a customer from calling.
type Locks struct {
	CustomerID int64
	Operator   routing.Lock // set by hand
	Spent      routing.Lock // set by a limit on spending
	Balance    routing.Lock // set by the package of the account, when its cash fell below a threshold
	Limits     fraud.Limits // the customer's own, which go before the profile's
}

// Level is the lock in force.
func (l Locks) Level() routing.Lock { return max(l.Operator, l.Spent, l.Balance) }

type termsRow struct {
	ProfileID int64  `db:"billing_profile_id"`
	Prepaid   int64  `db:"prepaid"`
	Limits    string `db:"limits"`
	FreeMS    int64  `db:"free_ms"`
	FreeMicro int64  `db:"free_micro"`
	Rule      string `db:"balance_rule"`
}

const selectTerms = "SELECT billing_profile_id, prepaid, limits, free_ms, free_micro, balance_rule FROM prov_terms"

// value is what a row says, in the currency of its profile.
func (r termsRow) value(c billing.Currency) (t Terms, err error) {
	t = Terms{BillingProfileID: r.ProfileID, Prepaid: r.Prepaid != 0, FreeTime: billing.Millis(r.FreeMS)}
	if r.FreeMicro != 0 {
		t.FreeCash = billing.NewAmount(r.FreeMicro, c)
	}
	if t.Limits, err = parseLimits(r.ProfileID, r.Limits); err != nil || r.Rule == "" {
		return t, err
	}
	if err := json.Unmarshal([]byte(r.Rule), &t.Rule); err != nil {
		return t, damaged(r.ProfileID, err)
	}
	return t, nil
}

// profile are terms as package balance knows them.
func (t *Terms) profile() balance.Profile {
	return balance.Profile{Prepaid: t.Prepaid, FreeTime: t.FreeTime, FreeCash: t.FreeCash, Rule: t.Rule}
}

// ruleText checks what terms give and writes the rule as it is stored.
func (t *Terms) ruleText() (string, error) {
	const most = 366 * 24 * 3_600_000
	if t.FreeTime > most {
		return "", invalid(KindTerms, "free_time", "more than a year")
	}
	all := balance.Terms{Profiles: map[string]balance.Profile{"": t.profile()}}
	if err := all.Check(); err != nil {
		return "", invalid(KindTerms, "free", err.Error())
	}
	if t.Rule == (balance.Rule{}) {
		return "", nil
	}
	b, err := json.Marshal(t.Rule)
	return string(b), err
}

type locksRow struct {
	CustomerID int64  `db:"customer_id"`
	Operator   int64  `db:"lock_level"`
	Spent      int64  `db:"spent_level"`
	Balance    int64  `db:"balance_level"`
	Limits     string `db:"limits"`
}

const selectLocks = "SELECT customer_id, lock_level, spent_level, balance_level, limits FROM prov_locks"

func (r locksRow) value() (Locks, error) {
	l := Locks{CustomerID: r.CustomerID, Operator: routing.Lock(r.Operator), Spent: routing.Lock(r.Spent), Balance: routing.Lock(r.Balance)}
	var err error
	l.Limits, err = parseLimits(r.CustomerID, r.Limits)
	return l, err
}

// parseLimits reads limits as they are stored; "" are none.
func parseLimits(id int64, text string) (l fraud.Limits, err error) {
	if text == "" {
		return l, nil
	}
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return l, damaged(id, err)
	}
	return l, nil
}

// limitsText checks limits and writes them as they are stored.
func limitsText(kind Kind, l fraud.Limits) (string, error) {
	if err := l.Check(); err != nil {
		return "", invalid(kind, "limits", err.Error())
	}
	b, err := json.Marshal(l)
	if err != nil || len(b) > 2000 {
		return "", invalid(kind, "limits", "too long")
	}
	return string(b), nil
}

// Terms gives the terms of a billing profile.
func (r BillingProfiles) Terms(ctx context.Context, id int64) (Terms, error) {
	p, err := r.Find(ctx, id)
	if err != nil {
		return Terms{}, err
	}
	row, err := one[termsRow](ctx, r.on, selectTerms+" WHERE billing_profile_id = ?", id)
	if err = replace(err, ErrNotFound, nil); err != nil {
		return Terms{}, err
	}
	row.ProfileID = id
	return row.value(p.Currency)
}

// SetTerms replaces the terms of a billing profile.
func (r BillingProfiles) SetTerms(ctx context.Context, t Terms) error {
	text, err := limitsText(KindTerms, t.Limits)
	if err != nil {
		return err
	}
	rule, err := t.ruleText()
	if err != nil {
		return err
	}
	return r.on.update(ctx, func(tx *Tx) error {
		p, err := tx.BillingProfiles().Find(ctx, t.BillingProfileID)
		if err != nil {
			return err
		}
		if c := t.FreeCash.Currency(); !c.IsZero() && c != p.Currency {
			return invalid(KindTerms, "free_cash", "not in the currency of the billing profile")
		}
		if _, err := tx.exec(ctx, "DELETE FROM prov_terms WHERE billing_profile_id = ?", t.BillingProfileID); err != nil {
			return err
		}
		_, err = tx.exec(ctx, `INSERT INTO prov_terms (billing_profile_id, prepaid, limits, free_ms, free_micro, balance_rule, updated_ms)
			VALUES (?, ?, ?, ?, ?, ?, ?)`, t.BillingProfileID, flag(t.Prepaid), text, int64(t.FreeTime), t.FreeCash.Micros(), rule, tx.store.now())
		if err != nil {
			return err
		}
		tx.changed(KindTerms, t.BillingProfileID, Updated)
		return nil
	})
}

// Locks gives the locks of a customer.
func (r Customers) Locks(ctx context.Context, id int64) (Locks, error) {
	if _, err := r.Find(ctx, id); err != nil {
		return Locks{}, err
	}
	row, err := one[locksRow](ctx, r.on, selectLocks+" WHERE customer_id = ?", id)
	if err = replace(err, ErrNotFound, nil); err != nil {
		return Locks{}, err
	}
	row.CustomerID = id
	return row.value()
}

// SpentLocks lists the customers that a limit on spending has locked.
func (r Customers) SpentLocks(ctx context.Context) ([]Locks, error) {
	rows, err := all[locksRow](ctx, r.on, selectLocks+" WHERE spent_level > 0 ORDER BY customer_id")
	if err != nil {
		return nil, err
	}
	list := make([]Locks, 0, len(rows))
	for _, row := range rows {
		l, err := row.value()
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	return list, nil
}

// maxLock is the highest level that may be set.
const maxLock = routing.LockPorted

// SetLocks replaces the operator's lock of a customer and its limits, and
// leaves what a limit has set.
func (r Customers) SetLocks(ctx context.Context, l Locks) error {
	return r.changeLocks(ctx, l.CustomerID, func(old *Locks) { old.Operator, old.Limits = l.Operator, l.Limits })
}

// SetSpentLock sets or, by routing.LockNone, ends the lock by a limit.
func (r Customers) SetSpentLock(ctx context.Context, id int64, level routing.Lock) error {
	return r.changeLocks(ctx, id, func(old *Locks) { old.Spent = level })
}

// SetBalanceLock sets or, by routing.LockNone, ends the lock by the balance of
// the account.
func (r Customers) SetBalanceLock(ctx context.Context, id int64, level routing.Lock) error {
	return r.changeLocks(ctx, id, func(old *Locks) { old.Balance = level })
}

func (r Customers) changeLocks(ctx context.Context, id int64, change func(*Locks)) error {
	return r.on.update(ctx, func(tx *Tx) error {
		old, err := tx.Customers().Locks(ctx, id)
		if err != nil {
			return err
		}
		l := old
		change(&l)
		if max(l.Operator, l.Spent, l.Balance) > maxLock {
			return invalid(KindCustomer, "lock", "not a level from 0 to 5")
		}
		text, err := limitsText(KindCustomer, l.Limits)
		if err != nil {
			return err
		}
		if _, err := tx.exec(ctx, "DELETE FROM prov_locks WHERE customer_id = ?", id); err != nil {
			return err
		}
		_, err = tx.exec(ctx, "INSERT INTO prov_locks (customer_id, lock_level, spent_level, balance_level, limits, updated_ms) VALUES (?, ?, ?, ?, ?, ?)",
			id, int64(l.Operator), int64(l.Spent), int64(l.Balance), text, tx.store.now())
		if err != nil {
			return err
		}
		tx.changed(KindCustomer, id, Updated)
		return nil
	})
}

// Spending is how what a customer spends is counted.
type Spending struct {
	CustomerID int64
	Prepaid    bool
	Currency   billing.Currency
	Zone       *time.Location // of the billing profile: its days are counted
	Limits     fraud.Limits   // the customer's over the profile's
}

// Limited reports whether there is a limit at all.
func (s *Spending) Limited() bool {
	l := &s.Limits
	return l.Hour != nil || l.Day != nil || l.Month != nil || l.Window != nil
}

// Spending gives how a customer's spending is counted, from memory until
// something of it changes.
func (r *Reader) Spending(ctx context.Context, customerID int64) (*Spending, error) {
	return r.spending.get(ctx, customerID, r.store.Spending)
}

// Spending gives how a customer's spending is counted, from the database.
func (s *Store) Spending(ctx context.Context, id int64) (*Spending, error) {
	c, err := s.Customers().Find(ctx, id)
	if err != nil {
		return nil, err
	}
	p, err := s.BillingProfiles().Find(ctx, c.BillingProfileID)
	if err != nil {
		return nil, err
	}
	terms, err := s.BillingProfiles().Terms(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	locks, err := s.Customers().Locks(ctx, id)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(p.TimeZone)
	if err != nil {
		return nil, damaged(p.ID, err)
	}
	return &Spending{
		CustomerID: id, Prepaid: terms.Prepaid, Currency: p.Currency, Zone: zone,
		Limits: fraud.Merge(fraud.Limits{}, terms.Limits, locks.Limits),
	}, nil
}

// LockSource is who or what has locked a customer.
type LockSource string

// Sources of locks.
const (
	LockedByOperator LockSource = "operator"
	LockedBySpending LockSource = "spending" // a limit was exceeded
	LockedByBalance  LockSource = "balance"  // cash fell below a threshold of the package
)

// Unlock ends the locks from these sources. With that of a limit it pardons what
// the customer has spent so far: the limits count from now on. That of a
// balance comes back with the next crossing of the threshold.
func (s *Store) Unlock(ctx context.Context, customerID int64, from ...LockSource) error {
	if len(from) == 0 {
		return invalid(KindCustomer, "source", "at least one is needed")
	}
	sp, err := s.Spending(ctx, customerID)
	if err != nil {
		return err
	}
	h, err := s.Holder(ctx, customerID)
	if err != nil {
		return err
	}
	return s.Update(ctx, func(tx *Tx) error {
		for _, source := range from {
			if err := tx.unlock(ctx, sp, h, source); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *Tx) unlock(ctx context.Context, sp *Spending, h *Holder, from LockSource) error {
	id, now := sp.CustomerID, billing.Millis(t.store.now())
	switch from {
	case LockedByOperator:
		return t.Customers().changeLocks(ctx, id, func(l *Locks) { l.Operator = routing.LockNone })
	case LockedBySpending:
		err := t.Spent().Change(ctx, strconv.FormatInt(id, 10), func(c fraud.Counter) (fraud.Counter, error) {
			return fraud.Unlock(c, sp.Limits, now, sp.Zone), nil
		})
		if err != nil {
			return err
		}
		return t.Customers().SetSpentLock(ctx, id, routing.LockNone)
	case LockedByBalance:
		l, err := t.Customers().Locks(ctx, id)
		if err != nil || l.Balance == routing.LockNone {
			return err
		}
		// The account knows its lock: one that it believes in would not come back.
		key := fmt.Sprintf("unlock/%d/%d", id, now)
		if _, err := t.Book(ctx, h, Booking{Key: key, Node: "web", At: now}, func(b Books) (balance.Change, any, error) {
			c, err := balance.Unlock(b.Terms, b.Account, now)
			return c, nil, err
		}); err != nil {
			return err
		}
		return t.Customers().SetBalanceLock(ctx, id, routing.LockNone)
	}
	return invalid(KindCustomer, "source", "none of operator, spending, balance")
}
