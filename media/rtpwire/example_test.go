package rtpwire_test

import (
	"fmt"

	"github.com/class5-go/class5/media/rtpwire"
)

func Example() {
	packet := rtpwire.Header{PayloadType: 8, Sequence: 4711, Timestamp: 160, SSRC: 0xc1a55}.Append(nil)
	packet = append(packet, 0xd5, 0xd5)

	if rtpwire.Classify(packet) == rtpwire.KindRTP {
		h, payload, ok := rtpwire.Parse(packet)
		fmt.Println(ok, h.Sequence, len(payload))
	}
	// Output: true 4711 2
}
