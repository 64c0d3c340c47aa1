package tap

import (
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// record is a message without its bytes.
type record struct {
	flow       transport.Flow
	at         time.Time
	start, end int
	dir        transport.Direction
}

// batch holds messages one behind the other. It does not grow.
type batch struct {
	records []record
	data    []byte
	kicked  bool
}

func newBatch(cfg *Config) *batch {
	return &batch{records: make([]record, 0, cfg.Messages), data: make([]byte, 0, cfg.Bytes)}
}

// add copies a message if there is room. half is true once, when half of the
// room is used.
func (b *batch) add(dir transport.Direction, flow *transport.Flow, msg []byte, at time.Time) (ok, half bool) {
	if len(b.records) == cap(b.records) || len(msg) > cap(b.data)-len(b.data) {
		return false, false
	}
	start := len(b.data)
	b.data = append(b.data, msg...)
	b.records = append(b.records, record{flow: *flow, at: at, start: start, end: len(b.data), dir: dir})
	if !b.kicked && (2*len(b.records) > cap(b.records) || 2*len(b.data) > cap(b.data)) {
		b.kicked, half = true, true
	}
	return true, half
}

func (b *batch) message(i int) Message {
	r := &b.records[i]
	return Message{Direction: r.dir, Flow: r.flow, Data: b.data[r.start:r.end], At: r.at}
}

func (b *batch) reset() { b.records, b.data, b.kicked = b.records[:0], b.data[:0], false }
