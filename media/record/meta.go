package record

import (
	"encoding/json"
	"errors"
	"io"
	"time"
)

// metaReserve is the room that the metadata takes from the beginning, so that
// it can be completed when the disk is full.
const metaReserve = 8 << 10

// metaFile is the description of a recording, JSON.
type metaFile struct {
	f    *file
	room int
}

// meta is its content.
type meta struct {
	CallID    string       `json:"call_id"`
	Label     string       `json:"label,omitempty"`
	Metadata  string       `json:"metadata,omitempty"`
	Start     time.Time    `json:"start"`
	End       *time.Time   `json:"end"` // null: it goes on
	Complete  bool         `json:"complete"`
	Error     string       `json:"error,omitempty"`
	Packets   uint64       `json:"packets"`
	Octets    uint64       `json:"octets"`
	Dropped   uint64       `json:"dropped"`
	Late      uint64       `json:"late"`
	Undecoded uint64       `json:"undecoded"`
	Rate      int          `json:"rate,omitempty"`
	Mix       string       `json:"mix,omitempty"`
	Streams   []metaStream `json:"streams"`
	Pauses    []Pause      `json:"pauses"`
	Joins     []Join       `json:"joins,omitempty"`
	Files     []File       `json:"files"`
}

type metaStream struct {
	Label    string        `json:"label,omitempty"`
	Tag      string        `json:"tag,omitempty"`
	CallID   string        `json:"call_id,omitempty"` // where it is another
	Channel  int           `json:"channel"`
	Payloads []metaPayload `json:"payloads"`
}

type metaPayload struct {
	Type  uint8  `json:"type"`
	Name  string `json:"name"`
	Clock int    `json:"clock"`
}

func newMeta(f *file, rec *Recording) (*metaFile, error) {
	b := rec.describe()
	for len(b) < metaReserve {
		b = append(b, ' ')
	}
	m := &metaFile{f: f, room: len(b)}
	_, err := f.Write(b)
	return m, errors.Join(err, f.flush())
}

// finish completes the description and gives it its name.
func (m *metaFile) finish(rec *Recording) {
	b := rec.describe()
	for len(b) < m.room {
		b = append(b, ' ')
	}
	_, err := m.f.Seek(0, io.SeekStart)
	if err == nil {
		_, err = m.f.Write(b)
	}
	name, e := m.f.finish(rec.Report().Complete && err == nil)
	err = errors.Join(err, e)
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.report.Files = append(rec.report.Files, File{Kind: "meta", Name: name, Octets: int64(len(b)), Complete: rec.report.Complete && err == nil})
	if err != nil {
		rec.report.Complete = false
		rec.report.Err = errors.Join(rec.report.Err, err)
	}
}

func (rec *Recording) describe() []byte {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	p := &rec.report
	m := meta{CallID: rec.spec.CallID, Label: rec.spec.Label, Metadata: rec.spec.Metadata, Start: p.Start, Complete: p.Complete,
		Packets: p.Packets, Octets: p.Octets, Dropped: p.Dropped, Late: p.Late, Undecoded: p.Undecoded, Pauses: rec.pauses, Joins: rec.joins, Files: p.Files}
	if rec.spec.WAV || len(rec.spec.Sinks) > 0 {
		m.Rate, m.Mix = rec.spec.Rate, rec.spec.Mix.String()
	}
	if !p.End.IsZero() {
		m.End = &p.End
	}
	if p.Err != nil {
		m.Error = p.Err.Error()
	}
	for _, s := range rec.streams {
		ms := metaStream{Label: s.Label, Tag: s.Tag, CallID: s.CallID, Channel: s.Channel, Payloads: []metaPayload{}}
		for _, pt := range s.Payloads {
			ms.Payloads = append(ms.Payloads, metaPayload{pt.Type, pt.Name, pt.Clock})
		}
		m.Streams = append(m.Streams, ms)
	}
	b, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return []byte("{}") // a time beyond the year 9999
	}
	return append(b, '\n')
}
