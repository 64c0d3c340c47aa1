package offload

import (
	"errors"
	"fmt"
)

// Reason is why the kernel does not forward.
type Reason uint8

// The reasons.
const (
	ReasonOff        Reason = iota // not asked to
	ReasonSystem                   // not Linux
	ReasonCapability               // CAP_BPF or CAP_NET_ADMIN is missing
	ReasonKernel                   // too old, or built without what is needed
	ReasonBPFFS                    // no BPF file system at the directory
	ReasonInterface                // an interface is missing or has no Ethernet header
	ReasonLayout                   // pinned by a version with another layout
	ReasonBusy                     // another process has the instance open
	reasons
)

// String is a metrics label.
func (r Reason) String() string {
	names := [reasons]string{"off", "system", "capability", "kernel", "bpffs", "interface", "layout", "busy"}
	if r < reasons {
		return names[r]
	}
	return "unknown"
}

// Unavailable is the error when nothing can be offloaded at all, or no longer.
type Unavailable struct {
	Reason    Reason
	Interface string // with ReasonInterface
	Err       error  // what the system said
}

// Error names reason, interface and cause.
func (u *Unavailable) Error() string {
	s := "offload: unavailable: " + u.Reason.String()
	if u.Interface != "" {
		s += " " + u.Interface
	}
	if u.Err != nil {
		s += ": " + u.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (u *Unavailable) Unwrap() error { return u.Err }

// ReasonOf finds the reason in an error. ok is false when it is not about
// offloading as a whole.
func ReasonOf(err error) (r Reason, ok bool) {
	if u, is := errors.AsType[*Unavailable](err); is {
		return u.Reason, true
	}
	return 0, false
}

// Errors that concern one flow.
var (
	// ErrInvalid means that a flow contradicts itself or lacks something.
	ErrInvalid = errors.New("offload: invalid flow")
	// ErrFamily means that IPv4 and IPv6 would have to be converted.
	ErrFamily = errors.New("offload: a flow has one address family")
	// ErrRoute means that there is no route to the destination, or only one to
	// this host or by an interface without Ethernet header.
	ErrRoute = errors.New("offload: no way to the destination")
	// ErrFull means that there is no room for another flow.
	ErrFull = errors.New("offload: no room for another flow")
	// ErrUnknown means that there is no flow for this local address.
	ErrUnknown = errors.New("offload: unknown flow")
)

func unavailable(r Reason, format string, args ...any) error {
	return &Unavailable{Reason: r, Err: fmt.Errorf(format, args...)}
}
