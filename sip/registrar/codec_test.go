package registrar

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func drawBinding(t *rapid.T) Binding {
	text := rapid.OneOf(rapid.Just(""), rapid.String(), rapid.Just(strings.Repeat("x", 20000)))
	at := rapid.Custom(func(t *rapid.T) time.Time { return time.UnixMilli(rapid.Int64Range(1, 1<<42).Draw(t, "ms")).UTC() })
	b := Binding{
		Contact: text.Draw(t, "contact"), Params: text.Draw(t, "params"), Q: rapid.Uint16Range(0, 1000).Draw(t, "q"),
		CallID: text.Draw(t, "call-id"), CSeq: rapid.Uint32().Draw(t, "cseq"),
		Expires: at.Draw(t, "expires"), Registered: at.Draw(t, "registered"), Updated: at.Draw(t, "updated"),
		Instance: text.Draw(t, "instance"), RegID: rapid.Uint32().Draw(t, "reg-id"), Path: text.Draw(t, "path"),
		UserAgent: text.Draw(t, "user-agent"), Transport: text.Draw(t, "transport"), Edge: text.Draw(t, "edge"),
	}
	if rapid.Bool().Draw(t, "source") {
		addr := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "v4")))
		if rapid.Bool().Draw(t, "v6") {
			addr = netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "v6"))).Unmap()
		}
		b.Source = netip.AddrPortFrom(addr, rapid.Uint16().Draw(t, "port"))
	}
	return b
}

func TestCodecRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Custom(drawBinding), 0, 4).Draw(t, "bindings")
		rec := string(AppendBindings([]byte("before"), want))
		got, err := DecodeBindings(nil, rec[len("before"):], time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
			t.Fatal(diff)
		}
		now := time.UnixMilli(rapid.Int64Range(1, 1<<42).Draw(t, "now"))
		alive, err := DecodeBindings(nil, rec[len("before"):], now)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range want {
			if b.Expires.After(now) {
				if len(alive) == 0 || alive[0].Contact != b.Contact {
					t.Fatal("a binding that is alive is missing")
				}
				alive = alive[1:]
			}
		}
		if len(alive) != 0 {
			t.Fatal("a binding that expired is there")
		}
	})
}

// A newer version's fields must survive an older version's refresh.
func TestUnknownFieldsAreKept(t *testing.T) {
	future := appendText(nil, 40<<1|1, "gruu") // a tag of no version yet
	future = appendNumber(future, 41<<1, 7)
	b := Binding{Contact: "sip:a@x", Expires: start(), Extra: string(future)}
	got, err := DecodeBindings(nil, string(AppendBindings(nil, []Binding{b})), time.Time{})
	if err != nil || len(got) != 1 || got[0].Extra != string(future) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, extra := range []string{string(future[:len(future)-1]), string(future) + string(future), "\x04\x01", "\xff"} {
		b.Extra = extra
		if got, err := DecodeBindings(nil, string(AppendBindings(nil, []Binding{b})), time.Time{}); err == nil {
			t.Errorf("%q: got %+v", extra, got)
		}
	}
}

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func FuzzDecodeBindings(f *testing.F) {
	f.Add("")
	f.Add("\x01")
	f.Add("\x02\x00")
	f.Add(string(AppendBindings(nil, []Binding{{Contact: "sip:a@x", CSeq: 7, Expires: start(), Source: netip.MustParseAddrPort("[2001:db8::1]:5060")}, {Q: 10}})))
	f.Add(string(AppendBindings(nil, []Binding{{Contact: strings.Repeat("x", 1<<14)}})))
	f.Fuzz(func(t *testing.T, rec string) {
		bs, err := DecodeBindings(nil, rec, time.Time{})
		if err != nil {
			if len(bs) != 0 {
				t.Fatal("bindings and an error")
			}
			return
		}
		again, err := DecodeBindings(nil, string(AppendBindings(nil, bs)), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(bs, again, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
			t.Fatal(diff)
		}
	})
}
