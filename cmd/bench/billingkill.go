package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/class5-go/class5/cmd/internal/load/billkill"
)

// billingKill kills the parts of billing at random moments and compares the
// outcome with that of a run in which nothing was killed.
func billingKill(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("bench billing-kill", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	kills := f.Int("n", 1000, "kills")
	rounds := f.Int("rounds", 0, "rounds of 40 calls; 0: one for ten kills")
	seed := f.Uint64("seed", 1, "of who is killed when")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			f.SetOutput(stderr)
			f.Usage()
			return err
		}
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if f.NArg() > 0 || *kills < 1 || *rounds < 0 {
		return fmt.Errorf("%w: bench billing-kill [-n kills] [-rounds n] [-seed n]", errUsage)
	}
	if *rounds == 0 {
		*rounds = (*kills + 9) / 10
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cfg := billkill.Config{Command: []string{self, "billing-worker"}, Rounds: *rounds, Seed: *seed}
	want, err := billkill.Run(ctx, cfg)
	if err != nil {
		return fmt.Errorf("undisturbed: %w", err)
	}
	n := 0
	cfg.Kills, cfg.Progress = *kills, func(k int) {
		if n += k; n%100 == 0 {
			fmt.Fprintln(stderr, n, "kills")
		}
	}
	got, err := billkill.Run(ctx, cfg)
	if err != nil {
		return err
	}
	var where []string
	for stage, k := range got.Killed {
		where = append(where, fmt.Sprintf("%s %d", stage, k))
	}
	slices.Sort(where)
	for _, line := range append(where, fmt.Sprintf("%d kills in %d rounds; records: %s; prices: %s; %d sums and files compared",
		got.Kills(), *rounds, got.Sums["records"], got.Sums["prices"], len(want.Sums))) {
		fmt.Fprintln(stdout, line)
	}
	if diff := want.Differences(got); len(diff) > 0 {
		slices.Sort(diff)
		for _, d := range diff {
			fmt.Fprintln(stdout, "DIFFERS:", d)
		}
		return fmt.Errorf("%d differences from the undisturbed run", len(diff))
	}
	_, err = fmt.Fprintln(stdout, "no record lost or doubled; journal, balances and files equal those of the undisturbed run")
	return err
}

// billingWorker is the process that billing-kill kills.
func billingWorker(ctx context.Context, args []string, stdout, _ io.Writer) error {
	return billkill.Worker(ctx, args, os.Stdin, stdout)
}
