package directory

import (
	"context"
	"encoding/json"
	"time"

	"github.com/class5-go/class5/billing"
)

// RerateFilter says which stored calls are priced anew.
type RerateFilter struct {
	From       billing.Millis `json:"from"` // of the INVITE, inclusive
	To         billing.Millis `json:"to"`   // exclusive
	CustomerID int64          `json:"customer_id,omitempty"`
	Profile    string         `json:"profile,omitempty"` // billing profile by which a party paid
}

// Rerating is a plan to price stored calls anew, and what became of it.
type Rerating struct {
	Plan     string // its name
	Filter   RerateFilter
	By       string // the admin
	Begun    time.Time
	Done     bool
	Ended    time.Time
	Records  int64 // looked at
	Changed  int64 // with another price
	Failed   int64 // that have no price by now; theirs stays
	Refused  int64 // that could not be posted; their price stays
	Accounts []RerateSums
	Failures []RerateFailure
}

// RerateSums are what an account paid and would pay, in units of the currency.
type RerateSums struct {
	Role       string `json:"role"`
	Account    string `json:"account"`
	Currency   string `json:"currency"`
	Records    int64  `json:"records"`
	Changed    int64  `json:"changed"`
	Old        string `json:"old"`
	New        string `json:"new"`
	Difference string `json:"difference"`
}

// RerateFailure is a record that has no price now.
type RerateFailure struct {
	Leg    string `json:"leg"`
	Reason string `json:"reason"`
}

type reratingRow struct {
	ID       int64  `db:"id"`
	Plan     string `db:"plan"`
	Filter   string `db:"selection"`
	By       string `db:"admin"`
	BegunMS  int64  `db:"begun_ms"`
	EndedMS  int64  `db:"ended_ms"`
	Records  int64  `db:"records"`
	Changed  int64  `db:"changed"`
	Failed   int64  `db:"failed"`
	Refused  int64  `db:"refused"`
	Accounts string `db:"accounts"`
}

const selectRerating = "SELECT id, plan, selection, admin, begun_ms, ended_ms, records, changed, failed, refused, accounts FROM acct_reratings"

func (r reratingRow) value() (Rerating, error) {
	out := Rerating{
		Plan: r.Plan, By: r.By, Begun: at(r.BegunMS), Done: r.EndedMS != 0, Records: r.Records, Changed: r.Changed, Failed: r.Failed, Refused: r.Refused,
	}
	if out.Done {
		out.Ended = at(r.EndedMS)
	}
	err := json.Unmarshal([]byte(r.Filter), &out.Filter)
	if err == nil {
		err = json.Unmarshal([]byte(r.Accounts), &out.Accounts)
	}
	if err != nil {
		return out, damaged(r.ID, err)
	}
	return out, nil
}

// Reratings is the repository of what was priced anew, and by whom.
type Reratings struct{ on access }

// Begin notes that a plan is being carried out.
func (r Reratings) Begin(ctx context.Context, v Rerating) error {
	filter, err := json.Marshal(v.Filter)
	if err != nil {
		return err
	}
	accounts, err := json.Marshal(v.Accounts)
	if err != nil {
		return err
	}
	return r.on.update(ctx, func(tx *Tx) error {
		id, err := tx.nextIDs(ctx, "rerating", 1)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `INSERT INTO acct_reratings (id, plan, selection, admin, begun_ms, ended_ms, records, changed, failed, refused, accounts)
			VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, 0, ?)`, id, v.Plan, string(filter), v.By, tx.store.now(), v.Records, v.Changed, v.Failed, string(accounts))
		return conflictOn(err, KindRerating, "plan")
	})
}

// End notes that a plan was carried out, but for so many records.
func (r Reratings) End(ctx context.Context, plan string, refused int64) (Rerating, error) {
	err := r.on.update(ctx, func(tx *Tx) error {
		_, err := tx.exec(ctx, "UPDATE acct_reratings SET ended_ms = ?, refused = ? WHERE plan = ?", tx.store.now(), refused, plan)
		return err
	})
	if err != nil {
		return Rerating{}, err
	}
	return r.Find(ctx, plan)
}

// Find gives a plan that was carried out or is being.
func (r Reratings) Find(ctx context.Context, plan string) (Rerating, error) {
	row, err := one[reratingRow](ctx, r.on, selectRerating+" WHERE plan = ?", plan)
	if err != nil {
		return Rerating{}, err
	}
	return row.value()
}

// List gives the last plans that were carried out, at most 500, the newest
// first.
func (r Reratings) List(ctx context.Context) ([]Rerating, error) {
	rows, err := all[reratingRow](ctx, r.on, selectRerating+" ORDER BY id DESC LIMIT 500")
	if err != nil {
		return nil, err
	}
	out := make([]Rerating, len(rows))
	for i := range rows {
		if out[i], err = rows[i].value(); err != nil {
			return nil, err
		}
	}
	return out, nil
}
