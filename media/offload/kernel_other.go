//go:build !linux

package offload

import (
	"errors"
	"os"
)

// Kernel forwards nothing on this system.
type Kernel struct{ Off }

var errSystem = errors.New("offload: only Linux has it")

// Probe returns an *Unavailable with ReasonSystem; other errors mean that cfg
// is wrong.
func Probe(cfg Config) error {
	if _, err := cfg.withDefaults(); err != nil {
		return err
	}
	return &Unavailable{Reason: ReasonSystem, Err: errSystem}
}

// Open returns what Probe does.
func Open(cfg Config) (*Kernel, error) { return nil, Probe(cfg) }

// Purge has nothing to do.
func Purge(Config) error { return nil }

// Hook is HookAny: the program is attached nowhere.
func (*Kernel) Hook(string) Hook { return HookAny }

// Lock is nil.
func (*Kernel) Lock() *os.File { return nil }
