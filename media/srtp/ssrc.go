package srtp

// idlePackets is how many packets of other SSRCs a receiver accepts before it
// gives an SSRC up for a new one.
const idlePackets = 1024

// ssrcState is what a context knows of an SSRC.
type ssrcState struct {
	ssrc      uint32
	usedAt    uint64 // the context's tick
	rtp, rtcp window
}

func (c *Context) find(ssrc uint32) *ssrcState {
	if c.last < len(c.streams) && c.streams[c.last].ssrc == ssrc {
		return &c.streams[c.last]
	}
	for i := range c.streams {
		if c.streams[i].ssrc == ssrc {
			c.last = i
			return &c.streams[i]
		}
	}
	return nil
}

// room tells whether a new SSRC can be had, and whose place it would take, -1
// for none.
func (c *Context) room() (place int, ok bool) {
	if len(c.streams) < MaxSSRC {
		return -1, true
	}
	if c.dir == outgoing {
		return -1, false
	}
	oldest := 0
	for i := range c.streams {
		if c.streams[i].usedAt < c.streams[oldest].usedAt {
			oldest = i
		}
	}
	return oldest, c.tick-c.streams[oldest].usedAt >= idlePackets
}

// admit makes the state of an SSRC; room was asked before.
func (c *Context) admit(ssrc uint32) *ssrcState {
	c.revision++
	place, _ := c.room()
	if place < 0 {
		c.streams = append(c.streams, ssrcState{})
		place = len(c.streams) - 1
	}
	c.streams[place] = ssrcState{ssrc: ssrc}
	c.streams[place].rtp.resumed = c.imported
	c.last = place
	return &c.streams[place]
}
