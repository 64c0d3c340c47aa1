package t38_test

import (
	"fmt"

	"github.com/class5-go/class5/media/t38"
)

func Example() {
	var r t38.Receiver
	ced, preamble := []byte{4}, []byte{6}
	for _, packet := range [][]byte{
		t38.Append(nil, 0, ced),
		t38.Append(nil, 2, []byte{0xc0, 1, 0x80, 0}, preamble, ced), // 1 was lost; its copy is here
	} {
		if p, ok := r.Take(packet); ok {
			fmt.Println(t38.Classify(p.Primary))
		}
	}
	c := r.Counters()
	fmt.Println(c.Lost, c.Recoverable)
	// Output:
	// indicator ced
	// data v21
	// 1 1
}
