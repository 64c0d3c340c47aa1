package main

import (
	"bytes"
	"encoding/binary"
	"errors"
)

var errWAV = errors.New("not a WAVE file of 16 bit, mono, 8 kHz")

// readWAV reads the one form of WAVE that needs no conversion.
func readWAV(b []byte) ([]int16, error) {
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return nil, errWAV
	}
	known := false
	for b = b[12:]; len(b) >= 8; {
		name, size := string(b[:4]), binary.LittleEndian.Uint32(b[4:])
		b = b[8:]
		chunk := b[:min(uint64(size), uint64(len(b)))]
		switch {
		case name == "fmt " && len(chunk) >= 16:
			le := binary.LittleEndian
			known = le.Uint16(chunk) == 1 && le.Uint16(chunk[2:]) == 1 && le.Uint32(chunk[4:]) == clock && le.Uint16(chunk[14:]) == 16
		case name == "data" && known && len(chunk) > 1:
			s := make([]int16, len(chunk)/2)
			return s, binary.Read(bytes.NewReader(chunk), binary.LittleEndian, s)
		}
		b = b[min(len(chunk)+len(chunk)&1, len(b)):]
	}
	return nil, errWAV
}

// writeWAV makes a WAVE file of samples.
func writeWAV(s []int16) []byte {
	le := binary.LittleEndian
	b := append([]byte("RIFF"), le.AppendUint32(nil, uint32(36+2*len(s)))...)
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint32(b, clock)
	b = le.AppendUint32(b, 2*clock)
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(2*len(s)))
	for _, v := range s {
		b = le.AppendUint16(b, uint16(v))
	}
	return b
}
