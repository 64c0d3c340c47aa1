package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
)

// What prices are made of is read for millions of records at a time. It goes
// from the driver into the records without what database/sql does to each
// value, over two connections, each of which has every other range of
// identifiers, by statements that are prepared: numbers come as such.

// span is how many identifiers are read at once, and readers how many
// connections are used.
const (
	span    = 2000
	readers = 2
)

const (
	selectBrief = `SELECT id, leg_key, revision, generation, leg, call_type, status,
	caller_account, caller_user, caller_domain, caller_number, caller_peer,
	callee_account, callee_user, callee_domain, callee_number, callee_peer,
	source_ip, init_ms, start_ms, end_ms, duration_ms FROM acct_cdrs WHERE id >= ? AND id < ?`
	selectBriefParties = `SELECT cdr_id, side, role, depth, account, direction, profile, amount_micro, currency, charged_ms, units
	FROM acct_cdr_parties WHERE cdr_id >= ? AND cdr_id < ? ORDER BY cdr_id, position`
)

// brief returns the records of a filter, in the order of their identifiers,
// with what prices are made of.
func (s *Store) brief(ctx context.Context, f Filter) iter.Seq2[*billing.CDR, error] {
	return func(yield func(*billing.CDR, error) bool) {
		where, args := f.where(0)
		var ends struct {
			First *int64 `db:"first_id"`
			Last  *int64 `db:"last_id"`
		}
		if err := s.db.GetContext(ctx, &ends, "SELECT MIN(id) AS first_id, MAX(id) AS last_id FROM acct_cdrs WHERE "+where, args...); err != nil {
			yield(nil, err)
			return
		}
		if ends.First == nil {
			return
		}
		ctx, stop := context.WithCancel(ctx)
		var pages [readers]chan briefPage
		for i := range pages {
			pages[i] = make(chan briefPage)
			go func() {
				defer close(pages[i])
				first := *ends.First + int64(i)*span
				if err := s.ranges(ctx, f, first, *ends.Last, pages[i]); err != nil {
					select {
					case pages[i] <- briefPage{err: err}:
					case <-ctx.Done():
					}
				}
			}()
		}
		defer func() {
			stop()
			for _, p := range pages {
				for range p { // until it has ended
				}
			}
		}()
		for i := 0; ; i = (i + 1) % readers {
			p, ok := <-pages[i]
			if !ok {
				break
			}
			if p.err != nil {
				yield(nil, p.err)
				return
			}
			for i := range p.list {
				if !yield(&p.list[i], nil) {
					return
				}
			}
		}
		if err := context.Cause(ctx); err != nil {
			yield(nil, err)
		}
	}
}

type briefPage struct {
	list []billing.CDR
	err  error
}

// ranges reads every other range from first on. It has a connection for as long
// as it reads: there may be but one, which others want as well.
func (s *Store) ranges(ctx context.Context, f Filter, first, last int64, out chan<- briefPage) error {
	r := briefReader{filter: f, names: map[string]string{}, addresses: map[string]netip.Addr{}}
	for from := first; from <= last; from += readers * span {
		conn, err := s.db.Connx(ctx)
		if err != nil {
			return err
		}
		var list []billing.CDR
		err = conn.Raw(func(raw any) (err error) {
			defer r.close()
			if err = r.prepare(ctx, raw); err == nil {
				list, err = r.read(ctx, from)
			}
			return err
		})
		if err = errors.Join(err, conn.Close()); err != nil {
			return err
		}
		select {
		case out <- briefPage{list: list}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// briefReader reads over one connection.
type briefReader struct {
	filter    Filter
	records   driver.Stmt
	parties   driver.Stmt
	more      []driver.NamedValue // arguments of the filter
	names     map[string]string   // texts that come again and again
	last      [32]string          // text in each column
	addresses map[string]netip.Addr
	values    [32]driver.Value
	row       []driver.Value
	at        int
	err       error
}

// most bounds the texts that are remembered: a table that does not fit into the
// processor's memory is slower than another copy.
const most = 1000

func (r *briefReader) prepare(ctx context.Context, raw any) error {
	conn, ok := raw.(driver.ConnPrepareContext)
	if !ok {
		return errors.New("sqlstore: the driver prepares nothing")
	}
	where, args := r.filter.where(0)
	where, args, err := sqlx.In(where, args...)
	if err != nil {
		return err
	}
	r.more = r.more[:0]
	for i, a := range args {
		v, err := driver.DefaultParameterConverter.ConvertValue(a)
		if err != nil {
			return err
		}
		r.more = append(r.more, driver.NamedValue{Ordinal: i + 3, Value: v})
	}
	for _, p := range []struct {
		to   *driver.Stmt
		text string
	}{{&r.records, selectBrief + " AND " + where + " ORDER BY id"}, {&r.parties, selectBriefParties}} {
		stmt, err := conn.PrepareContext(ctx, p.text)
		if err != nil {
			return err // drivers return what is no statement with it
		}
		*p.to = stmt
	}
	return nil
}

func (r *briefReader) close() {
	for _, s := range []*driver.Stmt{&r.records, &r.parties} {
		if *s != nil {
			_ = (*s).Close() // nothing is left to be done by it
			*s = nil
		}
	}
}

// read reads a range of identifiers.
func (r *briefReader) read(ctx context.Context, from int64) ([]billing.CDR, error) {
	bounds := []driver.NamedValue{{Ordinal: 1, Value: from}, {Ordinal: 2, Value: from + span}}
	list := make([]billing.CDR, 0, span)
	ids := make([]int64, 0, span)
	err := r.each(ctx, r.records, append(bounds, r.more...), func() {
		ids = append(ids, r.int())
		list = append(list, billing.CDR{})
		r.record(&list[len(list)-1])
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	all := make([]billing.Party, 0, 3*len(list))
	i, begin := 0, 0
	end := func() { // of the parties of record i
		if begin < len(all) {
			list[i].Parties = all[begin:len(all):len(all)]
		}
		begin = len(all)
	}
	err = r.each(ctx, r.parties, bounds, func() {
		id := r.int()
		for i < len(ids)-1 && ids[i] < id {
			end()
			i++
		}
		if ids[i] == id {
			all = append(all, billing.Party{})
			r.party(&all[len(all)-1])
		}
	})
	end()
	return list, err
}

func (r *briefReader) record(c *billing.CDR) {
	r.text(&c.Key)
	c.Revision, c.Generation, c.Leg = int(r.int()), int(r.int()), int(r.int())
	r.text(&c.Type)
	r.text(&c.Status)
	for _, e := range [...]*billing.Endpoint{&c.Caller, &c.Callee} {
		e.Account, e.User, e.Domain, e.Number, e.Peer = string(r.bytes()), string(r.bytes()), r.name(), string(r.bytes()), r.name()
	}
	c.Source = r.address()
	c.Init, c.Start, c.End, c.Duration = billing.Millis(r.int()), billing.Millis(r.int()), billing.Millis(r.int()), billing.Millis(r.int())
}

func (r *briefReader) party(p *billing.Party) {
	p.Side, p.Role, p.Depth, p.Account = billing.Side(r.name()), billing.Role(r.name()), int(r.int()), r.name()
	r.text(&p.Direction)
	p.Profile = r.name()
	micros := r.int()
	currency, err := billing.ParseCurrency(r.name())
	if err != nil {
		r.fail(err)
	}
	p.Amount, p.Charged, p.Units = billing.NewAmount(micros, currency), billing.Millis(r.int()), r.int()
}

// each has one row after the other in r.row.
func (r *briefReader) each(ctx context.Context, stmt driver.Stmt, args []driver.NamedValue, row func()) error {
	query, ok := stmt.(driver.StmtQueryContext)
	if !ok {
		return errors.New("sqlstore: the driver knows no context")
	}
	rows, err := query.QueryContext(ctx, args)
	if err != nil {
		return err
	}
	r.row, r.err = r.values[:len(rows.Columns())], nil
	for r.err == nil {
		if err := rows.Next(r.row); err != nil {
			if !errors.Is(err, io.EOF) {
				r.err = err
			}
			break
		}
		r.at = 0
		row()
	}
	return errors.Join(r.err, rows.Close())
}

func (r *briefReader) next() driver.Value {
	r.at++
	return r.row[r.at-1]
}

func (r *briefReader) fail(err error) {
	if r.err == nil {
		r.err = fmt.Errorf("sqlstore: record in column %d: %w", r.at, err)
	}
}

func (r *briefReader) int() int64 {
	switch v := r.next().(type) {
	case int64:
		return v
	default:
		r.fail(fmt.Errorf("%T is no number", v))
		return 0
	}
}

// bytes are a text; they are the driver's.
func (r *briefReader) bytes() []byte {
	switch v := r.next().(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	default:
		r.fail(fmt.Errorf("%T is no text", v))
		return nil
	}
}

// name is a text that other records have as well.
func (r *briefReader) name() string {
	b := r.bytes()
	last := &r.last[r.at]
	if string(b) == *last {
		return *last
	}
	s, ok := r.names[string(b)]
	if ok {
		*last = s
		return s
	}
	s = string(b)
	if len(r.names) < most {
		r.names[s] = s
	}
	return s
}

func (r *briefReader) text(to interface{ UnmarshalText(b []byte) error }) {
	if err := to.UnmarshalText(r.bytes()); err != nil {
		r.fail(err)
	}
}

func (r *briefReader) address() netip.Addr {
	b := r.bytes()
	if len(b) == 0 {
		return netip.Addr{}
	}
	if a, ok := r.addresses[string(b)]; ok {
		return a
	}
	a, err := netip.ParseAddr(string(b))
	if err != nil {
		r.fail(err)
	}
	if len(r.addresses) < most {
		r.addresses[string(b)] = a
	}
	return a
}
