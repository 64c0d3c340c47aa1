//go:build interop

package interop

import (
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// link makes a network namespace with a link of 1,500 octets to ours, and
// gives back a function that runs another one inside.
func link(t *testing.T, name string, near, far netip.Prefix) func(func()) {
	t.Helper()
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	// The kernel takes its time to end a namespace; the link is gone at once.
	remove := func() {
		_ = exec.Command("ip", "link", "del", name+"0").Run()
		_ = exec.Command("ip", "netns", "del", name).Run()
	}
	remove() // what is left of a test that was killed
	ip("netns", "add", name)
	t.Cleanup(remove)
	ip("link", "add", name+"0", "mtu", "1500", "type", "veth", "peer", "name", name+"1", "mtu", "1500", "netns", name)
	ip("addr", "add", near.String(), "dev", name+"0")
	ip("link", "set", name+"0", "up")
	ip("-n", name, "addr", "add", far.String(), "dev", name+"1")
	ip("-n", name, "link", "set", name+"1", "up")
	ip("-n", name, "link", "set", "lo", "up")
	return func(f func()) {
		t.Helper()
		if err := within(name, f); err != nil {
			t.Fatal(err)
		}
	}
}

// within runs f with its thread in a network namespace. The thread comes back:
// were it to end, the processes that were started on it would be killed.
func within(name string, f func()) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer home.Close()
	there, err := os.Open("/run/netns/" + name)
	if err == nil {
		err = unix.Setns(int(there.Fd()), unix.CLONE_NEWNET)
		_ = there.Close()
	}
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	f()
	if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
		return err // and the thread stays locked, so that nobody else gets it
	}
	runtime.UnlockOSThread()
	return nil
}
