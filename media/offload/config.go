package offload

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Hook is how the program is attached.
type Hook uint8

// The hooks.
const (
	HookAny    Hook = iota // TCX, where the kernel has it
	HookTCX                // Linux 6.6 or later
	HookClsact             // clsact queueing discipline
)

// String is the name in lower case.
func (h Hook) String() string {
	switch h {
	case HookTCX:
		return "tcx"
	case HookClsact:
		return "clsact"
	}
	return "any"
}

// Config says where and how much is offloaded.
type Config struct {
	// Interfaces are the names of those that packets arrive at as IP, 1 to 64.
	Interfaces []string
	// Dir is a directory on a BPF file system, /sys/fs/bpf/class5. It is made
	// when missing.
	Dir string
	// Instance names the daemon among those of this host, "relay": up to 24 of
	// a-z, 0-9, '_' and '-'. Its pins are in Dir/Instance.
	Instance string
	// Flows bounds the flows, 65,536. Kernel memory is 448 octets for each of them
	// from the start, and about 250 more for each that is installed. Where pins
	// exist their size stays.
	Flows int
	// Lease is how long flows live without Renew, 10 minutes.
	Lease time.Duration
	// Hook may force one.
	Hook Hook
	// Lock is that of the process before, which hands over; nil: the directory
	// must be nobody's. It is the Kernel's to close, unless cfg is wrong.
	Lock *os.File
}

const (
	defaultDir   = "/sys/fs/bpf/class5"
	defaultFlows = 1 << 16
	mostFlows    = 1 << 22
	defaultLease = 10 * time.Minute
	mostNICs     = 64
	mostInstance = 24
)

func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" {
		c.Dir = defaultDir
	}
	if c.Instance == "" {
		c.Instance = "relay"
	}
	if c.Flows == 0 {
		c.Flows = defaultFlows
	}
	if c.Lease == 0 {
		c.Lease = defaultLease
	}
	c.Interfaces = slices.Compact(slices.Sorted(slices.Values(c.Interfaces)))
	switch {
	case len(c.Interfaces) == 0 || len(c.Interfaces) > mostNICs || slices.Contains(c.Interfaces, ""):
		return c, fmt.Errorf("offload: interfaces %q; 1 to %d are needed", c.Interfaces, mostNICs)
	case c.Flows < 0 || c.Flows > mostFlows:
		return c, fmt.Errorf("offload: %d flows", c.Flows)
	case c.Lease < 0:
		return c, fmt.Errorf("offload: lease of %v", c.Lease)
	case c.Hook > HookClsact:
		return c, errors.New("offload: unknown hook")
	case len(c.Instance) > mostInstance || strings.Trim(c.Instance, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "":
		return c, fmt.Errorf("offload: instance %q", c.Instance)
	}
	return c, nil
}

// pins is the directory of the instance.
func (c *Config) pins() string { return filepath.Join(c.Dir, c.Instance) }
