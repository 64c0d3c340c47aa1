package dialog

import (
	"errors"
	"strconv"

	"github.com/class5-go/class5/sip/wire"
)

// ErrNotConfirmed says that a dialog without a target or a tag on both sides takes no BYE.
var ErrNotConfirmed = errors.New("dialog: not confirmed")

// AppendBye appends to dst a BYE towards one side, written as the other side
// would have sent it (RFC 3261 section 15.1.1): its From and To, the CSeq
// after its last, the route set from this element on. via is the complete
// value of our own Via; reason, when not empty, goes into a Reason header
// (RFC 3326). It takes the CSeq it uses, so a second call makes a new request.
func (r *Record) AppendBye(dst []byte, to Side, via, reason string) ([]byte, error) {
	near, far := &r.Legs[to.Other()], &r.Legs[to]
	if near.Tag == "" || far.Tag == "" || far.Target == "" {
		return dst, ErrNotConfirmed
	}
	near.CSeq++
	if near.CSeq == 0 || near.CSeq > 1<<31-1 {
		near.CSeq = 1
	}
	b := wire.Builder{}
	b.Request(dst, "BYE", []byte(far.Target))
	b.HeaderString(wire.HdrVia, via)
	b.HeaderInt(wire.HdrMaxForwards, 70)
	for _, route := range far.Routes {
		b.HeaderString(wire.HdrRoute, route)
	}
	b.HeaderString(wire.HdrFrom, near.Party)
	b.HeaderString(wire.HdrTo, far.Party)
	b.HeaderString(wire.HdrCallID, r.CallID)
	b.HeaderString(wire.HdrCSeq, strconv.FormatUint(uint64(near.CSeq), 10)+" BYE")
	if reason != "" {
		b.HeaderString(wire.HdrReason, reason)
	}
	return b.End("", nil)
}
