package ice_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/ice"
)

func TestCandidateText(t *testing.T) {
	for in, out := range map[string]string{
		"Ou3NfTbLYYwRUn7E 1 UDP 2130706431 198.51.100.1 30000 typ host":                                                  "",
		"1 2 udp 1694498815 203.0.113.9 45000 typ srflx raddr 10.0.0.5 rport 4000 generation 0":                          "",
		"1 1 udp 1 2001:db8::1 9 typ relay raddr :: rport 0":                                                             "",
		"1 1 UDP 5 198.51.100.1 7 typ prflx raddr 192.0.2.1 rport 9":                                                     "",
		"2 1 TCP 1518280447 198.51.100.1 9 typ host tcptype active generation 0 ufrag abcd network-id 1 network-cost 10": "",
		"3 1 udp 2113937151 4a1c0b3e-6d3c-4c8e-9d1a-0f5b6a7c8d9e.local 51234 typ host":                                   "",
		"4 1 udp 7 198.51.100.1 7 typ srflx raddr 4a1c0b3e.local rport 9":                                                "",
		"candidate:1  1 UDP  99 198.51.100.1 30000  typ HOST":                                                            "1 1 UDP 99 198.51.100.1 30000 typ host",
		"+/ 256 x 4294967295 198.51.100.1 65535 typ host a b":                                                            "",
		"1 1 udp 9 fe80::1%eth0 7 typ host":                                                                              "",
	} {
		c, err := ice.ParseCandidate(in)
		if out == "" {
			out = in
		}
		if err != nil || c.String() != out {
			t.Errorf("%s: %s, %v", in, c, err)
		}
	}
	for _, in := range []string{
		"", "1 1 UDP 99 198.51.100.1 30000 typ", "1 1 UDP 99 198.51.100.1 30000 type host", "1 0 UDP 99 198.51.100.1 30000 typ host",
		"1 257 UDP 99 198.51.100.1 30000 typ host", "1 1 UDP 0 198.51.100.1 30000 typ host", "1 1 UDP 99 198.51.100.1 65536 typ host",
		"1 1 UDP 4294967296 198.51.100.1 1 typ host", "1 1 UDP 99 198.51.100.1 1 typ other", "1 1 UDP 99 198.51.100.1 1 typ host lonely",
		"1 1 UDP 99 198.51.100.1 1 typ srflx raddr 1.1.1.1 rport x", "é 1 UDP 99 198.51.100.1 1 typ host",
		strings.Repeat("1", 33) + " 1 UDP 99 198.51.100.1 1 typ host", "1 1 UDP 99 198.51.100.1 1 typ host" + strings.Repeat(" a b", 17),
		"1 1 UDP 99 a.local\r\na=x 1 typ host", "1 1 UDP 99 198.51.100.1 1 typ host a b\n",
		"1 1 UDP 99 " + strings.Repeat("h", 1024) + " 1 typ host",
	} {
		if c, err := ice.ParseCandidate(in); !errors.Is(err, ice.ErrCandidate) {
			t.Errorf("%q: %v, %v", in, c, err)
		}
	}
}

func TestCandidate(t *testing.T) {
	c, err := ice.ParseCandidate("2 1 TCP 1518280447 198.51.100.1 9 typ host tcptype active generation 0")
	if v, ok := c.Extension("tcptype"); err != nil || !ok || v != "active" || c.UDP() {
		t.Errorf("%v %v", c, err)
	}
	if _, ok := c.Extension("ufrag"); ok {
		t.Error("an extension that is not there")
	}
	if c, _ := ice.ParseCandidate("3 1 udp 1 a.local 5 typ host"); c.UDP() || c.Hostname != "a.local" || c.Addr.Port() != 5 {
		t.Errorf("%+v", c)
	}
}

// TestPriorities are those of rtpengine: IPv4 first, then the next address.
func TestPriorities(t *testing.T) {
	a := ice.New(ice.Config{})
	i, err := a.AddStream(ice.Credentials{}, []ice.Local{
		{Component: 1, Base: ap("192.0.2.1:30000")}, {Component: 2, Base: ap("192.0.2.1:30001")},
		{Component: 1, Base: ap("[2001:db8::1]:30000")}, {Component: 2, Base: ap("[2001:db8::1]:30001")},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []uint32
	for _, c := range a.Candidates(i) {
		got = append(got, c.Priority)
		if len(c.Foundation) != ice.FoundationSize || strings.ContainsAny(c.Foundation, "+/") || c.Transport != "UDP" {
			t.Errorf("%v", c)
		}
	}
	if got[0] != 2130706431 || got[1] != 2130706430 || got[2] != 2130706175 || got[3] != 2130706174 {
		t.Error(got)
	}
	c := a.Candidates(i)
	if c[0].Foundation != c[1].Foundation || c[0].Foundation == c[2].Foundation {
		t.Error("foundations")
	}
	if k := a.Credentials(i); len(k.Ufrag) != 8 || len(k.Password) != 26 || k.Check() != nil || strings.Contains(k.String(), k.Password) {
		t.Errorf("%#v", k)
	}
	if ice.Priority(ice.PeerReflexive, 65535, 1) != 1862270975 || ice.Priority(ice.ServerReflexive, 65535, 1) != 1694498815 || ice.Priority(ice.Relayed, 65535, 256) != 16776960 {
		t.Error("type preferences")
	}
	if !ice.Option("ice2 trickle", ice.OptionTrickle) || ice.Option("trickle2", ice.OptionTrickle) {
		t.Error("options")
	}
}

func TestAdvertised(t *testing.T) {
	a := ice.New(ice.Config{})
	i, err := a.AddStream(ice.Credentials{}, []ice.Local{{Component: 1, Base: ap("0.0.0.0:30000"), Addr: ap("203.0.113.1:30000"), Foundation: "f"}})
	if c := a.Candidates(i); err != nil || c[0].Addr != ap("203.0.113.1:30000") || c[0].Foundation != "f" {
		t.Errorf("%v %v", c, err)
	}
	for _, l := range []ice.Local{{}, {Component: 1}, {Component: 0, Base: ap("192.0.2.1:1")}, {Component: 1, Base: ap("0.0.0.0:1")}, {Component: 257, Base: ap("192.0.2.1:1")}, {Component: 1, Base: ap("0.0.0.0:30000"), Addr: ap("192.0.2.1:1")}} {
		if _, err := a.AddStream(ice.Credentials{}, []ice.Local{l}); !errors.Is(err, ice.ErrLocal) {
			t.Errorf("%+v: %v", l, err)
		}
	}
	if _, err := a.AddStream(ice.Credentials{Ufrag: "abc", Password: peerPass}, nil); !errors.Is(err, ice.ErrCredentials) {
		t.Error(err)
	}
	if _, err := a.AddStream(ice.Credentials{}, make([]ice.Local, 17)); !errors.Is(err, ice.ErrLimit) {
		t.Error(err)
	}
	for _, bad := range []ice.Credentials{{}, {Ufrag: "abcd", Password: ""}, {Ufrag: "ab d", Password: peerPass}} {
		if _, err := a.SetRemote(i, ice.Remote{Credentials: bad}, epoch); !errors.Is(err, ice.ErrCredentials) {
			t.Errorf("%q: %v", bad.Ufrag, err)
		}
	}
	if _, err := a.SetRemote(7, peer(), epoch); !errors.Is(err, ice.ErrStream) {
		t.Error(err)
	}
	if err := a.AddRemote(i, udp("1", "198.51.100.1:1"), epoch); !errors.Is(err, ice.ErrStream) {
		t.Error("a candidate before the description", err)
	}
}

func FuzzCandidate(f *testing.F) {
	f.Add("Ou3NfTbLYYwRUn7E 1 UDP 2130706431 198.51.100.1 30000 typ host")
	f.Add("1 2 udp 1694498815 203.0.113.9 45000 typ srflx raddr 10.0.0.5 rport 4000 generation 0")
	f.Add("2 1 TCP 1518280447 198.51.100.1 9 typ host tcptype active generation 0 ufrag abcd")
	f.Add("3 1 udp 2113937151 4a1c0b3e.local 51234 typ host raddr x rport 1")
	f.Fuzz(func(t *testing.T, in string) {
		c, err := ice.ParseCandidate(in)
		if err != nil {
			if !errors.Is(err, ice.ErrCandidate) {
				t.Fatal(err)
			}
			return
		}
		text := c.String()
		again, err := ice.ParseCandidate(text)
		if err != nil || again.String() != text {
			t.Fatalf("%q: %q read again: %q, %v", in, text, again, err)
		}
	})
}
