// Package guard keeps floods, scanners and guessers away from a SIP edge.
package guard
