package codec

import "fmt"

// Converter changes sample rate and number of channels (one or two) of a
// stream. A second of samples gives a second of samples from the beginning;
// the filter's delay of 2 to 3 ms shifts the sound. It is not safe for
// concurrent use.
type Converter struct {
	from, to int          // channels
	rate     []*Resampler // one for each channel that is resampled; nil: same rate
	planes   [2][]int16   // channels apart
	out      [2][]int16
}

// NewConverter prepares the filters. It allocates while the first packets
// pass, not later.
func NewConverter(fromRate, fromChannels, toRate, toChannels int) (*Converter, error) {
	if fromChannels < 1 || fromChannels > 2 || toChannels < 1 || toChannels > 2 {
		return nil, fmt.Errorf("%w: %d to %d channels", ErrParams, fromChannels, toChannels)
	}
	c := &Converter{from: fromChannels, to: toChannels}
	if fromRate == toRate {
		return c, nil
	}
	for range min(fromChannels, toChannels) {
		r, err := NewResampler(fromRate, toRate)
		if err != nil {
			return nil, err
		}
		r.prime()
		c.rate = append(c.rate, r)
	}
	return c, nil
}

// Same tells whether samples pass unchanged.
func (c *Converter) Same() bool { return c.from == c.to && c.rate == nil }

// Append converts interleaved samples and appends the result to dst.
func (c *Converter) Append(dst, src []int16) []int16 {
	switch {
	case c.Same():
		return append(dst, src...)
	case c.from == 2 && c.to == 2:
		c.split(src)
		for i, r := range c.rate {
			c.out[i] = r.Append(c.out[i][:0], c.planes[i])
		}
		return interleave(dst, c.out[0], c.out[1])
	}
	mono := src
	if c.from == 2 {
		c.planes[0] = Downmix(c.planes[0][:0], src)
		mono = c.planes[0]
	}
	if c.rate == nil && c.to == 1 {
		return append(dst, mono...)
	}
	if c.rate != nil {
		if c.to == 1 {
			return c.rate[0].Append(dst, mono)
		}
		c.out[0] = c.rate[0].Append(c.out[0][:0], mono)
		mono = c.out[0]
	}
	return interleave(dst, mono, mono)
}

func (c *Converter) split(src []int16) {
	for ch := range c.planes {
		p := c.planes[ch][:0]
		for i := ch; i < len(src); i += 2 {
			p = append(p, src[i])
		}
		c.planes[ch] = p
	}
}

// Downmix appends the mean of the two channels of stereo samples.
func Downmix(dst, src []int16) []int16 {
	for i := 0; i+1 < len(src); i += 2 {
		dst = append(dst, int16((int32(src[i])+int32(src[i+1]))>>1))
	}
	return dst
}

func interleave(dst, left, right []int16) []int16 {
	for i := range min(len(left), len(right)) {
		dst = append(dst, left[i], right[i])
	}
	return dst
}
