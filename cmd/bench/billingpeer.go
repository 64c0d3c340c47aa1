package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/cmd/internal/load/billbed"
	"github.com/class5-go/class5/cmd/internal/load/billgen"
)

// cgratesVersion is the last release that Go modules know.
const cgratesVersion = "v0.10.4"

//go:embed cgrates.go.txt
var cgratesProgram string

// errPeer says that the peer can not be had here.
var errPeer = errors.New("CGRateS can not be had")

// Bounds of the comparison: calls, and how long each side has for them.
const (
	peerCalls   = 20_000
	peerSeconds = 5
	peerBuild   = 5 * time.Minute // it is 680 packages
	peerRun     = 2 * time.Minute
)

// peerFigures are what one side needed for calls.
type peerFigures struct {
	Load  float64   `json:"load_s"`
	Calls int       `json:"calls"`
	Wall  float64   `json:"wall_s"`
	CPU   float64   `json:"cpu_s"`
	Costs []float64 `json:"costs"` // of each call, to compare
}

// billingPeer prices the same calls by the same deck here and in CGRateS.
func billingPeer(ctx context.Context, o *billingOptions, r *report, stderr io.Writer) error {
	w, err := billgen.NewWorld(o.prefixes, o.seed)
	if err != nil {
		return err
	}
	calls := answered(&billgen.Load{World: w, Seed: o.seed, Calls: 2 * peerCalls}, peerCalls)
	dir, err := os.MkdirTemp("", "class5-cgrates-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	fmt.Fprintln(stderr, "billing: building CGRateS", cgratesVersion, "which takes minutes the first time")
	program, err := buildPeer(ctx, dir)
	if err != nil {
		r.add("CGRateS get-cost", "left out: %v", err)
		return nil
	}
	theirs, err := runPeer(ctx, program, dir, w.Fees, calls)
	if err != nil {
		return err
	}
	ours, err := getCost(w.Retail, calls)
	if err != nil {
		return err
	}
	same := 0
	for i, c := range ours.Costs {
		// It rounds each second; that may add up to some millionths.
		if math.Abs(c-theirs.Costs[i]) < 1e-3*c {
			same++
		}
	}
	r.add("get-cost of CGRateS "+cgratesVersion+": calls/s, CPU µs per call, s to load", "%.0f, %.1f, %.1f",
		float64(theirs.Calls)/theirs.Wall, 1e6*theirs.CPU/float64(theirs.Calls), theirs.Load)
	r.add("Rate on the same deck and calls: calls/s, CPU µs per call", "%.0f, %.3f",
		float64(ours.Calls)/ours.Wall, 1e6*ours.CPU/float64(ours.Calls))
	r.add("get-cost / Rate, CPU per call", "%.0f", theirs.CPU/float64(theirs.Calls)/(ours.CPU/float64(ours.Calls)))
	r.add("calls with the same price in both, to a thousandth", "%d of %d", same, len(calls))
	return nil
}

// answered makes n of the answered calls of a load.
func answered(l *billgen.Load, n int) (calls []rate.Call) {
	for i := 0; i < l.Calls && len(calls) < n; i++ {
		if c := l.CDR(i); c.Chargeable() {
			calls = append(calls, rate.CallOf(&c, billing.Out))
		}
	}
	return calls
}

// getCost prices calls one after the other.
func getCost(s *tariff.Snapshot, calls []rate.Call) (f peerFigures, err error) {
	for i := range calls {
		res, err := rate.Rate(s, calls[i], rate.Options{})
		if err != nil {
			return f, err
		}
		f.Costs = append(f.Costs, float64(res.Amount.Micros())/1e6)
	}
	before, err := billbed.Self()
	if err != nil {
		return f, err
	}
	began := time.Now()
	for time.Since(began) < peerSeconds*time.Second {
		for range 1000 {
			if _, err := rate.Rate(s, calls[f.Calls%len(calls)], rate.Options{}); err != nil {
				return f, err
			}
			f.Calls++
		}
	}
	f.Wall = time.Since(began).Seconds()
	after, err := billbed.Self()
	f.CPU = (after - before).Seconds()
	return f, err
}

// buildPeer makes the program in a module of its own.
func buildPeer(ctx context.Context, dir string) (program string, err error) {
	ctx, cancel := context.WithTimeout(ctx, peerBuild)
	defer cancel()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(cgratesProgram), 0o600); err != nil {
		return "", err
	}
	program = filepath.Join(dir, "peer")
	for _, args := range [][]string{
		{"mod", "init", "peer"},
		{"get", "github.com/cgrates/cgrates/engine@" + cgratesVersion},
		{"build", "-o", program, "."},
	} {
		c := exec.CommandContext(ctx, "go", args...)
		c.Dir, c.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
		if out, err := c.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: go %s: %w: %s", errPeer, args[0], err, lastLine(out))
		}
	}
	return program, nil
}

func lastLine(out []byte) string {
	text := strings.TrimSpace(string(out))
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// runPeer has the program price calls.
func runPeer(ctx context.Context, program, dir string, fees []tariff.Fee, calls []rate.Call) (f peerFigures, err error) {
	ctx, cancel := context.WithTimeout(ctx, peerRun)
	defer cancel()
	deck, list := filepath.Join(dir, "deck.csv"), filepath.Join(dir, "calls.csv")
	err = errors.Join(
		writeRows(deck, len(fees), func(i int) []string {
			named := fees[i].Named["offpeak"]
			return append(append([]string{fees[i].Destination}, minute(&fees[i].Rate)...), minute(&named)...)
		}),
		writeRows(list, len(calls), func(i int) []string {
			return []string{calls[i].Destination, strconv.FormatInt(int64(calls[i].Start), 10), strconv.FormatInt(int64(calls[i].Duration), 10)}
		}))
	if err != nil {
		return f, err
	}
	c := exec.CommandContext(ctx, program, deck, list, strconv.Itoa(peerSeconds))
	var faults bytes.Buffer
	c.Stderr = &faults
	out, err := c.Output()
	if err == nil {
		err = json.Unmarshal(out, &f)
	}
	if err == nil && (len(f.Costs) != len(calls) || f.Calls == 0) {
		err = errors.New("not all calls were priced")
	}
	if err != nil {
		return f, fmt.Errorf("CGRateS: %w: %s", err, lastLine(faults.Bytes()))
	}
	return f, nil
}

// minute is a rate as the program reads it: price of a minute, first and further
// interval. All prices of the generator are by the minute.
func minute(r *tariff.Rate) []string {
	price := strconv.FormatFloat(float64(r.Follow.Price.Pico())*60/float64(r.Follow.Price.Per())/1e12, 'g', -1, 64)
	return []string{price, strconv.Itoa(r.Init.Seconds), strconv.Itoa(r.Follow.Seconds)}
}

func writeRows(file string, n int, row func(i int) []string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	for i := range n {
		if err := w.Write(row(i)); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	w.Flush()
	return errors.Join(w.Error(), f.Close())
}
