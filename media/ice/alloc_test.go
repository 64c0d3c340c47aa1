package ice_test

import (
	"testing"
	"time"

	"github.com/class5-go/class5/media/ice"
	"github.com/pion/stun/v3"
)

// connected is an agent whose stream has a nominated pair with a peer that
// answers by hand.
func connected(t testing.TB) *ice.Agent {
	t.Helper()
	a := solo(t, ice.Config{})
	if _, err := a.SetRemote(0, peer(udp("1", stranger.String())), epoch); err != nil {
		t.Fatal(err)
	}
	out := a.Handle(check(t, a, raw{stun.AttrUseCandidate, nil}, raw{stun.AttrICEControlling, octets8(1)}), socket, stranger, epoch)
	for _, d := range out.Datagrams {
		if d.Data[0] == 0 && d.Data[1] == 1 {
			a.Handle(answer(t, d.Data), socket, stranger, epoch)
		}
	}
	if a.State(0) != ice.StateCompleted {
		t.Fatal(a.State(0))
	}
	return a
}

// answer is the peer's answer to one of our checks.
func answer(t testing.TB, request []byte) []byte {
	var id [12]byte
	copy(id[:], request[8:])
	m, err := stun.Build(stun.NewTransactionIDSetter(id), stun.BindingSuccess, &stun.XORMappedAddress{IP: socket.Addr().AsSlice(), Port: int(socket.Port())},
		stun.NewShortTermIntegrity(peer().Password), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

func TestAllocsAnswer(t *testing.T) {
	for name, a := range map[string]*ice.Agent{"full": connected(t), "lite": solo(t, ice.Config{Lite: true})} {
		request := check(t, a, raw{stun.AttrUseCandidate, nil}, raw{stun.AttrICEControlling, octets8(1)})
		for range 2 {
			a.Handle(request, socket, stranger, epoch)
		}
		if n := testing.AllocsPerRun(100, func() {
			if out := a.Handle(request, socket, stranger, epoch); len(out.Datagrams) != 1 {
				t.Fatal("not answered")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations per answer", name, n)
		}
	}
}

func TestAllocsConsent(t *testing.T) {
	a := connected(t)
	sent, lost := 0, false
	if n := testing.AllocsPerRun(3, func() { // consent lasts for five checks
		out := a.Advance(a.Deadline())
		sent += len(out.Datagrams)
		lost = lost || len(out.Events) > 0
	}); n != 0 || sent != 4 || lost {
		t.Errorf("%v allocations per consent check, %d sent, lost %v", n, sent, lost)
	}

	request := a.Advance(a.Deadline()).Datagrams[0].Data
	reply := answer(t, request)
	at := a.Deadline().Add(-time.Millisecond)
	if n := testing.AllocsPerRun(100, func() {
		if out := a.Handle(reply, socket, stranger, at); out.Drop != ice.DropNone {
			t.Fatal(out.Drop)
		}
	}); n != 0 {
		t.Errorf("%v allocations per answer to a consent check", n)
	}
}

func BenchmarkAnswer(b *testing.B) {
	a := connected(b)
	request := check(b, a, raw{stun.AttrICEControlling, octets8(1)})
	b.ReportAllocs()
	for b.Loop() {
		if out := a.Handle(request, socket, stranger, epoch); len(out.Datagrams) != 1 {
			b.Fatal("not answered")
		}
	}
}
