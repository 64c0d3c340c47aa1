package ship

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/class5-go/class5/billing"
)

// File is one exported file and what a receiver can check it by.
type File struct {
	Stream, Part string
	Number       int64 // from 1, without gaps, for each stream and part
	Name         string
	SHA256       string // of the content, in hexadecimal
	Bytes        int64
	Rows         int
	Totals       Totals
	First, Last  billing.LegKey
	// FirstSeq and LastSeq are where in the store its records were.
	FirstSeq, LastSeq int64
	Made, Sent        billing.Millis // Sent is 0 until the sink took it
	Content           []byte
}

// Totals are the sums over the records of a file.
type Totals struct {
	Duration billing.Millis `json:"duration_ms"`
	// Parties has for side, role and currency, as in "caller.customer.EUR",
	// the sum of the prices.
	Parties map[string]billing.Total `json:"parties"`
}

// Sequenced is a record with its place in the order of storing.
type Sequenced struct {
	Seq int64
	billing.CDR
}

// ErrRaced says that another exporter moved the stream on meanwhile.
var ErrRaced = errors.New("ship: the stream was exported by somebody else")

// ExportStore keeps the records and how far each stream got. sqlstore has one.
type ExportStore interface {
	// After returns the records in force that were stored behind seq, in
	// order, at most limit of them.
	After(ctx context.Context, seq int64, limit int) ([]Sequenced, error)
	// Mark returns up to where a stream was exported, and the last number of
	// each of its parts.
	Mark(ctx context.Context, stream string) (seq int64, numbers map[string]int64, err error)
	// Export records files and moves the mark of a stream, in one
	// transaction; ErrRaced when it is not at from.
	Export(ctx context.Context, stream string, from, to int64, files []File) error
	// Unsent returns the files of a stream that no sink took yet, with their
	// content, in order.
	Unsent(ctx context.Context, stream string, limit int) ([]File, error)
	// Sent notes that a sink took a file.
	Sent(ctx context.Context, f File) error
	// Files returns the files of a stream made in a span of time, without
	// their content, in order.
	Files(ctx context.Context, stream string, from, to billing.Millis) ([]File, error)
	// Content returns the content of a file.
	Content(ctx context.Context, f File) ([]byte, error)
}

// Exporter exports one stream to one sink.
type Exporter struct {
	stream Stream
	store  ExportStore
	sink   Sink
	now    func() time.Time
	log    *slog.Logger
}

// ExporterConfig is what an Exporter is made of. Now and Logger may be nil.
type ExporterConfig struct {
	Stream Stream
	Store  ExportStore
	Sink   Sink
	Now    func() time.Time
	Logger *slog.Logger
}

// NewExporter makes an Exporter.
func NewExporter(cfg ExporterConfig) (*Exporter, error) {
	if err := cfg.Stream.check(); err != nil {
		return nil, err
	}
	if cfg.Store == nil || cfg.Sink == nil {
		return nil, errors.New("ship: an exporter needs a store and a sink")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Exporter{stream: cfg.Stream, store: cfg.Store, sink: cfg.Sink, now: cfg.Now, log: cfg.Logger}, nil
}

// Export makes files of all records that the stream has not had, and sends
// what was not sent. It returns the number of files that the sink took.
func (e *Exporter) Export(ctx context.Context) (sent int, err error) {
	for {
		n, err := e.send(ctx)
		sent += n
		if err != nil {
			return sent, err
		}
		more, err := e.make(ctx)
		if err != nil {
			return sent, err
		}
		if !more {
			n, err := e.send(ctx)
			return sent + n, err
		}
	}
}

// make makes the files of one page of records.
func (e *Exporter) make(ctx context.Context) (more bool, err error) {
	from, numbers, err := e.store.Mark(ctx, e.stream.Name)
	if err != nil {
		return false, fmt.Errorf("ship: stream %s: %w", e.stream.Name, err)
	}
	list, err := e.store.After(ctx, from, e.stream.Rows)
	if err != nil {
		return false, fmt.Errorf("ship: stream %s: %w", e.stream.Name, err)
	}
	to := from
	if len(list) > 0 {
		to = list[len(list)-1].Seq
	}
	more = len(list) == e.stream.Rows
	files, err := e.files(list, numbers, !more)
	if err != nil || len(files) == 0 && to == from {
		return false, err
	}
	if err := e.store.Export(ctx, e.stream.Name, from, to, files); err != nil {
		return false, fmt.Errorf("ship: stream %s: %w", e.stream.Name, err)
	}
	return more, nil
}

// share is what one part gets of a page.
type share struct {
	part    string
	records []*billing.CDR
	first   int64
	last    int64
}

func (e *Exporter) shares(list []Sequenced) []*share {
	var out []*share
	index := map[string]*share{}
	for i := range list {
		c := &list[i].CDR
		if e.stream.Filter != nil && !e.stream.Filter(c) {
			continue
		}
		parts := []string{""}
		if e.stream.Parts != nil {
			parts = e.stream.Parts(c)
		}
		for _, p := range parts {
			s := index[p]
			if s == nil {
				s = &share{part: p, first: list[i].Seq}
				index[p] = s
				out = append(out, s)
			}
			s.records, s.last = append(s.records, c), list[i].Seq
		}
	}
	return out
}

func (e *Exporter) files(list []Sequenced, numbers map[string]int64, end bool) ([]File, error) {
	shares := e.shares(list)
	if len(shares) == 0 && e.stream.Empty && end {
		shares = append(shares, &share{})
	}
	made := e.now()
	files := make([]File, 0, len(shares))
	for _, s := range shares {
		f, err := e.file(s, numbers[s.part]+1, made)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func (e *Exporter) file(s *share, number int64, made time.Time) (File, error) {
	var b bytes.Buffer
	if err := e.stream.Format.Encode(&b, e.stream.Fields, s.records); err != nil {
		return File{}, fmt.Errorf("ship: stream %s: %w", e.stream.Name, err)
	}
	sum := sha256.Sum256(b.Bytes())
	f := File{
		Stream: e.stream.Name, Part: s.part, Number: number, Name: e.stream.name(s.part, number, made),
		SHA256: hex.EncodeToString(sum[:]), Bytes: int64(b.Len()), Rows: len(s.records),
		FirstSeq: s.first, LastSeq: s.last, Made: billing.MillisOf(made), Content: b.Bytes(),
	}
	if n := len(s.records); n > 0 {
		f.First, f.Last = s.records[0].Key, s.records[n-1].Key
	}
	var err error
	f.Totals, err = totals(s.records)
	return f, err
}

func totals(records []*billing.CDR) (Totals, error) {
	t := Totals{Parties: map[string]billing.Total{}}
	for _, c := range records {
		t.Duration += c.Duration
		for i := range c.Parties {
			p := &c.Parties[i]
			key := string(p.Side) + "." + string(p.Role) + "." + p.Amount.Currency().String()
			sum := t.Parties[key]
			if err := sum.Add(p.Amount); err != nil {
				return t, fmt.Errorf("ship: totals: %w", err)
			}
			t.Parties[key] = sum
		}
	}
	return t, nil
}

// send sends what was not sent.
func (e *Exporter) send(ctx context.Context) (n int, err error) {
	for {
		files, err := e.store.Unsent(ctx, e.stream.Name, 16)
		if err != nil || len(files) == 0 {
			return n, err
		}
		for _, f := range files {
			if err := e.put(ctx, f); err != nil {
				return n, err
			}
			n++
		}
	}
}

func (e *Exporter) put(ctx context.Context, f File) error {
	if sum := sha256.Sum256(f.Content); hex.EncodeToString(sum[:]) != f.SHA256 {
		return fmt.Errorf("ship: stored content of %s is damaged", f.Name)
	}
	if err := e.sink.Put(ctx, f.Name, f.Content); err != nil {
		return fmt.Errorf("ship: %s: %w", f.Name, err)
	}
	if err := e.store.Sent(ctx, f); err != nil {
		return fmt.Errorf("ship: %s: %w", f.Name, err)
	}
	e.log.Info("file exported", "stream", f.Stream, "name", f.Name, "rows", f.Rows, "sha256", f.SHA256)
	return nil
}

// Resend sends the files made in a span of time once more, with the bytes they
// were made with.
func (e *Exporter) Resend(ctx context.Context, from, to time.Time) (n int, err error) {
	files, err := e.store.Files(ctx, e.stream.Name, billing.MillisOf(from), billing.MillisOf(to))
	if err != nil {
		return 0, fmt.Errorf("ship: %w", err)
	}
	for _, f := range files {
		if f.Content, err = e.store.Content(ctx, f); err != nil {
			return n, fmt.Errorf("ship: %s: %w", f.Name, err)
		}
		if err := e.put(ctx, f); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// Snapshot makes and sends a file of records that are not stored, such as those
// of running calls. It has a number of the stream and moves no mark: use a
// stream of its own.
func (e *Exporter) Snapshot(ctx context.Context, records iter.Seq[*billing.CDR]) error {
	from, numbers, err := e.store.Mark(ctx, e.stream.Name)
	if err != nil {
		return fmt.Errorf("ship: stream %s: %w", e.stream.Name, err)
	}
	var list []Sequenced
	for c := range records {
		list = append(list, Sequenced{CDR: *c})
		if len(list) > maxRows {
			return fmt.Errorf("ship: stream %s: more than %d records", e.stream.Name, maxRows)
		}
	}
	files, err := e.files(list, numbers, true)
	if err != nil {
		return err
	}
	if err := e.store.Export(ctx, e.stream.Name, from, from, files); err != nil {
		return fmt.Errorf("ship: stream %s: %w", e.stream.Name, err)
	}
	_, err = e.send(ctx)
	return err
}

// controlLine is one file in a control file.
type controlLine struct {
	Part   string         `json:"part,omitempty"`
	Number int64          `json:"number"`
	Name   string         `json:"name"`
	SHA256 string         `json:"sha256"`
	Bytes  int64          `json:"bytes"`
	Rows   int            `json:"rows"`
	Totals Totals         `json:"totals"`
	First  billing.LegKey `json:"first"`
	Last   billing.LegKey `json:"last"`
}

// Control sends the control file of a day that is over, in the zone of the
// stream: of each file made on it a line of JSON with number, size, SHA-256,
// records and sums, so that a receiver can prove that it has all. It is the
// same file whenever it is made.
func (e *Exporter) Control(ctx context.Context, day time.Time) error {
	y, m, d := day.In(e.stream.Zone).Date()
	from, to := time.Date(y, m, d, 0, 0, 0, 0, e.stream.Zone), time.Date(y, m, d+1, 0, 0, 0, 0, e.stream.Zone)
	if e.now().Before(to) {
		return fmt.Errorf("ship: stream %s: the day is not over", e.stream.Name)
	}
	files, err := e.store.Files(ctx, e.stream.Name, billing.MillisOf(from), billing.MillisOf(to))
	if err != nil {
		return fmt.Errorf("ship: stream %s: %w", e.stream.Name, err)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, f := range files {
		if err := enc.Encode(controlLine{f.Part, f.Number, f.Name, f.SHA256, f.Bytes, f.Rows, f.Totals, f.First, f.Last}); err != nil {
			return fmt.Errorf("ship: control file: %w", err)
		}
	}
	name := fmt.Sprintf("control/%s_%s.jsonl", e.stream.Prefix, from.Format("20060102"))
	if err := e.sink.Put(ctx, name, b.Bytes()); err != nil {
		return fmt.Errorf("ship: %s: %w", name, err)
	}
	return nil
}
