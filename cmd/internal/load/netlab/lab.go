package netlab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Place is one of the namespaces.
type Place int

// The namespaces.
const (
	Callers Place = iota
	Relay
	Callees
	places
)

// Lab is the network. Make one with [New].
type Lab struct{ spaces [places]*os.File }

// wire is a pair of interfaces with an address at each end.
type wire struct {
	places [2]Place
	names  [2]string
	addrs  [2]netip.Addr
}

// wires are the network. The addresses are of nobody's business outside.
func wires() [3]wire {
	at := func(net, host byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 211, net, host}) }
	return [3]wire{
		{[2]Place{Callers, Relay}, [2]string{"a0", "ra"}, [2]netip.Addr{at(1, 1), at(1, 2)}},
		{[2]Place{Callees, Relay}, [2]string{"b0", "rb"}, [2]netip.Addr{at(2, 1), at(2, 2)}},
		{[2]Place{Callers, Callees}, [2]string{"a1", "b1"}, [2]netip.Addr{at(3, 1), at(3, 2)}},
	}
}

// Parties are the addresses of callers and callees on their links to the relay.
func Parties() [2]netip.Addr { w := wires(); return [2]netip.Addr{w[0].addrs[0], w[1].addrs[0]} }

// Relays are the addresses of the relay that face callers and callees.
func Relays() [2]netip.Addr { w := wires(); return [2]netip.Addr{w[0].addrs[1], w[1].addrs[1]} }

// Direct are the addresses of callers and callees on the link between them.
func Direct() [2]netip.Addr { return wires()[2].addrs }

// Interfaces are the names of the relay's interfaces.
func Interfaces() [2]string { w := wires(); return [2]string{w[0].names[1], w[1].names[1]} }

// New makes the network.
func New() (*Lab, error) {
	l := &Lab{}
	for i := range l.spaces {
		f, err := unshare()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("netlab: a network namespace (as root): %w", err), l.Close())
		}
		l.spaces[i] = f
	}
	for _, w := range wires() {
		if err := l.connect(w); err != nil {
			return nil, errors.Join(fmt.Errorf("netlab: link %s: %w", w.names[0], err), l.Close())
		}
	}
	return l, nil
}

// unshare makes a namespace, which lives as long as the file.
func unshare() (*os.File, error) {
	var f *os.File
	err := visit(func() error { return unix.Unshare(unix.CLONE_NEWNET) }, func() (err error) {
		if f, err = os.Open("/proc/thread-self/ns/net"); err != nil {
			return err
		}
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return netlink.LinkSetUp(lo)
	})
	return f, err
}

// connect makes a pair of interfaces and waits until both are up.
func (l *Lab) connect(w wire) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.Namespace = w.names[0], netlink.NsFd(l.spaces[w.places[0]].Fd())
	err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: w.names[1], PeerNamespace: netlink.NsFd(l.spaces[w.places[1]].Fd())})
	if err != nil {
		return err
	}
	for i, name := range w.names {
		err := l.In(w.places[i], func() error {
			link, err := netlink.LinkByName(name)
			if err != nil {
				return err
			}
			addr, err := netlink.ParseAddr(w.addrs[i].String() + "/24")
			if err != nil {
				return err
			}
			return errors.Join(netlink.AddrAdd(link, addr), netlink.LinkSetUp(link))
		})
		if err != nil {
			return err
		}
	}
	return l.In(w.places[1], func() error { return up(w.names[1]) })
}

func up(name string) error {
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if link.Attrs().OperState == netlink.OperUp {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s stays %v", name, link.Attrs().OperState)
		}
	}
}

// In runs f with its thread in a namespace. f must not start goroutines that
// open sockets.
func (l *Lab) In(p Place, f func() error) error {
	return visit(func() error { return l.Enter(p) }, f)
}

// Enter moves the calling thread into a namespace. The caller has locked its
// goroutine to the thread and lets it end with that.
func (l *Lab) Enter(p Place) error { return unix.Setns(int(l.spaces[p].Fd()), unix.CLONE_NEWNET) }

// visit runs f between entering another namespace and coming back.
func visit(enter, f func() error) error {
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the thread ends with this goroutine unless it has come back
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			ended <- err
			return
		}
		defer home.Close()
		if err = enter(); err == nil {
			err = f()
		}
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		ended <- err
	}()
	return <-ended
}

// Close gives the namespaces back; links go with them.
func (l *Lab) Close() error {
	var errs []error
	for _, f := range l.spaces {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
