package wire

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// verdict is what Parse says about a message: ReasonNone accepts it. status is the suggested response, 0 for a message
// to be dropped.
type verdict struct {
	reason Reason
	status int
}

var accepted = verdict{}

// rfc4475 holds a verdict for every message of RFC 4475 section 3. Messages that need a decision above the wire are
// accepted here: 416 for a scheme (3.3.2, 3.3.3), 420 (3.3.5), 483 (3.3.11), 415, 406, the broadcast address in the
// Via of bcast, the Date of baddate that only an element reading it may refuse.
var rfc4475 = map[string]verdict{
	// 3.1.1 valid messages
	"wsinv": accepted, "intmeth": accepted, "esc01": accepted, "escnull": accepted, "esc02": accepted,
	"lwsdisp": accepted, "longreq": accepted, "dblreq": accepted, "semiuri": accepted, "transports": accepted,
	"mpart01": accepted, "unreason": accepted, "noreason": accepted,
	// 3.1.2 invalid messages
	"badinv01":   {ReasonParam, 400},             // extraneous separators in Via and Contact
	"clerr":      {ReasonContentLengthLong, 400}, // larger than the datagram
	"ncl":        {ReasonContentLength, 400},     // negative
	"scalar02":   {ReasonCSeq, 400},              // request scalars beyond their range
	"scalarlg":   {ReasonCSeq, 0},                // response scalars beyond their range
	"quotbal":    {ReasonQuote, 400},             // display name not closed
	"ltgtruri":   {ReasonRequestURI, 400},        // Request-URI in brackets
	"lwsruri":    {ReasonStartLine, 400},         // white space in the Request-URI
	"lwsstart":   {ReasonStartLine, 400},         // several SP in the start line
	"trws":       {ReasonStartLine, 400},         // SP behind the version
	"escruri":    {ReasonRequestURIHeaders, 400}, // headers in the Request-URI
	"baddate":    accepted,                       // time zone other than GMT
	"regbadct":   {ReasonNameAddr, 400},          // "?" in a Contact without brackets
	"badaspec":   {ReasonNameAddr, 400},          // spaces inside addr-spec
	"baddn":      {ReasonNameAddr, 400},          // comma in an unquoted display name
	"badvers":    {ReasonVersion, 505},           // SIP/7.0
	"mismatch01": {ReasonCSeqMethod, 400},        // start line OPTIONS, CSeq INVITE
	"mismatch02": {ReasonCSeqMethod, 400},        // the same with an unknown method
	"bigcode":    {ReasonStatusCode, 0},          // 4294967301
	// 3.2 transaction layer
	"badbranch": accepted, // the magic cookie alone is no transaction id: the layer above falls back to RFC 2543
	// 3.3 application layer
	"insuf":  {ReasonMissingHeader, 400}, // no Call-ID, From, To: "ideally, it will respond with a 400"
	"unkscm": accepted, "novelsc": accepted, "unksm2": accepted, "bext01": accepted, "invut": accepted,
	"regaut01": accepted,
	"multi01":  {ReasonDuplicateHeader, 400},      // several values of single-value headers
	"mcl01":    {ReasonContentLengthDiffers, 400}, // two Content-Lengths
	"bcast":    accepted, "zeromf": accepted, "cparam01": accepted, "cparam02": accepted, "regescrt": accepted,
	"sdp01": accepted,
	// 3.4 backward compatibility
	"inv2543": accepted,
}

var rfc5118 = map[string]verdict{
	"ipv6-good": accepted, "port-ambiguous": accepted, "port-unambiguous": accepted,
	"via-received-param-with-delim": accepted, "via-received-param-no-delim": accepted, "ipv6-in-sdp": accepted,
	"mult-ip-in-header": accepted, "mult-ip-in-sdp": accepted, "ipv4-mapped-ipv6": accepted,
	"ipv6-bad": {ReasonRequestURI, 400}, // IPv6 reference without brackets
}

// TestTortureMessages logs its verdicts as a table: go test -run Torture -v.
func TestTortureMessages(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-8s %-30s %-25s %-6s %s\n", "rfc", "message", "verdict", "status", "octet")
	for dir, verdicts := range map[string]map[string]verdict{"rfc4475": rfc4475, "rfc5118": rfc5118} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.dat"))
		if err != nil || len(files) != len(verdicts) {
			t.Fatalf("%s: %d messages, %d verdicts: %v", dir, len(files), len(verdicts), err)
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".dat")
			t.Run(dir+"/"+name, func(t *testing.T) {
				want, ok := verdicts[name]
				if !ok {
					t.Fatal("no verdict")
				}
				var m Message
				b := torture(t, dir, name)
				err := m.Parse(b, nil)
				checkVerdict(t, err, want)
				tableRow(&table, dir, name, err)
				if want.status != 0 {
					checkAnswer(t, &m, want.status)
				}
			})
		}
	}
	t.Log(table.String())
}

func tableRow(table *strings.Builder, dir, name string, err error) {
	e, refused := err.(*Error)
	switch {
	case !refused:
		fmt.Fprintf(table, "%-8s %-30s accepted\n", dir, name)
	case e.Status == 0:
		fmt.Fprintf(table, "%-8s %-30s %-25s %-6s %d\n", dir, name, e.Reason, "drop", e.Offset)
	default:
		fmt.Fprintf(table, "%-8s %-30s %-25s %-6d %d\n", dir, name, e.Reason, e.Status, e.Offset)
	}
}

func torture(tb testing.TB, dir, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", dir, name+".dat"))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func checkVerdict(t *testing.T, err error, want verdict) {
	t.Helper()
	var got verdict
	var e *Error
	if errors.As(err, &e) {
		got = verdict{e.Reason, e.Status}
	}
	if got != want {
		t.Errorf("verdict %v %d, want %v %d (%v)", got.reason, got.status, want.reason, want.status, err)
	}
}

// checkAnswer wants a response that a client can match: a status line, the Vias and an end.
func checkAnswer(t *testing.T, m *Message, status int) {
	t.Helper()
	if !m.Answerable() {
		t.Fatal("a status is suggested, but the message is not answerable")
	}
	out, err := AppendResponse(nil, m, status, "", "tag")
	if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	via, _ := m.First(HdrVia)
	if !strings.HasPrefix(text, "SIP/2.0 ") || !strings.Contains(text, string(via.Line)) || !strings.HasSuffix(text, "\r\n\r\n") {
		t.Errorf("response\n%s", text)
	}
}

func TestTortureViews(t *testing.T) {
	for name, check := range map[string]func(*testing.T, *Message){
		"wsinv": func(t *testing.T, m *Message) {
			wantText(t, "To tag", m.ToTag(), "1918181833n")
			wantText(t, "From tag", m.FromTag(), "98asjd8")
			wantText(t, "Call-ID", m.CallID(), "wsinv.ndaksdj@192.0.2.1")
			if n, method := m.CSeq(); n != 9 || string(method) != "INVITE" {
				t.Errorf("CSeq %d %s", n, method)
			}
			if n, ok := m.MaxForwards(); n != 68 || !ok {
				t.Errorf("Max-Forwards %d %v", n, ok)
			}
			var hosts, branches []string
			for v := m.Values(HdrVia); v.Next(); {
				via, err := v.Via()
				if err != nil {
					t.Fatal(err)
				}
				hosts = append(hosts, string(via.Transport)+" "+string(via.Host))
				branches = append(branches, string(via.Branch()))
			}
			wantText(t, "Vias", []byte(strings.Join(hosts, ",")), "UDP 192.0.2.2,TCP spindle.example.com,UDP 192.168.255.111")
			wantText(t, "branches", []byte(strings.Join(branches, ",")), "390skdjuw,z9hG4bK9ikj8,z9hG4bK30239")
			from, _ := m.First(HdrFrom)
			na, err := ParseNameAddr(from.Value)
			if err != nil || UnquoteDisplay(na.Display) != `J Rosenberg \"` {
				t.Errorf("From display %q: %v", UnquoteDisplay(na.Display), err)
			}
			contact, _ := m.First(HdrContact)
			na, _ = ParseNameAddr(contact.Value)
			q, _ := na.Params.Get("Q")
			wantText(t, "q", q, "0.33")
		},
		"intmeth": func(t *testing.T, m *Message) {
			wantText(t, "method", m.MethodName(), "!interesting-Method0123456789_*+`.%indeed'~")
			to, _ := m.First(HdrTo)
			na, err := ParseNameAddr(to.Value)
			if err != nil || UnquoteDisplay(na.Display) != "BEL:\a NUL:\x00 DEL:\x7f" {
				t.Errorf("To display %q: %v", UnquoteDisplay(na.Display), err)
			}
			wantText(t, "From tag", m.FromTag(), "_token~1'+`*%!-.")
			u, err := ParseURI(m.RequestURI())
			if err != nil || string(u.Host) != "example.com" {
				t.Errorf("Request-URI host %q: %v", u.Host, err)
			}
		},
		"semiuri": func(t *testing.T, m *Message) {
			u, err := ParseURI(m.RequestURI())
			if err != nil || Unescape(u.User) != "user;par=u@example.net" || len(u.Params) != 0 {
				t.Errorf("%q %q: %v", u.User, u.Params, err)
			}
		},
		"dblreq": func(t *testing.T, m *Message) {
			if n, _ := m.ContentLength(); n != 0 || len(m.Body()) != 0 || m.Method() != REGISTER {
				t.Errorf("%d octets of body", len(m.Body()))
			}
			if strings.Contains(string(m.Bytes()), "INVITE") {
				t.Error("the second message is still there")
			}
		},
		"noreason": func(t *testing.T, m *Message) {
			if m.Status() != 100 || len(m.ReasonPhrase()) != 0 {
				t.Errorf("%d %q", m.Status(), m.ReasonPhrase())
			}
		},
		"unreason": func(t *testing.T, m *Message) {
			wantText(t, "reason", m.ReasonPhrase(), "= 2**3 * 5**2 но сто девяносто девять - простое")
		},
		"inv2543": func(t *testing.T, m *Message) {
			to, _ := m.First(HdrTo)
			na, _ := ParseNameAddr(to.Value)
			wantText(t, "To URI", na.URI, "sip:+16505552222@ss1.example.net")
			if user, _ := na.Params.Get("user"); string(user) != "phone" {
				t.Error("without brackets, parameters are those of the header")
			}
		},
	} {
		t.Run(name, func(t *testing.T) { check(t, mustParse(t, torture(t, "rfc4475", name))) })
	}
}

func wantText(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if string(got) != want {
		t.Errorf("%s %q, want %q", what, got, want)
	}
}

func TestTortureIPv6(t *testing.T) {
	for name, check := range map[string]func(*testing.T, *Message){
		"port-ambiguous": func(t *testing.T, m *Message) {
			u, err := ParseURI(m.RequestURI())
			if err != nil || string(u.Host) != "[2001:db8::10:5070]" || u.Port != 0 {
				t.Errorf("%q %d %v", u.Host, u.Port, err)
			}
		},
		"port-unambiguous": func(t *testing.T, m *Message) {
			u, err := ParseURI(m.RequestURI())
			if err != nil || string(u.Host) != "[2001:db8::10]" || u.Port != 5070 {
				t.Errorf("%q %d %v", u.Host, u.Port, err)
			}
		},
		"via-received-param-with-delim": func(t *testing.T, m *Message) {
			v, _ := m.TopVia()
			wantText(t, "received", v.Received(), "2001:db8::9:255")
		},
		"via-received-param-no-delim": func(t *testing.T, m *Message) {
			v, _ := m.TopVia()
			wantText(t, "received", v.Received(), "2001:db8::9:255")
		},
	} {
		t.Run(name, func(t *testing.T) { check(t, mustParse(t, torture(t, "rfc5118", name))) })
	}
	// RFC 5118 4.10: an address with a colon too many is to be tolerated by the parser.
	u, err := ParseURI([]byte("sip:user@[2001:db8:::192.0.2.1]:5060"))
	if err != nil || string(u.Host) != "[2001:db8:::192.0.2.1]" {
		t.Errorf("%q %v", u.Host, err)
	}
}
