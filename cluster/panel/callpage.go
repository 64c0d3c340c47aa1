package panel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cluster/live"
)

// callView is the page of a call, running or ended.
type callView struct {
	CallID string
	CDR    *directory.CDR
	Live   *live.Call
	Legs   []directory.CDR // all that is stored of the call
	Ladder ladder
	NoSIP  string // why there is no ladder
	Media  media
	Prices []price
}

// price is what one party pays and why.
type price struct {
	billing.Party
	Customer string // its name, or its id when it is gone
	Lines    []string
}

func (p *Panel) callPage(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		p.oops(w, r, http.StatusNotFound)
		return
	}
	c, err := p.store.CDRs().Find(r.Context(), id)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	v := callView{CallID: c.CallID, CDR: &c, Media: readMedia(c.Media)}
	if v.Legs, err = p.store.CDRs().ByCall(r.Context(), c.CallID); err != nil {
		p.fail(w, r, err)
		return
	}
	for _, party := range c.Parties {
		v.Prices = append(v.Prices, price{party, p.customerName(r.Context(), party.Account), explain(party.Explain)})
	}
	p.addLadder(r.Context(), &v)
	p.page(w, r, http.StatusOK, "call", view{Title: "Call from " + endpoint(c.Caller) + " to " + endpoint(c.Callee), Nav: "/calls", Data: v})
}

// customerName is the name of a customer that may be deleted by now.
func (p *Panel) customerName(ctx context.Context, account string) string {
	id, err := strconv.ParseInt(account, 10, 64)
	if err != nil {
		return account
	}
	c, err := p.store.Customers().Find(ctx, id)
	if err != nil {
		return account
	}
	return c.Name
}

// explain gives the lines of a stored trace, none when it can not be read.
func explain(raw json.RawMessage) []string {
	var t rate.Trace
	if len(raw) == 0 || json.Unmarshal(raw, &t) != nil {
		return nil
	}
	return t.Lines()
}

func (p *Panel) addLadder(ctx context.Context, v *callView) {
	m, err := p.live.Ladder(ctx, v.CallID)
	switch {
	case errors.Is(err, live.ErrNotFound), err == nil && len(m) == 0:
		v.NoSIP = "The messages of this call are not kept any more."
	case err != nil:
		v.NoSIP = "The node that holds the messages does not answer."
	default:
		v.Ladder = drawLadder(m)
	}
}

// liveCall is the page of a call in progress; with part=1 only what changes.
func (p *Panel) liveCall(w http.ResponseWriter, r *http.Request) {
	v := callView{CallID: r.URL.Query().Get("call_id")}
	calls, err := p.live.Calls(r.Context(), 0)
	if err != nil {
		p.fail(w, r, directory.ErrUnavailable)
		return
	}
	for i := range calls {
		if calls[i].CallID == v.CallID {
			v.Live = &calls[i]
			break
		}
	}
	if v.Legs, err = p.store.CDRs().ByCall(r.Context(), v.CallID); err != nil {
		p.fail(w, r, err)
		return
	}
	p.addLadder(r.Context(), &v)
	if v.CallID == "" || v.Live == nil && len(v.Legs) == 0 && v.NoSIP != "" {
		p.oops(w, r, http.StatusNotFound)
		return
	}
	if raw, err := p.live.Media(r.Context(), v.CallID); err == nil {
		v.Media = readMedia(raw)
	}
	if r.URL.Query().Get("part") != "" {
		p.part(w, r, "live", "call-now", v)
		return
	}
	p.page(w, r, http.StatusOK, "live", view{Title: "Call in progress", Nav: "/calls", Data: v})
}

// indent makes JSON readable.
func indent(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return string(raw)
	}
	return b.String()
}
