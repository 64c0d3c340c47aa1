package prompts

import (
	"bytes"
	_ "embed"

	"github.com/class5-go/class5/media/play"
)

//go:embed welcome.wav
var welcome []byte

// Welcome says "Welcome to class five. After the tone, you will hear
// yourself." and gives the tone: 5.5 seconds.
func Welcome() (*play.Prompt, error) { return play.ReadPrompt(bytes.NewReader(welcome)) }
