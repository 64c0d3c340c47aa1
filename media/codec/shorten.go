package codec

import "math"

// Shorten leaves out up to most samples per channel, in place, where the sound
// repeats itself: what follows is blended over what went before. It returns
// pcm unchanged when that is too short, or most is less than 2.5 ms.
func Shorten(pcm []int16, rate, channels, most int) []int16 {
	n := len(pcm) / channels
	blend := min(rate*5/1000, n/4)
	shortest, longest := rate*25/10000, min(most, n-blend, rate*concealLong/1000)
	if longest < shortest || blend == 0 {
		return pcm
	}
	best, least := 0, math.Inf(1)
	for lag := shortest; lag <= longest; lag++ {
		sum := 0.0
		for i := range blend * channels {
			d := float64(pcm[i]) - float64(pcm[lag*channels+i])
			sum += d * d
		}
		if sum < least {
			best, least = lag, sum
		}
	}
	for i := range blend {
		w := float32(i+1) / float32(blend+1)
		for c := range channels {
			a, b := i*channels+c, (best+i)*channels+c
			pcm[b] = clip((1-w)*float32(pcm[a]) + w*float32(pcm[b]))
		}
	}
	return pcm[best*channels:]
}
