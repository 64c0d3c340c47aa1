package transport_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/pion/stun/v3"
)

// overhead is what an Ethernet frame adds to a payload: that, IP and UDP.
func overhead(a netip.Addr) int {
	if a.Is4() {
		return 18 + 20 + 8
	}
	return 18 + 40 + 8
}

// ask sends a STUN message and decodes the answer.
func ask(t *testing.T, c *net.UDPConn, to netip.AddrPort, m *stun.Message) *stun.Message {
	t.Helper()
	write(t, c, to, string(m.Raw))
	data, from := read(t, c)
	if from != to {
		t.Errorf("answer from %s", from)
	}
	answer := &stun.Message{Raw: []byte(data)}
	if err := answer.Decode(); err != nil {
		t.Fatalf("answer: %v", err)
	}
	if answer.TransactionID != m.TransactionID {
		t.Error("answer to another transaction")
	}
	size := overhead(to.Addr())
	if f := float64(len(data)+size) / float64(len(m.Raw)+size); f > 1.3 {
		t.Errorf("amplified %.2f times", f)
	}
	return answer
}

func TestSTUNBinding(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		h := newEcho()
		l := transport.ListenerConfig{Protocol: transport.UDP, Addr: netip.MustParseAddrPort(addr)}
		e, _ := serve(t, listeners(l), h)
		c := udpClient(t, addr)
		for name, setters := range map[string][]stun.Setter{
			"bare":        {stun.TransactionID, stun.BindingRequest},
			"software":    {stun.TransactionID, stun.BindingRequest, stun.NewSoftware("phone 1.0")},
			"fingerprint": {stun.TransactionID, stun.BindingRequest, stun.NewSoftware("x"), stun.Fingerprint},
			"credentials": {stun.TransactionID, stun.BindingRequest, stun.NewUsername("u"), stun.NewShortTermIntegrity("p"), stun.Fingerprint},
		} {
			t.Run(addr+"/"+name, func(t *testing.T) {
				m := stun.MustBuild(setters...)
				answer := ask(t, c, e.Listener(0).Addr, m)
				if answer.Type != stun.BindingSuccess {
					t.Fatalf("answer %s", answer)
				}
				var mapped stun.XORMappedAddress
				if err := mapped.GetFrom(answer); err != nil {
					t.Fatal(err)
				}
				if got := mapped.String(); got != addrOf(c).String() {
					t.Errorf("mapped address %s, want %s", got, addrOf(c))
				}
				if m.Contains(stun.AttrFingerprint) {
					if err := stun.Fingerprint.Check(answer); err != nil {
						t.Error(err)
					}
				} else if answer.Contains(stun.AttrFingerprint) {
					t.Error("fingerprint that was not asked for")
				}
			})
		}
		if s := e.Stats()[0]; s.KeepAlives != 4 || s.Received != 0 || s.Sent != 0 {
			t.Errorf("%d keep-alives, %d and %d messages", s.KeepAlives, s.Received, s.Sent)
		}
	}
}

func TestSTUNUnknownAttributes(t *testing.T) {
	e, _ := serve(t, listeners(on(transport.UDP)), newEcho())
	c := udpClient(t, "127.0.0.1:0")
	for n := 1; n < 9; n++ {
		setters := []stun.Setter{stun.TransactionID, stun.BindingRequest}
		for i := range n {
			setters = append(setters, stun.RawAttribute{Type: stun.AttrType(0x0100 + i)})
		}
		answer := ask(t, c, e.Listener(0).Addr, stun.MustBuild(append(setters, stun.Fingerprint)...))
		var code stun.ErrorCodeAttribute
		var list stun.UnknownAttributes
		if answer.Type != stun.BindingError || code.GetFrom(answer) != nil || code.Code != stun.CodeUnknownAttribute {
			t.Fatalf("answer %s, code %d", answer, code.Code)
		}
		if err := list.GetFrom(answer); err != nil || len(list) != min(n, 6) || list[0] != 0x0100 {
			t.Errorf("%d unknown: %v, %v", n, list, err)
		}
	}
}

// What is no Binding request is neither answered nor taken for SIP.
func TestSTUNSilence(t *testing.T) {
	h := newEcho()
	e, _ := serve(t, listeners(on(transport.UDP)), h)
	c := udpClient(t, "127.0.0.1:0")
	forged := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.Fingerprint)
	forged.Raw[len(forged.Raw)-1]++
	late := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.Fingerprint, stun.NewSoftware("x"))
	broken := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewSoftware("x"))
	broken.Raw[23] = 200
	for _, m := range []*stun.Message{
		forged, late, broken,
		stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodBinding, stun.ClassIndication)),
		stun.MustBuild(stun.TransactionID, stun.BindingSuccess),
		stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest)),
	} {
		write(t, c, e.Listener(0).Addr, string(m.Raw))
	}
	write(t, c, e.Listener(0).Addr, "sip")
	if got := h.next(t); got.data != "sip" {
		t.Errorf("handler saw %q", got.data)
	}
	if msg, _ := read(t, c); msg != "sip" {
		t.Errorf("answer %q", msg)
	}
	if n := e.Stats()[0].KeepAlives; n != 6 {
		t.Errorf("%d keep-alives", n)
	}
}

// A source that asks too often gets no more answers, and another one does.
func TestSTUNLimit(t *testing.T) {
	h := newEcho()
	e, _ := serve(t, listeners(on(transport.UDP)), h)
	flood, other := udpClient(t, "127.0.0.1:0"), udpClient(t, "127.0.0.2:0")
	m := stun.MustBuild(stun.TransactionID, stun.BindingRequest)
	eventually(t, "keep-alives dropped", func() bool {
		for range 50 {
			write(t, flood, e.Listener(0).Addr, string(m.Raw))
		}
		return e.Stats()[0].Dropped[transport.DropKeepAlive] > 0
	})
	_ = other.SetDeadline(time.Now().Add(patience))
	if answer := ask(t, other, e.Listener(0).Addr, m); answer.Type != stun.BindingSuccess {
		t.Errorf("answer %s", answer)
	}
}
