package transaction

import (
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// receiveOther is the non-INVITE client machine of RFC 3261 figure 6.
func (c *Client) receiveOther(now time.Time, m *wire.Message) {
	switch {
	case c.rec.state == Completed:
		c.layer.stats.ResponseRepeats++
		return
	case m.Status() < 200:
		c.rec.state = Proceeding
	default:
		c.complete(now, c.layer.cfg.Timers.T4)
	}
	c.user.Response(now, c, m)
}
