package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
)

const said = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"

// output interrupts the command when it has written both descriptions.
type output struct {
	bytes.Buffer
	writes int
	cancel func()
}

func (o *output) Write(b []byte) (int, error) {
	if o.writes++; o.writes == 2 {
		o.cancel()
	}
	return o.Buffer.Write(b)
}

func TestExchange(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := output{cancel: cancel}
	if err := run(ctx, nil, strings.NewReader(said+"m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 opus/48000/2\r\na=setup:actpass\r\na=rtcp-mux\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 "+strings.Repeat("AB:", 31)+"AB\r\n"+"\r\n"+said+"m=audio 5000 RTP/AVP 8\r\n"+"\r\n"), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"RTP/AVP", "PCMA/8000", "UDP/TLS/RTP/SAVPF", "a=candidate:", "a=fingerprint:"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, args := range [][]string{{"-media", "nowhere"}, {"-nonsense"}, nil} {
		if err := run(t.Context(), args, strings.NewReader("\r\n"), io.Discard); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
