package wire

// HeaderID names a header field that this package knows, whatever its spelling on the wire. The zero value
// HdrOther stands for every other name.
type HeaderID uint8

// The header fields known by name. Each constant's comment is the canonical long name.
const (
	HdrOther              HeaderID = iota // any name not listed here
	HdrVia                                // Via
	HdrRoute                              // Route
	HdrRecordRoute                        // Record-Route
	HdrPath                               // Path
	HdrServiceRoute                       // Service-Route
	HdrContact                            // Contact
	HdrFrom                               // From
	HdrTo                                 // To
	HdrCallID                             // Call-ID
	HdrCSeq                               // CSeq
	HdrMaxForwards                        // Max-Forwards
	HdrContentLength                      // Content-Length
	HdrContentType                        // Content-Type
	HdrExpires                            // Expires
	HdrMinExpires                         // Min-Expires
	HdrAuthorization                      // Authorization
	HdrProxyAuthorization                 // Proxy-Authorization
	HdrWWWAuthenticate                    // WWW-Authenticate
	HdrProxyAuthenticate                  // Proxy-Authenticate
	HdrRequire                            // Require
	HdrProxyRequire                       // Proxy-Require
	HdrSupported                          // Supported
	HdrUnsupported                        // Unsupported
	HdrAllow                              // Allow
	HdrSessionExpires                     // Session-Expires
	HdrMinSE                              // Min-SE
	HdrUserAgent                          // User-Agent
	HdrServer                             // Server
	HdrEvent                              // Event
	HdrReferTo                            // Refer-To
	HdrReason                             // Reason
	HdrRAck                               // RAck
	HdrRSeq                               // RSeq
	HdrPAssertedIdentity                  // P-Asserted-Identity
	HdrPPreferredIdentity                 // P-Preferred-Identity
	HdrDate                               // Date
	HdrSubject                            // Subject
	HdrRetryAfter                         // Retry-After
	HdrAuthenticationInfo                 // Authentication-Info
	HdrPEdge                              // P-Edge
	HdrPEdgeResult                        // P-Edge-Result
	HdrAllowEvents                        // Allow-Events
	HdrSubscriptionState                  // Subscription-State
	HdrReferredBy                         // Referred-By
	HdrReplaces                           // Replaces
	HdrJoin                               // Join
	HdrContentEncoding                    // Content-Encoding
	HdrContentDisposition                 // Content-Disposition
	HdrPrivacy                            // Privacy
	HdrDiversion                          // Diversion
	HdrHistoryInfo                        // History-Info
	HdrRemotePartyID                      // Remote-Party-ID
	HdrWarning                            // Warning
	HdrAccept                             // Accept
	HdrAcceptContact                      // Accept-Contact
	HdrRejectContact                      // Reject-Contact
	HdrRequestDisposition                 // Request-Disposition
	HdrIdentity                           // Identity
	HdrIdentityInfo                       // Identity-Info
	HdrSIPETag                            // SIP-ETag
	HdrSIPIfMatch                         // SIP-If-Match
	HdrTimestamp                          // Timestamp
	HdrMIMEVersion                        // MIME-Version
	HdrFlowTimer                          // Flow-Timer
	HdrCallInfo                           // Call-Info
	HdrAlertInfo                          // Alert-Info
	HdrErrorInfo                          // Error-Info
	HdrOrganization                       // Organization
	HdrInReplyTo                          // In-Reply-To
	HdrReplyTo                            // Reply-To
	HdrPriority                           // Priority
	HdrSecurityClient                     // Security-Client
	HdrSecurityServer                     // Security-Server
	HdrSecurityVerify                     // Security-Verify
	HdrTargetDialog                       // Target-Dialog
	HdrAnswerMode                         // Answer-Mode
	HdrFeatureCaps                        // Feature-Caps
	HdrSessionID                          // Session-ID
	HdrPAccessNetworkInfo                 // P-Access-Network-Info
	HdrPChargingVector                    // P-Charging-Vector
	HdrPEarlyMedia                        // P-Early-Media
	HdrAcceptEncoding                     // Accept-Encoding
	HdrAcceptLanguage                     // Accept-Language
	HdrContentLanguage                    // Content-Language
	HdrGeolocation                        // Geolocation

	numHeaders
)

// kind says which grammar Parse checks a header value against.
type kind uint8

const (
	kindText          kind = iota // free text or a grammar that is left to its reader
	kindVia                       // via-parm list
	kindNameAddrList              // name-addr list with parameters
	kindContact                   // the same, or "*"
	kindNameAddrTag               // exactly one name-addr or addr-spec, with tag: From and To
	kindNameAddr                  // exactly one name-addr or addr-spec
	kindCallID                    // callid, no white space
	kindCSeq                      // number and method
	kindMaxForwards               // 0 to 255
	kindContentLength             // decides where the message ends
	kindNumber                    // delta-seconds or a sequence number, up to 2**32-1
	kindNumberParams              // the same with a comment or parameters behind it
	kindQuoted                    // quoted strings occur and must be closed
	kindQuotedText                // quoted strings occur; the rest is left to its reader
)

// hasQuotes tells whether quoted strings, and so quoted-pairs, belong to the grammar.
func (k kind) hasQuotes() bool {
	switch k {
	case kindVia, kindNameAddrList, kindContact, kindNameAddrTag, kindNameAddr, kindNumberParams, kindQuoted,
		kindQuotedText:
		return true
	}
	return false
}

// counted tells whether Parse counts the values, "*" apart.
func (k kind) counted() bool { return k == kindVia || k == kindNameAddrList }

// headerInfo is one row of the header table.
type headerInfo struct {
	name    string
	compact byte // compact form (RFC 3261 7.3.3), 0 when there is none
	kind    kind
	single  bool // must not occur twice: a second one could be read instead of the first
}

// headers is constant after package start-up. Subject, User-Agent, Server and their like are also single by
// their grammar, but a second one of them changes nobody's decision, so it is let through.
var headers = [numHeaders]headerInfo{
	HdrVia:                {name: "Via", compact: 'v', kind: kindVia},
	HdrRoute:              {name: "Route", kind: kindNameAddrList},
	HdrRecordRoute:        {name: "Record-Route", kind: kindNameAddrList},
	HdrPath:               {name: "Path", kind: kindNameAddrList},
	HdrServiceRoute:       {name: "Service-Route", kind: kindNameAddrList},
	HdrContact:            {name: "Contact", compact: 'm', kind: kindContact},
	HdrFrom:               {name: "From", compact: 'f', kind: kindNameAddrTag, single: true},
	HdrTo:                 {name: "To", compact: 't', kind: kindNameAddrTag, single: true},
	HdrCallID:             {name: "Call-ID", compact: 'i', kind: kindCallID, single: true},
	HdrCSeq:               {name: "CSeq", kind: kindCSeq, single: true},
	HdrMaxForwards:        {name: "Max-Forwards", kind: kindMaxForwards, single: true},
	HdrContentLength:      {name: "Content-Length", compact: 'l', kind: kindContentLength, single: true},
	HdrContentType:        {name: "Content-Type", compact: 'c', kind: kindQuoted, single: true},
	HdrExpires:            {name: "Expires", kind: kindNumber, single: true},
	HdrMinExpires:         {name: "Min-Expires", kind: kindNumber, single: true},
	HdrAuthorization:      {name: "Authorization", kind: kindQuoted},
	HdrProxyAuthorization: {name: "Proxy-Authorization", kind: kindQuoted},
	HdrWWWAuthenticate:    {name: "WWW-Authenticate", kind: kindQuoted},
	HdrProxyAuthenticate:  {name: "Proxy-Authenticate", kind: kindQuoted},
	HdrRequire:            {name: "Require"},
	HdrProxyRequire:       {name: "Proxy-Require"},
	HdrSupported:          {name: "Supported", compact: 'k'},
	HdrUnsupported:        {name: "Unsupported"},
	HdrAllow:              {name: "Allow"},
	HdrSessionExpires:     {name: "Session-Expires", compact: 'x', kind: kindNumberParams, single: true},
	HdrMinSE:              {name: "Min-SE", kind: kindNumberParams, single: true},
	HdrUserAgent:          {name: "User-Agent"},
	HdrServer:             {name: "Server"},
	HdrEvent:              {name: "Event", compact: 'o', kind: kindQuoted, single: true},
	HdrReferTo:            {name: "Refer-To", compact: 'r', kind: kindNameAddr, single: true},
	HdrReason:             {name: "Reason", kind: kindQuotedText},
	HdrRAck:               {name: "RAck", single: true},
	HdrRSeq:               {name: "RSeq", kind: kindNumber, single: true},
	HdrPAssertedIdentity:  {name: "P-Asserted-Identity", kind: kindNameAddrList},
	HdrPPreferredIdentity: {name: "P-Preferred-Identity", kind: kindNameAddrList},
	HdrDate:               {name: "Date", single: true},
	HdrSubject:            {name: "Subject", compact: 's'},
	HdrRetryAfter:         {name: "Retry-After"},
	HdrAuthenticationInfo: {name: "Authentication-Info", kind: kindQuoted},
	HdrPEdge:              {name: "P-Edge", single: true},
	HdrPEdgeResult:        {name: "P-Edge-Result", single: true},
	HdrAllowEvents:        {name: "Allow-Events", compact: 'u'},
	HdrSubscriptionState:  {name: "Subscription-State", kind: kindQuoted, single: true},
	HdrReferredBy:         {name: "Referred-By", compact: 'b', kind: kindNameAddr, single: true},
	HdrReplaces:           {name: "Replaces", single: true},
	HdrJoin:               {name: "Join", single: true},
	HdrContentEncoding:    {name: "Content-Encoding", compact: 'e'},
	HdrContentDisposition: {name: "Content-Disposition", kind: kindQuoted, single: true},
	HdrPrivacy:            {name: "Privacy"},
	HdrDiversion:          {name: "Diversion", kind: kindNameAddrList},
	HdrHistoryInfo:        {name: "History-Info", kind: kindNameAddrList},
	HdrRemotePartyID:      {name: "Remote-Party-ID", kind: kindNameAddr},
	HdrWarning:            {name: "Warning", kind: kindQuotedText},
	HdrAccept:             {name: "Accept", kind: kindQuotedText},
	HdrAcceptContact:      {name: "Accept-Contact", compact: 'a', kind: kindQuoted},
	HdrRejectContact:      {name: "Reject-Contact", compact: 'j', kind: kindQuoted},
	HdrRequestDisposition: {name: "Request-Disposition", compact: 'd'},
	HdrIdentity:           {name: "Identity", compact: 'y', kind: kindQuotedText},
	HdrIdentityInfo:       {name: "Identity-Info", compact: 'n'},
	HdrSIPETag:            {name: "SIP-ETag", single: true},
	HdrSIPIfMatch:         {name: "SIP-If-Match", single: true},
	HdrTimestamp:          {name: "Timestamp", single: true},
	HdrMIMEVersion:        {name: "MIME-Version", single: true},
	HdrFlowTimer:          {name: "Flow-Timer"},
	HdrCallInfo:           {name: "Call-Info", kind: kindQuotedText},
	HdrAlertInfo:          {name: "Alert-Info", kind: kindQuotedText},
	HdrErrorInfo:          {name: "Error-Info", kind: kindQuotedText},
	HdrOrganization:       {name: "Organization"},
	HdrInReplyTo:          {name: "In-Reply-To"},
	HdrReplyTo:            {name: "Reply-To", kind: kindNameAddr},
	HdrPriority:           {name: "Priority"},
	HdrSecurityClient:     {name: "Security-Client", kind: kindQuotedText},
	HdrSecurityServer:     {name: "Security-Server", kind: kindQuotedText},
	HdrSecurityVerify:     {name: "Security-Verify", kind: kindQuotedText},
	HdrTargetDialog:       {name: "Target-Dialog", single: true},
	HdrAnswerMode:         {name: "Answer-Mode"},
	HdrFeatureCaps:        {name: "Feature-Caps", kind: kindQuotedText},
	HdrSessionID:          {name: "Session-ID", single: true},
	HdrPAccessNetworkInfo: {name: "P-Access-Network-Info", kind: kindQuotedText},
	HdrPChargingVector:    {name: "P-Charging-Vector", kind: kindQuotedText},
	HdrPEarlyMedia:        {name: "P-Early-Media"},
	HdrAcceptEncoding:     {name: "Accept-Encoding", kind: kindQuotedText},
	HdrAcceptLanguage:     {name: "Accept-Language", kind: kindQuotedText},
	HdrContentLanguage:    {name: "Content-Language"},
	HdrGeolocation:        {name: "Geolocation", kind: kindQuotedText},
}

// Name is the canonical long name, "" for HdrOther.
func (id HeaderID) Name() string {
	if id >= numHeaders {
		return ""
	}
	return headers[id].name
}

// String is Name, or "Other".
func (id HeaderID) String() string {
	if id == HdrOther || id >= numHeaders {
		return "Other"
	}
	return headers[id].name
}
