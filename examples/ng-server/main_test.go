package main

import (
	"context"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/ng"
)

// TestOffer drives the server as a proxy does.
func TestOffer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"-control", "127.0.0.1:0"}, w)
		w.CloseWithError(err)
		ended <- err
	}()
	line := make([]byte, 256)
	n, err := r.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ng.NewClient(ng.ClientConfig{URL: "udp://" + regexp.MustCompile(`127\S+`).FindString(string(line[:n]))})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	reply, err := c.Do(ctx, ng.Of("command", "offer", "call-id", "1", "from-tag", "a",
		"sdp", "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"))
	if err != nil || !strings.Contains(reply.Str("sdp"), "c=IN IP4 127.0.0.1") {
		t.Errorf("%v, %v", reply, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestMistakes(t *testing.T) {
	for _, args := range [][]string{{"-media", "nowhere"}, {"-control", "192.0.2.1:2223"}, {"-nonsense"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
