//go:build !race

package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestParseAllocates nothing: what the table says of sip/wire. Under the race
// detector pools forget on purpose, so this is not built then.
func TestParseAllocates(t *testing.T) {
	var out, progress bytes.Buffer
	code := run(strings.Fields("parse -start ours -runs 1 -warm 1ms -time 30ms"), &out, &progress)
	if want := "goal: objects/msg of sip/wire at most 0: 0.00, met"; code != 0 || !strings.Contains(out.String(), want) {
		t.Errorf("ends with %d, %q is not in\n%s%s", code, want, out.String(), progress.String())
	}
}
