// Package exports writes the stored call records to files for others, as a
// configuration says: which stream in which format how often, and where to.
//
// A [Runner] belongs to the node whose configuration has the exports. What is
// in a file and how far a stream got are in the database, so that a restart at
// any moment leaves no record out and puts none into two files; two nodes with
// the same export do no harm but to each other's time.
package exports
