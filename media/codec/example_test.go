package codec_test

import (
	"fmt"

	"github.com/class5-go/class5/media/codec"
)

func Example() {
	registry := codec.Default() // a value: append your own
	c, ok := registry.Lookup("PCMA", 8000)
	if !ok {
		return
	}
	enc, err := c.Encoder(codec.Params{})
	if err != nil {
		fmt.Println(err)
		return
	}
	frame := make([]int16, 160)    // 20 ms
	packet := make([]byte, 0, 160) // used again for each frame
	packet, err = enc.Encode(packet, frame)
	fmt.Println(c, len(packet), err)
	// Output: PCMA/8000 160 <nil>
}
