package sqlledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/jmoiron/sqlx"
)

// Tx is a ledger.Ledger inside a transaction of the caller, who commits it. It
// belongs to one goroutine.
type Tx struct {
	tx  *sqlx.Tx
	now string // makes a query read what is committed now
}

func (t *Tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	r, err := t.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// epoch locks the node and refuses it when it is fenced.
func (t *Tx) epoch(ctx context.Context, node string, epoch int64) error {
	n, err := t.exec(ctx, "UPDATE ledger_nodes SET touched = touched + 1 WHERE node = ?", node)
	if err != nil {
		return failed(ctx, err)
	}
	if n == 0 {
		return t.insert(ctx, "INSERT INTO ledger_nodes (node, epoch, touched) VALUES (?, ?, 0)", node, epoch)
	}
	var have int64
	if err := t.tx.GetContext(ctx, &have, "SELECT epoch FROM ledger_nodes WHERE node = ?"+t.now, node); err != nil {
		return failed(ctx, err)
	}
	if epoch < have {
		return fmt.Errorf("%w: node %.40q at epoch %d, not %d", ledger.ErrFenced, node, have, epoch)
	}
	if epoch > have {
		_, err = t.exec(ctx, "UPDATE ledger_nodes SET epoch = ? WHERE node = ?", epoch, node)
	}
	return failed(ctx, err)
}

// insert makes a row that another transaction may be making too.
func (t *Tx) insert(ctx context.Context, query string, args ...any) error {
	_, err := t.exec(ctx, query, args...)
	if unique(err) {
		return &fault{ErrRetry, err}
	}
	return failed(ctx, err)
}

// lock locks accounts, in order, and makes those that are not there if asked
// to.
func (t *Tx) lock(ctx context.Context, create bool, accounts ...string) error {
	sorted := slices.Sorted(slices.Values(accounts))
	for _, a := range slices.Compact(sorted) {
		n, err := t.exec(ctx, "UPDATE ledger_accounts SET touched = touched + 1 WHERE account = ?", a)
		if err != nil {
			return failed(ctx, err)
		}
		if n == 0 && !create {
			return fmt.Errorf("%w: account %.40q", ledger.ErrNotFound, a)
		}
		if n == 0 {
			if err := t.insert(ctx, "INSERT INTO ledger_accounts (account, touched, document) VALUES (?, 0, '')", a); err != nil {
				return err
			}
		}
	}
	return nil
}

// request carries a request out unless it was before. do writes nothing until
// nothing can be refused any more.
func (t *Tx) request(ctx context.Context, kind string, r *ledger.Request, body any, do func() (ledger.Answer, error)) (ledger.Answer, error) {
	digest, err := ledger.Digest(kind, body)
	if err != nil {
		return ledger.Answer{}, err
	}
	if err := t.epoch(ctx, r.Node, r.Epoch); err != nil {
		return ledger.Answer{}, err
	}
	accounts := []string{r.Account}
	if p, ok := body.(ledger.Posting); ok {
		accounts = p.Accounts
	}
	if err := t.lock(ctx, kind == "post", accounts...); err != nil {
		return ledger.Answer{}, err
	}
	if err := t.first(ctx, r.Key, digest, ""); err != nil {
		return ledger.Answer{}, err
	}
	_, err = t.exec(ctx, "INSERT INTO ledger_keys (op_key, digest, at_ms, answer) VALUES (?, ?, ?, '')", r.Key, digest, r.At)
	if unique(err) { // the caller's snapshot is older than the first request
		if err := t.first(ctx, r.Key, digest, t.now); err != nil {
			return ledger.Answer{}, err
		}
		return ledger.Answer{}, &fault{ErrRetry, err}
	}
	if err != nil {
		return ledger.Answer{}, failed(ctx, err)
	}
	a, err := do()
	if err != nil {
		if _, undo := t.exec(ctx, "DELETE FROM ledger_keys WHERE op_key = ?", r.Key); undo != nil {
			return a, failed(ctx, undo)
		}
		return a, err
	}
	text, err := json.Marshal(a)
	if err != nil {
		return a, fmt.Errorf("sqlledger: answer: %w", err)
	}
	_, err = t.exec(ctx, "UPDATE ledger_keys SET answer = ? WHERE op_key = ?", string(text), r.Key)
	return a, failed(ctx, err)
}

// first returns the answer that a key got before, as an error.
func (t *Tx) first(ctx context.Context, key, digest, now string) error {
	var row struct {
		Digest string `db:"digest"`
		Answer string `db:"answer"`
	}
	err := t.tx.GetContext(ctx, &row, "SELECT digest, answer FROM ledger_keys WHERE op_key = ?"+now, key)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return failed(ctx, err)
	case row.Digest != digest:
		return fmt.Errorf("%w: %.40q", ledger.ErrKey, key)
	}
	var d ledger.DuplicateError
	if err := json.Unmarshal([]byte(row.Answer), &d.First); err != nil {
		return fmt.Errorf("sqlledger: answer of %.40q: %w", key, err)
	}
	return &d
}

// Answers are what requests were answered, by their keys; those that were not
// made, or were forgotten, are missing.
func (t *Tx) Answers(ctx context.Context, keys ...string) (map[string]ledger.Answer, error) {
	out := make(map[string]ledger.Answer, len(keys))
	for part := range slices.Chunk(keys, 500) {
		query, args, err := sqlx.In("SELECT op_key, answer FROM ledger_keys WHERE op_key IN (?)", part)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ledger.ErrRequest, err)
		}
		var rows []struct {
			Key    string `db:"op_key"`
			Answer string `db:"answer"`
		}
		if err := t.tx.SelectContext(ctx, &rows, query, args...); err != nil {
			return nil, failed(ctx, err)
		}
		for _, r := range rows {
			var a ledger.Answer
			if err := json.Unmarshal([]byte(r.Answer), &a); err != nil {
				return nil, fmt.Errorf("sqlledger: answer of %.40q: %w", r.Key, err)
			}
			out[r.Key] = a
		}
	}
	return out, nil
}

// Free ends holds of the given names in all wallets of accounts, without a
// request of its own: it is part of what the transaction does.
func (t *Tx) Free(ctx context.Context, accounts, holds []string) error {
	if len(accounts) == 0 {
		return nil
	}
	for part := range slices.Chunk(holds, 1000) {
		query, args, err := sqlx.In("DELETE FROM ledger_holds WHERE account IN (?) AND hold_name IN (?)", accounts, part)
		if err != nil {
			return fmt.Errorf("%w: %w", ledger.ErrRequest, err)
		}
		if _, err = t.exec(ctx, query, args...); err != nil {
			return failed(ctx, err)
		}
	}
	return nil
}

// load reads a wallet with its holds; nil when there is none.
func (t *Tx) load(ctx context.Context, account, wallet, now string) (*ledger.Wallet, error) {
	var row struct {
		Unit   string `db:"unit"`
		Amount int64  `db:"amount"`
		Floor  int64  `db:"floor_value"`
	}
	err := t.tx.GetContext(ctx, &row, "SELECT unit, amount, floor_value FROM ledger_wallets WHERE account = ? AND wallet = ?"+now, account, wallet)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, failed(ctx, err)
	}
	var holds []struct {
		Name   string         `db:"hold_name"`
		Amount int64          `db:"amount"`
		Until  billing.Millis `db:"until_ms"`
	}
	err = t.tx.SelectContext(ctx, &holds, "SELECT hold_name, amount, until_ms FROM ledger_holds WHERE account = ? AND wallet = ?"+now, account, wallet)
	if err != nil {
		return nil, failed(ctx, err)
	}
	w := &ledger.Wallet{Unit: balance.Unit(row.Unit), Value: row.Amount, Floor: row.Floor, Holds: make(map[string]ledger.Hold, len(holds))}
	for _, h := range holds {
		w.Holds[h.Name] = ledger.Hold{Value: h.Amount, Until: h.Until}
	}
	return w, nil
}
