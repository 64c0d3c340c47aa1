// Command ratetool rates, explains and checks calls and tariffs without a
// platform around it. It exits with 0 when all is well, with 1 when it found
// something, and with 2 for bad input, which it names by line or JSON pointer.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/class5-go/class5/billing/scenario"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/cmd/internal/rating"
)

const usage = `ratetool rate [FILE]
  runs a scenario, or each of JSON lines, and writes the answers; an answer that
  is not as the file expects is a finding
ratetool explain [FILE]
  runs a scenario and writes how each price came about
ratetool lint [deck flags] [-carrier DECK] DECK...
  tells what in a deck is likely not meant
ratetool whatif [deck flags] -old DECK -new DECK [CDRS]
  prices call records, JSON lines, by two decks and tells the difference
ratetool convert [deck flags] -to LAYOUT DECK [OUTPUT]
  writes a deck in another layout: own, ngcp, json or compiled
ratetool schema
  writes the JSON Schema of scenarios

A deck is own CSV, ngcp CSV, a directory of a CGRateS plan (cgrates), a scenario
(json) or compiled; -layout says so where the name of the file does not (.json,
.c5deck, a directory). Deck flags, for what CSV does not say:
  -layout own|ngcp|cgrates|json|compiled   -profile NAME (of json, or the plan)
  -currency EUR  -zone Europe/Vienna  -window "offpeak mon-fri 18:00-24:00"
  -special "offpeak 2026-12-24/2026-12-27"  -rounding "half-up 6 leg"
  -counting begun|nearest|whole|exact  -crossing begin|split
`

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is main with its surroundings given.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &command{ctx: ctx, in: stdin, out: stdout, diag: stderr}
	err := c.dispatch(args)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	}
	fmt.Fprintf(stderr, "ratetool: %v\n", err)
	if errors.Is(err, rating.ErrFindings) {
		return 1
	}
	return 2
}

// command is one call.
type command struct {
	ctx       context.Context
	in        io.Reader
	out, diag io.Writer
}

func (c *command) dispatch(args []string) error {
	if len(args) == 0 {
		fmt.Fprint(c.diag, usage)
		return fmt.Errorf("%w: no command", rating.ErrUsage)
	}
	commands := map[string]func([]string) error{
		"rate": c.rate, "explain": c.explain, "lint": c.lint, "whatif": c.whatIf, "convert": c.convert, "schema": c.schema,
		"help": func([]string) error { return flag.ErrHelp }, "-h": func([]string) error { return flag.ErrHelp },
	}
	do, ok := commands[args[0]]
	if !ok {
		return fmt.Errorf("%w: no command %q", rating.ErrUsage, args[0])
	}
	return do(args[1:])
}

// flags are those of a command that reads decks.
func (c *command) flags(name string) (*flag.FlagSet, *rating.Settings) {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	s := &rating.Settings{}
	f.StringVar((*string)(&s.Layout), "layout", "", "")
	f.StringVar(&s.Profile, "profile", "", "")
	f.StringVar(&s.Currency, "currency", "", "")
	f.StringVar(&s.Zone, "zone", "", "")
	f.StringVar(&s.Rounding, "rounding", "", "")
	f.StringVar(&s.Counting, "counting", "", "")
	f.StringVar(&s.Crossing, "crossing", "", "")
	f.Func("window", "", func(v string) error { s.Windows = append(s.Windows, v); return nil })
	f.Func("special", "", func(v string) error { s.Specials = append(s.Specials, v); return nil })
	return f, s
}

func parse(f *flag.FlagSet, args []string, least, most int) error {
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return fmt.Errorf("%w: %w", rating.ErrUsage, err)
	}
	if n := f.NArg(); n < least || n > most {
		return fmt.Errorf("%w: %d arguments", rating.ErrUsage, n)
	}
	return nil
}

// input opens a file, or standard input where none is named.
func (c *command) input(path string) (io.ReadCloser, string, error) {
	if path == "" || path == "-" {
		return io.NopCloser(c.in), "standard input", nil
	}
	f, err := os.Open(path)
	return f, path, err
}

func (c *command) rate(args []string) error {
	f := flag.NewFlagSet("rate", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	if err := parse(f, args, 0, 1); err != nil {
		return err
	}
	in, name, err := c.input(f.Arg(0))
	if err != nil {
		return err
	}
	defer in.Close()
	return rating.Rate(c.ctx, in, name, f.Arg(0) != "" && f.Arg(0) != "-", c.out, c.diag)
}

func (c *command) explain(args []string) error {
	f := flag.NewFlagSet("explain", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	if err := parse(f, args, 0, 1); err != nil {
		return err
	}
	in, name, err := c.input(f.Arg(0))
	if err != nil {
		return err
	}
	defer in.Close()
	return rating.Explain(c.ctx, in, name, c.out)
}

func (c *command) lint(args []string) error {
	f, s := c.flags("lint")
	carrier := f.String("carrier", "", "")
	if err := parse(f, args, 1, 1000); err != nil {
		return err
	}
	var found, failed []error
	for _, path := range f.Args() {
		if err := rating.Lint(c.out, path, *s, *carrier); errors.Is(err, rating.ErrFindings) {
			found = append(found, err)
		} else {
			failed = append(failed, err)
		}
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	return errors.Join(found...)
}

func (c *command) whatIf(args []string) error {
	f, s := c.flags("whatif")
	old, anew := f.String("old", "", ""), f.String("new", "", "")
	if err := parse(f, args, 0, 1); err != nil {
		return err
	}
	if *old == "" || *anew == "" {
		return fmt.Errorf("%w: -old and -new name the decks", rating.ErrUsage)
	}
	var decks [2]*tariff.Snapshot
	for i, path := range [...]string{*old, *anew} {
		b, err := rating.Load(path, *s)
		if err != nil {
			return err
		}
		if decks[i], err = b.Build(); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	in, name, err := c.input(f.Arg(0))
	if err != nil {
		return err
	}
	defer in.Close()
	return rating.WhatIf(c.ctx, in, name, decks[0], decks[1], c.out)
}

func (c *command) convert(args []string) error {
	f, s := c.flags("convert")
	to := f.String("to", "", "")
	if err := parse(f, args, 1, 2); err != nil {
		return err
	}
	var text strings.Builder // nothing is written of a deck that cannot be
	if err := rating.Convert(&text, f.Arg(0), *s, rating.Layout(*to)); err != nil {
		return err
	}
	if f.Arg(1) == "" {
		_, err := io.WriteString(c.out, text.String())
		return err
	}
	return os.WriteFile(f.Arg(1), []byte(text.String()), 0o644)
}

func (c *command) schema([]string) error {
	_, err := c.out.Write(scenario.Schema())
	return err
}
