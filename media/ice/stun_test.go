package ice

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/pion/stun/v3"
)

// FuzzSTUN compares with another implementation.
func FuzzSTUN(f *testing.F) {
	for _, s := range [][]stun.Setter{
		{stun.TransactionID, stun.BindingRequest, stun.NewUsername("abcd:efgh"), stun.NewShortTermIntegrity("secret"), stun.Fingerprint},
		{stun.TransactionID, stun.BindingSuccess, &stun.XORMappedAddress{IP: net.IPv4(192, 0, 2, 1), Port: 5}, stun.NewShortTermIntegrity("secret"), stun.Fingerprint},
		{stun.TransactionID, stun.BindingError, stun.CodeRoleConflict, stun.NewShortTermIntegrity("x"), stun.Fingerprint},
		{stun.TransactionID, stun.NewType(stun.MethodBinding, stun.ClassIndication)},
	} {
		f.Add(stun.MustBuild(s...).Raw)
	}
	secret := newMAC("secret")
	f.Fuzz(func(t *testing.T, b []byte) {
		m, ok := parse(b)
		o := &stun.Message{Raw: bytes.Clone(b)}
		err := o.Decode()
		if !ok {
			return
		}
		if err != nil {
			t.Fatalf("%x: accepted, other implementation: %v", b, err)
		}
		if uint16(o.Type.Method) != m.method || uint8(o.Type.Class) != uint8(m.class) || o.TransactionID != m.id {
			t.Fatalf("%x: %+v, other implementation %v", b, m, o)
		}
		if m.fingerprint != (stun.Fingerprint.Check(o) == nil) {
			t.Fatalf("%x: fingerprint %v", b, m.fingerprint)
		}
		if m.mac != nil && secret.verify(b, &m) != (stun.NewShortTermIntegrity("secret").Check(o) == nil) {
			t.Fatalf("%x: integrity", b)
		}
	})
}

// TestCompose: what we write is read alike by us and by another
// implementation.
func TestCompose(t *testing.T) {
	key := newMAC("secret")
	for _, addr := range []string{"192.0.2.1:5", "[2001:db8::1]:65535"} {
		a := netip.MustParseAddrPort(addr)
		c := compose([]byte("before"), classSuccess, transactionID{1, 2, 3})
		c.text(attrUsername, "abcd:ef")
		c.uint32(attrPriority, 7)
		c.uint64(attrControlled, 9)
		c.flag(attrUseCandidate)
		c.xorMapped(a)
		c.errorCode(codeRoleConflict, "Role Conflict")
		b := c.finish(key)[len("before"):]
		m, ok := parse(b)
		if !ok || m.class != classSuccess || m.id != (transactionID{1, 2, 3}) || string(m.username) != "abcd:ef" || m.priority != 7 ||
			m.role != attrControlled || m.tie != 9 || !m.use || m.mapped != a || m.code != codeRoleConflict || !m.fingerprint || !key.verify(b, &m) {
			t.Errorf("%+v", m)
		}
		o := &stun.Message{Raw: b}
		var mapped stun.XORMappedAddress
		if err := o.Decode(); err != nil || mapped.GetFrom(o) != nil || mapped.Port != int(a.Port()) || stun.Fingerprint.Check(o) != nil ||
			stun.NewShortTermIntegrity("secret").Check(o) != nil {
			t.Errorf("other implementation: %v %v", o, err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	raw := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername("abcdefgh:efgh"), stun.NewShortTermIntegrity("secret"), stun.Fingerprint).Raw
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := parse(raw); !ok {
			b.Fatal("refused")
		}
	}
}
