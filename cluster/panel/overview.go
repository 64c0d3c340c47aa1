package panel

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"net/http"

	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cluster/live"
)

// Rows shown on the overview; further ones are a click away.
const (
	overviewCalls         = 50
	overviewRegistrations = 50
	overviewRecent        = 10
)

// overview is the state of the platform at one moment.
type overview struct {
	ID            string // as state.id
	Down          bool   // no node answers
	Counts        live.Counts
	Calls         []live.Call
	Registrations []live.Registration
	Recent        []directory.CDR
	MoreCalls     int
	MoreBindings  bool
}

func (p *Panel) overview(w http.ResponseWriter, r *http.Request) {
	v, err := p.look(r.Context(), "")
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.page(w, r, http.StatusOK, "overview", view{Title: "Overview", Nav: "/", Data: v})
}

// look gathers the overview, nil when its id is still seen.
func (p *Panel) look(ctx context.Context, seen string) (*overview, error) {
	recent, err := p.store.CDRs().List(ctx, directory.CDRFilter{}, directory.CDRCursor{}, overviewRecent)
	if err != nil {
		return nil, err
	}
	version, liveErr := p.live.Version(ctx)
	h := fnv.New64a()
	fmt.Fprint(h, version, liveErr != nil)
	for _, c := range recent.Items {
		fmt.Fprint(h, " ", c.ID, c.Revision, c.Generation)
	}
	v := &overview{ID: fmt.Sprintf("%x", h.Sum64()), Down: liveErr != nil, Recent: recent.Items}
	if v.ID == seen {
		return nil, nil
	}
	if !v.Down {
		v.Down = p.lookLive(ctx, v) != nil
	}
	return v, nil
}

func (p *Panel) lookLive(ctx context.Context, v *overview) (err error) {
	if v.Counts, err = p.live.Counts(ctx); err != nil {
		return err
	}
	if v.Calls, err = p.live.Calls(ctx, overviewCalls); err != nil {
		return err
	}
	v.MoreCalls = max(0, v.Counts.Calls-len(v.Calls))
	if v.Registrations, err = p.live.Registrations(ctx, "", overviewRegistrations+1); err != nil {
		return err
	}
	if len(v.Registrations) > overviewRegistrations {
		v.Registrations, v.MoreBindings = v.Registrations[:overviewRegistrations], true
	}
	return nil
}

// watch renders the overview for the hub when something changed.
func (p *Panel) watch(ctx context.Context, last *state) (*state, error) {
	seen := ""
	if last != nil {
		seen = last.id
	}
	v, err := p.look(ctx, seen)
	if err != nil || v == nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := p.pages["overview"].ExecuteTemplate(&b, "stream", v); err != nil {
		p.log.ErrorContext(ctx, "panel: template", "page", "overview", "error", err)
		return nil, err
	}
	return &state{id: v.ID, overview: b.Bytes()}, nil
}
