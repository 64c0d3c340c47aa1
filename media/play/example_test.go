package play_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/class5-go/class5/media/play"
	"github.com/class5-go/class5/media/sdp"
)

func Example() {
	e, err := play.New(play.Config{Addr: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	defer func() {
		cancel()
		<-ended
	}()

	offer, _ := sdp.Parse([]byte("v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"), nil)
	s, err := e.Open()
	if err != nil {
		fmt.Println(err)
		return
	}
	_, choice, err := sdp.Answer(offer, sdp.LocalMedia{Addr: s.Addr(), SessionID: 1, Version: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = s.Connect(play.Remote{
		Addr: choice.Remote, Codec: choice.Codec.Name, PayloadType: choice.Codec.PayloadType, DTMF: choice.DTMF, Ptime: choice.Ptime,
		MaySend: choice.Direction.Sends(), MayReceive: choice.Direction.Receives(),
	})
	s.Play(play.Script{Prompt: play.NewPrompt(make([]int16, 160)), Echo: true})
	<-s.Done() // the prompt is over, echo begins
	fmt.Println(s.Close().Sent, err)
	// Output: 1 <nil>
}
