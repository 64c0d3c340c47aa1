package codec_test

import (
	"fmt"

	"github.com/class5-go/class5/media/codec"
)

func Example() {
	c, ok := codec.Default().Lookup("PCMA", 8000)
	if !ok {
		return
	}
	frame := make([]int16, 160) // 20 ms
	payload, err := c.NewEncoder().Encode(nil, frame)
	fmt.Println(c.PayloadType, len(payload), err)
	// Output: 8 160 <nil>
}
