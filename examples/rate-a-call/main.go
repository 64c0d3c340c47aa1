// Command rate-a-call says what a call costs, and why: it reads a deck of fees
// in CSV, finds the fee of a number and prints the price step by step.
//
//	rate-a-call -to 43664123456 -for 3m20s -at 2026-05-04T17:59:00+02:00
//	rate-a-call -deck fees.csv -to 4319001 -credit 0.50
//
// Without -deck a small built-in one is used. With -credit it also says how
// long a prepaid customer with so much money could talk.
package main

import (
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
	_ "time/tzdata" // the calendar is local time, wherever the program runs

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
)

//go:embed deck.csv
var sample embed.FS

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "rate-a-call:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	f := flag.NewFlagSet("rate-a-call", flag.ContinueOnError)
	deck := f.String("deck", "", "CSV `file` with fees; a column group offpeak.* holds mon-fri 18-24 and the weekend")
	currency := f.String("currency", "EUR", "ISO 4217 code")
	zone := f.String("zone", "Europe/Vienna", "time zone of the calendar")
	to := f.String("to", "43664123456", "called `number`, as an international number without +")
	lasting := f.Duration("for", 3*time.Minute+20*time.Second, "`duration` of the call")
	credit := f.String("credit", "", "`amount` of a prepaid customer")
	var at time.Time
	f.TextVar(&at, "at", time.Date(2026, 5, 4, 15, 59, 0, 0, time.UTC), "`time` of the answer, RFC 3339")
	if err := f.Parse(args); err != nil {
		return err
	}
	fees, err := open(*deck)
	if err != nil {
		return err
	}
	defer fees.Close()
	snapshot, err := compile(fees, *currency, *zone)
	if err != nil {
		return err
	}
	call := rate.Call{Destination: *to, Start: billing.MillisOf(at), Duration: billing.Millis(lasting.Milliseconds())}
	why, err := rate.Explain(snapshot, call)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, why)
	if *credit == "" {
		return nil
	}
	return prepaid(out, snapshot, call, *credit+" "+*currency)
}

func open(name string) (fs.File, error) {
	if name == "" {
		return sample.Open("deck.csv")
	}
	return os.Open(name)
}

// compile makes a tariff of a deck. A snapshot never changes and is fit for any
// number of calls at the same time; a new deck is a new snapshot.
func compile(fees io.Reader, currency, zone string) (*tariff.Snapshot, error) {
	cur, err := billing.ParseCurrency(currency)
	if err != nil {
		return nil, err
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return nil, err
	}
	var windows []tariff.Window
	for _, text := range []string{"offpeak mon-fri 18:00-24:00", "offpeak sat-sun 00:00-24:00"} {
		w, err := tariff.ParseWindow(text)
		if err != nil {
			return nil, err
		}
		windows = append(windows, w)
	}
	b, err := tariff.NewBuilder(tariff.Config{Currency: cur, Location: loc, Windows: windows})
	if err != nil {
		return nil, err
	}
	if err := b.ReadCSV(fees); err != nil {
		return nil, err // names every line at fault
	}
	return b.Build()
}

// prepaid answers the other question: how long may this customer talk?
func prepaid(out io.Writer, s *tariff.Snapshot, call rate.Call, credit string) error {
	amount, err := billing.ParseAmount(credit)
	if err != nil {
		return err
	}
	call.Duration = 0 // no limit of its own
	longest, err := rate.MaxDuration(s, call, amount)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "With %v the call may last %v\n", amount, longest.Duration())
	return nil
}
