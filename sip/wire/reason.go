package wire

import "fmt"

// Reason is the named cause of a refusal. Its String is meant as a metrics label.
type Reason uint8

// The reasons for which a message is refused.
const (
	ReasonNone                  Reason = iota
	ReasonEmpty                        // nothing but line ends
	ReasonTooLarge                     // message longer than Limits.Message
	ReasonTooManyHeaders               // more header lines than Limits.Headers
	ReasonHeaderTooLong                // header or start line longer than Limits.HeaderLine
	ReasonTooManyValues                // more values than Limits.Values
	ReasonTooManyParams                // more parameters than Limits.Params, in one value or in all
	ReasonBareCR                       // CR without LF
	ReasonBareLF                       // LF without CR
	ReasonNUL                          // NUL outside a quoted-pair
	ReasonControl                      // another control character outside a quoted-pair
	ReasonStartLine                    // request line or status line not of the grammar
	ReasonMethod                       // method is not a token
	ReasonVersion                      // SIP version other than 2.0
	ReasonStatusCode                   // status code outside 100 to 699
	ReasonRequestURI                   // Request-URI not of the grammar
	ReasonRequestURIHeaders            // Request-URI with a headers part
	ReasonHeaderName                   // header name is not a token, or the colon is missing
	ReasonNoEnd                        // no empty line behind the headers
	ReasonDuplicateHeader              // single-instance header occurs twice, in whatever spelling
	ReasonValueList                    // several values in a header that has one
	ReasonMissingHeader                // Via, From, To, Call-ID or CSeq is missing
	ReasonVia                          // Via value not of the grammar
	ReasonNameAddr                     // name-addr not of the grammar
	ReasonQuote                        // quoted string not closed
	ReasonBracket                      // angle bracket not closed
	ReasonParam                        // parameter not of the grammar
	ReasonDuplicateParam               // a parameter that steers routing or dialogs occurs twice
	ReasonCallID                       // Call-ID empty or with white space
	ReasonCSeq                         // CSeq not of the grammar or above 2**31-1
	ReasonCSeqMethod                   // CSeq method differs from the request's
	ReasonNumber                       // a number is malformed or too large
	ReasonContentLength                // Content-Length malformed or negative
	ReasonContentLengthLong            // Content-Length larger than the octets present
	ReasonContentLengthMissing         // no Content-Length on a stream
	ReasonContentLengthMismatch        // stream message cut elsewhere than its Content-Length says
	ReasonURI                          // URI not of the grammar
	ReasonHost                         // host or port not of the grammar
	ReasonEscape                       // '%' without two hexadecimal digits
	ReasonTooManyContacts              // more Contact values than Limits.Contacts
	ReasonContentLengthDiffers         // two Content-Lengths that are not the same
	ReasonInserted                     // a value to be inserted contains CR, LF, NUL or another control character

	numReasons
)

var reasonNames = [numReasons]string{
	"none", "empty", "too_large", "too_many_headers", "header_too_long", "too_many_values", "too_many_params",
	"bare_cr", "bare_lf", "nul", "control", "start_line", "method", "version", "status_code", "request_uri",
	"request_uri_headers", "header_name", "no_end", "duplicate_header", "value_list", "missing_header", "via",
	"name_addr", "quote", "bracket", "param", "duplicate_param", "call_id", "cseq", "cseq_method", "number",
	"content_length", "content_length_long", "content_length_missing", "content_length_mismatch", "uri", "host",
	"escape", "too_many_contacts", "content_length_differs", "inserted",
}

// String is the reason in snake case.
func (r Reason) String() string {
	if r >= numReasons {
		return "unknown"
	}
	return reasonNames[r]
}

// Reasons calls yield for every reason but ReasonNone, so that a metric can have all its labels from the start.
func Reasons(yield func(Reason) bool) {
	for r := ReasonNone + 1; r < numReasons; r++ {
		if !yield(r) {
			return
		}
	}
}

// Error says why, and where, input was refused.
//
// The *Error that Message.Parse returns belongs to the Message and is overwritten by its next Parse.
type Error struct {
	Reason Reason
	Offset int // octet of the input at which the fault was seen
	Status int // response to send; 0 when the message must be dropped without one
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("sip/wire: %s at octet %d", e.Reason, e.Offset)
}

// Is makes errors.Is(err, &Error{Reason: r}) compare the reason alone.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Reason == e.Reason
}

// status is the response that RFC 3261 and RFC 4475 suggest for a request refused for r.
func (r Reason) status() int {
	switch r {
	case ReasonNone, ReasonEmpty:
		return 0
	case ReasonTooLarge, ReasonTooManyHeaders, ReasonHeaderTooLong, ReasonTooManyValues, ReasonTooManyContacts,
		ReasonTooManyParams:
		return 513
	case ReasonVersion:
		return 505
	}
	return 400
}
