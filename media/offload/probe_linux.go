package offload

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Probe finds out whether Open can work, and changes nothing: nil, or an
// *Unavailable; other errors mean that cfg is wrong. It does not look into
// existing pins.
func Probe(cfg Config) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return unavailable(ReasonSystem, "netlink: %w", err)
	}
	defer nl.Close()
	return probe(cfg, nl)
}

func probe(cfg Config, nl *netlink.Handle) error {
	if err := probeCapabilities(); err != nil {
		return err
	}
	if err := probeKernel(); err != nil {
		return err
	}
	if err := probeBPFFS(cfg.Dir); err != nil {
		return err
	}
	for _, name := range cfg.Interfaces {
		if _, err := nic(nl, name); err != nil {
			return err
		}
	}
	return nil
}

func probeCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return unavailable(ReasonCapability, "capget: %w", err)
	}
	has := func(c int) bool { return data[c/32].Effective>>(c%32)&1 != 0 }
	switch {
	case !has(unix.CAP_NET_ADMIN):
		return unavailable(ReasonCapability, "CAP_NET_ADMIN is missing")
	case !has(unix.CAP_BPF) && !has(unix.CAP_SYS_ADMIN):
		return unavailable(ReasonCapability, "CAP_BPF is missing")
	}
	return nil
}

// probeKernel asks for what came latest of all that the program needs.
func probeKernel() error {
	for _, f := range []asm.BuiltinFunc{asm.FnSpinLock, asm.FnRedirectNeigh, asm.FnCheckMtu, asm.FnFibLookup} {
		if err := features.HaveProgramHelper(ebpf.SchedCLS, f); err != nil {
			return refused(fmt.Errorf("helper %v: %w", f, err))
		}
	}
	if err := features.HaveV3ISA(); err != nil {
		return refused(fmt.Errorf("instruction set: %w", err))
	}
	return nil
}

// refused finds the reason in what the kernel said to a request about BPF.
func refused(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) && !errors.As(err, new(*ebpf.VerifierError)) {
		return &Unavailable{Reason: ReasonCapability, Err: err}
	}
	return &Unavailable{Reason: ReasonKernel, Err: err}
}

// probeBPFFS looks at the nearest directory that exists.
func probeBPFFS(dir string) error {
	for {
		var fs unix.Statfs_t
		err := unix.Statfs(dir, &fs)
		switch {
		case err == nil && uint32(fs.Type) == unix.BPF_FS_MAGIC:
			return nil
		case err == nil:
			return unavailable(ReasonBPFFS, "%s is not on a BPF file system", dir)
		case !errors.Is(err, unix.ENOENT) || dir == filepath.Dir(dir):
			return unavailable(ReasonBPFFS, "%s: %w", dir, err)
		}
		dir = filepath.Dir(dir)
	}
}

// nic finds an interface whose packets have an Ethernet header.
func nic(nl *netlink.Handle, name string) (int, error) {
	l, err := nl.LinkByName(name)
	if err != nil {
		return 0, &Unavailable{Reason: ReasonInterface, Interface: name, Err: err}
	}
	if e := l.Attrs().EncapType; e != "ether" && e != "loopback" {
		return 0, &Unavailable{Reason: ReasonInterface, Interface: name, Err: fmt.Errorf("its packets begin with %s", e)}
	}
	return l.Attrs().Index, nil
}
