// Package record writes what a call says to files and to other programs: pcap
// for those who look at packets, WAV for those who listen, and PCM over TCP or
// TLS for programs that transcribe.
//
//	r, err := record.New(record.Config{Dir: "/var/spool/record"})
//	defer r.Close()
//	rec, err := r.Start(record.Spec{CallID: id, WAV: true, Mix: record.Stereo})
//	caller, err := rec.AddStream(record.Stream{Channel: 0, Payloads: payloads})
//	…
//	rec.Packet(caller, from, to, packet, now) // for each packet, in the clear
//	…
//	rec.Stop()
//	<-rec.Done()
//	report := rec.Report()
//
// # The media path is never held up
//
// [Recording.Packet] copies the packet into memory that is bounded for all
// recordings together and returns; it takes no file operation, does not wait
// and does not allocate. One goroutine per recording writes. When the disk is
// slower than the call, packets are dropped and counted and the recording is
// marked incomplete. When a file cannot be written, or grows beyond its limit,
// it ends, marked; the call does not notice.
//
// # Files
//
// Names come from a pattern (see [Spec]). Call identifiers and labels are
// written so that they cannot name another directory, and files are opened
// below the configured directory only, whatever links lie there. While it is
// written a file ends in ".part"; then it gets its name, or ".incomplete" in
// front of the ending when something is missing. A ".part" without a writer is
// what a crash left. The metadata file, JSON, gets its name last: who waits for
// it finds the others complete. Files are readable by their owner only.
//
// # Audio
//
// Samples are placed by RTP timestamps, anchored to the time of arrival, so
// that the parties stay in step; gaps are silence, and so is a pause. Packets
// are put in order first. The sides are added up (Mixed), or stand left and
// right (Stereo). Decoders come with the stream through the small interface
// [Decoder].
package record
