//go:build interop

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/class5-go/class5/cmd/internal/load/sipgen"
	"github.com/class5-go/class5/cmd/internal/load/target"
	"github.com/class5-go/class5/sip/transport"
)

// TestLossyLeg: one of twenty datagrams between the edge and its proxies is
// lost, in either direction, while clients on connections, which send
// everything once, register and call. With the re-send memory nothing fails;
// without it many do, which shows that the loss is real. CLASS5_LOSSY says how
// many calls follow the registrations, 300 by default.
func TestLossyLeg(t *testing.T) {
	calls, err := strconv.ParseUint(os.Getenv("CLASS5_LOSSY"), 10, 64)
	if err != nil {
		calls = 300
	}
	for _, c := range []struct {
		name     string
		protocol transport.Protocol
		settings []string
	}{
		{"TCP", transport.TCP, nil}, {"TLS", transport.TLS, nil}, {"TCP without memory", transport.TCP, []string{"resend: {off: true}"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // it waits for most of its time
			timeout := 8 * time.Second
			if len(c.settings) > 0 {
				timeout = 2 * time.Second // what is lost stays lost
			}
			// Probes are lost as well: three in a row, and a proxy is taken for dead.
			u := newUnderLoad(t, target.Edge{Stream: c.protocol, Settings: c.settings, Unprobed: true}, sipgen.Config{
				Lanes: 2, Window: 400, Rate: 200, Count: calls, Timeout: timeout, Streams: &sipgen.Streams{Protocol: c.protocol, Conns: 100},
			})
			lose(t, int(u.Addr.Port())+1)
			for _, a := range u.addrs {
				lose(t, int(a.Port()))
			}
			r := <-u.results[0]
			p99 := r.Latency.Quantile(0.99)
			t.Logf("%d done, %d failed, %d lost %v, p99 %v", r.Done, r.Failed, r.Lost, r.Reasons, p99.Round(time.Millisecond))
			if len(c.settings) > 0 {
				if r.Lost == 0 {
					t.Error("nothing was lost without the memory: this test shows nothing")
				}
				return
			}
			if r.Done < calls || r.Failed+r.Lost > 0 || p99 > 2*time.Second {
				t.Errorf("%d done, %d failed, %d lost, p99 %v", r.Done, r.Failed, r.Lost, p99)
			}
		})
	}
}

// lose drops one of twenty datagrams to a port of this machine.
func lose(t *testing.T, port int) {
	t.Helper()
	rule := []string{"INPUT", "-i", "lo", "-p", "udp", "--dport", fmt.Sprint(port), "-m", "statistic", "--mode", "random", "--probability", "0.05", "-j", "DROP"}
	run := func(action string) error {
		out, err := exec.Command("iptables", append([]string{"-w", action}, rule...)...).CombinedOutput() //nolint:gosec // the arguments are ours
		if err != nil {
			return fmt.Errorf("iptables: %w: %s", err, out)
		}
		return nil
	}
	if err := run("-A"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run("-D"); err != nil {
			t.Error(err)
		}
	})
}
