package transport

import "testing"

func TestFloodScore(t *testing.T) {
	var f flood
	for i := range 3 {
		if f.note(100, 100) != (i == 2) {
			t.Errorf("after %d refused: %v", 100*(i+1), i != 2)
		}
	}
	for range 50 {
		f.note(64, 64)
	}
	if f.note(32, 0) {
		t.Error("a batch of good messages is part of a flood")
	}
	f = flood{}
	for i := range 1000 {
		if f.note(8, 7) {
			t.Fatalf("one good message in eight, and a flood after %d", i)
		}
	}
	n := 0
	for !f.note(33, 32) {
		if n++; n > 100 {
			t.Fatal("one good message in 33 hides a flood")
		}
	}
}
