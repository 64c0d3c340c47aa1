package sqlledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/internal/sqlrows"
)

// Bulk is a posting of one account among many.
type Bulk struct {
	ledger.Request
	Content json.RawMessage // tells postings with the same key apart
	// Make computes the effect from the document of the account and from what
	// its wallet has. Its error is that of PostAll.
	Make func(ledger.State, ledger.Balance) (ledger.Effect, error)
}

// MaxBulk is how many postings PostAll takes.
const MaxBulk = 500

// PostAll books what has happened already in many accounts, as Post with Force
// does in one, by a few statements for all of them. The accounts differ; node
// and epoch are those of the first. Of no key there has been a posting before:
// otherwise it is ledger.ErrKey, and nothing is booked.
func (t *Tx) PostAll(ctx context.Context, list []Bulk) ([]ledger.Answer, error) {
	if len(list) == 0 {
		return nil, nil
	}
	b := bulk{Tx: t, list: list, at: make(map[string]int, len(list))}
	if err := b.check(); err != nil {
		return nil, err
	}
	if err := t.epoch(ctx, list[0].Node, list[0].Epoch); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{b.lock, b.unused, b.read, b.compute, b.write} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return b.answers, nil
}

type bulk struct {
	*Tx
	list     []Bulk
	accounts []string
	at       map[string]int // place of an account
	states   []ledger.State
	wallets  []map[string]*held
	effects  []ledger.Effect
	answers  []ledger.Answer
}

// held is a wallet of one of the accounts.
type held struct {
	ledger.Wallet
	was, changed bool
}

func (b *bulk) check() error {
	if len(b.list) > MaxBulk {
		return fmt.Errorf("%w: %d postings", ledger.ErrRequest, len(b.list))
	}
	for i := range b.list {
		if err := b.list[i].Check(); err != nil {
			return err
		}
		a := b.list[i].Account
		if _, twice := b.at[a]; twice {
			return fmt.Errorf("%w: two postings of account %.40q", ledger.ErrRequest, a)
		}
		b.at[a] = i
		b.accounts = append(b.accounts, a)
		b.states = append(b.states, ledger.State{Account: a})
		b.wallets = append(b.wallets, map[string]*held{})
	}
	return nil
}

// run runs a statement with the accounts in place of its (?).
func (b *bulk) run(ctx context.Context, query string) (int64, error) {
	query, args, err := sqlx.In(query, b.accounts)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ledger.ErrRequest, err)
	}
	n, err := b.exec(ctx, query, args...)
	return n, failed(ctx, err)
}

func (b *bulk) selects(ctx context.Context, rows any, query string, values any) error {
	query, args, err := sqlx.In(query, values)
	if err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrRequest, err)
	}
	return failed(ctx, b.tx.SelectContext(ctx, rows, query, args...))
}

func (b *bulk) insert(ctx context.Context, table, columns string, n int, row func(i int) []any) error {
	err := sqlrows.Insert(table, columns, n, func(to []any, i int) []any { return append(to, row(i)...) }, func(query string, args []any) error {
		_, err := b.exec(ctx, query, args...)
		return err
	})
	if unique(err) { // another transaction was faster
		return &fault{ErrRetry, err}
	}
	return failed(ctx, err)
}

// lock locks the accounts and makes those that are not there.
func (b *bulk) lock(ctx context.Context) error {
	n, err := b.run(ctx, "UPDATE ledger_accounts SET touched = touched + 1 WHERE account IN (?)")
	if err != nil || n == int64(len(b.accounts)) {
		return err
	}
	var there []string
	if err := b.selects(ctx, &there, "SELECT account FROM ledger_accounts WHERE account IN (?)"+b.now, b.accounts); err != nil {
		return err
	}
	var fresh []string
	for _, a := range b.accounts {
		if !slices.Contains(there, a) {
			fresh = append(fresh, a)
		}
	}
	return b.insert(ctx, "ledger_accounts", "account, touched, document", len(fresh), func(i int) []any { return []any{fresh[i], 0, ""} })
}

// unused refuses keys that were used before.
func (b *bulk) unused(ctx context.Context) error {
	keys := make([]string, len(b.list))
	for i := range b.list {
		keys[i] = b.list[i].Key
	}
	var used []string
	if err := b.selects(ctx, &used, "SELECT op_key FROM ledger_keys WHERE op_key IN (?)"+b.now, keys); err != nil {
		return err
	}
	if len(used) > 0 {
		return fmt.Errorf("%w: %.40q", ledger.ErrKey, used[0])
	}
	return nil
}

// read reads documents, wallets and what is reserved of them.
func (b *bulk) read(ctx context.Context) error {
	var documents []struct{ Account, Document string }
	if err := b.selects(ctx, &documents, "SELECT account, document FROM ledger_accounts WHERE account IN (?)"+b.now, b.accounts); err != nil {
		return err
	}
	for _, d := range documents {
		if d.Document != "" {
			b.states[b.at[d.Account]].Data = []byte(d.Document)
		}
	}
	var wallets []struct {
		Account, Wallet, Unit string
		Amount                int64
		Floor                 int64 `db:"floor_value"`
	}
	err := b.selects(ctx, &wallets, "SELECT account, wallet, unit, amount, floor_value FROM ledger_wallets WHERE account IN (?)"+b.now, b.accounts)
	if err != nil {
		return err
	}
	for _, w := range wallets {
		b.wallets[b.at[w.Account]][w.Wallet] = &held{was: true, Wallet: ledger.Wallet{
			Unit: balance.Unit(w.Unit), Value: w.Amount, Floor: w.Floor, Holds: map[string]ledger.Hold{},
		}}
	}
	var holds []struct {
		Account, Wallet string
		Name            string `db:"hold_name"`
		Amount          int64
		Until           billing.Millis `db:"until_ms"`
	}
	err = b.selects(ctx, &holds, "SELECT account, wallet, hold_name, amount, until_ms FROM ledger_holds WHERE account IN (?)"+b.now, b.accounts)
	for _, h := range holds {
		if w := b.wallets[b.at[h.Account]][h.Wallet]; w != nil {
			w.Holds[h.Name] = ledger.Hold{Value: h.Amount, Until: h.Until}
		}
	}
	return err
}

// compute computes all effects before the first row is written.
func (b *bulk) compute(context.Context) error {
	for i := range b.list {
		p := &b.list[i]
		own := b.wallets[i][p.Wallet]
		var have ledger.Balance
		if own != nil {
			have = own.Balance(p.At)
		}
		e, err := p.Make(b.states[i], have)
		if err != nil {
			return err
		}
		if err := e.Check(&ledger.Posting{Request: p.Request, Accounts: []string{p.Account}}); err != nil {
			return err
		}
		if err := b.apply(i, p, &e); err != nil {
			return err
		}
		a := ledger.Answer{Result: e.Result}
		if own = b.wallets[i][p.Wallet]; own != nil {
			a.Balance, a.Available = own.Value, own.Available(p.At)
		}
		b.effects, b.answers = append(b.effects, e), append(b.answers, a)
	}
	return nil
}

// apply changes the wallets of an account in memory.
func (b *bulk) apply(i int, p *Bulk, e *ledger.Effect) error {
	wallet := func(name string, u balance.Unit) *held {
		w := b.wallets[i][name]
		if w == nil {
			w = &held{Wallet: ledger.Wallet{Unit: u}, changed: true}
			b.wallets[i][name] = w
		}
		return w
	}
	for _, f := range e.Floors {
		w := wallet(f.Wallet, balance.Cash)
		w.Floor, w.changed = f.Value, w.changed || w.Floor != f.Value
	}
	for _, n := range e.Net() {
		w := wallet(n.Wallet, n.Unit)
		if w.Unit != n.Unit {
			return fmt.Errorf("%w: %s in a wallet of %s", ledger.ErrRequest, n.Unit, w.Unit)
		}
		if err := w.Post(n.Value, p.At, true); err != nil {
			return err
		}
		w.changed = w.changed || n.Value != 0
	}
	return nil
}

// write writes all that has changed.
func (b *bulk) write(ctx context.Context) error {
	keys := make([][]any, len(b.list))
	for i := range b.list {
		p := &b.list[i]
		digest, err := ledger.Digest("post", ledger.Posting{
			Request: p.Request, Accounts: []string{p.Account}, Effect: ledger.Effect{Result: p.Content}, Force: true,
		})
		if err != nil {
			return err
		}
		answer, err := json.Marshal(b.answers[i])
		if err != nil {
			return fmt.Errorf("sqlledger: answer: %w", err)
		}
		keys[i] = []any{p.Key, digest, p.At, string(answer)}
	}
	err := b.insert(ctx, "ledger_keys", "op_key, digest, at_ms, answer", len(keys), func(i int) []any { return keys[i] })
	if err != nil {
		return err
	}
	type line struct {
		key string
		n   int
		balance.Entry
	}
	var lines []line
	for i := range b.effects {
		for n, e := range b.effects[i].Entries {
			lines = append(lines, line{b.list[i].Key, n + 1, e})
		}
	}
	err = b.insert(ctx, "ledger_journal", "op_key, line, account, wallet, unit, amount, reason, ref, at_ms", len(lines), func(i int) []any {
		e := &lines[i]
		return []any{e.key, e.n, e.Account, e.Wallet, string(e.Unit), e.Value, string(e.Reason), e.Ref, e.At}
	})
	if err != nil {
		return err
	}
	if err := b.putWallets(ctx); err != nil {
		return err
	}
	return b.putDocuments(ctx)
}

// putWallets writes the wallets that have changed: what was there by one
// statement with a case for each, what is new by another.
func (b *bulk) putWallets(ctx context.Context) error {
	var fresh, old [][]any
	for i := range b.list {
		for name, w := range b.wallets[i] {
			if !w.changed {
				continue
			}
			row := []any{b.list[i].Account, name, string(w.Unit), w.Value, w.Floor}
			if w.was {
				old = append(old, row)
			} else {
				fresh = append(fresh, row)
			}
		}
	}
	if len(old) > 0 {
		one := "WHEN account = ? AND wallet = ? THEN ? "
		cases := strings.Repeat(one, len(old))
		var amounts, floors []any
		for _, r := range old {
			amounts, floors = append(amounts, r[0], r[1], r[3]), append(floors, r[0], r[1], r[4])
		}
		query, args, err := sqlx.In("UPDATE ledger_wallets SET amount = CASE "+cases+"ELSE amount END, floor_value = CASE "+cases+"ELSE floor_value END WHERE account IN (?)",
			append(append(amounts, floors...), accountsOf(old))...)
		if err != nil {
			return fmt.Errorf("%w: %w", ledger.ErrRequest, err)
		}
		if _, err := b.exec(ctx, query, args...); err != nil {
			return failed(ctx, err)
		}
	}
	return b.insert(ctx, "ledger_wallets", "account, wallet, unit, amount, floor_value", len(fresh), func(i int) []any { return fresh[i] })
}

func accountsOf(rows [][]any) []string {
	var out []string
	for _, r := range rows {
		if a, ok := r[0].(string); ok && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// putDocuments writes the documents.
func (b *bulk) putDocuments(ctx context.Context) error {
	var cases strings.Builder
	var args []any
	var accounts []string
	for i := range b.effects {
		for _, s := range b.effects[i].States {
			cases.WriteString("WHEN ? THEN ? ")
			args = append(args, s.Account, string(s.Data))
			accounts = append(accounts, s.Account)
		}
	}
	if len(accounts) == 0 {
		return nil
	}
	query, args, err := sqlx.In("UPDATE ledger_accounts SET document = CASE account "+cases.String()+"ELSE document END WHERE account IN (?)", append(args, accounts)...)
	if err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrRequest, err)
	}
	_, err = b.exec(ctx, query, args...)
	return failed(ctx, err)
}
