// Command prepaid connects every call to one phone and ends it when the
// caller's money does: a back-to-back user agent, a tariff, a ledger.
//
//	prepaid -listen 127.0.0.1:5060 -to sip:bob@127.0.0.1:5070 -credit 0.30 -price 0.01/1
//
// Every caller has an account of its own, by the user of From, with the credit
// to begin with. All is in memory; with billing/ledger/sqlledger in place of
// ledger.NewMemory it stays.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/sip/b2bua"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/shard"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "prepaid:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var listen netip.AddrPort
	f := flag.NewFlagSet("prepaid", flag.ContinueOnError)
	f.TextVar(&listen, "listen", netip.MustParseAddrPort("127.0.0.1:5060"), "`address`, UDP")
	to := f.String("to", "sip:bob@127.0.0.1:5070", "`URI` that is called")
	credit := f.String("credit", "0.30 EUR", "`amount` that each caller begins with")
	price := f.String("price", "0.01/1", "`price` for so many seconds")
	if err := f.Parse(args); err != nil {
		return err
	}
	bank, err := newBank(out, *credit, *price)
	if err != nil {
		return err
	}
	endpoint, err := transport.Listen(ctx, transport.Config{Listeners: []transport.ListenerConfig{{Protocol: transport.UDP, Addr: listen}}})
	if err != nil {
		return err
	}
	self := endpoint.Listener(0).Addr
	pool := shard.New(shard.Config{Shards: 1, Endpoint: endpoint}, func(_ int, send *shard.Sender) shard.Core {
		return newServer(send, self, *to, bank)
	})
	fmt.Fprintln(out, "calls to", self, "go to", *to)
	done := make(chan error, 1)
	go func() { done <- endpoint.Serve(ctx, pool) }()
	return errors.Join(pool.Run(ctx), <-done)
}

// deck is a tariff with one price for everything.
func deck(price string, c billing.Currency) (*tariff.Snapshot, error) {
	p, err := billing.ParsePrice(price)
	if err != nil {
		return nil, err
	}
	b, err := tariff.NewBuilder(tariff.Config{Name: "everywhere", Currency: c})
	if err != nil {
		return nil, err
	}
	second := tariff.Interval{Price: p, Seconds: 1}
	if err := b.Add(tariff.Fee{ID: "1", Rate: tariff.Rate{Init: second, Follow: second}}); err != nil {
		return nil, err
	}
	return b.Build()
}

// server is the transaction user: every INVITE is a call, everything else
// belongs to one.
type server struct {
	layer *transaction.Layer
	calls *b2bua.B2BUA
	to    string
	bank  *bank
}

func newServer(send *shard.Sender, self netip.AddrPort, to string, bank *bank) *server {
	s := &server{to: to, bank: bank}
	s.layer = transaction.New(transaction.Config{Send: send.Send, User: s})
	s.calls = b2bua.New(b2bua.Config{
		Layer: s.layer, Host: self.String(), SentBy: func(transport.Flow) string { return self.String() },
		Resolve: proxy.Numeric(transport.Flow{Protocol: transport.UDP, Local: self}),
	})
	return s
}

// Receive implements shard.Core.
func (s *server) Receive(now time.Time, m *wire.Message, from transport.Flow) {
	s.layer.Receive(now, m, from)
}

// Advance implements shard.Core.
func (s *server) Advance(now time.Time) (time.Time, bool) { return s.layer.Advance(now) }

// Close implements shard.Core.
func (s *server) Close(now time.Time) {
	s.calls.Each(func(c *b2bua.Call) bool { c.End(now, 0, 503, ""); return true })
}

// Request implements transaction.User.
func (s *server) Request(now time.Time, tx *transaction.Server, m *wire.Message) {
	switch {
	case len(m.ToTag()) > 0 && s.calls.Request(now, tx, m):
	case len(m.ToTag()) > 0:
		_ = tx.Reply(now, 481, "") // whoever asked has gone when this fails
	case m.Method() != wire.INVITE:
		_ = tx.Reply(now, 405, "")
	default:
		s.calls.Start(now, tx, m, b2bua.Plan{
			ID: string(s.layer.AppendTag(nil)), Authorizer: s.bank.caller(m),
			Groups: []proxy.Group{{Targets: []proxy.Target{{URI: []byte(s.to)}}}},
		})
	}
}

// Ack implements transaction.User.
func (s *server) Ack(now time.Time, m *wire.Message, _ transport.Flow) { s.calls.Ack(now, m) }

// Cancel implements transaction.User.
func (s *server) Cancel(now time.Time, tx *transaction.Server, m *wire.Message) {
	s.calls.Cancel(now, tx, m)
}

// Stray implements transaction.User.
func (s *server) Stray(time.Time, *wire.Message, transport.Flow) {}
