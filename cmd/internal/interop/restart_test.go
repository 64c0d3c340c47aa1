//go:build interop

package interop

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestEdgeKilledBetweenMessages: the lb is killed and started anew between any
// two messages of calls. It works like this: the proxy stands still but for
// short moments. Whatever phones send in the meantime passes one lb; that is
// killed; whatever the proxy says in its moment passes the next one; that is
// killed. sipp waits in the pauses, so that no two messages of a call pass the
// same lb.
func TestEdgeKilledBetweenMessages(t *testing.T) {
	n := newThreeNodes(t).run(t)
	c := &carrier{platform: n.platform, adm: n.port + 6}
	pairs := c.registerPairs(t, 5)
	pause := func(s syscall.Signal) {
		if err := n.proxy.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	calls := c.background(t, pairs, pairs.dial(t, 5, 5, 1500*time.Millisecond, "-timeout", "120s", "-timeout_error",
		"-trace_msg", "-message_file", filepath.Join(pairs.dir, "uac_messages.log"))...)
	restarts := 0
	// What there is between two restarts is a part of what one takes: a phone that
	// repeats itself finds an edge as often on a machine that has more to do.
	again := func() time.Duration {
		began := time.Now()
		n.lb.kill()
		// It has its sockets. To be ready it would need an answer from the proxy.
		n.lb = start(t, n.dir, built.path(t, "cmd/lb"), "-config", "lb.yaml").bound(t, n.port)
		restarts++
		return time.Since(began)
	}
	for running := true; running; {
		pause(syscall.SIGSTOP)
		took := again()
		select {
		case <-calls.done:
			running = false
		case <-time.After(max(40*time.Millisecond, took)): // phones
		}
		took = again()
		pause(syscall.SIGCONT)
		time.Sleep(max(10*time.Millisecond, took/4)) // the proxy
	}
	if calls.err != nil {
		t.Fatalf("sipp: %v\n%s", calls.err, tail(calls.output()))
	}
	eventually(t, patience, func() error {
		records := n.records(t)
		if len(records) != 5 {
			return fmt.Errorf("%d records", len(records))
		}
		for _, r := range records {
			// Every message waited for its turn, so they are a little longer.
			if r.Status != "ok" || r.Evidence != "" || r.DurationMS < 1400 || r.DurationMS > 10_000 {
				return fmt.Errorf("record %+v", r)
			}
		}
		return nil
	})
	t.Logf("5 calls through %d edges one after the other", restarts)
	if restarts < 20 {
		t.Errorf("only %d restarts", restarts)
	}
}

// TestTwoEdges: two lbs with the same keys share the addresses, and each
// datagram goes to one of them by chance. 200 calls of 200 complete.
func TestTwoEdges(t *testing.T) {
	n := newThreeNodes(t)
	share := func(file, admin string) {
		n.configure(t, "lb", "admin: 127.0.0.1:9190", "admin: 127.0.0.1:"+admin,
			"internal: 127.0.0.1:6062", "internal: 127.0.0.1:6062\n  share: true\n  health: {off: true}") // an answer to one could come to the other
		rename(t, filepath.Join(n.dir, "lb.yaml"), filepath.Join(n.dir, file))
	}
	spare := freePorts(t, 1)
	share("lb1.yaml", fmt.Sprint(n.port+6))
	share("lb2.yaml", fmt.Sprint(spare))
	n.panel = n.node(t, "web", n.port+8)
	n.login(t)
	var lbs []*process
	for file, admin := range map[string]int{"lb1.yaml": n.port + 6, "lb2.yaml": spare} {
		p := start(t, n.dir, built.path(t, "cmd/lb"), "-config", file)
		p.ready(t, admin)
		lbs = append(lbs, p)
	}
	n.lb = lbs[0]
	for _, port := range []int{n.port, n.port + 2} {
		byChance(t, loopback(port), len(lbs))
	}
	n.proxy = n.node(t, "proxy", n.proxyAdm)
	accounts := n.provision(t, 20)
	n.load(t, accounts, 200)
	n.wantRecords(t, 200)
	for _, admin := range []int{n.port + 6, spare} {
		in, out := n.scrape(t, admin, `class5_edge_messages_total{cause="request_in"}`), n.scrape(t, admin, `class5_edge_messages_total{cause="response_out"}`)
		t.Logf("lb on %d: %v requests in, %v responses out", admin, in, out)
		if in < 300 || out < 300 {
			t.Errorf("this lb had %v requests and %v responses", in, out)
		}
	}
}

// scrape reads one value of a node's metrics.
func (c *platform) scrape(t *testing.T, admin int, series string) float64 {
	t.Helper()
	for _, line := range strings.Split(fetch(t, fmt.Sprintf("http://127.0.0.1:%d/metrics", admin)), "\n") {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			var v float64
			if _, err := fmt.Sscan(rest, &v); err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	return 0
}
