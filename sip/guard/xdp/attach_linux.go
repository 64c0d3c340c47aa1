package xdp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// attached is a program with its maps, on an interface.
type attached struct {
	maps    [2]*ebpf.Map // IPv4, IPv6
	program *ebpf.Program
	link    link.Link
	how     Mode
}

func attach(cfg Config) (kernel, error) {
	nic, err := net.InterfaceByName(cfg.Interface)
	if err != nil {
		return nil, fmt.Errorf("xdp: interface %s: %w", cfg.Interface, err)
	}
	a, err := load(cfg.Ports, cfg.Entries)
	if err != nil {
		return nil, err
	}
	driver := errors.New("not tried")
	if !cfg.GenericOnly {
		a.how = Driver
		a.link, driver = link.AttachXDP(link.XDPOptions{Program: a.program, Interface: nic.Index, Flags: link.XDPDriverMode})
	}
	if a.link == nil {
		a.how = Generic
		a.link, err = link.AttachXDP(link.XDPOptions{Program: a.program, Interface: nic.Index, Flags: link.XDPGenericMode})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("xdp: attaching to %s: %w (driver mode: %w)", cfg.Interface, err, driver), a.close())
	}
	return a, nil
}

// load makes maps and program.
func load(ports []uint16, entries int) (a *attached, err error) {
	a = new(attached)
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
			a = nil
		}
	}()
	for f, size := range []uint32{key4, key6} {
		a.maps[f], err = ebpf.NewMap(&ebpf.MapSpec{Name: "class5_bans", Type: ebpf.LPMTrie, KeySize: size, ValueSize: 8,
			MaxEntries: uint32(entries), Flags: unix.BPF_F_NO_PREALLOC})
		if err != nil {
			return a, fmt.Errorf("xdp: map: %w", err)
		}
	}
	a.program, err = ebpf.NewProgram(&ebpf.ProgramSpec{Name: "class5_bans", Type: ebpf.XDP, License: "Dual MIT/GPL",
		Instructions: program(ports, a.maps[0].FD(), a.maps[1].FD())})
	if err != nil {
		return a, fmt.Errorf("xdp: program: %w", err)
	}
	return a, nil
}

func (a *attached) mode() Mode { return a.how }

// gone: the kernel detaches a program when its interface is deleted, and the
// link goes on without one.
func (a *attached) gone() bool {
	info, err := a.link.Info()
	return err == nil && info.XDP() != nil && info.XDP().Ifindex == 0
}

func (a *attached) place(p netip.Prefix) (*ebpf.Map, []byte) {
	return a.maps[family(p)], key(p)
}

func (a *attached) add(p netip.Prefix) error {
	m, k := a.place(p)
	if err := m.Update(k, uint64(0), ebpf.UpdateAny); err != nil {
		return fmt.Errorf("xdp: listing %v: %w", p, err)
	}
	return nil
}

func (a *attached) remove(p netip.Prefix) (uint64, error) {
	n, err := a.drops(p)
	if err != nil {
		return 0, err
	}
	m, k := a.place(p)
	if err := m.Delete(k); err != nil {
		return 0, fmt.Errorf("xdp: removing %v: %w", p, err)
	}
	return n, nil
}

func (a *attached) drops(p netip.Prefix) (n uint64, err error) {
	m, k := a.place(p)
	if err := m.Lookup(k, &n); err != nil {
		return 0, fmt.Errorf("xdp: drops of %v: %w", p, err)
	}
	return n, nil
}

// close closes what is open.
func (a *attached) close() error {
	var errs []error
	if a.link != nil {
		errs = append(errs, a.link.Close())
	}
	if a.program != nil {
		errs = append(errs, a.program.Close())
	}
	for _, m := range a.maps {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	return errors.Join(errs...)
}
