package relay

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestTorture sends the messages of RFC 4475 from outside over UDP. It holds
// what becomes of them, and that whatever leaves can be read again and has the
// body that came.
func TestTorture(t *testing.T) {
	type verdict struct {
		cause  Cause
		status int
	}
	want := map[string]verdict{
		// Not of the grammar, or to be read in two ways.
		"badaspec.dat":   {Malformed, 400},
		"baddn.dat":      {Malformed, 400},
		"badinv01.dat":   {Malformed, 0}, // its Via can't be read
		"badvers.dat":    {Malformed, 505},
		"bigcode.dat":    {Malformed, 0}, // a response
		"clerr.dat":      {Malformed, 400},
		"escruri.dat":    {Malformed, 400},
		"insuf.dat":      {Malformed, 400},
		"ltgtruri.dat":   {Malformed, 400},
		"lwsruri.dat":    {Malformed, 400},
		"lwsstart.dat":   {Malformed, 400},
		"mcl01.dat":      {Malformed, 400},
		"mismatch01.dat": {Malformed, 400},
		"mismatch02.dat": {Malformed, 400},
		"multi01.dat":    {Malformed, 400},
		"ncl.dat":        {Malformed, 400},
		"quotbal.dat":    {Malformed, 400},
		"regbadct.dat":   {Malformed, 400},
		"scalar02.dat":   {Malformed, 400},
		"scalarlg.dat":   {Malformed, 0}, // a response
		"trws.dat":       {Malformed, 400},
		// Good messages that a proxy does not forward.
		"bext01.dat":  {Extension, 420},
		"novelsc.dat": {Scheme, 416},
		"unkscm.dat":  {Scheme, 416},
		"zeromf.dat":  {MaxForwards, 483},
		// Good messages that this edge has no part in: they were sent to others.
		"mpart01.dat":  {ForeignRoute, 403},
		"wsinv.dat":    {ForeignRoute, 403},
		"bcast.dat":    {ForeignVia, 0},
		"noreason.dat": {ForeignVia, 0},
		"unreason.dat": {ForeignVia, 0},
	}
	// What is not in the table is relayed.
	files, err := filepath.Glob("../wire/testdata/rfc4475/*.dat")
	if err != nil || len(files) != 49 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	r := testRelay(t)
	flow := testFlow(t, "udp", "203.0.113.7:5060", 0)
	for _, file := range files {
		msg, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		o := handle(t, r, flow, msg)
		if got := (verdict{o.Cause, o.Status}); got != want[name] {
			t.Errorf("%s: %v (%v) with %d, want %v with %d", name, o.Cause, o.Reason, o.Status, want[name].cause, want[name].status)
		}
		if o.Cause == RequestIn {
			m := parsed(t, o.Data)
			if !bytes.HasSuffix(m.Bytes(), m.Body()) || !bytes.Contains(msg, m.Body()) {
				t.Errorf("%s: the body changed", name)
			}
		}
	}
}

// TestTortureIPv6 does the same with RFC 5118: its messages are about IPv6 in
// every place of the grammar.
func TestTortureIPv6(t *testing.T) {
	files, err := filepath.Glob("../wire/testdata/rfc5118/*.dat")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	r := testRelay(t)
	flow := testFlow(t, "udp6", "[2001:db8::9:1]:5060", 0)
	want := map[string]Cause{
		"ipv6-bad.dat":                      Malformed,
		"mult-ip-in-header.dat":             NoDialogRoute,
		"via-received-param-with-delim.dat": NoDialogRoute,
	}
	for _, file := range files {
		msg, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		o := handle(t, r, flow, msg)
		if o.Cause != want[name] {
			t.Errorf("%s: %v (%v), want %v", name, o.Cause, o.Reason, want[name])
		}
		if o.Cause == RequestIn && !bytes.Contains(msg, parsed(t, o.Data).Body()) {
			t.Errorf("%s: the body changed", name)
		}
	}
}
