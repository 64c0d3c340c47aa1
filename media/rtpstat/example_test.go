package rtpstat_test

import (
	"fmt"
	"time"

	"github.com/class5-go/class5/media/rtpstat"
	"github.com/class5-go/class5/media/rtpwire"
)

func Example() {
	var r rtpstat.Receiver
	for i := range 100 {
		if i%10 == 5 {
			continue // lost on the way
		}
		h := rtpwire.Header{PayloadType: 8, Sequence: uint16(65500 + i), Timestamp: uint32(160 * i), SSRC: 1}
		r.Packet(h, 172, 8000, time.Duration(i)*20*time.Millisecond)
	}
	s := r.Snapshot()
	mos := rtpstat.MOS(rtpstat.Quality{Loss: s.LossRatio(), Jitter: s.JitterMean})
	fmt.Printf("%d received, %d lost, jitter %v, MOS %.1f\n", s.Packets, s.Lost, s.Jitter, mos)
	// Output: 90 received, 10 lost, jitter 0s, MOS 3.4
}
