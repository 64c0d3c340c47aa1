// Package naive prices calls a second time, in the slowest way that can be told
// to be right: every fee is tried, every interval is looked at by itself, dates
// come from the wall clock, and numbers are unbounded fractions. It shares no
// code with the raters that it checks and is for tests only.
package naive
