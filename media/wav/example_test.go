package wav_test

import (
	"bytes"
	"fmt"

	"github.com/class5-go/class5/media/wav"
)

func Example() {
	var file bytes.Buffer
	if err := wav.Encode(&file, wav.Audio{Rate: 48000, Channels: 2, Samples: make([]int16, 96000)}); err != nil {
		fmt.Println(err)
		return
	}
	a, err := wav.Decode(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	phone, err := a.Convert(8000)
	fmt.Println(phone.Frames(), phone.Channels, err)
	// Output: 8000 1 <nil>
}
