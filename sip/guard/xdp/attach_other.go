//go:build !linux

package xdp

import "errors"

func attach(Config) (kernel, error) {
	return nil, errors.New("xdp: only Linux has it")
}
