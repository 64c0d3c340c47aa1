package node

import (
	"context"
	"math"
	"time"

	"github.com/class5-go/class5/media/ng/ngrelay"
	"github.com/class5-go/class5/media/play"
	"github.com/class5-go/class5/media/relay"
)

// warn lets the caller hear three short tones: the credit ends soon. Relays
// elsewhere are not asked for that.
func (p *Proxy) warn(ctx context.Context, id, callerTag string, _ time.Duration) error {
	if p.media.here == nil {
		return nil
	}
	_, err := p.media.here.Play(ctx, relay.PlayRequest{
		Selector: relay.Selector{CallID: id, Tag: callerTag}, Source: ngrelay.Source(p.beeps),
	})
	return err
}

// beeps are three tones of 1,000 Hz at a quarter of full scale.
func beeps() *play.Prompt {
	const rate, tone, pause = 8000, 1200, 800
	pcm := make([]int16, 0, 3*(tone+pause))
	for range 3 {
		for i := range tone {
			pcm = append(pcm, int16(8192*math.Sin(2*math.Pi*1000*float64(i)/rate)))
		}
		pcm = append(pcm, make([]int16, pause)...)
	}
	return play.NewPrompt(pcm)
}
