package wav_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/class5-go/class5/media/wav"
)

func encode(t testing.TB, a wav.Audio) []byte {
	t.Helper()
	var w bytes.Buffer
	if err := wav.Encode(&w, a); err != nil {
		t.Fatal(err)
	}
	return w.Bytes()
}

func TestRoundTrip(t *testing.T) {
	for _, a := range []wav.Audio{
		{Rate: 8000, Channels: 1, Samples: []int16{0, 1, -1, 32767, -32768}},
		{Rate: 44100, Channels: 2, Samples: []int16{1, 2, 3, 4}},
		{Rate: 48000, Channels: 1},
	} {
		b := encode(t, a)
		got, err := wav.Decode(bytes.NewReader(b))
		if err != nil || got.Rate != a.Rate || got.Channels != a.Channels || !slices.Equal(got.Samples, a.Samples) {
			t.Errorf("%+v, %v", got, err)
		}
	}
	for _, a := range []wav.Audio{{}, {Rate: 8000}, {Rate: 8000, Channels: 2, Samples: []int16{1}}} {
		if err := wav.Encode(&bytes.Buffer{}, a); !errors.Is(err, wav.ErrFormat) {
			t.Errorf("%+v: %v", a, err)
		}
	}
}

// file composes a WAVE file from chunks.
func file(chunks ...[]byte) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WAVE")
	for _, c := range chunks {
		b = append(b, c...)
	}
	return b
}

func chunk(id string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body)))
	b = append(b, body...)
	if len(body)%2 != 0 {
		b = append(b, 0)
	}
	return b
}

func format(tag, channels, bits uint16, rate uint32, more ...byte) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(le.AppendUint16(nil, tag), channels)
	b = le.AppendUint32(le.AppendUint32(b, rate), 0)
	return chunk("fmt ", append(le.AppendUint16(le.AppendUint16(b, 0), bits), more...))
}

func TestForms(t *testing.T) {
	extensible := append([]byte{22, 0, 16, 0, 0, 0, 0, 0}, 1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71)
	unknownLength := chunk("data", []byte{1, 0, 2, 0})
	copy(unknownLength[4:], "\x00\x00\x00\x00")
	tooLong := chunk("data", []byte{1, 0, 2, 0, 9})
	copy(tooLong[4:], "\xff\xff\xff\xff")
	for name, c := range map[string]struct {
		b    []byte
		want []int16
	}{
		"8 bits":            {file(format(1, 1, 8, 8000), chunk("data", []byte{0, 128, 255})), []int16{-32768, 0, 32512}},
		"A-law":             {file(format(6, 1, 8, 8000, 0, 0), chunk("data", []byte{0xd5, 0x55})), []int16{8, -8}},
		"µ-law":             {file(format(7, 1, 8, 8000), chunk("fact", []byte{1}), chunk("data", []byte{0xff, 0x00})), []int16{0, -32124}},
		"extensible":        {file(format(0xfffe, 1, 16, 8000, extensible...), chunk("data", []byte{1, 0})), []int16{1}},
		"odd chunk skipped": {file(chunk("LIST", []byte("abc")), format(1, 1, 16, 8000), chunk("data", []byte{1, 0})), []int16{1}},
		"length unknown":    {file(format(1, 1, 16, 8000), unknownLength), []int16{1, 2}},
		"cut off":           {file(format(1, 1, 16, 8000), tooLong), []int16{1, 2, 9}},
		"half a frame":      {file(format(1, 2, 16, 8000), chunk("data", []byte{1, 0, 2, 0, 3, 0})), []int16{1, 2}},
	} {
		a, err := wav.Decode(bytes.NewReader(c.b))
		if err != nil || !slices.Equal(a.Samples, c.want) {
			t.Errorf("%s: %v, %v", name, a.Samples, err)
		}
	}
}

func TestRefused(t *testing.T) {
	data := chunk("data", []byte{1, 0})
	for name, b := range map[string][]byte{
		"empty":        {},
		"not RIFF":     []byte("OggS00000000000000000000"),
		"no data":      file(format(1, 1, 16, 8000)),
		"data first":   file(data, format(1, 1, 16, 8000)),
		"short fmt":    file(chunk("fmt ", []byte{1, 0}), data),
		"24 bits":      file(format(1, 1, 24, 8000), data),
		"float":        file(format(3, 1, 32, 8000), data),
		"no channel":   file(format(1, 0, 16, 8000), data),
		"channels":     file(format(1, 9, 16, 8000), data),
		"rate 0":       file(format(1, 1, 16, 0), data),
		"rate":         file(format(1, 1, 16, 1<<20), data),
		"too large":    make([]byte, wav.MaxSize+1),
		"header alone": []byte("RIFF\x00\x00\x00\x00WAVEfmt "),
	} {
		if _, err := wav.Decode(bytes.NewReader(b)); !errors.Is(err, wav.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := wav.Decode(iotest.ErrReader(errors.New("disk"))); err == nil || errors.Is(err, wav.ErrFormat) {
		t.Errorf("read error: %v", err)
	}
}

func TestConvert(t *testing.T) {
	in := wav.Audio{Rate: 16000, Channels: 2, Samples: make([]int16, 32000)}
	for i := range in.Samples {
		in.Samples[i] = int16(1000 * (1 + i%2)) // left 1000, right 2000
	}
	out, err := in.Convert(8000)
	if err != nil || out.Frames() != 8000 || out.Channels != 1 || out.Samples[4000] != 1500 {
		t.Errorf("%d frames, %d, %v", out.Frames(), out.Samples[4000], err)
	}
	if _, err := (wav.Audio{Rate: -1, Channels: 1}).Convert(8000); err == nil {
		t.Error("bad rate accepted")
	}
}

// FuzzDecode: no panic, and what was read can be written and read again.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, wav.Audio{Rate: 8000, Channels: 2, Samples: []int16{1, 2, 3, 4}}))
	f.Add(file(format(7, 1, 8, 8000), chunk("fact", []byte{1}), chunk("data", []byte{0xff, 0x00})))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := wav.Decode(bytes.NewReader(b))
		if err != nil {
			return
		}
		again, err := wav.Decode(bytes.NewReader(encode(t, a)))
		if err != nil || again.Rate != a.Rate || again.Channels != a.Channels || !slices.Equal(again.Samples, a.Samples) {
			t.Fatalf("%+v became %+v, %v", a, again, err)
		}
		if a.Mono().Frames() != a.Frames() {
			t.Fatal("mono has another length")
		}
	})
}
