package offload

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// attachment is the program at one interface.
type attachment struct {
	name  string
	index int
	link  link.Link // nil: clsact
}

// priority of our filter: in front of those that tc numbers itself.
const priority = 5

// attach puts the program on an interface, in place of the one that is there
// from an earlier process: no packet passes without.
func (k *Kernel) attach(name string) error {
	index, err := nic(k.nl, name)
	if err != nil {
		return err
	}
	a := &attachment{name: name, index: index}
	if k.cfg.Hook != HookClsact {
		err = k.attachTCX(a)
		if err == nil {
			// From a kernel or configuration without TCX.
			_ = deleteFilters(k.nl, index, k.filterName())
		} else if k.cfg.Hook == HookAny && errors.Is(err, ebpf.ErrNotSupported) {
			err = k.attachClsact(a)
		}
	} else if err = k.attachClsact(a); err == nil {
		_ = os.Remove(k.linkPath(name))
	}
	if err != nil {
		return refused(fmt.Errorf("attaching to %s: %w", name, err))
	}
	k.attached[name] = a
	return nil
}

func (k *Kernel) linkPath(name string) string { return filepath.Join(k.cfg.pins(), linkName(name)) }

func (k *Kernel) attachTCX(a *attachment) error {
	path := k.linkPath(a.name)
	if l, err := link.LoadPinnedLink(path, nil); err == nil {
		if linked(l) == a.index && l.Update(k.program) == nil {
			a.link = l
			return nil
		}
		_ = l.Close()
		if err := os.Remove(path); err != nil { // of an interface that is gone
			return err
		}
	}
	l, err := link.AttachTCX(link.TCXOptions{Interface: a.index, Program: k.program, Attach: ebpf.AttachTCXIngress})
	if err != nil {
		return err
	}
	if err := l.Pin(path); err != nil {
		return errors.Join(err, l.Close())
	}
	a.link = l
	return nil
}

// linked is the interface of a link, 0 when it is gone.
func linked(l link.Link) int {
	info, err := l.Info()
	if err != nil || info.TCX() == nil {
		return 0
	}
	return int(info.TCX().Ifindex)
}

func (k *Kernel) filterName() string { return "class5/" + k.cfg.Instance }

func (k *Kernel) attachClsact(a *attachment) error {
	q := &netlink.GenericQdisc{QdiscType: "clsact", QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: a.index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT}}
	if err := k.nl.QdiscAdd(q); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("clsact: %w", err)
	}
	f := &netlink.BpfFilter{Fd: k.program.FD(), Name: k.filterName(), DirectAction: true, FilterAttrs: netlink.FilterAttrs{
		LinkIndex: a.index, Parent: netlink.HANDLE_MIN_INGRESS, Priority: priority, Protocol: unix.ETH_P_ALL}}
	old, err := filters(k.nl, a.index, k.filterName())
	if err != nil {
		return err
	}
	if len(old) > 0 {
		f.Handle, f.Priority = old[0].Attrs().Handle, old[0].Attrs().Priority
	}
	return k.nl.FilterReplace(f)
}

// filters are those of an instance on an interface.
func filters(nl *netlink.Handle, index int, name string) (list []netlink.Filter, err error) {
	all, err := nl.FilterList(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: index}}, netlink.HANDLE_MIN_INGRESS)
	if err != nil {
		return nil, fmt.Errorf("filters: %w", err)
	}
	for _, f := range all {
		if b, ok := f.(*netlink.BpfFilter); ok && b.Name == name {
			list = append(list, f)
		}
	}
	return list, nil
}

func deleteFilters(nl *netlink.Handle, index int, name string) error {
	list, err := filters(nl, index, name)
	for _, f := range list {
		err = errors.Join(err, nl.FilterDel(f))
	}
	return err
}

// sweepFilters ends the filters of an instance on all interfaces but those to
// keep.
func sweepFilters(nl *netlink.Handle, name string, keep func(nic string) bool) error {
	links, err := nl.LinkList()
	if err != nil {
		return unavailable(ReasonSystem, "interfaces: %w", err)
	}
	for _, l := range links {
		if a := l.Attrs(); !keep(a.Name) {
			_ = deleteFilters(nl, a.Index, name) // mostly there is not even clsact
		}
	}
	return nil
}

// holds tells whether an interface is there and has the program.
func (k *Kernel) holds(a *attachment) (bool, error) {
	index, err := nic(k.nl, a.name)
	if err != nil || index != a.index {
		return false, err
	}
	if a.link != nil {
		return linked(a.link) == index, nil
	}
	list, err := filters(k.nl, index, k.filterName())
	return len(list) > 0, err
}
