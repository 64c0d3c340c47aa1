package prompts_test

import (
	"fmt"
	"testing"

	"github.com/class5-go/class5/media/play/prompts"
)

func TestWelcome(t *testing.T) {
	p, err := prompts.Welcome()
	if err != nil || p.Samples() < 4*8000 || p.Samples() > 7*8000 {
		t.Errorf("%v", err)
	}
}

func Example() {
	p, err := prompts.Welcome()
	fmt.Println(p.Samples()/8000, "seconds", err)
	// Output: 5 seconds <nil>
}
