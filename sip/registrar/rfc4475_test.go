package registrar_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/wire"
)

// TestTorture registers the REGISTER messages of RFC 4475. Those that the
// parser refuses never come here; their status is the parser's.
func TestTorture(t *testing.T) {
	tests := []struct {
		file     string
		status   int
		aor      string
		contacts []string
		returned string
	}{
		{"cparam01", 200, "sip:watson@example.com", []string{"sip:+19725552222@gw1.example.net"},
			"<sip:+19725552222@gw1.example.net>;expires=3600;unknownparam"},
		{"cparam02", 200, "sip:watson@example.com", []string{"sip:+19725552222@gw1.example.net;unknownparam"},
			"<sip:+19725552222@gw1.example.net;unknownparam>;expires=3600"},
		{"regescrt", 200, "sip:user@example.com", []string{"sip:user@example.com?Route=%3Csip:sip.example.com%3E"},
			"<sip:user@example.com?Route=%3Csip:sip.example.com%3E>;expires=3600"},
		{"escnull", 200, "sip:null-%00-null@example.com", []string{"sip:%00@host5.example.com", "sip:%00%00@host5.example.com"},
			"<sip:%00@host5.example.com>;expires=3600 | <sip:%00%00@host5.example.com>;expires=3600"},
		{"regaut01", 200, "sip:j.user@example.com", nil, ""}, // a query; the scheme is for package digest to know
		{"unksm2", 400, "", nil, ""},
		{"regbadct", 400, "", nil, ""},
		{"scalar02", 400, "", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join("testdata", "rfc4475", tt.file+".dat"))
			if err != nil {
				t.Fatal(err)
			}
			var m wire.Message
			if err := m.Parse(raw, nil); err != nil {
				var refused *wire.Error
				if !errors.As(err, &refused) || refused.Status != tt.status {
					t.Fatalf("parser says %v", err)
				}
				return
			}
			b := newBench(t, registrar.Config{})
			res, reply := b.process(&registrar.Request{Message: &m})
			if res.Status != tt.status {
				t.Fatalf("%d %s", res.Status, res.Reason)
			}
			if res.Status != 200 {
				return
			}
			if res.AoR != tt.aor || len(res.Bindings) != len(tt.contacts) {
				t.Fatalf("got %+v", res)
			}
			for i, c := range tt.contacts {
				if res.Bindings[i].Contact != c {
					t.Errorf("contact %s", res.Bindings[i].Contact)
				}
			}
			if got := values(reply, wire.HdrContact); got != tt.returned {
				t.Errorf("returned %s", got)
			}
		})
	}
}
