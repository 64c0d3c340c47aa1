package storetest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/wire"
)

func noLostUpdate(t *testing.T, s registrar.Store) {
	now := start()
	const workers, each = 8, 25
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				err := s.Update(context.Background(), "a", now, func(bs []registrar.Binding) ([]registrar.Binding, error) {
					if len(bs) == 0 {
						bs = append(bs, simple("sip:b@x", now.Add(time.Minute)))
						bs[0].CSeq = 0
					}
					bs[0].CSeq++
					return bs, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if bs := lookup(t, s, "a", now); len(bs) != 1 || bs[0].CSeq != workers*each {
		t.Errorf("got %+v, want CSeq %d", bs, workers*each)
	}
}

// register is one REGISTER of a race.
type register struct {
	callID  int
	cseq    int
	contact int // 0: "*"
	expires int
}

func draw(t *rapid.T) register {
	r := register{
		callID:  rapid.IntRange(1, 2).Draw(t, "call-id"),
		cseq:    rapid.IntRange(1, 3).Draw(t, "cseq"),
		contact: rapid.IntRange(0, 3).Draw(t, "contact"),
		expires: rapid.SampledFrom([]int{0, 600}).Draw(t, "expires"),
	}
	if r.contact == 0 {
		r.expires = 0
	}
	return r
}

func (r register) text() []byte {
	contact := "*"
	if r.contact != 0 {
		contact = fmt.Sprintf("<sip:%d@192.0.2.1>", r.contact)
	}
	return fmt.Appendf(nil, "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@example.com>;tag=1\r\n"+
		"To: <sip:a@example.com>\r\nCall-ID: %d\r\nCSeq: %d REGISTER\r\nContact: %s\r\nExpires: %d\r\n\r\n", r.callID, r.cseq, contact, r.expires)
}

// run gives what the registrar says to r.
func (r register) run(s registrar.Store, aor string, now time.Time) (int, error) {
	reg, err := registrar.New(registrar.Config{MaxContacts: 2}, s)
	if err != nil {
		return 0, err
	}
	var m wire.Message
	if err := m.Parse(r.text(), nil); err != nil {
		return 0, err
	}
	res := reg.Register(context.Background(), &registrar.Request{Message: &m, AoR: aor, Now: now})
	return res.Status, res.Err
}

// summary is what a race may differ in.
func summary(bs []registrar.Binding) string {
	var lines []string
	for _, b := range bs {
		lines = append(lines, fmt.Sprint(b.Contact, " ", b.CallID, " ", b.CSeq))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// serial lets REGISTERs for one address race each other and looks for an
// order in which, one after the other, they have the same answers and leave
// the same bindings.
func serial(t *testing.T, s registrar.Store) {
	now := start()
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		aor := fmt.Sprintf("sip:race%d@example.com", round)
		race := rapid.SliceOfN(rapid.Custom(draw), 2, 4).Draw(rt, "registers")
		before := rapid.SliceOfN(rapid.Custom(draw), 0, 2).Draw(rt, "before")
		base := model{}
		for _, r := range before {
			both(rt, r, s, base, aor, now)
		}
		got := make([]int, len(race))
		errs := make([]error, len(race))
		var wg sync.WaitGroup
		for i, r := range race {
			wg.Go(func() { got[i], errs[i] = r.run(s, aor, now) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				rt.Fatal(err)
			}
		}
		bs, err := s.Lookup(context.Background(), nil, aor, now)
		if err != nil {
			rt.Fatal(err)
		}
		if !explains(race, got, summary(bs), base, aor, now, nil) {
			rt.Fatalf("no order of %+v gives %v and\n%s", race, got, summary(bs))
		}
	})
}

func both(t *rapid.T, r register, s, base registrar.Store, aor string, now time.Time) {
	a, err := r.run(s, aor, now)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := r.run(base, aor, now); a != b {
		t.Fatalf("%+v alone: %d, the model says %d", r, a, b)
	}
}

// explains tries all orders that begin with the given indices.
func explains(race []register, got []int, want string, base model, aor string, now time.Time, order []int) bool {
	if len(order) == len(race) {
		m := model{aor: slices.Clone(base[aor])}
		for _, i := range order {
			if status, err := race[i].run(m, aor, now); err != nil || status != got[i] {
				return false
			}
		}
		return summary(m[aor]) == want
	}
	for i := range race {
		if !slices.Contains(order, i) && explains(race, got, want, base, aor, now, append(slices.Clone(order), i)) {
			return true
		}
	}
	return false
}

// model is the simplest store: one user, nothing expires.
type model map[string][]registrar.Binding

func (m model) Update(_ context.Context, aor string, _ time.Time, change func([]registrar.Binding) ([]registrar.Binding, error)) error {
	bs, err := change(slices.Clone(m[aor]))
	if err == nil {
		m[aor] = bs
	}
	return err
}

func (m model) Lookup(_ context.Context, dst []registrar.Binding, aor string, _ time.Time) ([]registrar.Binding, error) {
	return append(dst, m[aor]...), nil
}

func (m model) Len(context.Context, time.Time) (int, error) { return len(m), nil }

func (m model) All(context.Context, time.Time) iter.Seq2[registrar.Record, error] {
	return func(yield func(registrar.Record, error) bool) {
		for aor, bs := range m {
			if !yield(registrar.Record{AoR: aor, Bindings: bs}, nil) {
				return
			}
		}
	}
}
