package overload

import (
	"strings"
	"testing"

	"github.com/class5-go/class5/sip/wire"
)

func parsed(tb testing.TB, text string) *wire.Message {
	tb.Helper()
	m := new(wire.Message)
	if err := m.Parse([]byte(text), nil); err != nil {
		tb.Fatalf("%v in\n%s", err, text)
	}
	return m
}

func request(tb testing.TB, method, uri, toTag string, more ...string) *wire.Message {
	tb.Helper()
	lines := []string{
		method + " " + uri + " SIP/2.0",
		"Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKi",
		"From: <sip:alice@example.com>;tag=a",
		"To: <sip:bob@example.com>" + toTag,
		"Call-ID: c@192.0.2.7",
		"CSeq: 1 " + method,
	}
	return parsed(tb, strings.Join(append(lines, more...), "\r\n")+"\r\n\r\n")
}

func TestClassify(t *testing.T) {
	e, err := NewEmergency("112", "+43 (1) 144", "*10#")
	if err != nil {
		t.Fatal(err)
	}
	const bob = "sip:bob@example.com"
	for _, c := range []struct {
		method, uri, toTag, header string
		want                       Class
	}{
		{"OPTIONS", bob, "", "", ClassOptions},
		{"OPTIONS", bob, ";tag=b", "", ClassDialog},
		{"OPTIONS", "urn:service:sos", "", "", ClassOptions},
		{"REGISTER", "sip:example.com", "", "", ClassRegister},
		{"REGISTER", "sip:example.com", ";tag=b", "", ClassRegister},
		{"REGISTER", "sip:example.com", "", "Authorization: Digest username=\"a\"", ClassRefresh},
		{"REGISTER", "sip:example.com", "", "Proxy-Authorization: Digest username=\"a\"", ClassRefresh},
		{"SUBSCRIBE", bob, "", "", ClassSubscribe},
		{"SUBSCRIBE", "urn:service:sos", "", "", ClassSubscribe},
		{"PUBLISH", bob, "", "", ClassSubscribe},
		{"MESSAGE", bob, "", "", ClassSubscribe},
		{"MESSAGE", "urn:service:sos.fire", "", "", ClassEmergency},
		{"FOO", bob, "", "", ClassSubscribe},
		{"FOO", bob, ";tag=b", "", ClassDialog},
		{"INVITE", bob, "", "", ClassInvite},
		{"INVITE", bob, ";tag=b", "", ClassDialog},
		{"ACK", bob, ";tag=b", "", ClassDialog},
		{"ACK", bob, "", "", ClassDialog},
		{"CANCEL", bob, "", "", ClassDialog},
		{"BYE", bob, ";tag=b", "", ClassDialog},
		{"INVITE", "urn:service:sos", "", "", ClassEmergency},
		{"INVITE", "URN:Service:SOS.police", "", "", ClassEmergency},
		{"INVITE", "urn:service:sosx", "", "", ClassInvite},
		{"INVITE", "urn:service:counseling", "", "", ClassInvite},
		{"INVITE", "sip:112@example.com", "", "", ClassEmergency},
		{"INVITE", "sips:112@example.com;user=phone", "", "", ClassEmergency},
		{"INVITE", "sip:1%312@example.com", "", "", ClassEmergency},
		{"INVITE", "sip:112;phone-context=+43@example.com", "", "", ClassEmergency},
		{"INVITE", "tel:1-1-2;phone-context=+43", "", "", ClassEmergency},
		{"INVITE", "tel:+431144", "", "", ClassEmergency},
		{"INVITE", "tel:+43.1.144", "", "", ClassEmergency},
		{"INVITE", "sip:*10%23@example.com", "", "", ClassEmergency},
		{"INVITE", "sip:1120@example.com", "", "", ClassInvite},
		{"INVITE", "sip:11@example.com", "", "", ClassInvite},
		{"INVITE", "sip:x112@example.com", "", "", ClassInvite},
		{"INVITE", "sip:" + strings.Repeat("1", 200) + "@example.com", "", "", ClassInvite},
		{"INVITE", "sip:" + strings.Repeat("1", 40) + "@example.com", "", "", ClassInvite},
		{"INVITE", "sip:example.com", "", "", ClassInvite},
		{"INVITE", "mailto:112", "", "", ClassInvite},
	} {
		var more []string
		if c.header != "" {
			more = append(more, c.header)
		}
		m := request(t, c.method, c.uri, c.toTag, more...)
		if got := Classify(m, e); got != c.want {
			t.Errorf("%s %s%s: %v, want %v", c.method, c.uri, c.toTag, got, c.want)
		}
		if got := Classify(m, nil); got == ClassEmergency && !strings.EqualFold(c.uri[:4], "urn:") {
			t.Errorf("%s %s is an emergency without numbers", c.method, c.uri)
		}
	}
}

func TestClassNames(t *testing.T) {
	seen := map[string]bool{}
	for c := range Classes {
		seen[Class(c).String()] = true
	}
	if len(seen) != Classes || seen["unknown"] || Class(Classes).String() != "unknown" {
		t.Error(seen)
	}
}

func TestEmergencyRefused(t *testing.T) {
	for _, n := range []string{"", "police", "11+2", "1 1x", "--", strings.Repeat("1", 33)} {
		if _, err := NewEmergency(n); err == nil {
			t.Errorf("%q accepted", n)
		}
	}
	if _, err := NewEmergency(make([]string, maxEmergencyNumbers+1)...); err == nil {
		t.Error("no limit")
	}
}
