package wire

import (
	"bytes"
	"strings"
	"testing"
)

const baseText = "INVITE sip:bob@example.com SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n" +
	"Max-Forwards: 70\r\n" +
	"From: \"Alice\" <sip:alice@example.com>;tag=1\r\n" +
	"To: Bob <sip:bob@example.com>\r\n" +
	"Call-ID: c1@192.0.2.1\r\n" +
	"CSeq: 7 INVITE\r\n" +
	"Contact: <sip:alice@192.0.2.1>\r\n" +
	"Content-Length: 4\r\n" +
	"\r\n" +
	"body"

// with is the base message with old replaced by new, pair by pair.
func with(pairs ...string) []byte {
	text := baseText
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			panic("base message lacks " + pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return []byte(text)
}

// line is the base message with one more header in front of Contact.
func withLine(line string) []byte { return with("Contact:", line+"\r\nContact:") }

// TestOneReading lists messages that two elements could take for different ones, each with the reason for which it is
// refused.
func TestOneReading(t *testing.T) {
	for name, c := range map[string]struct {
		msg  []byte
		want verdict
	}{
		"bare LF in a value":              {withLine("Y: a\nRoute: <sip:x>"), verdict{ReasonBareLF, 400}},
		"bare LF ends a line":             {with("70\r\n", "70\n"), verdict{ReasonBareLF, 400}},
		"bare CR in a value":              {withLine("Y: a\rRoute: <sip:x>"), verdict{ReasonBareCR, 400}},
		"CR CR LF":                        {withLine("Y: a\r"), verdict{ReasonBareCR, 400}},
		"LF CR":                           {withLine("Y: a\n\rX: b"), verdict{ReasonBareLF, 400}},
		"bare LF ends the head":           {with("4\r\n\r\n", "4\r\n\n"), verdict{ReasonBareLF, 400}},
		"bare LF in the start line":       {with("SIP/2.0\r\n", "SIP/2.0\n"), verdict{ReasonBareLF, 0}},
		"NUL in a value":                  {withLine("Y: a\x00b"), verdict{ReasonNUL, 400}},
		"NUL in a name":                   {withLine("Y\x00: a"), verdict{ReasonNUL, 400}},
		"NUL in From":                     {with("tag=1", "tag=1\x00"), verdict{ReasonNUL, 0}},
		"NUL in the Request-URI":          {with("bob@", "bob\x00@"), verdict{ReasonNUL, 400}},
		"NUL in a quoted string":          {with(`"Alice"`, "\"Al\x00ice\""), verdict{ReasonNUL, 0}},
		"vertical tab before the colon":   {withLine("Y\v: a"), verdict{ReasonControl, 400}},
		"form feed in a value":            {withLine("Y: a\fb"), verdict{ReasonControl, 400}},
		"DEL in a value":                  {withLine("Y: a\x7fb"), verdict{ReasonControl, 400}},
		"CR for a hyphen in a name":       {with("Max-Forwards", "Max\rForwards"), verdict{ReasonBareCR, 400}},
		"quoted-pair in free text":        {withLine("Subject: \"a\\\x00\""), verdict{ReasonNUL, 400}},
		"escaped line end":                {with(`"Alice"`, "\"Alice\\\r\n \""), verdict{ReasonQuote, 400}},
		"two From":                        {withLine("From: <sip:x@y>;tag=2"), verdict{ReasonDuplicateHeader, 400}},
		"From and f":                      {withLine("f: <sip:x@y>;tag=2"), verdict{ReasonDuplicateHeader, 400}},
		"To and t":                        {withLine("t: <sip:x@y>;tag=2"), verdict{ReasonDuplicateHeader, 400}},
		"Call-ID and I":                   {withLine("I: other"), verdict{ReasonDuplicateHeader, 400}},
		"two equal Call-IDs":              {withLine("CALL-ID: c1@192.0.2.1"), verdict{ReasonDuplicateHeader, 400}},
		"two CSeq":                        {withLine("cseq : 7 INVITE"), verdict{ReasonDuplicateHeader, 400}},
		"two Max-Forwards":                {withLine("Max-Forwards: 70"), verdict{ReasonDuplicateHeader, 400}},
		"two Content-Lengths":             {withLine("Content-Length: 4"), verdict{ReasonDuplicateHeader, 400}},
		"Content-Length and l":            {withLine("l: 0"), verdict{ReasonContentLengthDiffers, 400}},
		"two equal, one padded":           {withLine("l : 0004"), verdict{ReasonDuplicateHeader, 400}},
		"Content-Type and c":              {withLine("c: a/b\r\nContent-Type: a/c"), verdict{ReasonDuplicateHeader, 400}},
		"two Expires":                     {withLine("Expires: 1\r\nexpires\t: 2"), verdict{ReasonDuplicateHeader, 400}},
		"two Refer-To":                    {withLine("Refer-To: <sip:a@b>\r\nr: <sip:c@d>"), verdict{ReasonDuplicateHeader, 400}},
		"two Session-Expires":             {withLine("Session-Expires: 90\r\nx: 91"), verdict{ReasonDuplicateHeader, 400}},
		"two To in one line":              {with("To: Bob <sip:bob@example.com>", "To: <sip:a@b>;tag=1, <sip:a@b>;tag=2"), verdict{ReasonValueList, 400}},
		"two Call-IDs in one line":        {with("c1@192.0.2.1", "c1@192.0.2.1 c2"), verdict{ReasonCallID, 400}},
		"folded Call-ID":                  {with("c1@192.0.2.1", "c1@192.0.2.1\r\n c2"), verdict{ReasonCallID, 400}},
		"empty Call-ID":                   {with("c1@192.0.2.1", ""), verdict{ReasonCallID, 400}},
		"two Content-Lengths in one line": {with("Length: 4", "Length: 4, 4"), verdict{ReasonContentLength, 400}},
		"Content-Length +4":               {with("Length: 4", "Length: +4"), verdict{ReasonContentLength, 400}},
		"Content-Length 0x4":              {with("Length: 4", "Length: 0x4"), verdict{ReasonContentLength, 400}},
		"Content-Length 4 0":              {with("Length: 4", "Length: 4 0"), verdict{ReasonContentLength, 400}},
		"Content-Length empty":            {with("Length: 4", "Length:"), verdict{ReasonContentLength, 400}},
		"Content-Length 2**32+4":          {with("Length: 4", "Length: 4294967300"), verdict{ReasonContentLength, 400}},
		"Content-Length 2**64+4":          {with("Length: 4", "Length: 18446744073709551620"), verdict{ReasonContentLength, 400}},
		"Content-Length beyond the end":   {with("Length: 4", "Length: 5"), verdict{ReasonContentLengthLong, 400}},
		"CSeq of another method":          {with("7 INVITE", "7 BYE"), verdict{ReasonCSeqMethod, 400}},
		"CSeq in lower case":              {with("7 INVITE", "7 invite"), verdict{ReasonCSeqMethod, 400}},
		"CSeq 2**31":                      {with("7 INVITE", "2147483648 INVITE"), verdict{ReasonCSeq, 400}},
		"CSeq with two methods":           {with("7 INVITE", "7 INVITE BYE"), verdict{ReasonCSeq, 400}},
		"CSeq without method":             {with("7 INVITE", "7"), verdict{ReasonCSeq, 400}},
		"CSeq without space":              {with("7 INVITE", "7INVITE"), verdict{ReasonCSeq, 400}},
		"CSeq negative":                   {with("7 INVITE", "-7 INVITE"), verdict{ReasonCSeq, 400}},
		"Max-Forwards 256":                {with(": 70", ": 256"), verdict{ReasonNumber, 400}},
		"Max-Forwards 70;x":               {with(": 70", ": 70;x"), verdict{ReasonNumber, 400}},
		"Expires 2**32":                   {withLine("Expires: 4294967296"), verdict{ReasonNumber, 400}},
		"Session-Expires 90x":             {withLine("Session-Expires: 90x"), verdict{ReasonNumber, 400}},
		"two tags in From":                {with("tag=1", "tag=1;tag=2"), verdict{ReasonDuplicateParam, 400}},
		"tag and Tag in To":               {with("<sip:bob@example.com>\r\n", "<sip:bob@example.com>;tag=1;Tag=1\r\n"), verdict{ReasonDuplicateParam, 400}},
		"tag without value":               {with("tag=1", "tag"), verdict{ReasonParam, 400}},
		"tag quoted":                      {with("tag=1", "tag=\"1\""), verdict{ReasonParam, 400}},
		"branch quoted":                   {with("branch=z9hG4bK1", "branch=\"z9hG4bK1\""), verdict{ReasonParam, 400}},
		"tag with empty value":            {with("tag=1", "tag="), verdict{ReasonParam, 400}},
		"two branches":                    {with(";branch=z9hG4bK1", ";branch=z9hG4bK1;Branch=z9hG4bK2"), verdict{ReasonDuplicateParam, 400}},
		"two received":                    {with(";branch", ";received=192.0.2.2;received=192.0.2.3;branch"), verdict{ReasonDuplicateParam, 400}},
		"two reg-ids":                     {with("<sip:alice@192.0.2.1>", "<sip:alice@192.0.2.1>;reg-id=1;Reg-ID=2"), verdict{ReasonDuplicateParam, 400}},
		"two instances":                   {with("<sip:alice@192.0.2.1>", "<sip:alice@192.0.2.1>;+sip.instance=\"<a:b>\";+SIP.instance=\"<a:c>\""), verdict{ReasonDuplicateParam, 400}},
		"Request-URI with two gr":         {with("example.com SIP", "example.com;gr;gr=x SIP"), verdict{ReasonDuplicateParam, 400}},
		"two expires in Contact":          {with("<sip:alice@192.0.2.1>", "<sip:alice@192.0.2.1>;expires=0;expires=3600"), verdict{ReasonDuplicateParam, 400}},
		"branch without value":            {with("branch=z9hG4bK1", "branch"), verdict{ReasonParam, 400}},
		"Via without host":                {with("192.0.2.1:5060;", ";"), verdict{ReasonHost, 0}},
		"Via port 0":                      {with(":5060", ":0"), verdict{ReasonHost, 400}},
		"Via port 65536":                  {with(":5060", ":65536"), verdict{ReasonHost, 400}},
		"Via without transport":           {with("SIP/2.0/UDP", "SIP/2.0"), verdict{ReasonVia, 0}},
		"Via IPv6 without brackets":       {with("192.0.2.1:5060", "2001:db8::1"), verdict{ReasonHost, 400}},
		"Via list with an empty value":    {with("z9hG4bK1", "z9hG4bK1,,SIP/2.0/UDP a"), verdict{ReasonVia, 400}},
		"Via list with an empty end":      {with("z9hG4bK1", "z9hG4bK1,"), verdict{ReasonVia, 400}},
		"Via quote not closed":            {with("z9hG4bK1", "\"z9hG4bK1"), verdict{ReasonQuote, 400}},
		"Via with two hosts":              {with("192.0.2.1:5060", "192.0.2.1:5060 192.0.2.2"), verdict{ReasonParam, 400}},
		"Via bracket not closed":          {with("192.0.2.1:5060", "[2001:db8::1"), verdict{ReasonHost, 0}},
		"quote not closed in From":        {with(`"Alice"`, `"Alice`), verdict{ReasonQuote, 400}},
		"quote closed by an escape":       {with(`"Alice"`, `"Alice\"`), verdict{ReasonQuote, 400}},
		"bracket not closed in To":        {with("<sip:bob@example.com>", "<sip:bob@example.com"), verdict{ReasonBracket, 400}},
		"bracket in a bracket":            {with("<sip:bob@example.com>", "<sip:<bob@example.com>"), verdict{ReasonNameAddr, 400}},
		"two brackets in To":              {with("<sip:bob@example.com>", "<sip:bob@example.com><sip:c@d>"), verdict{ReasonParam, 400}},
		"quote inside a URI":              {with("<sip:bob@example.com>", "<sip:\"bob@example.com>"), verdict{ReasonNameAddr, 400}},
		"text behind the bracket":         {with("<sip:bob@example.com>", "<sip:bob@example.com> x"), verdict{ReasonParam, 400}},
		"URI as display name":             {with("Bob <sip", "sip:a@b <sip"), verdict{ReasonNameAddr, 400}},
		"two words without bracket":       {with("Bob <sip:bob@example.com>", "sip:a@b sip:c@d"), verdict{ReasonNameAddr, 400}},
		"URI without scheme":              {with("<sip:bob@example.com>", "<bob@example.com>"), verdict{ReasonNameAddr, 400}},
		"empty brackets":                  {with("<sip:bob@example.com>", "<>"), verdict{ReasonNameAddr, 400}},
		"Contact with ? outside brackets": {with("<sip:alice@192.0.2.1>", "sip:alice@192.0.2.1?Route=x"), verdict{ReasonNameAddr, 400}},
		"Contact star with parameters":    {with("<sip:alice@192.0.2.1>", "*;expires=0"), verdict{ReasonNameAddr, 400}},
		"Contact empty":                   {with("<sip:alice@192.0.2.1>", ""), verdict{ReasonNameAddr, 400}},
		"Route unclosed before a comma":   {withLine("Route: <sip:a;lr, <sip:b;lr>"), verdict{ReasonNameAddr, 400}},
		"Route with a stray separator":    {withLine("Route: <sip:a;lr>;;x"), verdict{ReasonParam, 400}},
		"P-Asserted-Identity unclosed":    {withLine("P-Asserted-Identity: \"a <sip:b@c>"), verdict{ReasonQuote, 400}},
		"Authorization quote not closed":  {withLine("Authorization: Digest realm=\"a"), verdict{ReasonQuote, 400}},
		"name with a space":               {withLine("X Y: a"), verdict{ReasonHeaderName, 400}},
		"no colon":                        {withLine("Route"), verdict{ReasonHeaderName, 400}},
		"no name":                         {withLine(": a"), verdict{ReasonHeaderName, 400}},
		"fold as first header":            {with("\r\nVia", "\r\n X: y\r\nVia"), verdict{ReasonHeaderName, 400}},
		"a quote as name":                 {withLine("\": a"), verdict{ReasonHeaderName, 400}},
		"a comma as name":                 {withLine(",: a"), verdict{ReasonHeaderName, 400}},
		"name with a quote":               {withLine("X\"Y: a"), verdict{ReasonHeaderName, 400}},
		"version 2.1":                     {with("SIP/2.0\r\nVia", "SIP/2.1\r\nVia"), verdict{ReasonVersion, 505}},
		"version 2.00":                    {with("SIP/2.0\r\nVia", "SIP/2.00\r\nVia"), verdict{ReasonVersion, 505}},
		"no version":                      {with(" SIP/2.0\r\nVia", "\r\nVia"), verdict{ReasonStartLine, 400}},
		"two spaces in the start line":    {with("INVITE sip", "INVITE  sip"), verdict{ReasonStartLine, 400}},
		"tab in the start line":           {with("INVITE sip", "INVITE\tsip"), verdict{ReasonMethod, 400}},
		"space behind the version":        {with("SIP/2.0\r\nVia", "SIP/2.0 \r\nVia"), verdict{ReasonStartLine, 400}},
		"space before the method":         {with("INVITE sip", " INVITE sip"), verdict{ReasonMethod, 400}},
		"method with a slash":             {with("INVITE sip", "INV/ITE sip"), verdict{ReasonMethod, 400}},
		"Request-URI without scheme":      {with("sip:bob@example.com SIP", "bob@example.com SIP"), verdict{ReasonRequestURI, 400}},
		"Request-URI without host":        {with("sip:bob@example.com SIP", "sip:bob@ SIP"), verdict{ReasonRequestURI, 400}},
		"Request-URI with two @":          {with("bob@example", "bob@a@example"), verdict{ReasonRequestURI, 400}},
		"Request-URI with two transports": {with("example.com SIP", "example.com;transport=udp;Transport=tcp SIP"), verdict{ReasonDuplicateParam, 400}},
		"Request-URI with a bad escape":   {with("bob@", "b%4@"), verdict{ReasonEscape, 400}},
		"Request-URI with headers":        {with("example.com SIP", "example.com?Route=x SIP"), verdict{ReasonRequestURIHeaders, 400}},
		"no From":                         {with("From: \"Alice\" <sip:alice@example.com>;tag=1\r\n", ""), verdict{ReasonMissingHeader, 400}},
		"no Via":                          {with("Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n", ""), verdict{ReasonMissingHeader, 0}},
		"head not ended":                  {with("\r\n\r\nbody", "\r\n"), verdict{ReasonNoEnd, 400}},
		"line not ended":                  {with("\r\n\r\nbody", ""), verdict{ReasonNoEnd, 400}},
		"nothing but line ends":           {[]byte("\r\n\r\n"), verdict{ReasonEmpty, 0}},
		"nothing":                         {nil, verdict{ReasonEmpty, 0}},
		"another protocol":                {[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), verdict{ReasonStartLine, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			var m Message
			checkVerdict(t, m.Parse(c.msg, nil), c.want)
		})
	}
}

// TestGrammarAllows lists what is odd but has one reading.
func TestGrammarAllows(t *testing.T) {
	for name, msg := range map[string][]byte{
		"space before the colon":     with("To:", "To \t :"),
		"no space behind the colon":  with("To: Bob", "To:Bob"),
		"fold behind the colon":      with("To: Bob", "To:\r\n Bob"),
		"fold with a tab":            with("To: Bob", "To: Bob\r\n\t"),
		"fold that is empty":         with("To: Bob", "To: Bob\r\n \r\n "),
		"upper-case name":            with("To:", "TO:"),
		"compact names":              with("To:", "t:", "From:", "F:", "Via:", "v:", "Call-ID:", "i:", "Content-Length:", "L:", "Contact:", "m:"),
		"upper-case parameter":       with(";tag=1", ";TAG=1"),
		"spaces around parameters":   with(";tag=1", " \r\n ; tag\t= \r\n 1 "),
		"spaces in Via":              with("SIP/2.0/UDP 192.0.2.1:5060;branch", "SIP / 2.0\r\n /\tUDP  192.0.2.1 : 5060 ; branch"),
		"lower-case version":         with("SIP/2.0\r\nVia", "sip/2.0\r\nVia"),
		"unknown method":             with("INVITE sip", "FOO%1 sip", "7 INVITE", "7 FOO%1"),
		"unknown Via transport":      with("/UDP", "/TLS-SCTP"),
		"unknown Via protocol":       with("Via: SIP/2.0", "Via: XSIP/3"),
		"unknown scheme":             with("sip:bob@example.com SIP", "soap.beep://192.0.2.1:3002 SIP"),
		"tel URI":                    with("sip:bob@example.com SIP", "tel:+1-201-555-0123;phone-context=x SIP"),
		"urn":                        with("sip:bob@example.com SIP", "urn:service:sos SIP"),
		"escapes in the user":        with("bob@example.com SIP", "%00b%6fb;x=%3B@example.com SIP"),
		"hash in the user":           with("bob@example.com SIP", "*21#@example.com SIP"),
		"UTF-8 in the user":          with("bob@example.com SIP", "bøb@example.com SIP"),
		"IPv6 in the Request-URI":    with("example.com SIP", "[2001:db8::1]:5061;transport=tcp SIP"),
		"IPv6 in Via":                with("192.0.2.1:5060", "[2001:db8::1]:5060;received=[2001:db8::2]"),
		"IPv6 received, no brackets": with("192.0.2.1:5060", "[2001:db8::1];received=2001:db8::2;rport=5060"),
		"IPv6 in every other header": withLine("Route: <sip:[2001:db8::3];lr>\r\nRecord-Route: <sip:[2001:db8::4]:5061;r2;lr>\r\n" +
			"Path: <sip:t@[2001:db8::5];lr;ob>\r\nService-Route: <sips:[2001:db8::6];lr>\r\nReferred-By: sip:[2001:db8::7]\r\n" +
			"m: <sip:a@[2001:db8::8]:5060;transport=tcp;maddr=[ff02::1]>\r\nRefer-To: <sip:[::ffff:192.0.2.1]?Replaces=a%40[2001:db8::9]>"),
		"IPv6 in From, To and Call-ID": with("alice@example.com", "alice@[2001:db8::1]", "bob@example.com>", "bob@[2001:db8::2]>", "c1@192.0.2.1", "c1@[2001:db8::1]"),
		"outbound and GRUU": withLine("Supported: outbound, path, gruu\r\nm: <sip:a@192.0.2.1;ob>;reg-id=1;+sip.instance=\"<urn:uuid:f81d>\"" +
			";pub-gruu=\"sip:a@b;gr=urn:uuid:f81d\";temp-gruu=\"sip:x@b;gr\"\r\nFlow-Timer: 120"),
		"GRUU without value":           with("example.com SIP", "example.com;gr SIP"),
		"sips":                         with("sip:bob@example.com SIP", "sips:bob@example.com SIP"),
		"local tel number":             with("sip:bob@example.com SIP", "tel:7042;phone-context=+1-201-555 SIP"),
		"trailing octets":              append(with(), "more\x00\n"...),
		"no Content-Length":            with("Content-Length: 4\r\n", ""),
		"leading zeros":                with("7 INVITE", "0007  INVITE", "Length: 4", "Length: 0004", ": 70", ": 00070"),
		"no Max-Forwards":              with("Max-Forwards: 70\r\n", ""),
		"no tag in From":               with(";tag=1", ""),
		"no branch":                    with(";branch=z9hG4bK1", ""),
		"line ends in front":           append([]byte("\r\n\r\n"), with()...),
		"comma in quotes":              with(`"Alice"`, `"Alice, <sip:x> \", B"`),
		"comma in brackets":            with("<sip:alice@192.0.2.1>", "<sip:a,b@192.0.2.1>"),
		"UTF-8 display name":           with(`"Alice"`, `"Ålice"`),
		"token display name":           with(`"Alice"`, `A. lice-_'`),
		"quoted-pair of control chars": with(`"Alice"`, "\"A\\\x00\\\x07\\\x7f\""),
		"fold in a quoted string":      with(`"Alice"`, "\"Al\r\n ice\""),
		"base64 tag":                   with("tag=1", "tag=MTIz=="),
		"Contact star":                 with("<sip:alice@192.0.2.1>", "*"),
		"several Contacts":             with("<sip:alice@192.0.2.1>", "<sip:a@b>;q=1, \"x\" <sip:c@d>\r\nm: sip:e@f;expires=1"),
		"unknown header with junk":     withLine("UnknownHeaderWithUnusualValue: ;;,,;;,;\"<"),
		"empty header":                 withLine("Supported:\r\nSubject:\r\ns : \r\n \r\nZ:"),
		"two Subjects":                 withLine("Subject: a\r\ns: b"),
		"Session-Expires":              withLine("Session-Expires: 1800 ; refresher=uac\r\nMin-SE: 90"),
		"rport without value":          with(";branch", ";rport;branch"),
		"sent-by with underscore":      with("192.0.2.1:5060", "my_host"),
		"binary body":                  with("body", "\x00\r\n\n"),
		"two challenges":               withLine("Authorization: Digest realm=\"a\"\r\nAuthorization: Digest realm=\"b\""),
	} {
		t.Run(name, func(t *testing.T) {
			var m Message
			if err := m.Parse(msg, nil); err != nil {
				t.Fatal(err)
			}
			out, err := m.Append(nil, nil)
			if err != nil || !bytes.Equal(out, m.Bytes()) {
				t.Errorf("an edit of nothing changes the message: %v\n%q", err, out)
			}
		})
	}
}

func TestResponseVerdicts(t *testing.T) {
	response := strings.Replace(baseText, "INVITE sip:bob@example.com SIP/2.0", "SIP/2.0 200 OK", 1)
	for name, c := range map[string]struct {
		old, new string
		want     verdict
	}{
		"as it is":               {"", "", accepted},
		"unknown code":           {"200", "299", accepted},
		"no reason":              {"200 OK", "200 ", accepted},
		"no space either":        {"200 OK", "200", accepted},
		"tab in the reason":      {"OK", "O\tK", accepted},
		"UTF-8 reason":           {"OK", "добре", accepted},
		"code 700":               {"200", "700", verdict{ReasonStatusCode, 0}},
		"code 099":               {"200", "099", verdict{ReasonStatusCode, 0}},
		"code 0200":              {"200", "0200", verdict{ReasonStatusCode, 0}},
		"code 20":                {"200", "20", verdict{ReasonStatusCode, 0}},
		"code two":               {"200", "2OO", verdict{ReasonStartLine, 0}},
		"two spaces":             {"2.0 200", "2.0  200", verdict{ReasonStartLine, 0}},
		"version 3.0":            {"SIP/2.0 200", "SIP/3.0 200", verdict{ReasonVersion, 0}},
		"two Call-IDs":           {"Contact:", "i: x\r\nContact:", verdict{ReasonDuplicateHeader, 0}},
		"Content-Length too big": {"Length: 4", "Length: 5", verdict{ReasonContentLengthLong, 0}},
		"control in the reason":  {"OK", "O\x01K", verdict{ReasonControl, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			var m Message
			err := m.Parse([]byte(strings.Replace(response, c.old, c.new, 1)), nil)
			checkVerdict(t, err, c.want)
			if m.Answerable() || m.IsRequest() || m.Method() != MethodUnknown || m.RequestURI() != nil {
				t.Error("a response is taken for a request")
			}
			if c.want == accepted && m.CSeqMethod() != INVITE {
				t.Errorf("CSeq method %v", m.CSeqMethod())
			}
		})
	}
}

// A response or an ACK is never answered, whatever is wrong with it.
func TestNoAnswerToACK(t *testing.T) {
	var m Message
	err := m.Parse(with("INVITE sip", "ACK sip", "7 INVITE", "8 BYE"), nil)
	checkVerdict(t, err, verdict{ReasonCSeqMethod, 0})
	if _, err := AppendResponse(nil, &m, 400, "", ""); err == nil {
		t.Error("an ACK was answered")
	}
}

func TestStreamVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		msg  []byte
		want verdict
	}{
		"exact":             {with(), accepted},
		"no Content-Length": {with("Content-Length: 4\r\n", ""), verdict{ReasonContentLengthMissing, 400}},
		"too short":         {with("Length: 4", "Length: 3"), verdict{ReasonContentLengthMismatch, 400}},
		"too long":          {with("Length: 4", "Length: 5"), verdict{ReasonContentLengthLong, 400}},
	} {
		t.Run(name, func(t *testing.T) {
			var m Message
			checkVerdict(t, m.ParseStream(c.msg, nil), c.want)
		})
	}
}

func TestReasonsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for r := range Reasons {
		name := r.String()
		if name == "" || name == "unknown" || seen[name] {
			t.Errorf("reason %d: %q", r, name)
		}
		seen[name] = true
	}
	if got := Reason(255).String(); got != "unknown" {
		t.Errorf("%q", got)
	}
	err := error(&Error{Reason: ReasonNUL, Offset: 3, Status: 400})
	if err.Error() != "sip/wire: nul at octet 3" {
		t.Error(err)
	}
}
