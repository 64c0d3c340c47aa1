package billkill

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/ledger/sqlledger"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cmd/internal/load/billbed"
)

// Outcome is what a run left. Those of two runs with the same number of rounds
// are equal but for Killed, or something was lost or doubled.
type Outcome struct {
	Killed map[string]int // by stage and victim
	// Sums has for each part of the outcome a number of rows and a hash of all
	// that they say: "records", "prices", "journal", "balances", "files in the
	// database", and each exported file by its name.
	Sums map[string]string
}

// Kills is how many there were.
func (o *Outcome) Kills() (n int) {
	for _, k := range o.Killed {
		n += k
	}
	return n
}

// Differences says where two outcomes differ.
func (o *Outcome) Differences(p *Outcome) (all []string) {
	for name, sum := range o.Sums {
		if p.Sums[name] != sum {
			all = append(all, fmt.Sprintf("%s: %s, %s", name, sum, p.Sums[name]))
		}
	}
	for name := range p.Sums {
		if _, ok := o.Sums[name]; !ok {
			all = append(all, name+": there is no such")
		}
	}
	return all
}

// queries read what must not depend on kills: everything but the instant of
// storing, identifiers of transactions, and what Redis' leases leave.
var queries = map[string]string{
	"records": `SELECT id, seq, leg_key, revision, generation, superseded, call_id, from_tag, to_tag, status, code, caller_account, callee_number,
		init_ms, start_ms, end_ms, duration_ms, flags, evidence FROM acct_cdrs ORDER BY id`,
	"prices":                `SELECT cdr_id, position, side, role, account, fee, zone, amount_micro, charged_ms, tariff FROM acct_cdr_parties ORDER BY cdr_id, position`,
	"journal":               `SELECT op_key, line, account, amount, reason FROM ledger_journal WHERE account NOT LIKE 'prepaid%' ORDER BY op_key, line`,
	"journal of payments":   `SELECT account, SUM(amount) FROM ledger_journal WHERE account LIKE 'prepaid%' GROUP BY account ORDER BY account`,
	"balances":              `SELECT account, wallet, amount FROM ledger_wallets ORDER BY account, wallet`,
	"files in the database": `SELECT stream, part, number, name, sha256, line_count, totals, first_seq, last_seq FROM acct_stream_files ORDER BY stream, part, number`,
	"quarantine":            `SELECT id FROM acct_quarantine`,
}

// prepare makes tables, and money for payments.
func (d *driver) prepare(ctx context.Context) error {
	db, err := billbed.Connect(d.dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := errors.Join(sqlstore.Migrate(ctx, db), sqlledger.Migrate(ctx, db)); err != nil {
		return err
	}
	l := sqlledger.New(db)
	for n := range 5 {
		r := ledger.Request{Key: "fund " + payer(n), Node: "driver", Epoch: 1, Account: payer(n), At: now}
		e := balance.Entry{At: now, Account: payer(n), Wallet: balance.CashWallet, Unit: balance.Cash, Value: -1 << 40, Reason: balance.ReasonTopUp}
		if _, err := l.Post(ctx, ledger.Posting{Request: r, Effect: ledger.Effect{Entries: []balance.Entry{e}}}); err != nil {
			return err
		}
	}
	return nil
}

func (d *driver) outcome(ctx context.Context) (*Outcome, error) {
	db, err := billbed.Connect(d.dsn)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if err := sqlledger.New(db).Audit(ctx); err != nil {
		return nil, err
	}
	o := &Outcome{Killed: d.Killed, Sums: map[string]string{}}
	for name, query := range queries {
		if o.Sums[name], err = sumOf(ctx, db, query); err != nil {
			return nil, err
		}
	}
	root := filepath.Join(d.dir, "files")
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		sum := sha256.Sum256(b)
		name, _ := filepath.Rel(root, path)
		o.Sums[name] = hex.EncodeToString(sum[:])
		return err
	})
	return o, err
}

// sumOf hashes all rows of a query.
func sumOf(ctx context.Context, db *sqlx.DB, query string) (string, error) {
	rows, err := db.QueryxContext(ctx, query) //nolint:sqlclosecheck // it is closed below
	if err != nil {
		return "", err
	}
	defer rows.Close()
	h := sha256.New()
	n := 0
	for rows.Next() {
		values, err := rows.SliceScan()
		if err != nil {
			return "", err
		}
		for _, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			fmt.Fprintf(h, "%q,", fmt.Sprint(v))
		}
		n++
	}
	return fmt.Sprintf("%d rows, %x", n, h.Sum(nil)[:8]), rows.Err()
}
