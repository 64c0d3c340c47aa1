package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// hostile are messages built to make a parser work: each of them meets a limit or is linear by nature.
func hostile() map[string][]byte {
	repeat := func(s string, n int) string { return strings.Repeat(s, n) }
	var distinct strings.Builder
	for i := range 700 {
		fmt.Fprintf(&distinct, ";p%d=%d", i, i)
	}
	// Within every limit, and as much work as that allows.
	var fullParams, fullValues strings.Builder
	for _, name := range []string{"Route", "Record-Route", "Path", "Service-Route", "P-Asserted-Identity", "Diversion", "History-Info"} {
		fmt.Fprintf(&fullParams, "%s: %s<sip:a>\r\n", name, repeat("<sip:a>"+repeat(";a", 64)+",", 59))
		fmt.Fprintf(&fullValues, "%s: %s<sip:a>\r\n", name, repeat("<sip:a>,", 69))
	}
	return map[string][]byte{
		"all params allowed":  withLine(fullParams.String() + "X: y"),
		"all values allowed":  withLine(fullValues.String() + "X: y"),
		"all headers allowed": withLine(repeat("a:\r\n", 247) + "Z:"),
		"params in From":      with(";tag=1", ";tag=1"+distinct.String()),
		"params in Via":       with(";branch", distinct.String()+";branch"),
		"params in the URI":   with("example.com SIP", "example.com"+distinct.String()+" SIP"),
		"values in Route":     withLine("Route: " + repeat("<sip:a>,", 1020) + "<sip:a>"),
		"values over lines":   withLine(repeat("Route: <sip:a>, <sip:b>\r\n", 200) + "X: y"),
		"values in Via":       with(";branch", repeat(",SIP/2.0/UDP a", 580)+";branch"),
		"headers":             withLine(repeat("a:\r\n", 10000) + "Z:"),
		"known headers":       withLine(repeat("s:\r\n", 10000) + "Z:"),
		"folds in one header": withLine("X: " + repeat("\r\n ", 15000) + "y"),
		"folds in eight":      withLine(repeat("Route: "+repeat("\r\n ", 2700)+"<sip:a>\r\n", 7) + "X: y"),
		"deep quotes":         with(`"Alice"`, `"`+repeat(`\"`, 4000)+`"`),
		"escapes in the URI":  with("bob@", repeat("%41", 2600)+"@"),
		"angle brackets":      with("<sip:bob@example.com>", repeat("<", 8000)),
		"quotes":              withLine("Authorization: " + repeat(`"`, 8000)),
		"control characters":  with(`"Alice"`, `"`+repeat("\\\x00", 4000)+`"`),
		"stray controls":      withLine(repeat("X: "+repeat("\x01", 8000)+"\r\n", 7) + "X: y"),
		"white space":         withLine(repeat("Route: "+repeat(" ", 8000)+"<sip:a>\r\n", 7) + "X: y"),
		"no line end":         bytes.Repeat([]byte("a"), 65536),
		"line ends":           bytes.Repeat([]byte("\r\n"), 32768),
		"commas":              withLine("Supported: " + repeat(",", 8000)),
		"long names":          withLine(repeat(repeat("n", 200)+": x\r\n", 240) + "X: y"),
	}
}

// Beyond a limit nothing is read: the fault is found where the limit is met, not at the end of the input.
func TestLimitsStopTheScan(t *testing.T) {
	hostile := hostile()
	for name, c := range map[string]struct {
		reason Reason
		within int // octets
	}{
		"params in From":      {ReasonTooManyParams, 1100},
		"params in Via":       {ReasonTooManyParams, 1100},
		"params in the URI":   {ReasonTooManyParams, 1100},
		"values in Route":     {ReasonTooManyValues, 1000},
		"values over lines":   {ReasonTooManyValues, 1300},
		"values in Via":       {ReasonTooManyValues, 1300},
		"headers":             {ReasonTooManyHeaders, 1300},
		"known headers":       {ReasonTooManyHeaders, 1300},
		"folds in one header": {ReasonHeaderTooLong, DefaultHeaderLine + 300},
		"all params allowed":  {ReasonTooManyParams, 2800},
	} {
		var m Message
		var e *Error
		err := m.Parse(hostile[name], nil)
		if !errors.As(err, &e) || e.Reason != c.reason || e.Offset > c.within {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		limits Limits
		msg    []byte
		want   verdict
	}{
		"message, exact":    {Limits{Message: len(with())}, with(), accepted},
		"message":           {Limits{Message: len(with()) - 1}, with(), verdict{ReasonTooLarge, 513}},
		"message, no Via":   {Limits{Message: 50}, with(), verdict{ReasonTooLarge, 0}},
		"headers, exact":    {Limits{Headers: 8}, with(), accepted},
		"headers":           {Limits{Headers: 7}, with(), verdict{ReasonTooManyHeaders, 513}},
		"line, exact":       {Limits{HeaderLine: 47}, with(), accepted},
		"line":              {Limits{HeaderLine: 46}, with(), verdict{ReasonHeaderTooLong, 0}},
		"start line":        {Limits{HeaderLine: 33}, with(), verdict{ReasonHeaderTooLong, 0}},
		"values, exact":     {Limits{Values: 2}, withLine("Route: <sip:a>\r\nRoute: <sip:b>"), accepted},
		"values":            {Limits{Values: 1}, withLine("Route: <sip:a>\r\nRoute: <sip:b>"), verdict{ReasonTooManyValues, 513}},
		"params, exact":     {Limits{Params: 1}, with(), accepted},
		"params in all":     {Limits{Params: 2}, withLine("Route: " + strings.Repeat("<sip:a>;a;b,", 16) + "<sip:a>"), verdict{ReasonTooManyParams, 513}},
		"params":            {Limits{Params: 1}, with(";tag=1", ";a;tag=1"), verdict{ReasonTooManyParams, 513}},
		"the table's size":  {Limits{Headers: 100000}, withLine(strings.Repeat("a:\r\n", 300) + "Z:"), verdict{ReasonTooManyHeaders, 513}},
		"256 headers":       {Limits{}, withLine(strings.Repeat("a:\r\n", 247) + "Z:"), accepted},
		"70 Route values":   {Limits{}, withLine("Route: " + strings.Repeat("<sip:a>,", 69) + "<sip:a>"), accepted},
		"71 Route values":   {Limits{}, withLine("Route: " + strings.Repeat("<sip:a>,", 70) + "<sip:a>"), verdict{ReasonTooManyValues, 513}},
		"71 Vias":           {Limits{}, withLine("v: " + strings.Repeat("SIP/2.0/UDP a,", 69) + "SIP/2.0/UDP a"), verdict{ReasonTooManyValues, 513}},
		"71 Record-Routes":  {Limits{}, withLine("Record-Route: " + strings.Repeat("<sip:a>,", 70) + "<sip:a>"), verdict{ReasonTooManyValues, 513}},
		"100 Contacts":      {Limits{}, withLine("Contact: " + strings.Repeat("<sip:a>,", 98) + "<sip:a>"), accepted},
		"128 Contacts":      {Limits{Values: 1}, withLine(strings.Repeat("m: <sip:a>\r\n", 126) + "Z: y"), accepted},
		"129 Contacts":      {Limits{}, withLine("m: " + strings.Repeat("<sip:a>,", 127) + "<sip:a>"), verdict{ReasonTooManyContacts, 513}},
		"Contacts":          {Limits{Contacts: 2}, withLine("m: <sip:a>, <sip:b>"), verdict{ReasonTooManyContacts, 513}},
		"many params asked": {Limits{Params: 200}, with(";tag=1", strings.Repeat(";a", 199)+";tag=1"), accepted},
	} {
		t.Run(name, func(t *testing.T) {
			var m Message
			checkVerdict(t, m.Parse(c.msg, &c.limits), c.want)
			if c.want == accepted {
				m2 := new(Message)
				if err := m2.Parse(m.AppendCanonical(nil), &c.limits); err == nil && len(m2.FromTag()) != 1 {
					t.Errorf("canonical form: From tag %q", m2.FromTag())
				}
			}
		})
	}
}

func BenchmarkHostile(b *testing.B) {
	run := func(name string, msg []byte) {
		b.Run(name, func(b *testing.B) {
			var m Message
			b.ReportAllocs()
			b.SetBytes(int64(len(msg)))
			for b.Loop() {
				_ = m.Parse(msg, nil)
			}
		})
	}
	run("plain INVITE", benchInvite)
	for name, msg := range hostile() {
		run(name, msg)
	}
}

func TestNoAllocations(t *testing.T) {
	var m Message
	var e Edit
	out := make([]byte, 0, 8192)
	text, params := []byte(editText), Params(";a=b;c")
	bad := with("7 INVITE", "7 BYE")
	answer := func() {
		out, _ = AppendResponse(out[:0], &m, 401, "", "tag", Field{ID: HdrServer, Value: text[:4]})
	}
	for name, f := range map[string]func(){
		"parse":     func() { _ = m.Parse(benchInvite, nil) },
		"parse odd": func() { _ = m.Parse(text, nil) },
		"refuse":    func() { _ = m.Parse(bad, nil) },
		"view":      func() { _ = m.Parse(benchInvite, nil); view(&m) },
		"values": func() {
			_ = m.Parse(benchInvite, nil)
			for v := m.Values(HdrRoute); v.Next(); {
				n, _ := v.NameAddr()
				u, _ := ParseURI(n.URI)
				u.Params.Has("lr")
			}
		},
		"edit":      func() { _ = m.Parse(benchInvite, nil); relayEdit(&e); out, _ = m.Append(out[:0], &e) },
		"pop":       func() { _ = m.Parse(text, nil); e.Reset(); e.RemoveFirstValue(HdrVia); out, _ = m.Append(out[:0], &e) },
		"set body":  func() { _ = m.Parse(text, nil); e.Reset(); e.SetBody("a/b", text); out, _ = m.Append(out[:0], &e) },
		"respond":   func() { _ = m.Parse(text, nil); answer() },
		"canonical": func() { _ = m.Parse(text, nil); out = m.AppendCanonical(out[:0]) },
		"address":   func() { ParseAddr([]byte("[2001:db8::1]")) },
		"all parameters": func() {
			for range params.All() {
			}
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
