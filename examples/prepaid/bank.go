package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/session"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/sip/b2bua"
	"github.com/class5-go/class5/sip/wire"
)

// bank has the accounts of all callers.
type bank struct {
	out    io.Writer
	ledger *ledger.Memory
	credit billing.Amount
	tariff *tariff.Snapshot
}

func newBank(out io.Writer, credit, price string) (*bank, error) {
	a, err := billing.ParseAmount(credit)
	if err != nil {
		return nil, err
	}
	c := a.Currency()
	if c.IsZero() {
		c = billing.MustCurrency("EUR")
	}
	s, err := deck(price, c)
	return &bank{out: out, ledger: ledger.NewMemory(), credit: billing.NewAmount(a.Micros(), c), tariff: s}, err
}

// caller makes the Authorizer of a call.
func (b *bank) caller(m *wire.Message) b2bua.Authorizer {
	who := "anonymous"
	if from, ok := m.NameAddr(wire.HdrFrom); ok {
		if u, err := wire.ParseURI(from.URI); err == nil && len(u.User) > 0 {
			who = wire.Unescape(u.User)
		}
	}
	c := &call{bank: b, who: who}
	id := string(m.CallID()) + ";" + string(m.FromTag())
	c.session = session.New(b.ledger, session.Config{Node: "prepaid"}, c, id, who)
	return c
}

// open gives an account its credit, once.
func (b *bank) open(now billing.Millis, who string) error {
	_, err := ledger.Again(b.ledger.Post(context.Background(), ledger.Posting{
		Request: ledger.Request{Key: "opening/" + who, Node: "prepaid", Account: who, At: now},
		Effect: ledger.Effect{Entries: []balance.Entry{{
			Account: who, Wallet: balance.CashWallet, Unit: balance.Cash, Value: -b.credit.Micros(), Reason: balance.ReasonInitial,
		}}},
	}))
	return err
}

// call is one call of one caller: the b2bua's Authorizer over a session, and
// the session's Rater over the tariff. A ledger in memory answers at once, so
// the goroutine of the calls may wait for it.
type call struct {
	bank    *bank
	who     string
	session *session.Session
	start   billing.Millis
	number  int64
}

// Begin implements b2bua.Authorizer.
func (c *call) Begin(now time.Time, b *b2bua.Call) {
	c.start = billing.MillisOf(now)
	err := c.bank.open(c.start, c.who)
	var g session.Grant
	if err == nil {
		g, err = c.session.Start(context.Background(), 0, c.start)
	}
	c.answer(now, b, g, 0, err)
}

// Renew implements b2bua.Authorizer.
func (c *call) Renew(now time.Time, b *b2bua.Call, used time.Duration) {
	c.number++
	g, err := c.session.Update(context.Background(), c.number, billing.Span(used), billing.MillisOf(now))
	c.answer(now, b, g, used, err)
}

func (c *call) answer(now time.Time, b *b2bua.Call, g session.Grant, used time.Duration, err error) {
	switch {
	case errors.Is(err, session.ErrCredit):
		b.Refused(now, 402, "")
	case err != nil:
		fmt.Fprintln(c.bank.out, c.who, "can not call:", err)
		b.Refused(now, 503, "")
	default:
		fmt.Fprintln(c.bank.out, c.who, "may talk for", g.Total.Duration())
		b.Granted(now, b2bua.Grant{
			Total: g.Total.Duration(), Final: g.Final, Renew: used + g.RenewAfter.Duration(), ValidUntil: g.ValidUntil.Time(),
		})
	}
}

// End implements b2bua.Authorizer.
func (c *call) End(now time.Time, _ *b2bua.Call, used time.Duration) {
	r, err := c.session.Stop(context.Background(), c.number+1, billing.Span(used), billing.MillisOf(now))
	fmt.Fprintln(c.bank.out, c.who, "has talked for", used.Round(time.Millisecond), "and paid", r.Settled, errText(err))
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Price implements session.Rater.
func (c *call) Price(d billing.Millis) (billing.Amount, error) {
	r, err := rate.Rate(c.bank.tariff, rate.Call{Start: c.start, Duration: d}, rate.Options{})
	return r.Amount, err
}

// MaxDuration implements session.Rater.
func (c *call) MaxDuration(credit billing.Amount, wanted billing.Millis) (billing.Millis, error) {
	return rate.MaxDuration(c.bank.tariff, rate.Call{Start: c.start, Duration: wanted}, credit)
}
