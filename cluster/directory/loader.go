package directory

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"strconv"

	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/routing"
	"github.com/jmoiron/sqlx"
)

// profileRow is the first statement of a miss.
type profileRow struct {
	ID               int64  `db:"id"`
	DomainID         int64  `db:"domain_id"`
	CustomerID       int64  `db:"customer_id"`
	BillingProfileID int64  `db:"billing_profile_id"`
	Username         string `db:"username"`
	Domain           string `db:"domain"`
	DisplayName      string `db:"display_name"`
	Status           Status `db:"status"`
	CustomerStatus   Status `db:"customer_status"`
	Prepaid          int64  `db:"prepaid"`
	Lock             int64  `db:"lock_level"`
	SpentLock        int64  `db:"spent_level"`
	BalanceLock      int64  `db:"balance_level"`
}

const (
	selectProfile = `SELECT s.id, s.domain_id, s.customer_id, c.billing_profile_id, s.username, d.name AS domain, s.display_name, s.status, c.status AS customer_status,
		COALESCE(t.prepaid, 0) AS prepaid, COALESCE(l.lock_level, 0) AS lock_level, COALESCE(l.spent_level, 0) AS spent_level,
		COALESCE(l.balance_level, 0) AS balance_level
		FROM prov_subscribers s JOIN prov_domains d ON d.id = s.domain_id JOIN prov_customers c ON c.id = s.customer_id
		LEFT JOIN prov_terms t ON t.billing_profile_id = c.billing_profile_id LEFT JOIN prov_locks l ON l.customer_id = c.id`
	byUser   = selectProfile + " WHERE s.username = ? AND d.name = ?"
	byNumber = selectProfile + " JOIN prov_numbers n ON n.subscriber_id = s.id WHERE n.number = ?"
	// Numbers and digests in one answer: an algorithm's name has letters.
	selectDetails = `SELECT 0 AS kind, number AS name, '' AS value, CASE WHEN primary_of IS NULL THEN 1 ELSE 0 END AS sorted, id FROM prov_numbers WHERE subscriber_id = ?
		UNION ALL SELECT 1, algorithm, ha1, 2, 0 FROM prov_credentials WHERE subscriber_id = ? ORDER BY 4, 5`
)

type detailRow struct {
	Kind   int    `db:"kind"`
	Name   string `db:"name"`
	Value  string `db:"value"`
	Sorted int    `db:"sorted"`
	ID     int64  `db:"id"`
}

// loader holds the statements of a miss prepared: to parse them takes longer
// than to run them.
type loader struct {
	store                     *Store
	byUser, byNumber, details *sqlx.Stmt
}

func (s *Store) newLoader(ctx context.Context) (*loader, error) {
	l := &loader{store: s}
	var err error
	prepare := func(text string) (stmt *sqlx.Stmt) {
		if err == nil {
			stmt, err = s.reader.PreparexContext(ctx, text)
		}
		return stmt
	}
	l.byUser, l.byNumber, l.details = prepare(byUser), prepare(byNumber), prepare(selectDetails)
	if err != nil {
		return nil, errors.Join(s.failure(ctx, err), l.close())
	}
	return l, nil
}

func (l *loader) close() error {
	var errs []error
	for _, stmt := range []*sqlx.Stmt{l.byUser, l.byNumber, l.details} {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	return errors.Join(errs...)
}

// profile reads one profile in two statements. A change between them may mix
// two states; its invalidation, which comes later, removes the mixture.
func (l *loader) profile(ctx context.Context, k key) (*Profile, error) {
	var row profileRow
	var err error
	if k.domain == "" {
		err = l.byNumber.GetContext(ctx, &row, k.user)
	} else {
		err = l.byUser.GetContext(ctx, &row, k.user, k.domain)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	var details []detailRow
	if err == nil {
		err = l.details.SelectContext(ctx, &details, row.ID, row.ID)
	}
	if err != nil {
		return nil, l.store.failure(ctx, err)
	}
	return row.profile(details)
}

func (row *profileRow) profile(details []detailRow) (p *Profile, err error) {
	p = &Profile{
		SubscriberID: row.ID, DomainID: row.DomainID, CustomerID: row.CustomerID, BillingProfileID: row.BillingProfileID,
		Username: row.Username, Domain: row.Domain, DisplayName: row.DisplayName,
		Locked: row.Status != Active || row.CustomerStatus != Active,
		Lock:   routing.Lock(max(row.Lock, row.SpentLock, row.BalanceLock)), Prepaid: row.Prepaid != 0,
	}
	for _, d := range details {
		if d.Kind == 0 {
			p.Numbers = append(p.Numbers, d.Name)
			continue
		}
		if a, ok := digest.ParseAlgorithm([]byte(d.Name)); ok {
			if p.ha1[a], err = hex.DecodeString(d.Value); err != nil {
				return nil, damaged(row.ID, err)
			}
		}
	}
	p.route = routing.Subscriber{ID: strconv.FormatInt(row.ID, 10), Username: p.Username, Domain: p.Domain, Number: p.Number(), Locked: p.Locked, Lock: p.Lock}
	return p, nil
}
