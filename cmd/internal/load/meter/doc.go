// Package meter turns a run of a load generator into figures: latencies in a
// [Histogram] of fixed size, the processor time of a process tree as the kernel
// has counted it ([Tree]), and the median of several runs ([Summarise]).
//
// Nothing here is safe for concurrent use, and nothing blocks but for the reads
// of /proc, which Linux alone has.
package meter
