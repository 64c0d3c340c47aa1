// Package target starts the servers that a load generator drives: ours, built
// from this module, and foreign ones where they are installed. Each is a child
// process on loopback ports that were free a moment before, with a directory of
// its own for configuration and data, and is gone when its [Process] is stopped
// or the generator has died.
package target
