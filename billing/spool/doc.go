// Package spool is an append-only log on local disk, for records that must not
// be lost between the moment something happened and the moment somebody has
// dealt with it for good.
//
// [Log.Append] returns when the record is on disk. Records of many callers
// share one write and one fsync: while the disk is busy the next group
// collects. [Log.Begin] does the same without waiting, for callers that have
// other things to do meanwhile.
//
// [Log.Read] hands the records out in order, each with the offset behind it. A
// consumer stores that offset where it stores what it made of the records, in
// the same transaction, and starts there again: so every record has its effect
// once. The log keeps no consumer's position. [Log.Ack] tells that everything
// below an offset is not needed any more and removes whole segments. [Log.ID]
// names the log for its life; a consumer that keeps offsets by it notices when
// a disk was replaced.
//
// # On disk
//
// A log is a directory of segments, named by the offset they begin with. A
// record has its length, a key, the data, and a CRC-32C over these and the
// offset, so that bytes left over from elsewhere are never taken for a record.
//
// # Faults
//
//   - Power fails: what was acknowledged is there; the torn end is cut off when
//     the log is opened. A record whose Append had not returned may be there or
//     not.
//   - The disk, or Config.MaxBytes, is full: ErrFull, nothing is written, and
//     appending works again as soon as there is room. Before that happens
//     [Log.Ready] refuses new calls, from a high watermark on down to a low
//     one, unless Config.Policy is Alarm.
//   - A write or fsync fails: the callers get the error, and the next group
//     goes into a new segment, since the state of the old one is unknown.
//   - Bytes on disk are damaged: Read reports a *DamageError and goes on with
//     the next good record.
//
// # Contract
//
// All methods may be called by any number of goroutines. Open starts one
// goroutine, Close ends it and waits for it. A directory is locked while it is
// open. Data given to Append and Begin is copied.
package spool
