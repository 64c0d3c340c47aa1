package registrar_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/wire"
)

// FuzzRegister registers what the parser lets through. Whatever it is, there
// is a response that our own parser reads, a refusal alters nothing, and what
// the 200 lists is what is stored.
func FuzzRegister(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "rfc4475", "*.dat"))
	if err != nil || len(files) == 0 {
		f.Fatalf("%v, %v", files, err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	b := newBench(f, registrar.Config{})
	f.Add(b.message(hop, ob, flow1, knows, "User-Agent: x").Bytes())
	f.Add(b.message("Contact: *", "Expires: 0", "Require: path, gruu").Bytes())
	f.Add(b.message("Contact: <sip:a@x>;q=0.3;expires=7, sip:b@x;x=\"\\\"\"", "Path: \"x, y\" <sip:p>;a").Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m wire.Message
		if m.Parse(raw, nil) != nil || !m.IsRequest() {
			return
		}
		b := newBench(t, registrar.Config{MaxContacts: 3})
		b.want(200, "Contact: <sip:first@x>", "CSeq: 1 REGISTER")
		res, reply := b.process(&registrar.Request{Message: &m, AoR: alice})
		if res.Status != 200 {
			if b.contacts() != "sip:first@x" {
				t.Fatalf("%d altered the store", res.Status)
			}
			return
		}
		stored, err := b.store.Lookup(context.Background(), nil, alice, b.now)
		if err != nil || len(stored) != len(res.Bindings) {
			t.Fatalf("%d stored, %d in the result, %v", len(stored), len(res.Bindings), err)
		}
		n := 0
		for v := reply.Values(wire.HdrContact); v.Next(); n++ {
			na, err := v.NameAddr()
			if err != nil || string(na.URI) != stored[n].Contact {
				t.Fatalf("%v: %q, stored %q", err, na.URI, stored[n].Contact)
			}
		}
		if n != len(stored) {
			t.Fatalf("%d of %d in the response", n, len(stored))
		}
	})
}
