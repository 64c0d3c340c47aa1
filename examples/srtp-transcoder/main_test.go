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

// callee answers what was written to it: with Opus, and with keys of a suite under
// the tag that it was offered.
type callee struct {
	offer  *output
	answer io.Reader
}

func (c *callee) Read(b []byte) (int, error) {
	if c.answer == nil {
		before, _, _ := strings.Cut(c.offer.String(), " AES_CM_128_HMAC_SHA1_80 inline:")
		tag := before[strings.LastIndex(before, ":")+1:]
		c.answer = strings.NewReader(said + "m=audio 5000 RTP/SAVP 96\r\na=rtpmap:96 opus/48000/2\r\n" +
			"a=crypto:" + tag + " AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n\r\n")
	}
	return c.answer.Read(b)
}

func TestExchange(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := output{cancel: cancel}
	in := io.MultiReader(strings.NewReader(said+"m=audio 4000 RTP/AVP 8\r\n\r\n"), &callee{offer: &out})
	if err := run(ctx, nil, in, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"RTP/SAVP", "opus/48000/2", "a=crypto:", "RTP/AVP 8"} {
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
