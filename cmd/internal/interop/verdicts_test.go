//go:build interop

package interop

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mute are the messages of RFC 4475 that an edge may leave without an answer:
// responses, and requests that have no Via or CSeq to answer by. For all others
// the RFC wants a status or the message passed on.
var mute = map[string]bool{"unreason": true, "noreason": true, "bcast": true, "badinv01": true, "scalarlg": true, "bigcode": true}

// TestVerdicts is the table of what our edge and Kamailio's (sanity_check with
// all its checks) do with the 50 messages of RFC 4475: pass on, answer, or drop.
func TestVerdicts(t *testing.T) {
	ours := newEdge(t)
	first := freePorts(t, 3)
	sink, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(loopback(first+2)))
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	passed := make(chan []byte, 64)
	go func() {
		buf := make([]byte, 65536)
		for {
			n, _, err := sink.ReadFromUDP(buf)
			if err != nil {
				return
			}
			passed <- bytes.Clone(buf[:n])
		}
	}()
	kamailio(t, "kamailio-lb.cfg", first, "ACCESS", fmt.Sprint(first), "INTERNAL", fmt.Sprint(first+1), "PROXY", fmt.Sprint(first+2))

	files, err := filepath.Glob(filepath.Join("..", "..", "..", "sip", "wire", "testdata", "rfc4475", "*.dat"))
	if err != nil || len(files) != 49 && len(files) != 50 {
		t.Fatalf("%d messages, %v", len(files), err)
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%-14s %-10s %s\n", "message", "ours", "kamailio")
	silent := [2]int{}
	for i, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".dat")
		msg, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		a := verdict(t, msg, i, ours.udp, ours.requests)
		b := verdict(t, msg, i, first, passed)
		fmt.Fprintf(&table, "%-14s %-10s %s\n", name, a, b)
		if !mute[name] {
			for k, v := range []string{a, b} {
				if v == "-" {
					silent[k]++
				}
			}
		}
		want, ok := torture[name]
		if ok && strings.HasPrefix(want.counter, "edge_malformed_total") && want.status != 0 && a != fmt.Sprint(want.status) {
			t.Errorf("%s: %s, want %d", name, a, want.status)
		}
	}
	t.Logf("\n%s\nno answer where there should be one: ours %d, kamailio %d", table.String(), silent[0], silent[1])
	if silent[0] > 0 {
		t.Errorf("our edge is silent where RFC 3261 asks for an answer")
	}
}

// verdict is what becomes of a message sent to a port: a status, "passed" to
// the proxy, or "-".
func verdict(t *testing.T, msg []byte, i, port int, passed <-chan []byte) string {
	t.Helper()
	source := 5060
	if m := sentBy.FindSubmatch(msg); m != nil {
		_, _ = fmt.Sscan(string(m[1]), &source)
	}
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 78, byte(i+1)), Port: source}, net.UDPAddrFromAddrPort(loopback(port)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(msg); err != nil {
		t.Fatal(err)
	}
	status := make(chan int, 1)
	go func() { status <- finalStatus(conn, 200*time.Millisecond) }()
	select {
	case s := <-status:
		if s != 0 {
			return fmt.Sprint(s)
		}
	case <-passed:
		<-status
		return "passed"
	}
	select {
	case <-passed:
		return "passed"
	default:
		return "-"
	}
}
