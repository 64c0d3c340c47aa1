package directory

import (
	"context"
	"encoding/json"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/ledger/sqlledger"
)

// Receipt says how the account of a customer paid for its side of a record.
type Receipt struct {
	Leg     billing.LegKey
	Side    billing.Side
	Account string
	balance.Receipt
}

type receiptRow struct {
	Leg     billing.LegKey `db:"leg_key"`
	Side    string         `db:"side"`
	Account string         `db:"account"`
	Receipt string         `db:"receipt"`
}

// Receipts are those of legs. There is one for each side at most.
func (t *Tx) Receipts(ctx context.Context, legs ...billing.LegKey) ([]Receipt, error) {
	return receipts(ctx, t, legs)
}

// Receipts are those of legs. There is one for each side at most.
func (s *Store) Receipts(ctx context.Context, legs ...billing.LegKey) ([]Receipt, error) {
	return receipts(ctx, s, legs)
}

func receipts(ctx context.Context, on access, legs []billing.LegKey) ([]Receipt, error) {
	if len(legs) == 0 {
		return nil, nil
	}
	keys := make([]string, len(legs))
	for i, k := range legs {
		keys[i] = k.String()
	}
	rows, err := in[receiptRow](ctx, on, "SELECT leg_key, side, account, receipt FROM acct_receipts WHERE leg_key IN (?)", keys)
	if err != nil {
		return nil, err
	}
	out := make([]Receipt, len(rows))
	for i, r := range rows {
		out[i] = Receipt{Leg: r.Leg, Side: billing.Side(r.Side), Account: r.Account}
		if err := json.Unmarshal([]byte(r.Receipt), &out[i].Receipt); err != nil {
			return nil, damaged(0, err)
		}
	}
	return out, nil
}

// PutReceipts stores receipts. Those that replace others of the same side of a
// leg are again: true in the same place.
func (t *Tx) PutReceipts(ctx context.Context, list []Receipt, again []bool) error {
	texts := make([]string, len(list))
	for i := range list {
		b, err := json.Marshal(&list[i].Receipt)
		if err != nil {
			return err
		}
		texts[i] = string(b)
		if again[i] {
			if _, err := t.exec(ctx, "DELETE FROM acct_receipts WHERE leg_key = ? AND side = ?", list[i].Leg.String(), string(list[i].Side)); err != nil {
				return err
			}
		}
	}
	now := t.store.now()
	return t.insertRows(ctx, "acct_receipts", "leg_key, side, account, receipt, updated_ms", len(list), func(i int) []any {
		return []any{list[i].Leg.String(), string(list[i].Side), list[i].Account, texts[i], now}
	})
}

// Answers are what requests to the ledger were answered, by their keys; those
// that were not made are missing.
func (t *Tx) Answers(ctx context.Context, keys ...string) (map[string]ledger.Answer, error) {
	a, err := sqlledger.In(t.tx).Answers(ctx, keys...)
	if err != nil {
		return nil, t.ended(err)
	}
	return a, nil
}

// Free ends what is reserved under names in all wallets of accounts.
func (t *Tx) Free(ctx context.Context, accounts, holds []string) error {
	if err := sqlledger.In(t.tx).Free(ctx, accounts, holds); err != nil {
		return t.ended(err)
	}
	return nil
}
