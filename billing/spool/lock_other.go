//go:build !unix

package spool

import "os"

// lockFile cannot lock here: the operator must see to it that one process
// uses a directory.
func lockFile(*os.File) error { return nil }
