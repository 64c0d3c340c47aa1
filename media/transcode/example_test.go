package transcode_test

import (
	"fmt"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/transcode"
)

func Example() {
	t, err := transcode.New(transcode.Config{
		Inputs: []transcode.Input{{PayloadType: 8, Codec: codec.PCMA()}, {PayloadType: 101, Codec: codec.TelephoneEvent(8000)}},
		Output: transcode.Output{PayloadType: 9, Codec: codec.G722(), Event: 96},
		SSRC:   7,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	packet := rtpwire.Header{PayloadType: 8, Sequence: 4711, Timestamp: 160, SSRC: 0xc1a55}.Append(nil)
	packet = append(packet, make([]byte, 160)...)

	var out transcode.Packets // one for many streams
	err = t.Push(&out, packet, time.Now())
	for p := range out.All() {
		h, payload, _ := rtpwire.Parse(p)
		fmt.Println(h.PayloadType, h.Sequence, h.Timestamp, h.SSRC, len(payload), err)
	}
	// Output: 9 4711 160 7 160 <nil>
}
