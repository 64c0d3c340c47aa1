package wav

import (
	"errors"
	"io"
	"testing"
)

func TestFull(t *testing.T) {
	w, err := NewWriter(io.Discard, Format{Rate: 8000, Channels: 1})
	if err != nil {
		t.Fatal(err)
	}
	w.size = maxData - 100
	if err := w.Write(make([]int16, 50)); err != nil {
		t.Error(err)
	}
	if err := w.Write(make([]int16, 1)); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
}
