package record

import (
	"errors"
	"time"

	"github.com/class5-go/class5/media/wav"
)

// outputs is what the writer of a recording writes to.
type outputs struct {
	pcapFile *file
	pcap     *pcapWriter
	wavFile  *file
	wav      *wav.Writer
	meta     *metaFile
	sinks    []Sink // nil: ended
	mixer    *mixer
	pcmErr   error // of the audio file
	sinkErr  error
	tracks   []*track
	last     int64
}

func (o *outputs) open(rec *Recording, n *names) (err error) {
	spec, r := &rec.spec, rec.r
	begin := func(kind, ext string) *file {
		if err != nil {
			return nil
		}
		var name string
		if name, err = n.name(kind); err != nil {
			return nil
		}
		var f *file
		f, err = create(r.store, name, ext, r.cfg.MaxFile)
		return f
	}
	if spec.PCAP {
		if o.pcapFile = begin("pcap", ".pcap"); err != nil {
			return err
		}
		o.pcap, err = newPCAP(o.pcapFile, rec.started)
	}
	if spec.WAV {
		if o.wavFile = begin(spec.Mix.String(), ".wav"); err != nil {
			return err
		}
		o.wav, err = wav.NewWriter(o.wavFile, wav.Format{Rate: spec.Rate, Channels: spec.Mix.channels(), Encoding: spec.Encoding})
	}
	// Headers are on the disk before it can be full of others' packets.
	for _, f := range []*file{o.pcapFile, o.wavFile} {
		if f != nil && err == nil {
			err = f.flush()
		}
	}
	if spec.PCAP || spec.WAV {
		if f := begin("meta", ".json"); f != nil {
			o.meta, err = newMeta(f, rec)
		}
	}
	o.sinks = append(o.sinks, spec.Sinks...)
	if spec.WAV || len(spec.Sinks) > 0 {
		o.mixer = &mixer{mix: spec.Mix, rate: spec.Rate, write: o.audio}
	}
	return err
}

func (o *outputs) adopt(tracks []*track) {
	o.tracks = append(o.tracks, tracks...)
	if o.mixer == nil {
		return
	}
	for _, t := range tracks {
		t.begin(o.mixer.base)
	}
	o.mixer.tracks = o.tracks
}

// write takes a chunk of packets.
func (o *outputs) write(c *chunk) (err error) {
	c.each(func(p *packet) {
		if err != nil {
			return
		}
		if o.pcap != nil {
			err = o.pcap.write(p)
		}
		if o.mixer != nil && err == nil {
			if p.at-o.last > 20*int64(time.Millisecond) {
				err = o.advance(time.Duration(p.at))
			}
			o.tracks[p.stream].packet(p)
		}
	})
	return err
}

// advance lets the audio go on when nothing arrives.
func (o *outputs) advance(at time.Duration) error {
	if o.mixer == nil {
		return nil
	}
	o.last = max(o.last, int64(at))
	o.mixer.advance(o.last)
	return o.failure()
}

// failure is why the recording cannot go on: its file cannot be written, or
// nobody is left to write for.
func (o *outputs) failure() error {
	if o.pcmErr != nil {
		return o.pcmErr
	}
	if o.pcap == nil && o.wav == nil && len(o.sinks) == 0 {
		return o.sinkErr
	}
	return nil
}

// audio takes samples from the mixer.
func (o *outputs) audio(pcm []int16) {
	if o.wav != nil && o.pcmErr == nil {
		o.pcmErr = o.wav.Write(pcm)
	}
	kept := o.sinks[:0]
	for _, s := range o.sinks {
		if err := s.WritePCM(pcm); err != nil {
			o.sinkErr = errors.Join(o.sinkErr, err, s.Close())
			continue
		}
		kept = append(kept, s)
	}
	clear(o.sinks[len(kept):])
	o.sinks = kept
}

// abort removes what open made.
func (o *outputs) abort() {
	for _, f := range []*file{o.pcapFile, o.wavFile} {
		if f != nil {
			f.discard()
		}
	}
	if o.meta != nil {
		o.meta.f.discard()
	}
}

// close ends all files and writes the report. err is why the recording ended
// early.
func (o *outputs) close(rec *Recording, err error) {
	if o.mixer != nil && err == nil {
		o.mixer.finish(int64(rec.Report().End.Sub(rec.started)))
		err = o.failure()
	}
	for _, s := range o.sinks {
		o.sinkErr = errors.Join(o.sinkErr, s.Close())
	}
	rec.mu.Lock()
	rep := &rec.report
	for _, t := range o.tracks {
		rep.Late += t.order.late
		rep.Undecoded += t.bad
	}
	complete := err == nil && rep.Dropped == 0
	rec.mu.Unlock()
	files := []File{}
	finish := func(kind string, f *file) {
		name, e := f.finish(complete)
		if err == nil {
			err = e
		}
		files = append(files, File{Kind: kind, Name: name, Octets: f.disk, Complete: complete && e == nil})
	}
	if o.pcapFile != nil {
		finish("pcap", o.pcapFile)
	}
	if o.wav != nil {
		if e := o.wav.Close(); err == nil {
			err, complete = e, complete && e == nil
		}
		finish(rec.spec.Mix.String(), o.wavFile)
	}
	rec.mu.Lock()
	rep.Complete = err == nil && rep.Dropped == 0
	rep.Err = errors.Join(err, o.sinkErr)
	rep.Files = files
	rec.mu.Unlock()
	if o.meta != nil {
		o.meta.finish(rec)
	}
	rec.r.end(rec.Report().Complete)
	if e := rec.Report().Err; e != nil {
		rec.r.log.Warn("recording ended early", "call_id", rec.spec.CallID, "err", e)
	}
}
