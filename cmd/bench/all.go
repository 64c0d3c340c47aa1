package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// suite is what bench all runs for the edge: everything, with as few and short
// runs as fit into five minutes on two cores.
func suite() []string {
	return []string{
		"relay -runs 2 -warm 500ms -time 1500ms",
		"stream -runs 1 -warm 500ms -time 2s",
		"idle -runs 1",
		"flood -runs 1 -warm 500ms -time 2s",
		"parse -runs 3 -time 2s",
	}
}

// all runs the whole suite of the edge, also when a part of it fails.
func all(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("bench all", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	json := f.Bool("json", false, "one JSON object for each table, in place of text")
	runs := f.Int("runs", 0, "runs of each element; 0: one to three, as fits into five minutes")
	only := f.String("start", "", "elements to start, in place of all that are installed; sipgo and copy parse alone")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			f.SetOutput(stderr)
			f.Usage()
			return err
		}
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if f.NArg() > 0 || *runs < 0 {
		return fmt.Errorf("%w: bench all [-json] [-runs n] [-start elements]", errUsage)
	}
	var failed error
	for _, line := range suite() {
		words := strings.Fields(line)
		if *json {
			words = append(words, "-json")
		}
		if *runs > 0 {
			words = append(words, "-runs", fmt.Sprint(*runs))
		}
		if *only != "" && words[0] != "parse" {
			words = append(words, "-start", *only)
		}
		if err := dispatch(ctx, words, stdout, stderr); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", words[0], err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return failed
}
