package ice_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ice"
	"github.com/pion/stun/v3"
)

const (
	peerUfrag = "peer"
	peerPass  = "peer-peer-peer-peer-peer22"
)

var (
	socket   = ap("192.0.2.1:4000")
	stranger = ap("198.51.100.66:777")
	epoch    = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
)

// solo is an agent without a peer.
func solo(t testing.TB, cfg ice.Config) *ice.Agent {
	t.Helper()
	a := ice.New(cfg)
	if _, err := a.AddStream(ice.Credentials{}, []ice.Local{{Component: 1, Base: socket}}); err != nil {
		t.Fatal(err)
	}
	return a
}

func peer(candidates ...ice.Candidate) ice.Remote {
	return ice.Remote{Credentials: ice.Credentials{Ufrag: peerUfrag, Password: "peerpeerpeerpeerpeer22"}, Candidates: candidates}
}

func udp(foundation, addr string) ice.Candidate {
	return ice.Candidate{Foundation: foundation, Component: 1, Transport: "UDP", Priority: ice.Priority(ice.Host, 65535, 1), Addr: ap(addr)}
}

type raw struct {
	kind  stun.AttrType
	value []byte
}

func (r raw) AddTo(m *stun.Message) error { m.Add(r.kind, r.value); return nil }

func octets8(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

// check is a Binding request as another implementation writes it.
func check(t testing.TB, a *ice.Agent, change ...stun.Setter) []byte {
	t.Helper()
	c := a.Credentials(0)
	setters := []stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(c.Ufrag + ":" + peerUfrag)}
	setters = append(setters, change...)
	setters = append(setters, raw{stun.AttrPriority, []byte{110, 255, 255, 255}}, stun.NewShortTermIntegrity(c.Password), stun.Fingerprint)
	m, err := stun.Build(setters...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

// TestAnswer reads our answer with another implementation.
func TestAnswer(t *testing.T) {
	for _, from := range []netip.AddrPort{stranger, ap("[2001:db8::66]:7")} {
		a := solo(t, ice.Config{Lite: true, Software: "nineteen octets 1.0"})
		request := check(t, a, raw{stun.AttrICEControlling, octets8(1)})
		out := a.Handle(request, socket, from, epoch)
		if len(out.Datagrams) != 1 || out.Drop != ice.DropNone || out.Datagrams[0].Local != socket || out.Datagrams[0].Remote != from {
			t.Fatalf("%+v", out)
		}
		m := &stun.Message{Raw: out.Datagrams[0].Data}
		if err := m.Decode(); err != nil {
			t.Fatal(err)
		}
		var mapped stun.XORMappedAddress
		if m.Type != stun.BindingSuccess || mapped.GetFrom(m) != nil || mapped.Port != int(from.Port()) || !mapped.IP.Equal(net.IP(from.Addr().AsSlice())) {
			t.Errorf("%v, mapped %v", m, mapped)
		}
		if err := stun.NewShortTermIntegrity(a.Credentials(0).Password).Check(m); err != nil {
			t.Error(err)
		}
		if err := stun.Fingerprint.Check(m); err != nil || !bytes.Equal(m.TransactionID[:], request[8:20]) {
			t.Errorf("fingerprint %v", err)
		}
	}
}

// TestSoftware: checks and answers tell what writes them, if anything is to be told.
func TestSoftware(t *testing.T) {
	for _, name := range []string{"", "a", "rtpengine"} {
		a := solo(t, ice.Config{Controlling: true, Software: name})
		if _, err := a.SetRemote(0, peer(udp("1", stranger.String())), epoch); err != nil {
			t.Fatal(err)
		}
		sent := slices.Clone(a.Advance(epoch).Datagrams)
		for i := range sent {
			sent[i].Data = slices.Clone(sent[i].Data) // the agent uses its memory again
		}
		request := check(t, a, raw{stun.AttrICEControlled, octets8(1)})
		for _, d := range append(sent, a.Handle(request, socket, stranger, epoch).Datagrams...) {
			m := &stun.Message{Raw: d.Data}
			var got stun.Software
			if err := m.Decode(); err != nil || (got.GetFrom(m) == nil) != (name != "") || string(got) != name || stun.Fingerprint.Check(m) != nil {
				t.Errorf("%q: %v %v", name, m, err)
			}
		}
		if len(sent) != 1 {
			t.Errorf("%d checks", len(sent))
		}
	}
}

// TestStrangers: what is not authenticated is dropped, counted, and changes
// nothing.
func TestStrangers(t *testing.T) {
	for name, c := range map[string]struct {
		packet func(*ice.Agent) []byte
		want   ice.Drop
	}{
		"empty":     {func(*ice.Agent) []byte { return nil }, ice.DropMalformed},
		"truncated": {func(a *ice.Agent) []byte { return check(t, a)[:40] }, ice.DropMalformed},
		"flipped": {func(a *ice.Agent) []byte {
			b := check(t, a)
			b[30] ^= 1
			return b
		}, ice.DropMalformed}, // the fingerprint is wrong
		"no username": {func(a *ice.Agent) []byte {
			m := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewShortTermIntegrity(a.Credentials(0).Password), stun.Fingerprint)
			return m.Raw
		}, ice.DropUnauthenticated},
		"no integrity": {func(a *ice.Agent) []byte {
			m := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername(a.Credentials(0).Ufrag+":"+peerUfrag), stun.Fingerprint)
			return m.Raw
		}, ice.DropUnauthenticated},
		"no fingerprint": {func(a *ice.Agent) []byte {
			m := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername(a.Credentials(0).Ufrag+":"+peerUfrag), stun.NewShortTermIntegrity(a.Credentials(0).Password))
			return m.Raw
		}, ice.DropUnauthenticated},
		"wrong password": {func(a *ice.Agent) []byte {
			m := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername(a.Credentials(0).Ufrag+":"+peerUfrag), stun.NewShortTermIntegrity(peerPass), stun.Fingerprint)
			return m.Raw
		}, ice.DropIntegrity},
		"for another": {func(a *ice.Agent) []byte {
			m := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername("other:"+peerUfrag), stun.NewShortTermIntegrity(a.Credentials(0).Password), stun.Fingerprint)
			return m.Raw
		}, ice.DropUsername},
		"from another": {func(a *ice.Agent) []byte {
			m := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername(a.Credentials(0).Ufrag+":third"), stun.NewShortTermIntegrity(a.Credentials(0).Password), stun.Fingerprint)
			return m.Raw
		}, ice.DropUsername},
		"an answer to nothing": {func(a *ice.Agent) []byte {
			m := stun.MustBuild(stun.TransactionID, stun.BindingSuccess, stun.NewShortTermIntegrity("peerpeerpeerpeerpeer22"), stun.Fingerprint)
			return m.Raw
		}, ice.DropTransaction},
		"a TURN request": {func(a *ice.Agent) []byte {
			m := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), stun.Fingerprint)
			return m.Raw
		}, ice.DropMethod},
	} {
		t.Run(name, func(t *testing.T) {
			a := solo(t, ice.Config{})
			if _, err := a.SetRemote(0, peer(), epoch); err != nil {
				t.Fatal(err)
			}
			out := a.Handle(c.packet(a), socket, stranger, epoch)
			if out.Drop != c.want || len(out.Datagrams)+len(out.Events) != 0 || a.Stats().Dropped[c.want] != 1 {
				t.Errorf("%+v, %+v", out, a.Stats())
			}
			if st := a.Export(); len(st.Streams[0].Candidates) != 0 || a.Admits(socket, stranger) {
				t.Error("left traces")
			}
		})
	}
	a := solo(t, ice.Config{})
	if out := a.Handle(check(t, a), ap("192.0.2.1:4002"), stranger, epoch); out.Drop != ice.DropLocal {
		t.Errorf("%v for another socket", out.Drop)
	}
	a = solo(t, ice.Config{Deny: func(a netip.Addr) bool { return a == stranger.Addr() }})
	if out := a.Handle(check(t, a), socket, stranger, epoch); out.Drop != ice.DropDenied {
		t.Errorf("%v from a denied address", out.Drop)
	}
}

// TestBehindIntegrity: an attribute that was added to an authentic check on
// its way must not nominate.
func TestBehindIntegrity(t *testing.T) {
	a := solo(t, ice.Config{Lite: true})
	if _, err := a.SetRemote(0, peer(), epoch); err != nil {
		t.Fatal(err)
	}
	m := &stun.Message{Raw: check(t, a)}
	if err := m.Decode(); err != nil {
		t.Fatal(err)
	}
	n := stun.New()
	n.TransactionID = m.TransactionID
	n.SetType(m.Type)
	n.WriteHeader()
	for _, attr := range m.Attributes {
		if attr.Type == stun.AttrFingerprint {
			n.Add(stun.AttrUseCandidate, nil)
			break
		}
		n.Add(attr.Type, attr.Value)
	}
	if err := stun.Fingerprint.AddTo(n); err != nil {
		t.Fatal(err)
	}
	out := a.Handle(n.Raw, socket, stranger, epoch)
	if len(out.Datagrams) != 1 || slices.ContainsFunc(out.Events, func(e ice.Event) bool { return e.Kind == ice.EventNominated }) {
		t.Errorf("%+v", out)
	}
	out = a.Handle(check(t, a, raw{stun.AttrUseCandidate, nil}), socket, stranger, epoch)
	if !slices.ContainsFunc(out.Events, func(e ice.Event) bool { return e.Kind == ice.EventNominated }) {
		t.Errorf("not nominated: %+v", out)
	}
}

func TestUnknownAttribute(t *testing.T) {
	a := solo(t, ice.Config{})
	out := a.Handle(check(t, a, raw{0x7001, []byte{1}}, raw{0x7002, nil}, raw{0x7003, nil}), socket, stranger, epoch)
	m := &stun.Message{Raw: out.Datagrams[0].Data}
	if err := m.Decode(); err != nil {
		t.Fatal(err)
	}
	var code stun.ErrorCodeAttribute
	var unknown stun.UnknownAttributes
	if code.GetFrom(m) != nil || code.Code != 420 || unknown.GetFrom(m) != nil || len(unknown) != 3 || unknown[2] != 0x7003 {
		t.Errorf("%v %v", code, unknown)
	}
	if err := stun.NewShortTermIntegrity(a.Credentials(0).Password).Check(m); err != nil {
		t.Error(err)
	}
	if out := a.Handle(check(t, a, raw{0xc001, []byte{1, 2, 3}}), socket, stranger, epoch); len(out.Datagrams) != 1 || out.Datagrams[0].Data[0] != 1 || out.Datagrams[0].Data[1] != 1 {
		t.Error("an optional attribute was not passed over")
	}
}

// TestLimits: an authenticated peer that comes from everywhere.
func TestLimits(t *testing.T) {
	a := solo(t, ice.Config{})
	r := peer()
	for i := range 100 {
		r.Candidates = append(r.Candidates, udp("1", fmt.Sprintf("198.51.100.1:%d", 1000+i)))
	}
	if _, err := a.SetRemote(0, r, epoch); err == nil {
		t.Error("100 candidates taken")
	}
	for i := range 1000 {
		from := netip.AddrPortFrom(stranger.Addr(), uint16(1000+i))
		if out := a.Handle(check(t, a, raw{stun.AttrICEControlling, octets8(1)}), socket, from, epoch); len(out.Datagrams) == 0 {
			t.Fatal("not answered")
		}
	}
	st := a.Export()
	if n := len(st.Streams[0].Candidates); n > ice.MaxCandidates {
		t.Errorf("%d candidates", n)
	}
	if a.Stats().Ignored < 900 {
		t.Errorf("%d ignored", a.Stats().Ignored)
	}
}

func TestDeniedCandidates(t *testing.T) {
	a := solo(t, ice.Config{Controlling: true, Deny: func(a netip.Addr) bool { return a.IsLoopback() }})
	if _, err := a.SetRemote(0, peer(udp("1", "127.0.0.1:5060"), udp("2", "[::ffff:127.0.0.1]:5060")), epoch); err != nil {
		t.Fatal(err)
	}
	for now := epoch; now.Before(epoch.Add(time.Minute)); now = now.Add(50 * time.Millisecond) {
		if out := a.Advance(now); len(out.Datagrams) != 0 {
			t.Fatalf("sent to %v", out.Datagrams[0].Remote)
		}
	}
	if a.State(0) != ice.StateFailed {
		t.Error(a.State(0))
	}
}

// TestAggressive: a peer that nominates whatever works, and later another.
func TestAggressive(t *testing.T) {
	low, high := ap("198.51.100.1:1"), ap("198.51.100.2:1")
	nominate := func(a *ice.Agent, from netip.AddrPort, now time.Time) {
		a.Handle(check(t, a, raw{stun.AttrUseCandidate, nil}, raw{stun.AttrICEControlling, octets8(1)}), socket, from, now)
	}
	a := solo(t, ice.Config{Lite: true})
	l, h := udp("1", low.String()), udp("2", high.String())
	l.Priority--
	if _, err := a.SetRemote(0, peer(l, h), epoch); err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		from netip.AddrPort
		at   time.Duration
		want netip.AddrPort
	}{
		{low, 0, low},
		{high, time.Second, high},
		{low, 2 * time.Second, high},   // they race: priority decides
		{high, 3 * time.Second, high},  //
		{low, 20 * time.Second, low},   // a later change of mind
		{low, 21 * time.Second, low},   //
		{high, 22 * time.Second, high}, // better is always welcome
	} {
		nominate(a, step.from, epoch.Add(step.at))
		if p, _ := a.Path(0, 1); p.Remote != step.want {
			t.Errorf("step %d: %v, want %v", i, p.Remote, step.want)
		}
	}
}
