package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// frames feeds the stream in pieces and lists what comes out.
func frames(f *Framer, stream []byte, cut func(rest int) int) (out []string) {
	for len(stream) > 0 {
		n := min(max(1, cut(len(stream))), len(stream))
		f.Feed(bytes.Clone(stream[:n]))
		stream = stream[n:]
		for {
			frame, msg, err := f.Next()
			if err != nil {
				return append(out, err.Error())
			}
			if frame == FrameMore {
				break
			}
			out = append(out, fmt.Sprintf("%d %s", frame, msg))
		}
	}
	return out
}

func TestFramerFindsTheSameForEveryCut(t *testing.T) {
	one, two := string(with()), string(with("Content-Length: 4", "l \t:\r\n 0004 ", "body", "\r\n\r\n"))
	for name, c := range map[string]struct {
		stream string
		want   []string
	}{
		"two messages":    {one + two, []string{"1 " + one, "1 " + two}},
		"ping first":      {"\r\n\r\n" + one, []string{"2 ", "3 ", "1 " + one}},
		"pong between":    {one + "\r\n" + two, []string{"1 " + one, "2 ", "1 " + two}},
		"three pings":     {"\r\n\r\n\r\n\r\n\r\n\r\n", []string{"2 ", "3 ", "2 ", "3 ", "2 ", "3 "}},
		"pong, then ping": {"\r\n" + one + "\r\n\r\n", []string{"2 ", "1 " + one, "2 ", "3 "}},
		"no end":          {one + one[:60], []string{"1 " + one}},
		"no length":       {strings.Replace(one, "Content-Length: 4\r\n", "", 1), []string{"sip/wire: content_length_missing at octet 252"}},
		"two lengths":     {strings.Replace(one, "Contact:", "l: 4\r\nContact:", 1), []string{"sip/wire: duplicate_header at octet 272"}},
		"negative":        {strings.Replace(one, "Length: 4", "Length: -4", 1), []string{"sip/wire: content_length at octet 266"}},
		"bare LF":         {strings.Replace(one, "Contact:", "X: a\nContent-Length: 9\r\nContact:", 1), []string{"sip/wire: bare_lf at octet 222"}},
	} {
		t.Run(name, func(t *testing.T) {
			for size := 1; size <= len(c.stream); size++ {
				got := frames(&Framer{}, []byte(c.stream), func(int) int { return size })
				if fmt.Sprint(got) != fmt.Sprint(c.want) {
					t.Fatalf("pieces of %d\ngot  %q\nwant %q", size, got, c.want)
				}
			}
		})
	}
}

func TestFramerRefusesBeforeItBuffers(t *testing.T) {
	limits := &Limits{Message: 1000}
	for name, c := range map[string]struct {
		stream string
		held   int
	}{
		"head too long":   {string(withLine("X: " + strings.Repeat("a", 5000))), 1000},
		"length too big":  {string(with("Length: 4", "Length: 900")) + strings.Repeat("a", 2000), 300},
		"length enormous": {string(with("Length: 4", "Length: 2147483647")), 300},
		"no line at all":  {strings.Repeat("a", 5000), 1000},
	} {
		for _, size := range []int{1, 7, 100000} {
			f := Framer{Limits: limits}
			got := frames(&f, []byte(c.stream), func(int) int { return size })
			if len(got) != 1 || !strings.Contains(got[0], "too_large") {
				t.Errorf("%s: %q", name, got)
			}
			if f.Buffered() > c.held {
				t.Errorf("%s: %d octets held", name, f.Buffered())
			}
			if _, _, err := f.Next(); !errors.Is(err, &Error{Reason: ReasonTooLarge}) {
				t.Errorf("%s: the error is not final: %v", name, err)
			}
		}
	}
}

// What was refused can be answered when its head is there.
func TestFramerRefused(t *testing.T) {
	f := Framer{Limits: &Limits{Message: 1000}}
	f.Feed(with("Length: 4", "Length: 5000"))
	_, _, err := f.Next()
	var e *Error
	if !errors.As(err, &e) || e.Status != 513 {
		t.Fatal(err)
	}
	var m Message
	if m.Parse(f.Refused(), nil) == nil || !m.Answerable() {
		t.Errorf("not answerable: %q", f.Refused())
	}
}

func TestFramerHoldsNothingBetweenMessages(t *testing.T) {
	var f Framer
	msg := with()
	f.Feed(msg[:100])
	if frame, _, _ := f.Next(); frame != FrameMore || f.Buffered() != 100 {
		t.Errorf("frame %d, %d held", frame, f.Buffered())
	}
	f.Feed(msg[100:])
	frame, got, err := f.Next()
	if frame != FrameMessage || err != nil || !bytes.Equal(got, msg) || f.Buffered() != 0 {
		t.Errorf("frame %d, %d held, %v", frame, f.Buffered(), err)
	}
	f.Next()
	if f.held != nil {
		t.Error("memory is kept")
	}
	// A message that lies whole in what was fed is not copied.
	f.Feed(msg)
	if _, got, _ = f.Next(); &got[0] != &msg[0] {
		t.Error("copied")
	}
}
