package xdp

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"

	"github.com/class5-go/class5/sip/guard"
)

func bans(prefixes ...string) (list []guard.Ban) {
	for _, p := range prefixes {
		list = append(list, guard.Ban{Prefix: netip.MustParsePrefix(p)})
	}
	return list
}

// fake is a kernel that counts ten drops for everything listed.
type fake struct {
	listed map[netip.Prefix]bool
	fail   error
	closed bool
	away   bool
}

func (f *fake) mode() Mode { return Generic }
func (f *fake) add(p netip.Prefix) error {
	if f.fail == nil {
		f.listed[p] = true
	}
	return f.fail
}
func (f *fake) remove(p netip.Prefix) (uint64, error) {
	if f.fail == nil {
		delete(f.listed, p)
	}
	return 10, f.fail
}
func (f *fake) drops(netip.Prefix) (uint64, error) { return 10, nil }
func (f *fake) gone() bool                         { return f.away }
func (f *fake) close() error                       { f.closed = true; return nil }

func faked(entries int) (*List, *fake) {
	f := &fake{listed: map[netip.Prefix]bool{}}
	return &List{kernel: f, cfg: Config{Entries: entries}, listed: map[netip.Prefix]struct{}{}}, f
}

func TestSync(t *testing.T) {
	l, f := faked(2)
	steps := []struct {
		bans    []guard.Ban
		want    []Drop
		dropped uint64
		err     error
	}{
		{bans("203.0.113.7/32", "2001:db8::/64"), []Drop{{netip.MustParsePrefix("203.0.113.7/32"), 10}, {netip.MustParsePrefix("2001:db8::/64"), 10}}, 20, nil},
		{bans("203.0.113.8/32", "2001:db8::/64"), []Drop{{netip.MustParsePrefix("203.0.113.8/32"), 10}, {netip.MustParsePrefix("2001:db8::/64"), 10}}, 30, nil},
		{bans("203.0.113.8/32", "203.0.113.9/32", "203.0.113.10/32", "203.0.113.11/32"), []Drop{{netip.MustParsePrefix("203.0.113.8/32"), 10}, {netip.MustParsePrefix("203.0.113.9/32"), 10}}, 40, ErrFull},
		{[]guard.Ban{{Prefix: netip.MustParsePrefix("203.0.113.8/32"), Datagrams: true}, {}}, []Drop{}, 40, nil},
		{nil, []Drop{}, 40, nil},
	}
	for i, s := range steps {
		if err := l.Sync(s.bans); !errors.Is(err, s.err) || (err == nil) != (s.err == nil) {
			t.Errorf("step %d: %v, want %v", i, err, s.err)
		}
		got, err := l.Drops()
		if err != nil || !reflect.DeepEqual(got, s.want) {
			t.Errorf("step %d: %v, %v", i, got, err)
		}
		if n, err := l.Dropped(); err != nil || n != s.dropped {
			t.Errorf("step %d: %d dropped, %v; want %d", i, n, err, s.dropped)
		}
	}
	_ = l.Sync(bans("203.0.113.7/32"))
	f.fail = errors.New("refused")
	if err := l.Sync(bans("203.0.113.8/32")); !errors.Is(err, f.fail) {
		t.Errorf("%v", err)
	}
	f.fail = nil
	if err := l.Sync(bans("203.0.113.8/32")); err != nil || len(f.listed) != 1 {
		t.Errorf("%v, listed %v", err, f.listed)
	}
	if err := l.Close(); err != nil || !f.closed {
		t.Errorf("%v, closed %v", err, f.closed)
	}
	if n, _ := l.Dropped(); n != 60 {
		t.Errorf("%d dropped after Close", n)
	}
}

func TestOpen(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no interface":  {Ports: []uint16{5060}},
		"no port":       {Interface: "lo"},
		"port 0":        {Interface: "lo", Ports: []uint16{5060, 0}},
		"many ports":    {Interface: "lo", Ports: make([]uint16, 65)},
		"many entries":  {Interface: "lo", Ports: []uint16{5060}, Entries: 1 << 30},
		"minus entries": {Interface: "lo", Ports: []uint16{5060}, Entries: -1},
	} {
		if l, err := Open(cfg); err == nil {
			t.Errorf("%s: opened %v", name, l.Mode())
		}
	}
}

func TestPlain(t *testing.T) {
	l, err := Open(Config{Interface: "no-such-nic", Ports: []uint16{5060}})
	if err != nil {
		t.Fatal(err)
	}
	if l.Mode() != Plain || l.Mode().String() != "plain" || l.Why() == nil {
		t.Errorf("mode %v, why %v", l.Mode(), l.Why())
	}
	if err := l.Sync(bans("203.0.113.7/32")); err != nil {
		t.Error(err)
	}
	if drops, err := l.Drops(); err != nil || len(drops) != 0 {
		t.Errorf("%v, %v", drops, err)
	}
	if n, err := l.Dropped(); err != nil || n != 0 {
		t.Errorf("%v, %v", n, err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestInterfaceGone: a list whose interface is taken away is plain and says so;
// when the interface is there again it holds the bans of then.
func TestInterfaceGone(t *testing.T) {
	l, f := faked(2)
	refused := errors.New("no such interface")
	var again *fake
	l.attach = func(Config) (kernel, error) {
		if again == nil {
			return nil, refused
		}
		return again, nil
	}
	sync := func(bans []guard.Ban) {
		t.Helper()
		if err := l.Sync(bans); err != nil {
			t.Error(err)
		}
	}
	sync(bans("203.0.113.7/32"))
	f.away = true
	for range 2 {
		sync(bans("203.0.113.7/32", "203.0.113.8/32"))
		if l.Mode() != Plain || !errors.Is(l.Why(), ErrGone) || !errors.Is(l.Why(), refused) || !f.closed {
			t.Fatalf("mode %v, why %v, closed %v", l.Mode(), l.Why(), f.closed)
		}
	}
	if n, err := l.Dropped(); n != 10 || err != nil {
		t.Errorf("%d dropped, %v", n, err)
	}
	again = &fake{listed: map[netip.Prefix]bool{}}
	sync(bans("203.0.113.8/32"))
	if l.Mode() != Generic || l.Why() != nil || len(again.listed) != 1 {
		t.Errorf("mode %v, why %v, listed %v", l.Mode(), l.Why(), again.listed)
	}
	if n, err := l.Dropped(); n != 20 || err != nil {
		t.Errorf("%d dropped, %v", n, err)
	}
	again.away = true
	again = nil
	sync(nil)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	again = &fake{listed: map[netip.Prefix]bool{}}
	if sync(nil); l.Mode() != Plain {
		t.Error("attached after Close")
	}
}
