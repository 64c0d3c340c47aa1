package prepaid

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/mediate"
	"github.com/class5-go/class5/billing/session"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/b2bua"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var eur = billing.MustCurrency("EUR")

// flaky is a ledger that can be out of reach.
type flaky struct {
	*ledger.Memory
	mu   sync.Mutex
	down bool
}

func (f *flaky) set(down bool) { f.mu.Lock(); f.down = down; f.mu.Unlock() }

func (f *flaky) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return ledger.ErrUnavailable
	}
	return nil
}

func (f *flaky) Reserve(ctx context.Context, r ledger.Reservation) (ledger.Answer, error) {
	if err := f.err(); err != nil {
		return ledger.Answer{}, err
	}
	return f.Memory.Reserve(ctx, r)
}

func (f *flaky) Extend(ctx context.Context, r ledger.Reservation) (ledger.Answer, error) {
	if err := f.err(); err != nil {
		return ledger.Answer{}, err
	}
	return f.Memory.Extend(ctx, r)
}

func (f *flaky) Settle(ctx context.Context, s ledger.Settlement) (ledger.Answer, error) {
	if err := f.err(); err != nil {
		return ledger.Answer{}, err
	}
	return f.Memory.Settle(ctx, s)
}

// office is a B2BUA of one call with a Credit, in virtual time.
type office struct {
	t      *testing.T
	ledger *flaky
	credit *Credit
	layer  *transaction.Layer
	b2bua  *b2bua.B2BUA
	event  billing.Event
	jobs   chan func(time.Time)
	sent   []string
	invite wire.Message // as the callee got it
	answer wire.Message // as the caller got it
}

func newOffice(t *testing.T, euros float64, cfg session.Config) *office {
	o := &office{t: t, ledger: &flaky{Memory: ledger.NewMemory()}, jobs: make(chan func(time.Time), 16)}
	cfg.Node = "node"
	o.credit = New(Config{
		Ledger: o.ledger, Session: cfg,
		Do: func(ctx context.Context, _ string, f func(time.Time)) error {
			select {
			case o.jobs <- f:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	})
	if euros > 0 {
		_, err := o.ledger.Post(t.Context(), ledger.Posting{
			Request: ledger.Request{Key: "payment", Node: "web", Account: "7", At: billing.MillisOf(time.Now())},
			Effect:  ledger.Effect{Entries: []balance.Entry{{Account: "7", Wallet: balance.CashWallet, Unit: balance.Cash, Value: -int64(euros * 1e6)}}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	o.layer = transaction.New(transaction.Config{User: o, Send: o.send})
	o.b2bua = b2bua.New(b2bua.Config{Layer: o.layer, Host: "192.0.2.1:5060", SentBy: func(transport.Flow) string { return "192.0.2.1:5060" }})
	return o
}

func (o *office) send(_ transport.Flow, b []byte) error {
	line, _, _ := bytes.Cut(b, []byte("\r\n"))
	o.sent = append(o.sent, string(line))
	if bytes.HasPrefix(line, []byte("SIP/2.0 200")) {
		return o.answer.Parse(bytes.Clone(b), nil)
	}
	if bytes.HasPrefix(line, []byte("INVITE")) {
		return o.invite.Parse(bytes.Clone(b), nil)
	}
	return nil
}

func (o *office) Request(now time.Time, tx *transaction.Server, m *wire.Message) {
	b, _ := tariff.NewBuilder(tariff.Config{Currency: eur})
	second := tariff.Interval{Price: must(billing.ParsePrice("0.01/1")), Seconds: 1}
	_ = b.Add(tariff.Fee{ID: "1", Destination: "43", Rate: tariff.Rate{Init: second, Follow: second}})
	o.event = billing.Event{
		CallID: string(m.CallID()), FromTag: string(m.FromTag()), Init: billing.MillisOf(now), Caller: billing.Endpoint{Account: "7", Number: "4311"},
		Callee: billing.Endpoint{Number: "4312"}, Source: netip.MustParseAddr("192.0.2.10"),
	}
	s := o.credit.Spender(o.event.Key(), billing.SideCaller, "7", o.event.CallID, NewRater(must(b.Build()), &o.event, billing.SideCaller))
	o.b2bua.Start(now, tx, m, b2bua.Plan{ID: "1", Authorizer: alone{s}, Groups: []proxy.Group{{Targets: []proxy.Target{{URI: []byte("sip:b@192.0.2.20")}}}}})
}
func (o *office) Ack(now time.Time, m *wire.Message, _ transport.Flow) { o.b2bua.Ack(now, m) }
func (o *office) Cancel(time.Time, *transaction.Server, *wire.Message) {}
func (o *office) Stray(time.Time, *wire.Message, transport.Flow)       {}

// alone is a Spender that nobody else pays with.
type alone struct{ *Spender }

func (a alone) Begin(now time.Time, c *b2bua.Call)                  { a.Spender.Begin(now, c) }
func (a alone) Renew(now time.Time, c *b2bua.Call, d time.Duration) { a.Spender.Renew(now, c, d) }
func (a alone) End(now time.Time, c *b2bua.Call, _ time.Duration)   { a.Spender.End(now, c) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// pass lets time go by, with timers and answers of the ledger.
func (o *office) pass(d time.Duration) {
	for end := time.Now().Add(d); ; time.Sleep(100 * time.Millisecond) {
		synctest.Wait()
		for len(o.jobs) > 0 {
			(<-o.jobs)(time.Now())
		}
		o.layer.Advance(time.Now())
		if !time.Now().Before(end) {
			return
		}
	}
}

// dial begins a call and has it answered when it comes to that.
func (o *office) dial() {
	o.receive("INVITE sip:b@example.com SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1\nMax-Forwards: 70\nFrom: <sip:a@example.com>;tag=a\n" +
		"To: <sip:b@example.com>\nCall-ID: 1\nCSeq: 1 INVITE\nContact: <sip:a@192.0.2.10>\n\n")
	o.pass(0)
	if len(o.invite.CallID()) == 0 {
		return
	}
	b, err := wire.AppendResponse(nil, &o.invite, 200, "", "b", wire.Field{ID: wire.HdrContact, Value: []byte("<sip:b@192.0.2.20>")})
	if err != nil {
		o.t.Fatal(err)
	}
	o.receive(strings.ReplaceAll(string(b), "\r\n", "\n"))
	to, _ := o.answer.First(wire.HdrTo)
	o.receive("ACK sip:1@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK2\nMax-Forwards: 70\nFrom: <sip:a@example.com>;tag=a\n" +
		"To: " + string(to.Value) + "\nCall-ID: 1\nCSeq: 1 ACK\n\n")
}

func (o *office) receive(text string) {
	m := new(wire.Message)
	if err := m.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n")), nil); err != nil {
		o.t.Fatal(err)
	}
	o.layer.Receive(time.Now(), m, transport.Flow{Protocol: transport.UDP, Remote: netip.MustParseAddrPort("192.0.2.10:5060")})
}

func (o *office) said(prefix string) bool {
	for _, s := range o.sent {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

func (o *office) left() ledger.Balance {
	b, err := o.ledger.Balance(o.t.Context(), "7", balance.CashWallet, billing.MillisOf(time.Now()))
	if err != nil {
		o.t.Fatal(err)
	}
	return b
}

// close ends the office.
func (o *office) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	o.credit.Close(ctx)
}

// TestSpent: a call is renewed, lasts as long as the money and is paid.
func TestSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, 0.75, session.Config{})
		o.dial()
		o.pass(20 * time.Second)
		if b := o.left(); b.Held != 600_000 || b.Value != 750_000 {
			t.Errorf("while it runs: %+v", b)
		}
		o.pass(54 * time.Second)
		if o.b2bua.Len() != 1 || o.b2bua.Stats().CutOff != 0 {
			t.Error("it ended too early")
		}
		o.pass(40 * time.Second)
		if b := o.left(); b.Value != 0 || b.Held != 0 {
			t.Errorf("in the end: %+v", b)
		}
		if o.b2bua.Stats().CutOff != 1 || !o.said("BYE sip:b@") {
			t.Errorf("it was not cut: %v", o.sent)
		}
		o.close()
	})
}

func TestRefusedCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, 0, session.Config{})
		o.dial()
		if !o.said("SIP/2.0 402") {
			t.Errorf("without an account: %v", o.sent)
		}
		o.close()
		o = newOffice(t, 1, session.Config{})
		o.ledger.set(true)
		o.dial()
		o.pass(5 * time.Second)
		if !o.said("SIP/2.0 503") {
			t.Errorf("without a ledger: %v", o.sent)
		}
		o.close()
	})
}

// TestLedgerAway: a running call ends with its grant, or goes on; what it owes
// is paid when the ledger is back.
func TestLedgerAway(t *testing.T) {
	for onFailure, want := range map[session.OnFailure]int64{session.Terminate: 600_000, session.Continue: 900_000} {
		synctest.Test(t, func(t *testing.T) {
			o := newOffice(t, 5, session.Config{OnFailure: onFailure, Cap: 30_000})
			o.dial()
			o.pass(10 * time.Second)
			o.ledger.set(true)
			o.pass(3 * time.Minute)
			if o.b2bua.Stats().CutOff != 1 {
				t.Errorf("%s: it was not cut", onFailure)
			}
			o.ledger.set(false)
			o.pass(10 * time.Second)
			if paid := 5_000_000 - o.left().Value; paid != want {
				t.Errorf("%s: %d micros paid, want %d", onFailure, paid, want)
			}
			o.close()
		})
	}
}

// records is a ship.Store that keeps nothing.
type records struct{ n int }

func (r *records) Position(context.Context, string) (ship.Position, error) {
	return ship.Position{}, nil
}
func (r *records) Store(_ context.Context, b ship.Batch) error { r.n += len(b.Records); return nil }

// TestSettling: a record pays once, together with its session and without it.
func TestSettling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, 1, session.Config{})
		o.dial()
		o.pass(60 * time.Second)
		next := &records{}
		s := &Settling{Records: next, Ledger: o.ledger, Accounts: o.ledger, Now: time.Now, Log: o.credit.cfg.Log, Spending: func(_ context.Context, id int64) (*directory.Spending, error) {
			if id != 7 {
				return nil, directory.ErrNotFound
			}
			return &directory.Spending{Prepaid: true}, nil
		}}
		cdr := billing.CDR{
			Key: o.event.Key(), Status: billing.StatusOK, Caller: billing.Endpoint{Account: "7"}, Node: "node", End: billing.MillisOf(time.Now()),
			Parties: []billing.Party{{Side: billing.SideCaller, Role: billing.RoleCustomer, Account: "7", Amount: billing.NewAmount(1_000_000, eur)}},
		}
		store := func(c billing.CDR) {
			t.Helper()
			if err := s.Store(t.Context(), ship.Batch{Records: []ship.Record{{CDR: c}}}); err != nil {
				t.Error(err)
			}
		}
		o.pass(40 * time.Second) // cut after 100 s, 1.00
		store(cdr)
		store(cdr)
		if b := o.left(); b.Value != 0 || next.n != 2 {
			t.Errorf("paid twice or not at all: %+v, %d records", b, next.n)
		}
		// One without a session, whose node died: it is paid as far as there is
		// money, a second time not at all.
		_, _ = o.ledger.Post(t.Context(), ledger.Posting{
			Request: ledger.Request{Key: "payment 2", Node: "web", Account: "7", At: cdr.End},
			Effect:  ledger.Effect{Entries: []balance.Entry{{Account: "7", Wallet: balance.CashWallet, Unit: balance.Cash, Value: -1_500_000}}},
		})
		cdr.Key[0]++
		store(cdr)
		store(cdr)
		// What was set aside when the call ended, and is over now, is there for it.
		_, _ = o.ledger.Reserve(t.Context(), ledger.Reservation{
			Request: ledger.Request{Key: "lease", Node: "dead", Account: "7", At: cdr.End}, Hold: "lease", Value: 500_000, Until: cdr.End + 1000,
		})
		o.pass(2 * time.Second)
		late := cdr
		late.Key[0]++
		late.Evidence = mediate.ReasonRestart
		late.Parties = []billing.Party{{Side: billing.SideCaller, Role: billing.RoleCustomer, Account: "7", Amount: billing.NewAmount(200_000, eur)}}
		store(late)
		other := cdr
		other.Caller.Account = "8"
		store(other)
		if b := o.left(); b.Value != 300_000 {
			t.Errorf("left: %+v", b)
		}
		o.ledger.set(true)
		cdr.Key[0] += 2
		if err := s.Store(t.Context(), ship.Batch{Records: []ship.Record{{CDR: cdr}}}); err == nil {
			t.Error("a record was stored that is not paid")
		}
		o.close()
	})
}
