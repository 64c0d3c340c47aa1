// Command rate-deck prices a call by a deck and says why: rate-deck -to 4319001 -for 3m20s < fees.csv
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
)

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func main() {
	to, lasting := flag.String("to", "4319001", "called number"), flag.Duration("for", 200*time.Second, "duration of the call")
	flag.Parse()
	b := must(tariff.NewBuilder(tariff.Config{Currency: billing.MustCurrency("EUR")}))
	must(b, b.ReadCSV(os.Stdin))
	call := rate.Call{Destination: *to, Start: billing.MillisOf(time.Now()), Duration: billing.Span(*lasting)}
	fmt.Println(must(rate.Explain(must(b.Build()), call)))
}
