//go:build interop

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sippFlow composes a scenario for sipp, for tests in which many parties differ
// by a few steps. Fields of the callers: user, credentials, domain, callee.
type sippFlow struct {
	steps  strings.Builder
	n      int // steps so far
	invite int // the step of the last INVITE sent
	cseq   int
	callID string
	to     string // whom the caller calls
	second bool   // the call is the second of the scenario
}

func newFlow() *sippFlow { return &sippFlow{callID: "[call_id]", to: "[field3]"} }

func (f *sippFlow) step(format string, args ...any) *sippFlow {
	fmt.Fprintf(&f.steps, format+"\n", args...)
	f.n++
	return f
}

func (f *sippFlow) recv(attributes string) *sippFlow { return f.step("<recv %s/>", attributes) }

// talk is a pause that is not the same in any two calls.
func (f *sippFlow) talk(low, high int) *sippFlow {
	return f.step(`<pause distribution="uniform" min="%d" max="%d"/>`, low, high)
}

// request sends a request of the caller. Outside of dialogs it goes to whom it
// calls, inside to the other side's contact along the routes.
func (f *sippFlow) request(method, branch string, inside bool, fields, body string) *sippFlow {
	uri, routes, tag := "sip:"+f.to+"@[field2]", "", ""
	if inside {
		uri, routes, tag = "[next_url]", "[routes]\n", "[peer_tag_param]"
		if f.second {
			uri, routes = "[$contact]", "Route: [$r6], [$r5], [$r4], [$r3], [$r2], [$r1]\n"
		}
	}
	if body != "" {
		fields += "Content-Type: application/sdp\n"
	}
	retrans := ` retrans="500"`
	if method == "ACK" {
		retrans = ""
	}
	return f.step(`<send%s><![CDATA[
%s %s SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=%s;rport
%sFrom: <sip:[field0]@[field2]>;tag=[pid]c[call_number]
To: <sip:%s@[field2]>%s
Call-ID: %s
CSeq: %d %s
Contact: <sip:[field0]@[local_ip]:[local_port]>
%sMax-Forwards: 70
Content-Length: [len]

%s]]></send>`, retrans, method, uri, branch, routes, f.to, tag, f.callID, f.cseq, method, fields, body)
}

const sippSDP = `v=0
o=sipp 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 20000 RTP/AVP 8
a=rtpmap:8 PCMA/8000
`

// dial calls with credentials; what is answered to the call comes next.
func (f *sippFlow) dial() *sippFlow {
	f.cseq++
	f.invite = f.n
	f.request("INVITE", "[branch]", false, "", sippSDP).recv(`response="100" optional="true"`).recv(`response="407" auth="true"`).refused()
	f.cseq++
	f.invite = f.n
	return f.request("INVITE", "[branch]", false, "[field1]\n", sippSDP).recv(`response="100" optional="true"`)
}

// refused acknowledges a final response that is no answer.
func (f *sippFlow) refused() *sippFlow {
	return f.step(`<send><![CDATA[
ACK sip:%s@[field2] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-%d];rport
From: <sip:[field0]@[field2]>;tag=[pid]c[call_number]
To: <sip:%s@[field2]>[peer_tag_param]
Call-ID: %s
CSeq: %d ACK
Max-Forwards: 70
Content-Length: 0

]]></send>`, f.to, f.n-f.invite, f.to, f.callID, f.cseq)
}

func (f *sippFlow) answered() *sippFlow {
	if f.second {
		// sipp keeps the routes of the first call: these are taken by hand.
		const uri = "(&lt;[^>]*>)"
		f.step(`<recv response="200"><action>
<ereg regexp="%s" search_in="hdr" header="Record-Route:" check_it="true" assign_to="rr,r1,r2,r3,r4,r5,r6"/>
<ereg regexp="&lt;(sip:[^>]*)>" search_in="hdr" header="Contact:" check_it="true" assign_to="name,contact"/></action></recv>`,
			strings.Repeat(uri+", *", 5)+uri)
	} else {
		f.recv(`response="200" rrs="true"`)
	}
	return f.request("ACK", "[branch]", true, "", "")
}

func (f *sippFlow) bye() *sippFlow {
	f.cseq++
	return f.request("BYE", "[branch]", true, "", "").recv(`response="200"`)
}

// cancel gives a ringing call up.
func (f *sippFlow) cancel() *sippFlow {
	branch := fmt.Sprintf("[branch-%d]", f.n+1-f.invite)
	f.recv(`response="180"`).request("CANCEL", branch, false, "", "")
	return f.recv(`response="200"`).recv(`response="487"`).refused()
}

// reply answers the last request inside a dialog, or a CANCEL.
func (f *sippFlow) reply(status string) *sippFlow {
	return f.step(`<send><![CDATA[
SIP/2.0 %s
[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:sipp@[local_ip]:[local_port]>
Content-Length: 0

]]></send>`, status)
}

// The other side: a phone's answers to an INVITE have its tag.

func (f *sippFlow) phone(status, body string) *sippFlow {
	retrans, more := "", ""
	if status >= "2" {
		retrans = ` retrans="500"`
	}
	if body != "" {
		more = "Content-Type: application/sdp\n"
	}
	return f.step(`<send%s><![CDATA[
SIP/2.0 %s
[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:];tag=[pid]s[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:phone@[local_ip]:[local_port]>
%sContent-Length: [len]

%s]]></send>`, retrans, status, more, body)
}

// accept answers; the ACK comes next.
func (f *sippFlow) accept() *sippFlow {
	f.recv(`request="INVITE" rrs="true"`)
	return f.phone("200 OK", sippSDP)
}

// hungUp waits for the other side's BYE.
func (f *sippFlow) hungUp() *sippFlow {
	return f.recv(`request="BYE"`).reply("200 OK")
}

// moved sends the call on.
func (f *sippFlow) moved(target string) *sippFlow {
	return f.recv(`request="INVITE"`).step(`<send retrans="500"><![CDATA[
SIP/2.0 302 Moved Temporarily
[last_Via:]
[last_From:]
[last_To:];tag=[pid]s[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:%s>
Content-Length: 0

]]></send>`, target).recv(`request="ACK"`)
}

// ring rings until the caller gives up. The CANCEL has a Via of its own, but
// the INVITE is answered with all that it came with.
func (f *sippFlow) ring() *sippFlow {
	f.step(`<recv request="INVITE"><action><ereg regexp="Via:.*Via:[^\r\n]*" search_in="msg" check_it="true" assign_to="vias"/></action></recv>`)
	f.phone("180 Ringing", "")
	f.recv(`request="CANCEL"`).reply("200 OK")
	return f.step(`<send retrans="500"><![CDATA[
SIP/2.0 487 Request Terminated
[$vias]
[last_From:]
[last_To:];tag=[pid]s[call_number]
[last_Call-ID:]
CSeq: [last_cseq_number] INVITE
Content-Length: 0

]]></send>`).recv(`request="ACK"`)
}

// refer takes the ACK and asks the caller to call somebody else.
func (f *sippFlow) refer(target string) *sippFlow {
	f.step(`<recv request="ACK"><action>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="peer"/><ereg regexp=".*" search_in="hdr" header="To:" assign_to="own"/></action></recv>`)
	// The caller takes a REFER that comes again for a mistake: it comes once.
	return f.step(`<send retrans="8000"><![CDATA[
REFER [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
[routes]
From:[$own]
To:[$peer]
Call-ID: [call_id]
CSeq: 1 REFER
Contact: <sip:phone@[local_ip]:[local_port]>
Refer-To: <sip:%s>
Max-Forwards: 70
Content-Length: 0

]]></send>`, target).recv(`response="202"`)
}

// file writes the scenario.
func (f *sippFlow) file(t *testing.T, dir, name string) string {
	t.Helper()
	file := filepath.Join(dir, name+".xml")
	if f.second {
		f.step(`<Reference variables="rr,name"/>`)
	}
	text := fmt.Sprintf("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<scenario name=%q>\n%s</scenario>\n", name, f.steps.String())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
