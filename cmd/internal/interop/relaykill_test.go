//go:build interop

package interop

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/relay/filerelay"
)

// talkOn has the parties of calls send, 50 packets a second each, until stop is
// called.
func talkOn(calls []*rtpCall) (stop func()) {
	var talking sync.WaitGroup
	done := make(chan struct{})
	talking.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				for _, call := range calls {
					call.a.step()
					call.b.step()
				}
			}
		}
	})
	return sync.OnceFunc(func() { close(done); talking.Wait() })
}

// keptIn reads what a relay keeps of its sessions in a directory.
func keptIn(dir string) (list []relay.State, err error) {
	store, err := filerelay.New(dir)
	if err != nil {
		return nil, err
	}
	for k, err := range store.All(context.Background()) {
		var st relay.State
		if err = errors.Join(err, json.Unmarshal(k.State, &st)); err != nil {
			return nil, err
		}
		list = append(list, st)
	}
	return list, nil
}

// single makes a directory one of the time when each session had a file.
func single(t *testing.T, dir string) {
	t.Helper()
	kept, err := keptIn(dir)
	if err = errors.Join(err, os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, st := range kept {
		b, err := json.Marshal(st)
		if err = errors.Join(err, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%x.json", sha256.Sum256([]byte(st.CallID)))), b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// settled holds what a relay keeps of its sessions against all it has to know:
// every party is learned, and in the kernel where that is wanted; what user space
// has counted is in the figures.
func (n *relayNode) settled(kept []relay.State, calls int, offloaded bool) error {
	streams, counted := 0, uint64(0)
	for _, st := range kept {
		for _, l := range st.Legs {
			for _, s := range l.Streams {
				counted += s.Figures.Packets
				if s.Remote.IsValid() && (!offloaded || s.Offloaded.IsValid()) {
					streams++
				}
			}
		}
	}
	if streams != 2*calls {
		return fmt.Errorf("%d parties of %d calls are settled", streams, calls)
	}
	var totals relay.Totals
	if !offloaded {
		return nil
	}
	if err := n.admin("/media/totals", &totals); err != nil {
		return err
	}
	if have := totals.Packets - totals.Kernel; have != counted {
		return fmt.Errorf("%d packets are in the figures of %d", counted, have)
	}
	return nil
}

// stored is settled of what is kept in a directory.
func (n *relayNode) stored(dir string, calls int, offloaded bool) error {
	kept, err := keptIn(dir)
	return errors.Join(err, n.settled(kept, calls, offloaded))
}

// admin asks the node's own side.
func (n *relayNode) admin(path string, to any) error {
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	reply, err := c.Get(fmt.Sprintf("http://%s:%d%s", n.host, n.adm, path))
	if err != nil {
		return err
	}
	return errors.Join(json.NewDecoder(reply.Body).Decode(to), reply.Body.Close())
}

// goOn waits until every party hears more of the other.
func goOn(t *testing.T, calls []*rtpCall) {
	t.Helper()
	since := time.Now()
	eventually(t, 20*time.Second, func() error {
		for _, call := range calls {
			for _, d := range [][2]*rtpParty{{call.a, call.b}, {call.b, call.a}} {
				heard, _ := d[0].heardOf(d[1])
				if len(heard) < 10 || heard[len(heard)-10].at.Before(since) {
					return fmt.Errorf("%s does not go on", call.id)
				}
			}
		}
		return nil
	})
}

// sumUp is what was sent in calls that nobody speaks in any more, what of it
// was not heard, and the longest time that somebody heard nothing.
func sumUp(t *testing.T, calls []*rtpCall) (sent, lost int, longest time.Duration) {
	t.Helper()
	for _, call := range calls {
		for _, d := range [][2]*rtpParty{{call.a, call.b}, {call.b, call.a}} {
			heard, others := d[0].heardOf(d[1])
			sent += d[1].sent
			lost += d[1].sent - len(heard)
			if others != 0 {
				t.Errorf("%d packets of strangers", others)
			}
			for i := 1; i < len(heard); i++ {
				longest = max(longest, heard[i].at.Sub(heard[i-1].at))
			}
		}
	}
	return sent, lost, longest
}

// TestRelayKilled: calls go on when cmd/media is killed and started again. With
// offload nothing is lost and the figures are exact; without, sessions come
// back on their ports.
func TestRelayKilled(t *testing.T) {
	for name, how := range map[string]struct{ offloaded, single bool }{
		"offload true": {offloaded: true}, "offload false": {}, "states of the version before": {single: true},
	} {
		t.Run(name, func(t *testing.T) {
			offloaded := how.offloaded
			const ns, near, far = "c5killed", "10.77.21.0", "10.77.21.1"
			inside := link(t, ns, netip.MustParsePrefix(near+"/31"), netip.MustParsePrefix(far+"/31"))
			states := t.TempDir()
			lines := []string{"state: " + states}
			size := 10
			if offloaded {
				size = killedSize()
				lines = append(lines, pinnedOffload(t, ns+"1", "killed"))
			}
			n := &relayNode{ip: far, host: far, inside: inside, near: near}
			n.configure(t, lines...)
			n.run(t)
			var calls []*rtpCall
			c := n.client(t)
			for i := range size {
				calls = append(calls, newRTPCall(t, c, fmt.Sprintf("killed-%d", i), newRTPParty(t, near), newRTPParty(t, near)))
			}
			stop := talkOn(calls)
			defer stop()
			eventually(t, time.Minute, func() error { return n.stored(states, size, offloaded) })
			killed := time.Now()
			n.kill()
			if how.single {
				single(t, states)
			}
			time.Sleep(time.Second) // nothing is waited for: it is away
			n.run(t)
			away := time.Since(killed).Round(time.Millisecond)
			goOn(t, calls)
			stop()
			if offloaded {
				eventually(t, 10*time.Second, func() error {
					if sent, lost, _ := sumUp(t, calls); lost != 0 {
						return fmt.Errorf("%d of %d packets lost", lost, sent)
					}
					return nil
				})
			}
			sent, lost, longest := sumUp(t, calls)
			c = n.client(t)
			received := 0
			for _, call := range calls {
				if offloaded && !kernelized(ordered(t, c, "command", "query", "call-id", call.id)) {
					t.Errorf("%s is not forwarded in the kernel", call.id)
				}
				call.c = c
				received += call.end(t)
			}
			if offloaded && received != sent {
				t.Errorf("%d packets sent, %d counted", sent, received)
			}
			if !offloaded && lost == 0 {
				t.Error("nothing lost: the relay was not away")
			}
			t.Logf("%d calls, %d packets sent, %d lost, %d counted; the process was away for %v, the longest gap is %v",
				size, sent, lost, received, away, longest.Round(time.Millisecond))
		})
	}
}

// TestLeaseEnds: flows of a relay that was killed go on until their lease is
// over, and no longer; a relay that lives extends it, and one that comes back
// goes on.
func TestLeaseEnds(t *testing.T) {
	t.Parallel() // it waits for most of its time
	const ns, near, far = "c5lease", "10.77.23.0", "10.77.23.1"
	inside := link(t, ns, netip.MustParsePrefix(near+"/31"), netip.MustParsePrefix(far+"/31"))
	states := t.TempDir()
	n := &relayNode{ip: far, host: far, inside: inside, near: near}
	n.configure(t, "state: "+states, pinnedOffload(t, ns+"1", "lease", ", lease: 3s"))
	n.run(t)
	call := newRTPCall(t, n.client(t), "lease", newRTPParty(t, near), newRTPParty(t, near))
	calls := []*rtpCall{call}
	stop := talkOn(calls)
	defer stop()
	eventually(t, time.Minute, func() error { return n.stored(states, 1, true) })
	for range 2 { // longer than a lease, all in the kernel
		var totals relay.Totals
		if err := n.admin("/media/totals", &totals); err != nil {
			t.Fatal(err)
		}
		before := totals.Kernel
		eventually(t, time.Minute, func() error {
			if err := n.admin("/media/totals", &totals); err != nil || totals.Kernel < before+200 {
				return fmt.Errorf("%d packets forwarded in the kernel, %d before (%v)", totals.Kernel, before, err)
			}
			return nil
		})
	}
	killed := time.Now()
	n.kill()
	last := func() (at time.Time) {
		for _, p := range []*rtpParty{call.a, call.b} {
			p.mu.Lock()
			if k := len(p.heard); k > 0 && p.heard[k-1].at.After(at) {
				at = p.heard[k-1].at
			}
			p.mu.Unlock()
		}
		return at
	}
	eventually(t, time.Minute, func() error {
		if quiet := time.Since(last()); quiet < time.Second {
			return fmt.Errorf("something came %v ago", quiet)
		}
		return nil
	})
	if !last().After(killed) {
		t.Error("nothing came when the relay was killed")
	}
	t.Logf("the last packet came %v after the relay was killed", last().Sub(killed).Round(time.Millisecond))
	n.run(t)
	goOn(t, calls)
}

// killedSize is the number of calls that a relay is killed with.
func killedSize() int {
	if n, err := strconv.Atoi(os.Getenv("CLASS5_CALLS")); err == nil && n > 0 {
		return n
	}
	return 40
}

// pinnedOffload is the configuration of forwarding in the kernel, with a file
// system of its own for what outlives the process.
func pinnedOffload(t *testing.T, nic, instance string, more ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("bpf", dir, "bpf", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return fmt.Sprintf("offload: {interfaces: [%s], dir: %s, instance: %s, required: true%s}", nic, filepath.Join(dir, "class5"), instance, strings.Join(more, ""))
}

// kernelized tells whether all audio of a session is forwarded in the kernel.
func kernelized(reply ng.Dict) bool {
	tags, _ := reply.Dict("tags")
	n := 0
	for _, v := range tags.All() {
		medias, _ := v.(ng.Dict).Value("medias")
		for _, m := range medias.(ng.List) {
			streams, _ := m.(ng.Dict).Value("streams")
			for _, f := range streams.(ng.List)[0].(ng.Dict).Strings("flags") {
				if f == "kernelized" {
					n++
				}
			}
		}
	}
	return n == 2
}

// post sends a body to the admin listener and returns the answer.
func (n *relayNode) post(t *testing.T, path, body string) string {
	t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	reply, err := c.Post(fmt.Sprintf("http://%s:%d%s", n.host, n.adm, path), "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(reply.Body)
	if err := errors.Join(err, reply.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return string(b)
}
