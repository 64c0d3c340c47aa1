//go:build interop

package interop

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestRelayDisk: a directory of states that has no room or is gone holds up
// nobody: calls are made and go on, failures are counted, one line tells of each
// trouble. When it is mended all is written, and a relay that is killed then goes on
// with every call. One that can only be read is an error at the start.
func TestRelayDisk(t *testing.T) {
	dir := t.TempDir()
	mount := func(flags uintptr, options string) {
		t.Helper()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
			t.Skipf("a file system of its own: %v", err)
		}
	}
	mount(0, "size=100k")
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	states := filepath.Join(dir, "states")
	n := newRelayNode(t, "state: "+states)
	c := n.client(t)
	var calls []*rtpCall
	more := func(size int) {
		t.Helper()
		for range size {
			began := time.Now()
			calls = append(calls, newRTPCall(t, c, fmt.Sprintf("disk-%d", len(calls)), newRTPParty(t, "127.0.0.1"), newRTPParty(t, "127.0.0.1")))
			if d := time.Since(began); d > time.Second {
				t.Errorf("signalling took %v", d)
			}
		}
	}
	lines := func(part string) int { return strings.Count(n.output(), part) }
	const fails, again = "states of sessions are not stored", "states of sessions are stored again"
	failing := func(what string, times int) {
		t.Helper()
		before := n.totals(t).StoreErrors
		eventually(t, 10*time.Second, func() error {
			if have := n.totals(t).StoreErrors; have < before+2 {
				return fmt.Errorf("%s: %d failures, %d before", what, have, before)
			}
			return nil
		})
		if have := lines(fails); have != times {
			t.Errorf("%s: %d lines tell of troubles, want %d", what, have, times)
		}
	}
	whole := func(what string, times int) {
		t.Helper()
		eventually(t, 20*time.Second, func() error {
			if totals := n.totals(t); totals.StoreWaiting > 0 || totals.StoreLag > 2*time.Second {
				return fmt.Errorf("%s: %d wait, all was current %v ago", what, totals.StoreWaiting, totals.StoreLag)
			}
			kept, err := keptIn(states)
			if err != nil || len(kept) != len(calls) {
				return fmt.Errorf("%s: %d of %d calls are kept (%v)", what, len(kept), len(calls), err)
			}
			want := times
			if want < 0 {
				want = lines(fails) // each trouble has its end
			}
			if have := lines(again); have != want {
				return fmt.Errorf("%s: %d lines tell of their end, want %d", what, have, want)
			}
			return nil
		})
	}
	more(2)
	whole("at first", 0)
	more(40)
	failing("no room", 1)
	mount(syscall.MS_REMOUNT, "size=50m")
	whole("room", 1)
	stop := talkOn(calls)
	defer func() { stop() }()
	goOn(t, calls)

	if err := os.RemoveAll(states); err != nil {
		t.Fatal(err)
	}
	more(5)
	eventually(t, 20*time.Second, func() error { // one failure, of which another write makes good at once
		if n.totals(t).StoreRewrites < 2 {
			return errors.New("nothing was noticed")
		}
		return nil
	})
	whole("gone", -1)
	stop()
	n.kill()
	n.run(t)
	if totals := n.totals(t); totals.Restored != uint64(len(calls)) || totals.Unrestored != 0 {
		t.Errorf("%d of %d calls go on, %d do not", totals.Restored, len(calls), totals.Unrestored)
	}
	stop = talkOn(calls)
	goOn(t, calls)
	stop()
	n.kill()
	mount(syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=50m")
	n.refusedStart(t, "media: state", "read-only")
}
