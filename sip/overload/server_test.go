package overload

import (
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// loaded is a Local with this loss.
func loaded(percent int) *Local {
	l := NewLocal(LocalConfig{Max: 100})
	l.loss.Store(int32(percent))
	return l
}

func TestServer(t *testing.T) {
	const via = "SIP/2.0/UDP 10.0.0.100:5070;branch=z9hG4bKx"
	for name, c := range map[string]struct {
		loss, rate   int
		params, want string
	}{
		"not offered":        {50, 0, "", ""},
		"offered":            {50, 0, ";oc", `;oc=50;oc-algo="loss";oc-validity=2000;oc-seq=1700000000.12345`},
		"both offered":       {50, 0, OfferRate + ";ft=abc", `;ft=abc;oc=50;oc-algo="loss";oc-validity=2000;oc-seq=1700000000.12345`},
		"rate preferred":     {50, 300, OfferRate, `;oc=150;oc-algo="rate";oc-validity=2000;oc-seq=1700000000.12345`},
		"only loss offered":  {50, 300, `;oc;oc-algo="loss"`, `;oc=50;oc-algo="loss";oc-validity=2000;oc-seq=1700000000.12345`},
		"unknown":            {50, 300, `;oc;oc-algo="other"`, ""},
		"no load":            {0, 0, OfferRate, `;oc=0;oc-algo="loss";oc-validity=0;oc-seq=1700000000.12345`},
		"what was there":     {50, 0, ";OC=7;Oc-Seq=1.2;oc-validity=1;rport=5070;x=\"a;b\"", `;rport=5070;x="a;b";oc=50;oc-algo="loss";oc-validity=2000;oc-seq=1700000000.12345`},
		"nothing left a bit": {100, 50, OfferRate, `;oc=1;oc-algo="rate";oc-validity=2000;oc-seq=1700000000.12345`},
	} {
		s := NewServer(loaded(c.loss), ServerConfig{Rate: c.rate})
		now := time.Unix(1700000000, 123456789)
		v, err := wire.ParseVia([]byte(via + c.params))
		if err != nil {
			t.Fatal(err)
		}
		got, ok := s.AppendVia([]byte("Via: "), now, v)
		want := "Via: "
		if c.want != "" {
			want += via + c.want
		}
		if string(got) != want || ok != (c.want != "") {
			t.Errorf("%s: %v\n%s, want\n%s", name, ok, got, want)
		}
		// A clock that goes back does not make it say older things.
		if again, _ := s.AppendVia([]byte("Via: "), now.Add(-time.Hour), v); string(again) != want {
			t.Errorf("%s, an hour earlier:\n%s", name, again)
		}
	}
}

// TestServerToControl: what the one says the other understands.
func TestServerToControl(t *testing.T) {
	for _, rate := range []int{0, 100} {
		s := NewServer(loaded(30), ServerConfig{Rate: rate})
		text := "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 10.0.0.100:5070;branch=z9hG4bKx" + OfferRate + ", SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKi\r\n" +
			"From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>;tag=b\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n"
		m := parsed(t, text)
		var e wire.Edit
		if !s.Edit(&e, start, m) {
			t.Fatal("nothing is told")
		}
		out, err := m.Append(nil, &e)
		if err != nil {
			t.Fatal(err)
		}
		top, _ := parsed(t, string(out)).TopVia()
		c := newControl(t, ControlConfig{})
		c.Response(start, server, top.Params)
		got := c.Targets(start)
		if len(got) != 1 || got[0].Until != start.Add(2*time.Second) ||
			rate == 0 && (got[0].Algorithm != AlgorithmLoss || got[0].Value != 30) ||
			rate > 0 && (got[0].Algorithm != AlgorithmRate || got[0].Value != 70) {
			t.Errorf("%+v from\n%s", got, out)
		}
		if !strings.Contains(string(out), ", SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKi\r\n") {
			t.Errorf("the other Via has changed:\n%s", out)
		}
	}
	var e wire.Edit
	m := parsed(t, "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.100;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=a\r\nTo: <sip:a@b>;tag=b\r\nCall-ID: c\r\nCSeq: 1 BYE\r\n\r\n")
	if NewServer(nil, ServerConfig{}).Edit(&e, start, m) {
		t.Error("told somebody who does not listen")
	}
}
