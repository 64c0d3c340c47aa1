package tap_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/tap"
	"github.com/class5-go/class5/sip/transport"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// packets reads a file back.
func packets(t *testing.T, path string) (all []gopacket.Packet, names []string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	r, err := pcapgo.NewNgReader(f, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	for {
		data, info, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return all, names
		}
		if err != nil {
			t.Fatal(err)
		}
		p := gopacket.NewPacket(data, layers.LinkTypeEthernet, gopacket.Default)
		if p.ErrorLayer() != nil {
			t.Fatal(p.ErrorLayer().Error())
		}
		if !info.Timestamp.Equal(moment) {
			t.Errorf("time %v", info.Timestamp)
		}
		iface, err := r.Interface(info.InterfaceIndex)
		if err != nil {
			t.Fatal(err)
		}
		all, names = append(all, p), append(names, iface.Name)
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sip.pcapng")
	f, err := tap.NewFile(tap.FileConfig{Path: path, Listeners: []transport.ListenerInfo{{Name: "access"}}})
	if err != nil {
		t.Fatal(err)
	}
	six := transport.Flow{
		Protocol: transport.WSS, Listener: 1, Local: netip.MustParseAddrPort("[2001:db8::1]:443"),
		Remote: netip.MustParseAddrPort("[2001:db8::2]:5555"),
	}
	text := request("INVITE", "1")
	long := strings.Repeat("x", 65535)
	for _, m := range []tap.Message{
		{Direction: transport.Received, Flow: flow(transport.UDP), Data: []byte(text)},
		{Direction: transport.Sent, Flow: flow(transport.UDP), Data: []byte(text)},
		{Direction: transport.Received, Flow: six, Data: []byte(text)},
		{Direction: transport.Received, Flow: six, Data: []byte(long)},
		{Direction: transport.Sent, Flow: transport.Flow{Protocol: transport.UDP, Remote: client}, Data: []byte(text)},
	} {
		m.At = moment
		if err := f.Write(&m); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	all, names := packets(t, path)
	want := []string{
		"access (udp) 198.51.100.7:40112->192.0.2.1:5060", "access (udp) 192.0.2.1:5060->198.51.100.7:40112",
		"listener 1 (wss) 2001:db8::2:5555->2001:db8::1:5060", "listener 1 (wss) 2001:db8::2:5555->2001:db8::1:5060",
		"listener 1 (wss) 2001:db8::2:5555->2001:db8::1:5060", "access (udp) 0.0.0.0:0->198.51.100.7:40112",
	}
	if len(all) != len(want) {
		t.Fatalf("%d packets", len(all))
	}
	var seq uint32
	for i, p := range all {
		n, tr := p.NetworkLayer().NetworkFlow(), p.TransportLayer().TransportFlow()
		got := names[i] + " " + n.Src().String() + ":" + tr.Src().String() + "->" + n.Dst().String() + ":" + tr.Dst().String()
		if got != want[i] {
			t.Errorf("packet %d: %s, want %s", i, got, want[i])
		}
		if tcp, ok := p.TransportLayer().(*layers.TCP); ok {
			if i > 2 && tcp.Seq != seq {
				t.Errorf("packet %d: sequence number %d, want %d", i, tcp.Seq, seq)
			}
			seq = tcp.Seq + uint32(len(tcp.Payload))
		} else if payload := p.TransportLayer().LayerPayload(); string(payload) != text {
			t.Errorf("packet %d: %q", i, payload)
		}
	}
}

func TestFileRotates(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sip.pcapng")
	if err := os.WriteFile(path, []byte("left over"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := tap.NewFile(tap.FileConfig{Path: path, MaxBytes: 1000, Keep: 2})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		m := tap.Message{Flow: flow(transport.UDP), Data: make([]byte, 400), At: moment}
		if err := f.Write(&m); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, name := range files {
		if all, _ := packets(t, name); len(all) < 2 || len(all) > 3 {
			t.Errorf("%s: %d packets", name, len(all))
		}
	}
}

// A file that can't be made is tried again after a while, not for each message.
func TestFileFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if _, err := tap.NewFile(tap.FileConfig{Path: filepath.Join(dir, "f")}); err == nil {
		t.Fatal("opened in a directory that is not there")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := tap.NewFile(tap.FileConfig{Path: filepath.Join(dir, "f"), MaxBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	write := func(after time.Duration) error {
		return f.Write(&tap.Message{Flow: flow(transport.UDP), Data: []byte("x"), At: moment.Add(after)})
	}
	if err := write(0); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if write(1) == nil || f.Flush() != nil {
		t.Error("wrote where no directory is")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if write(2) == nil {
		t.Error("tried again at once")
	}
	if err := write(time.Minute); err != nil {
		t.Errorf("later: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// small is a file on a disk that is full.
type small struct {
	*os.File
	left int
}

func (s *small) Write(b []byte) (int, error) {
	if s.left -= len(b); s.left < 0 {
		return 0, syscall.ENOSPC
	}
	return s.File.Write(b)
}

// TestFileKeepsWhole: while the disk is full, what is tried each second does not
// push out the files that are whole.
func TestFileKeepsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for i := range 2 {
		if err := os.WriteFile(fmt.Sprintf("%s.%d", path, i+1), []byte("whole"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := tap.NewFile(tap.FileConfig{Path: path, MaxBytes: 5000})
	if err != nil {
		t.Fatal(err)
	}
	f.SetCreate(func(path string) (io.WriteCloser, error) {
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		return &small{file, 4096}, err
	})
	failed := 0
	for i := range 120 {
		m := tap.Message{Flow: flow(transport.UDP), Data: make([]byte, 1000), At: moment.Add(time.Duration(i) * time.Second / 2)}
		for range 10 {
			if errors.Join(f.Write(&m), f.Flush()) != nil {
				failed++
			}
		}
	}
	if failed == 0 {
		t.Fatal("nothing failed")
	}
	if whole, _ := filepath.Glob(path + ".*"); len(whole) != 4 {
		t.Errorf("%d files", len(whole))
	}
	// Before them are the one that was full and the first that broke.
	for i := range 2 {
		if b, err := os.ReadFile(fmt.Sprintf("%s.%d", path, i+3)); err != nil || string(b) != "whole" {
			t.Errorf("file %d: %.20q, %v", i+3, b, err)
		}
	}
}

func TestHEP(t *testing.T) {
	collector, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer collector.Close() //nolint:errcheck // a test's socket
	h, err := tap.NewHEP(tap.HEPConfig{
		Collector: collector.LocalAddr().(*net.UDPAddr).AddrPort(), CaptureID: 2001, Key: "s3cret", Node: "lb1",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close() //nolint:errcheck // a test's socket
	text := request("INVITE", "call-1@example.org")
	if err := h.Write(&tap.Message{Direction: transport.Sent, Flow: flow(transport.TLS), Data: []byte(text), At: moment}); err != nil {
		t.Fatal(err)
	}
	if err := h.Write(&tap.Message{Flow: flow(transport.TLS), Data: make([]byte, 65500), At: moment}); !errors.Is(err, tap.ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
	buf := make([]byte, 65536)
	_ = collector.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, err := collector.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	b := buf[:n]
	if string(b[:4]) != "HEP3" || int(binary.BigEndian.Uint16(b[4:])) != n {
		t.Fatalf("head %x", b[:6])
	}
	chunks := map[uint16][]byte{}
	for b = b[6:]; len(b) >= 6; {
		size := int(binary.BigEndian.Uint16(b[4:]))
		chunks[binary.BigEndian.Uint16(b[2:])] = b[6:size]
		b = b[size:]
	}
	for kind, want := range map[uint16][]byte{
		1: {2}, 2: {6}, 3: {192, 0, 2, 1}, 4: {198, 51, 100, 7}, 7: {0x13, 0xc4}, 8: {0x9c, 0xb0},
		9: binary.BigEndian.AppendUint32(nil, uint32(moment.Unix())), 10: binary.BigEndian.AppendUint32(nil, 123456),
		11: {1}, 12: {0, 0, 0x07, 0xd1}, 14: []byte("s3cret"), 15: []byte(text), 17: []byte("call-1@example.org"), 19: []byte("lb1"),
	} {
		if !bytes.Equal(chunks[kind], want) {
			t.Errorf("chunk %d: %q, want %q", kind, chunks[kind], want)
		}
	}
	for name, cfg := range map[string]tap.HEPConfig{
		"no collector": {}, "key": {Collector: server, Key: strings.Repeat("x", 256)},
	} {
		if _, err := tap.NewHEP(cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
