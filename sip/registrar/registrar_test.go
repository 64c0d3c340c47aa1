package registrar_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/wire"
)

func TestRegisterQueryRemove(t *testing.T) {
	b := newBench(t, registrar.Config{})
	if m := b.want(200); values(m, wire.HdrContact) != "" {
		t.Error("contacts from nowhere")
	}
	m := b.want(200, "Contact: <sip:a@192.0.2.1;ob>;q=0.5;foo=\"b,ar\";Baz", "Contact: sip:b@192.0.2.2;expires=120", "Expires: 600")
	want := `<sip:a@192.0.2.1;ob>;q=0.500;expires=600;foo="b,ar";Baz | <sip:b@192.0.2.2>;expires=120`
	if got := values(m, wire.HdrContact); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	b.now = b.now.Add(100*time.Second + time.Millisecond)
	if got, want := values(b.want(200), wire.HdrContact), strings.NewReplacer("600", "500", "120", "20").Replace(want); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	b.want(200, "Contact: <sip:A@192.0.2.9>, <sip:a@192.0.2.1;ob>;expires=0")
	if got := b.contacts(); got != "sip:b@192.0.2.2 sip:A@192.0.2.9" {
		t.Errorf("got %s", got)
	}
	b.want(200, "Contact: <sip:nobody@192.0.2.1>;expires=0") // not there: nothing to do
	b.want(200, "Contact: *", "Expires: 0")
	if got := b.contacts(); got != "" {
		t.Errorf("got %s", got)
	}
}

func TestBindingHoldsTheRequest(t *testing.T) {
	b := newBench(t, registrar.Config{})
	b.want(200, "Contact: <sip:a@192.0.2.1>;+sip.instance=\"<urn:uuid:1>\"", "User-Agent: "+strings.Repeat("x", 200),
		"Supported: path", "Path: <sip:p2;lr>", "Path: <sip:p1;lr>", "Expires: 60")
	first := b.now
	b.now = b.now.Add(10 * time.Second)
	b.want(200, "Contact: <sip:a@192.0.2.1>;+sip.instance=\"<urn:uuid:1>\"", "Expires: 60")
	x := b.bindings(alice)[0]
	if !x.Registered.Equal(first) || !x.Updated.Equal(b.now) || !x.Expires.Equal(b.now.Add(time.Minute)) {
		t.Errorf("times %v %v %v", x.Registered, x.Updated, x.Expires)
	}
	if x.CallID != "1@phone" || x.CSeq != 2 || x.Instance != "<urn:uuid:1>" || x.Q != 1000 || x.Transport != "UDP" || x.Edge != "lb1" || x.Source.String() != "192.0.2.1:5060" {
		t.Errorf("got %+v", x)
	}
	if x.Path != "" || x.UserAgent != "" {
		t.Errorf("kept from the request before: %+v", x)
	}
}

func TestCSeqOrder(t *testing.T) {
	b := newBench(t, registrar.Config{})
	a, other := "Contact: <sip:a@192.0.2.1>", "Contact: <sip:b@192.0.2.1>"
	b.want(200, a, "CSeq: 10 REGISTER")
	b.want(500, a, "CSeq: 10 REGISTER")
	b.want(500, a+";expires=0", "CSeq: 9 REGISTER")
	b.want(500, "Contact: *", "Expires: 0", "CSeq: 9 REGISTER")
	b.want(500, other, a, "CSeq: 9 REGISTER") // all or nothing
	if got := b.contacts(); got != "sip:a@192.0.2.1" {
		t.Errorf("got %s", got)
	}
	b.want(200, other, "CSeq: 9 REGISTER") // another binding
	b.want(200, a, "CSeq: 1 REGISTER", "Call-ID: after-reboot")
	b.want(200, a, "CSeq: 3 REGISTER", "Call-ID: after-reboot")
	b.want(200, "Contact: *", "Expires: 0", "CSeq: 11 REGISTER", "Call-ID: third")
}

func TestOneContactTwiceInOneRequest(t *testing.T) {
	b := newBench(t, registrar.Config{})
	res, _ := b.register("Contact: <sip:a@192.0.2.1>;q=0.1, <sip:a@192.0.2.1>;q=0.2")
	if res.Status != 200 || len(res.Bindings) != 1 || res.Bindings[0].Q != 200 {
		t.Errorf("got %+v", res)
	}
	if res, _ = b.register("Contact: <sip:a@192.0.2.1>, <sip:a@192.0.2.1>;expires=0"); res.Status != 200 || len(res.Bindings) != 0 {
		t.Errorf("got %+v", res)
	}
}

func TestEqualContacts(t *testing.T) {
	tests := []struct {
		first, second string
		same          bool
	}{
		{"<sip:a@192.0.2.1>", "<sip:%61@192.0.2.1>", true},
		{"<sip:a@HOST.example.com;x=1>", "<SIP:a@host.example.com;y=2>", true},
		{"<sip:a@192.0.2.1;transport=tcp>", "<sip:a@192.0.2.1>", false},
		{"<sip:a@192.0.2.1:5060>", "<sip:a@192.0.2.1>", false},
		{"<sip:a@192.0.2.1?x=y>", "<sip:a@192.0.2.1>", false},
		{"<sip:a@192.0.2.1>", "<sips:a@192.0.2.1>", false},
		{"<sip:A@192.0.2.1>", "<sip:a@192.0.2.1>", false},
	}
	for _, tt := range tests {
		b := newBench(t, registrar.Config{})
		b.want(200, "Contact: "+tt.first)
		b.want(200, "Contact: "+tt.second)
		if n := len(b.bindings(alice)); (n == 1) != tt.same {
			t.Errorf("%s %s: %d bindings", tt.first, tt.second, n)
		}
	}
}

func TestExpires(t *testing.T) {
	cfg := registrar.Config{DefaultExpires: 10 * time.Minute, MinExpires: 90 * time.Second, MaxExpires: time.Hour}
	tests := []struct {
		name  string
		lines []string
		want  string // of the 200, or Min-Expires
	}{
		{"nothing asked", []string{"Contact: <sip:a@x>"}, "600"},
		{"header", []string{"Contact: <sip:a@x>", "Expires: 300"}, "300"},
		{"parameter before header", []string{"Contact: <sip:a@x>;expires=200", "Expires: 300"}, "200"},
		{"too long", []string{"Contact: <sip:a@x>;expires=7200"}, "3600"},
		{"beyond 32 bits", []string{"Contact: <sip:a@x>;expires=99999999999999999999999"}, "3600"},
		{"unreadable", []string{"Contact: <sip:a@x>;expires=soon", "Expires: 300"}, "600"},
		{"without a value", []string{"Contact: <sip:a@x>;expires"}, "600"},
		{"at the minimum", []string{"Contact: <sip:a@x>;expires=90"}, "90"},
		{"too short", []string{"Contact: <sip:a@x>;expires=89"}, "min 90"},
		{"too short beside a good one", []string{"Contact: <sip:a@x>", "Contact: <sip:b@x>;expires=1"}, "min 90"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, cfg)
			res, m := b.register(tt.lines...)
			if limit, brief := strings.CutPrefix(tt.want, "min "); brief {
				if res.Status != 423 || values(m, wire.HdrMinExpires) != limit || b.contacts() != "" {
					t.Errorf("%d, Min-Expires %s, stored %s", res.Status, values(m, wire.HdrMinExpires), b.contacts())
				}
				return
			}
			if got := values(m, wire.HdrContact); got != "<sip:a@x>;expires="+tt.want {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	long := strings.Repeat("x", 1100)
	tests := []struct {
		name   string
		lines  []string
		status int
	}{
		{"star without expires", []string{"Contact: *"}, 400},
		{"star with expires", []string{"Contact: *", "Expires: 60"}, 400},
		{"star and another", []string{"Contact: *", "Contact: <sip:a@x>", "Expires: 0"}, 400},
		{"two stars", []string{"Contact: *", "Contact: *", "Expires: 0"}, 400},
		{"mail", []string{"Contact: <mailto:a@x>"}, 400},
		{"tel", []string{"Contact: <tel:+1201>"}, 400},
		{"q above 1", []string{"Contact: <sip:a@x>;q=1.001"}, 400},
		{"q of words", []string{"Contact: <sip:a@x>;q=high"}, 400},
		{"q without dot", []string{"Contact: <sip:a@x>;q=05"}, 400},
		{"q of four digits", []string{"Contact: <sip:a@x>;q=0.1234"}, 400},
		{"reg-id 0", []string{`Contact: <sip:a@x>;+sip.instance="<i>";reg-id=0`}, 400},
		{"reg-id of words", []string{`Contact: <sip:a@x>;+sip.instance="<i>";reg-id=x`}, 400},
		{"reg-id beyond 31 bits", []string{`Contact: <sip:a@x>;+sip.instance="<i>";reg-id=2147483648`}, 400},
		{"instance empty", []string{`Contact: <sip:a@x>;+sip.instance=""`}, 400},
		{"instance with quote", []string{`Contact: <sip:a@x>;+sip.instance="<\">"`}, 400},
		{"control character in a parameter", []string{"Contact: <sip:a@x>;x=\"\\\x01\""}, 400},
		{"control character in Path", []string{"Contact: <sip:a@x>", "Path: \"\\\x01\" <sip:p>"}, 400},
		{"long contact", []string{"Contact: <sip:" + long + "@x>"}, 400},
		{"long parameters", []string{"Contact: <sip:a@x>;x=" + long}, 400},
		{"long Call-ID", []string{"Contact: <sip:a@x>", "Call-ID: " + long}, 400},
		{"long path", []string{"Contact: <sip:a@x>", "Path: <sip:" + long + ">,<sip:" + long + ">,<sip:" + long + ">,<sip:" + long + ">"}, 400},
		{"long To", []string{"Contact: <sip:a@x>", "To: <sip:" + long + "@x>"}, 400},
		{"To is a telephone", []string{"Contact: <sip:a@x>", "To: <tel:+1201>"}, 400},
		{"extension", []string{"Contact: <sip:a@x>", "Require: path, gruu, 100rel"}, 420},
		{"too many contacts", []string{"Contact: <sip:a@x>,<sip:b@x>,<sip:c@x>,<sip:d@x>"}, 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, registrar.Config{MaxContacts: 3})
			b.want(200, "Contact: <sip:first@x>")
			m := b.want(tt.status, tt.lines...)
			if got := b.contacts(); got != "sip:first@x" {
				t.Errorf("store altered: %s", got)
			}
			if tt.status == 420 && values(m, wire.HdrUnsupported) != "gruu | 100rel" {
				t.Errorf("Unsupported: %s", values(m, wire.HdrUnsupported))
			}
			if values(m, wire.HdrContact) != "" {
				t.Errorf("contacts in a refusal")
			}
		})
	}
}

func TestContactLimit(t *testing.T) {
	b := newBench(t, registrar.Config{MaxContacts: 2, ReplaceOldest: true})
	for _, step := range []struct{ contact, want string }{
		{"a", "sip:a@x"}, {"b", "sip:a@x sip:b@x"}, {"a", "sip:a@x sip:b@x"}, {"c", "sip:a@x sip:c@x"},
	} {
		b.now = b.now.Add(time.Second)
		b.want(200, "Contact: <sip:"+step.contact+"@x>")
		if got := b.contacts(); got != step.want {
			t.Errorf("after %s: %s, want %s", step.contact, got, step.want)
		}
	}
	b.want(403, "Contact: <sip:d@x>,<sip:e@x>,<sip:f@x>") // more than may ever be
	if got := b.contacts(); got != "sip:a@x sip:c@x" {
		t.Errorf("got %s", got)
	}
	// One subscriber's own limit; who has more may refresh.
	res, _ := b.process(&registrar.Request{Message: b.message("Contact: <sip:a@x>"), MaxContacts: 1})
	if res.Status != 200 || res.Refreshed != 1 || len(res.Bindings) != 2 {
		t.Errorf("got %+v", res)
	}
	res, _ = b.process(&registrar.Request{Message: b.message("Contact: <sip:g@x>"), MaxContacts: 1})
	if res.Status != 200 || res.Added != 1 || res.Removed != 2 || b.contacts() != "sip:g@x" {
		t.Errorf("got %+v", res)
	}
}

func TestRequestsOfAnAlias(t *testing.T) {
	b := newBench(t, registrar.Config{})
	res, _ := b.process(&registrar.Request{Message: b.message("Contact: <sip:a@x>"), AoR: "sip:1000@example.com"})
	if res.Status != 200 || res.AoR != "sip:1000@example.com" || len(b.bindings(res.AoR)) != 1 || b.contacts() != "" {
		t.Errorf("got %+v", res)
	}
}

func TestOtherMethod(t *testing.T) {
	b := newBench(t, registrar.Config{})
	m := parse(t, []byte("OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP x\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:a@x>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"))
	if res, reply := b.process(&registrar.Request{Message: m}); res.Status != 405 || values(reply, wire.HdrAllow) != "REGISTER" {
		t.Errorf("got %+v", res)
	}
}

// broken is a store that fails.
type broken struct{ registrar.Store }

func (broken) Update(context.Context, string, time.Time, func([]registrar.Binding) ([]registrar.Binding, error)) error {
	return errors.New("down")
}

func TestStoreFails(t *testing.T) {
	b := newBench(t, registrar.Config{RetryAfter: 1500 * time.Millisecond})
	var err error
	if b.reg, err = registrar.New(registrar.Config{}, broken{b.store}); err != nil {
		t.Fatal(err)
	}
	res, m := b.register("Contact: <sip:a@x>")
	if res.Status != 503 || res.Err == nil || values(m, wire.HdrRetryAfter) != "10" {
		t.Errorf("got %+v", res)
	}
	b.want(200) // reading still works
}

func TestNew(t *testing.T) {
	if _, err := registrar.New(registrar.Config{}, nil); err == nil {
		t.Error("no store, no error")
	}
	for i, cfg := range []registrar.Config{
		{MinExpires: 3 * time.Hour},
		{DefaultExpires: 3 * time.Hour},
		{DefaultExpires: time.Second},
	} {
		if _, err := registrar.New(cfg, broken{}); err == nil {
			t.Errorf("%d: no error", i)
		}
	}
}

func TestAoR(t *testing.T) {
	tests := []struct{ in, want string }{
		{"sip:alice@example.com", alice},
		{"SIPS:alice:secret@EXAMPLE.com:5061;transport=tls?x=y", alice},
		{"sip:%61lice@example.com", alice},
		{"sip:Alice@example.com", "sip:Alice@example.com"},
		{"sip:null-%00-null@example.com", "sip:null-%00-null@example.com"},
		{"sip:a%20b%2f@example.com", "sip:a%20b/@example.com"},
		{"sip:+1201;phone-context=x@example.com", "sip:+1201;phone-context=x@example.com"},
		{"sip:example.com", "sip:example.com"},
		{"sip:a@[2001:DB8::1]:5060", "sip:a@[2001:db8::1]"},
		{"tel:+1201", ""}, {"isbn:2983792873", ""}, {"sip:", ""}, {"", ""}, {"sip:" + strings.Repeat("x", 600) + "@x", ""},
	}
	for _, tt := range tests {
		got, err := registrar.AoR([]byte(tt.in))
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%s: %s, %v", tt.in, got, err)
		}
	}
}

func TestByPreference(t *testing.T) {
	a := registrar.Binding{Q: 500, Updated: start()}
	for i, tt := range []struct {
		b    registrar.Binding
		want int
	}{
		{a, 0},
		{registrar.Binding{Q: 700, Updated: start()}, 1},
		{registrar.Binding{Q: 300, Updated: start().Add(1)}, -1},
		{registrar.Binding{Q: 500, Updated: start().Add(1)}, 1},
	} {
		if got := registrar.ByPreference(a, tt.b); got < 0 != (tt.want < 0) || got > 0 != (tt.want > 0) {
			t.Errorf("%d: %d", i, got)
		}
	}
}

func ExampleAoR() {
	aor, err := registrar.AoR([]byte("sips:%61lice@Example.COM:5061;transport=tcp"))
	fmt.Println(aor, err)
	// Output: sip:alice@example.com <nil>
}
