package sqlstore

import (
	"context"
	"iter"
	"strings"

	"github.com/class5-go/class5/billing"
)

// Filter selects records; the zero Filter selects those in force.
type Filter struct {
	From, To billing.Millis // of the INVITE; From inclusive, To exclusive when not 0
	Account  string         // that has a price of the record
	// Superseded selects records that newer ones replaced as well.
	Superseded bool
	// Brief has what prices are made of and the prices themselves, and leaves all
	// else empty, for those who look at millions: names of the leg and of the node,
	// fees, zones, explanations and media figures among it.
	Brief bool
}

func (f Filter) where(after int64) (string, []any) {
	conds, args := []string{"seq > ?"}, []any{after}
	add := func(cond string, arg any) { conds, args = append(conds, cond), append(args, arg) }
	if !f.Superseded {
		add("superseded = ?", 0)
	}
	if f.From != 0 {
		add("init_ms >= ?", int64(f.From))
	}
	if f.To != 0 {
		add("init_ms < ?", int64(f.To))
	}
	if f.Account != "" {
		add("id IN (SELECT cdr_id FROM acct_cdr_parties WHERE account = ?)", Identifier(f.Account))
	}
	return strings.Join(conds, " AND "), args
}

// page is how many records are read at once.
const page = 1000

// Records returns the records that a filter selects, in the order in which
// they were stored; with Brief, in that of their identifiers, over two connections. Records that are stored meanwhile may be among them; each
// comes once. An error is the last. While some are looked at, the next ones are
// read already.
func (s *Store) Records(ctx context.Context, f Filter) iter.Seq2[*billing.CDR, error] {
	if f.Brief {
		return s.brief(ctx, f)
	}
	return func(yield func(*billing.CDR, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		next := s.page(ctx, f, 0)
		defer func() {
			if stop(); next != nil {
				<-next
			}
		}()
		for next != nil {
			p := <-next
			if next = nil; p.err != nil {
				yield(nil, p.err)
				return
			}
			if n := len(p.list); n == page {
				next = s.page(ctx, f, p.list[n-1].Seq)
			}
			for i := range p.list {
				if !yield(&p.list[i].CDR, nil) {
					return
				}
			}
		}
	}
}

// paged is a page that was read.
type paged struct {
	list []Stored
	err  error
}

// page begins to read the page behind a number. Its outcome has to be waited
// for.
func (s *Store) page(ctx context.Context, f Filter, after int64) <-chan paged {
	out := make(chan paged, 1)
	go func() {
		where, args := f.where(after)
		list, err := read(ctx, s.db, false, where+" ORDER BY seq LIMIT ?", append(args, page)...)
		out <- paged{list, err}
	}()
	return out
}
