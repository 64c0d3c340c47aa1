package native

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cluster/live"
)

type endpoint struct {
	SubscriberID string `json:"subscriber_id,omitempty"`
	CustomerID   string `json:"customer_id,omitempty"`
	User         string `json:"user,omitempty"`
	Domain       string `json:"domain,omitempty"`
	Number       string `json:"number,omitempty"`
	Dialled      string `json:"dialled,omitempty"`
}

type party struct {
	Side       string   `json:"side" enum:"caller,callee"`
	Role       string   `json:"role"`
	CustomerID string   `json:"customer_id"`
	Direction  string   `json:"direction" enum:"out,in"`
	Profile    string   `json:"billing_profile,omitempty"`
	FeeID      string   `json:"fee_id,omitempty"`
	Zone       string   `json:"zone,omitempty"`
	Amount     string   `json:"amount" doc:"decimal of six places; negative for a credit"`
	Currency   string   `json:"currency"`
	ChargedMS  int64    `json:"charged_ms" doc:"time that was paid for"`
	Tariff     string   `json:"tariff,omitempty" doc:"hash of the tariff that made the price"`
	Explain    any      `json:"explain,omitempty" doc:"how the price came about; only for a single call"`
	Lines      []string `json:"lines,omitempty" doc:"the same for people"`
	Paid       *paid    `json:"paid,omitempty" doc:"how the account of the customer paid; only for a single call"`
}

type paid struct {
	Price       string `json:"price" doc:"what free time and other wallets of time left to be paid"`
	FromBalance string `json:"from_balance"`
	Due         string `json:"due"`
	FreeSeconds int64  `json:"free_seconds"`
	Moves       any    `json:"moves" doc:"what it did to each wallet"`
}

// pay shows how accounts paid for a record.
func (s *service) pay(ctx context.Context, key billing.LegKey, parties []party) error {
	receipts, err := s.Store.Receipts(ctx, key)
	if err != nil {
		return s.fail(err)
	}
	for _, r := range receipts {
		for i := range parties {
			if p := &parties[i]; p.Side == string(r.Side) && p.Role == string(billing.RoleCustomer) {
				p.Paid = &paid{r.Price.String(), r.FromBalance.String(), r.Due.String(), int64(r.FreeTime) / 1000, r.Moves}
			}
		}
	}
	return nil
}

type callRecord struct {
	ID         int64     `json:"id"`
	Key        string    `json:"key"`
	Revision   int       `json:"revision"`
	CallID     string    `json:"call_id"`
	Type       string    `json:"type"`
	Status     string    `json:"status"`
	Code       int       `json:"code,omitempty"`
	Caller     endpoint  `json:"caller"`
	Callee     endpoint  `json:"callee"`
	Source     string    `json:"source,omitempty"`
	Node       string    `json:"node,omitempty"`
	Init       time.Time `json:"init"`
	Start      time.Time `json:"start,omitzero" doc:"the answer"`
	End        time.Time `json:"end"`
	DurationMS int64     `json:"duration_ms"`
	Flags      any       `json:"flags"`
	Evidence   string    `json:"evidence,omitempty" doc:"what the end was concluded from when nobody signalled it"`
	Media      any       `json:"media,omitempty" doc:"figures of the media relay; only for a single call"`
	Parties    []party   `json:"parties"`
}

func showEndpoint(e billing.Endpoint) endpoint {
	return endpoint{e.Subscriber, e.Account, e.User, e.Domain, e.Number, e.Dialled}
}

func showCall(c directory.CDR) callRecord {
	out := callRecord{
		ID: c.ID, Key: c.Key.String(), Revision: c.Revision, CallID: c.CallID, Type: c.Type.String(), Status: c.Status.String(), Code: c.Code,
		Caller: showEndpoint(c.Caller), Callee: showEndpoint(c.Callee), Node: c.Node,
		Init: c.Init.Time(), Start: c.Start.Time(), End: c.End.Time(), DurationMS: int64(c.Duration),
		Flags: c.Flags, Evidence: c.Evidence, Parties: []party{},
	}
	if c.Source.IsValid() {
		out.Source = c.Source.String()
	}
	if len(c.Media) > 0 {
		out.Media = c.Media
	}
	for _, p := range c.Parties {
		v := party{
			Side: string(p.Side), Role: string(p.Role), CustomerID: p.Account, Direction: p.Direction.String(), Profile: p.Profile,
			FeeID: p.Fee, Zone: p.Zone, Amount: p.Amount.Decimal(), Currency: p.Amount.Currency().String(), ChargedMS: int64(p.Charged),
			Tariff: p.Tariff.String(),
		}
		if len(p.Explain) > 0 {
			v.Explain = p.Explain
			var t rate.Trace
			if json.Unmarshal(p.Explain, &t) == nil {
				v.Lines = t.Lines()
			}
		}
		out.Parties = append(out.Parties, v)
	}
	return out
}

type callFilter struct {
	Limit        int       `query:"limit" minimum:"1" maximum:"500" default:"50"`
	Cursor       string    `query:"cursor"`
	From         time.Time `query:"from" doc:"calls that began at or after"`
	To           time.Time `query:"to" doc:"calls that began before"`
	SubscriberID string    `query:"subscriber_id" doc:"caller or callee"`
	CustomerID   string    `query:"customer_id" doc:"of caller or callee"`
	Number       string    `query:"number" doc:"of caller or callee, begins with"`
	CallID       string    `query:"call_id"`
	Status       string    `query:"status"`
}

// cursor of the list of calls: time and number of the last row.
func (f callFilter) after() (directory.CDRCursor, error) {
	if f.Cursor == "" {
		return directory.CDRCursor{}, nil
	}
	at, id, _ := strings.Cut(f.Cursor, ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	n, err2 := strconv.ParseInt(id, 10, 64)
	if err != nil || err2 != nil {
		return directory.CDRCursor{}, invalidQuery("cursor", "not the next of a page")
	}
	return directory.CDRCursor{Init: billing.Millis(ms), ID: n}, nil
}

func (s *service) calls() {
	const tag = "calls"
	huma.Register(s.api, operation("list-calls", http.MethodGet, "/calls", "List call records, newest first", tag, 200),
		func(ctx context.Context, in *callFilter) (*listOut[callRecord], error) {
			after, err := in.after()
			if err != nil {
				return nil, err
			}
			l, err := s.Store.CDRs().List(ctx, directory.CDRFilter{
				From: in.From, To: in.To, Subscriber: in.SubscriberID, Account: in.CustomerID, Number: in.Number, CallID: in.CallID, Status: in.Status,
			}, after, in.Limit)
			if err != nil {
				return nil, s.fail(err)
			}
			out := &listOut[callRecord]{Body: list[callRecord]{Items: make([]callRecord, 0, len(l.Items))}}
			for _, c := range l.Items {
				out.Body.Items = append(out.Body.Items, showCall(c))
			}
			if l.Next != (directory.CDRCursor{}) {
				out.Body.Next = strconv.FormatInt(int64(l.Next.Init), 10) + "." + strconv.FormatInt(l.Next.ID, 10)
			}
			return out, nil
		})
	huma.Register(s.api, operation("read-call", http.MethodGet, "/calls/{id}", "Read a call record with media figures and explained prices", tag, 200, 404),
		func(ctx context.Context, in *IDIn) (*struct{ Body callRecord }, error) {
			c, err := s.Store.CDRs().Find(ctx, in.ID)
			if err != nil {
				return nil, s.fail(err)
			}
			out := &struct{ Body callRecord }{showCall(c)}
			return out, s.pay(ctx, c.Key, out.Body.Parties)
		})
	huma.Register(s.api, operation("read-call-ladder", http.MethodGet, "/calls/{id}/ladder", "SIP messages of a recent call", tag, 200, 404),
		func(ctx context.Context, in *IDIn) (*listOut[live.Message], error) {
			c, err := s.Store.CDRs().Find(ctx, in.ID)
			if err != nil {
				return nil, s.fail(err)
			}
			return s.ladder(ctx, c.CallID)
		})
}

func (s *service) ladder(ctx context.Context, callID string) (*listOut[live.Message], error) {
	m, err := s.Live.Ladder(ctx, callID)
	if err != nil {
		return nil, s.fail(err)
	}
	return &listOut[live.Message]{Body: list[live.Message]{Items: m}}, nil
}

func (s *service) live() {
	type Limit struct {
		Limit int `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	huma.Register(s.api, operation("list-active-calls", http.MethodGet, "/active-calls", "List calls in progress, newest first", "live", 200),
		func(ctx context.Context, in *Limit) (*listOut[live.Call], error) {
			l, err := s.Live.Calls(ctx, in.Limit)
			if err != nil {
				return nil, s.fail(err)
			}
			return &listOut[live.Call]{Body: list[live.Call]{Items: l}}, nil
		})
	huma.Register(s.api, operation("read-active-call-ladder", http.MethodGet, "/active-calls/ladder", "SIP messages of a call in progress", "live", 200, 404),
		func(ctx context.Context, in *struct {
			CallID string `query:"call_id" required:"true"`
		}) (*listOut[live.Message], error) {
			return s.ladder(ctx, in.CallID)
		})
	huma.Register(s.api, operation("read-active-call-media", http.MethodGet, "/active-calls/media", "Media figures of a call in progress", "live", 200, 404),
		func(ctx context.Context, in *struct {
			CallID string `query:"call_id" required:"true"`
		}) (*struct{ Body any }, error) {
			m, err := s.Live.Media(ctx, in.CallID)
			if err != nil {
				return nil, s.fail(err)
			}
			return &struct{ Body any }{m}, nil
		})
	huma.Register(s.api, operation("list-registrations", http.MethodGet, "/registrations", "List registered contacts", "live", 200),
		func(ctx context.Context, in *struct {
			Limit
			AoR string `query:"aor" doc:"address of record begins with"`
		}) (*listOut[live.Registration], error) {
			l, err := s.Live.Registrations(ctx, in.AoR, in.Limit.Limit)
			if err != nil {
				return nil, s.fail(err)
			}
			return &listOut[live.Registration]{Body: list[live.Registration]{Items: l}}, nil
		})
	huma.Register(s.api, operation("read-counts", http.MethodGet, "/counts", "Figures of now", "live", 200),
		func(ctx context.Context, _ *struct{}) (*struct{ Body live.Counts }, error) {
			c, err := s.Live.Counts(ctx)
			if err != nil {
				return nil, s.fail(err)
			}
			return &struct{ Body live.Counts }{c}, nil
		})
}
