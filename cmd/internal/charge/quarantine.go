package charge

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
)

// Quarantine is where a store keeps what was put aside. sqlstore.Store is one.
type Quarantine interface {
	ship.Store
	Quarantine(ctx context.Context, after int64, limit int) ([]ship.Poison, error)
}

// poison is what was put aside, as an operator sees it: the event or record in
// JSON where it can be read, the bytes in base64 otherwise.
type poison struct {
	ID     int64           `json:"id"`
	Source string          `json:"source"`
	Offset uint64          `json:"offset"`
	Kind   ship.PoisonKind `json:"kind"`
	Leg    billing.LegKey  `json:"leg"`
	Reason string          `json:"reason"`
	Event  *billing.Event  `json:"event,omitempty"`
	Record *billing.CDR    `json:"record,omitempty"`
	Data   string          `json:"data,omitempty"`
}

func show(p ship.Poison) poison {
	out := poison{ID: p.ID, Source: p.Source, Offset: uint64(p.Offset), Kind: p.Kind, Leg: p.Key, Reason: p.Reason}
	var e billing.Event
	var c billing.CDR
	switch {
	case p.Kind == ship.PoisonEvent && e.UnmarshalBinary(p.Data) == nil:
		out.Event = &e
	case p.Kind == ship.PoisonRecord && json.Unmarshal(p.Data, &c) == nil:
		out.Record = &c
	default:
		out.Data = base64.StdEncoding.EncodeToString(p.Data)
	}
	return out
}

// QuarantineHandler is for operators, on a listener that only they reach:
//
//	GET  /quarantine?after=0      what was put aside, up to 100
//	POST /quarantine/{id}/replay  tries it again: as it is, or as the JSON in
//	                              the body says that the event or record is
//
// What can be read and priced is no longer put aside then; otherwise the answer
// is 422 and all is as before.
func (r *Recorder) QuarantineHandler(q Quarantine) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /quarantine", func(w http.ResponseWriter, req *http.Request) {
		after, _ := strconv.ParseInt(req.FormValue("after"), 10, 64) // 0 when it is none
		list, err := q.Quarantine(req.Context(), after, 100)
		if err != nil {
			r.refuse(w, http.StatusServiceUnavailable, err)
			return
		}
		out := make([]poison, len(list))
		for i := range list {
			out[i] = show(list[i])
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out) // who asked is gone when this fails
	})
	mux.HandleFunc("POST /quarantine/{id}/replay", func(w http.ResponseWriter, req *http.Request) {
		id, err := strconv.ParseInt(req.PathValue("id"), 10, 64)
		if err != nil || id < 1 {
			r.refuse(w, http.StatusNotFound, errUnknown)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
		if err != nil {
			r.refuse(w, http.StatusRequestEntityTooLarge, err)
			return
		}
		switch err := r.again(req.Context(), q, id, body); {
		case errors.Is(err, errUnknown):
			r.refuse(w, http.StatusNotFound, err)
		case err != nil:
			r.refuse(w, http.StatusUnprocessableEntity, err)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	return mux
}

var errUnknown = errors.New("charge: nothing of that number was put aside")

func (r *Recorder) refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}

// again tries one thing again. An event goes through the spool, a record to
// rating and the store.
func (r *Recorder) again(ctx context.Context, q Quarantine, id int64, body []byte) error {
	list, err := q.Quarantine(ctx, id-1, 1)
	if err != nil {
		return err
	}
	if len(list) == 0 || list[0].ID != id {
		return errUnknown
	}
	p := list[0]
	if p.Kind != ship.PoisonRecord {
		if len(body) > 0 {
			var e billing.Event
			if err := json.Unmarshal(body, &e); err != nil {
				return err
			}
			if err := e.Validate(); err != nil {
				return err
			}
			p.Key = e.Key()
			if p.Data, err = e.MarshalBinary(); err != nil {
				return err
			}
		}
		return r.shipper.Replay(ctx, p)
	}
	if len(body) > 0 {
		p.Data = body
	}
	var record ship.Record
	if err := json.Unmarshal(p.Data, &record.CDR); err != nil {
		return err
	}
	record.Parties = nil
	if err := r.rate(ctx, &record); err != nil {
		return err
	}
	return q.Store(ctx, ship.Batch{Records: []ship.Record{record}, Cured: []int64{p.ID}})
}
