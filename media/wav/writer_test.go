package wav_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/class5-go/class5/media/wav"
)

func TestWriter(t *testing.T) {
	samples := []int16{0, 8, -8, 1000, -1000, 30000}
	for _, f := range []wav.Format{
		{Rate: 8000, Channels: 1}, {Rate: 48000, Channels: 2}, {Rate: 8000, Channels: 1, Encoding: wav.ALaw},
		{Rate: 8000, Channels: 2, Encoding: wav.MuLaw}, {Rate: 44100, Channels: 3, Encoding: wav.ALaw},
	} {
		file, err := os.Create(filepath.Join(t.TempDir(), "x.wav"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		var pipe bytes.Buffer
		for _, dst := range []io.Writer{file, &pipe} {
			w, err := wav.NewWriter(dst, f)
			if err != nil {
				t.Fatal(err)
			}
			for range 101 {
				if err := w.Write(samples); err != nil {
					t.Fatal(err)
				}
			}
			if n := w.Frames(); n != int64(101*len(samples)/f.Channels) {
				t.Errorf("%+v: %d frames", f, n)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		whole, err := wav.Decode(file)
		if err != nil || whole.Rate != f.Rate || whole.Channels != f.Channels || len(whole.Samples) != 101*len(samples) {
			t.Fatalf("%+v: %d samples, %v", f, len(whole.Samples), err)
		}
		for i, v := range whole.Samples[:len(samples)] {
			if d := int(v) - int(samples[i]); f.Encoding == wav.Linear && d != 0 || d > 600 || d < -600 {
				t.Errorf("%+v: %d became %d", f, samples[i], v)
			}
		}
		piped, err := wav.Decode(&pipe)
		if err != nil || !slices.Equal(piped.Samples[:len(whole.Samples)], whole.Samples) {
			t.Errorf("%+v: through a pipe: %v", f, err)
		}
	}
}

func TestWriterRefuses(t *testing.T) {
	for _, f := range []wav.Format{{}, {Rate: 8000}, {Rate: 1 << 20, Channels: 1}, {Rate: 8000, Channels: 9}, {Rate: 8000, Channels: 1, Encoding: 9}} {
		if _, err := wav.NewWriter(io.Discard, f); !errors.Is(err, wav.ErrFormat) {
			t.Errorf("%+v: %v", f, err)
		}
	}
	w, err := wav.NewWriter(io.Discard, wav.Format{Rate: 8000, Channels: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(make([]int16, 3)); !errors.Is(err, wav.ErrFormat) {
		t.Error(err)
	}
}

func TestWriterAllocs(t *testing.T) {
	w, err := wav.NewWriter(io.Discard, wav.Format{Rate: 8000, Channels: 2})
	if err != nil {
		t.Fatal(err)
	}
	frame := make([]int16, 320)
	if err := w.Write(frame); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _ = w.Write(frame) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
