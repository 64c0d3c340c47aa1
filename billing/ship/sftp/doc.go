// Package sftp sends exported files to a server by SFTP.
//
// A [Sink] writes a file under a temporary name, in the same folder, and
// renames it when all of it is there: a receiver never sees a part. Sent
// again after a failure, the part that was left is written anew; a file that
// is there is compared and left alone.
//
// # Contract
//
// The key of the host has to be known: a Config without a check of it is an
// error. A Sink keeps no connection between two files and starts no goroutine
// that outlives Put.
package sftp
