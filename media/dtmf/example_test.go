package dtmf_test

import (
	"fmt"

	"github.com/class5-go/class5/media/dtmf"
)

func Example() {
	// The packets of a digit of 60 ms at an RTP clock of 8 kHz.
	five, _ := dtmf.ParseDigit('5')
	var sender dtmf.Sender
	receiver := dtmf.NewReceiver(8000)
	var heard []dtmf.Digit

	sender.Begin(five, 10, 4800)
	packets := []dtmf.Packet{sender.Grow(160), sender.Grow(160), sender.End(160)}
	for p, ok := sender.Repeat(); ok; p, ok = sender.Repeat() {
		packets = append(packets, p)
	}
	for _, p := range packets {
		payload, err := dtmf.ParsePayload(p.Append(nil))
		if err != nil {
			fmt.Println(err)
			return
		}
		heard = receiver.Packet(heard, p.Timestamp, payload)
	}
	last := heard[len(heard)-1]
	c, _ := last.Event.Digit()
	fmt.Println(len(packets), len(heard), string(c), last.Event, last.Duration)
	// Output: 5 2 5 digit 60ms
}
