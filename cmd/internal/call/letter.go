package call

import (
	"time"

	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/wire"
)

// letter is the proxy.Call of requests that make no dialog.
type letter struct {
	core *Core
	aor  string // whom it is for, "" for an application
}

func (letter) Forward(_ time.Time, _ *proxy.Branch, _ *wire.Message, e *wire.Edit) error {
	strip(e)
	return nil
}

func (letter) Response(_ time.Time, _ *proxy.Context, _ *proxy.Branch, _ *wire.Message, e *wire.Edit) {
	e.RemoveName("P-Edge")
}

// BranchEnded implements proxy.BranchCall.
func (l letter) BranchEnded(now time.Time, b *proxy.Branch, status int) {
	l.core.flowGone(now, b.Target(), status, l.aor)
}

func (letter) Ended(time.Time, *proxy.Context) {}
