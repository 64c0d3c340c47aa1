package capture

import (
	"bytes"
	"container/list"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Message is one SIP message as it crossed an element's socket.
type Message struct {
	At       time.Time      `json:"at"`
	Node     string         `json:"node"`     // name of the element that saw it
	Protocol string         `json:"protocol"` // UDP, TCP, TLS, WS, WSS
	From     netip.AddrPort `json:"from"`
	To       netip.AddrPort `json:"to"`
	Data     []byte         `json:"data"` // with secrets masked
}

// Config bounds a Store. Zero fields take the defaults in brackets.
type Config struct {
	MaxBytes    int           // of all messages [64 MiB]; an eighth more is kept to be used again
	MaxAge      time.Duration // since the last message of a call [15 min]
	MaxPerCall  int           // messages kept of one call [200]
	MaxMessage  int           // bytes kept of one message [16 KiB]
	MaxCallSize int           // bytes kept of one call [256 KiB]
}

func (c Config) withDefaults() Config {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&c.MaxBytes, 64<<20)
	set(&c.MaxPerCall, 200)
	set(&c.MaxMessage, 16<<10)
	set(&c.MaxCallSize, 256<<10)
	if c.MaxAge == 0 {
		c.MaxAge = 15 * time.Minute
	}
	return c
}

// Store holds the messages of recent calls. Its methods may be called from
// any goroutine.
type Store struct {
	cfg     Config
	mu      sync.Mutex
	calls   map[string]*list.Element // of *call, most recently changed at the front
	order   *list.List
	bytes   int
	dropped uint64
	spare   spare
}

type call struct {
	id       string
	bytes    int
	last     time.Time
	messages []Message
}

// overhead is what a kept message costs beside its bytes.
const overhead = 160

// New makes an empty store.
func New(cfg Config) *Store {
	cfg = cfg.withDefaults()
	return &Store{cfg: cfg, calls: make(map[string]*list.Element), order: list.New(), spare: spare{most: cfg.MaxBytes / 8}}
}

// Add keeps a copy of m.Data if it belongs to a call. It reports whether it did.
func (s *Store) Add(m Message) bool {
	callID, ok := callOf(m.Data)
	if !ok {
		return false
	}
	data := m.Data[:min(len(m.Data), s.cfg.MaxMessage)]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(m.At)
	e, ok := s.calls[string(callID)]
	if !ok {
		e = s.order.PushFront(s.spare.call(string(callID)))
		s.calls[string(callID)] = e
		s.bytes += overhead
	}
	c := e.Value.(*call)
	if len(c.messages) >= s.cfg.MaxPerCall || c.bytes+len(data) > s.cfg.MaxCallSize {
		s.dropped++
		return false
	}
	m.Data = append(s.spare.take(len(data)), data...)
	c.messages = append(c.messages, m)
	c.bytes += cap(m.Data) + overhead
	c.last = m.At
	s.bytes += cap(m.Data) + overhead
	s.order.MoveToFront(e)
	for s.bytes > s.cfg.MaxBytes && s.order.Len() > 1 {
		s.remove(s.order.Back())
		s.dropped++
	}
	return true
}

// Call returns the messages of a call in the order in which they were seen,
// with their secrets masked. They are the caller's. Masking is done here and
// not in Add, because few of the calls that are kept are ever looked at.
func (s *Store) Call(callID string) []Message {
	messages := s.kept(callID)
	for i := range messages {
		messages[i].Data = Mask(messages[i].Data)
	}
	return messages
}

// kept copies the messages, whose memory is used again when their call is given
// up.
func (s *Store) kept(callID string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.calls[callID]
	if !ok {
		return nil
	}
	list := slices.Clone(e.Value.(*call).messages)
	for i := range list {
		list[i].Data = bytes.Clone(list[i].Data)
	}
	return list
}

// Stats are the store's present size and what it gave up for its bounds.
type Stats struct {
	Calls, Bytes int
	Dropped      uint64 // messages not kept and calls pushed out
}

// Stats reads the counters.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Calls: s.order.Len(), Bytes: s.bytes, Dropped: s.dropped}
}

func (s *Store) expire(now time.Time) {
	for e := s.order.Back(); e != nil && now.Sub(e.Value.(*call).last) > s.cfg.MaxAge; e = s.order.Back() {
		s.remove(e)
	}
}

func (s *Store) remove(e *list.Element) {
	c := s.order.Remove(e).(*call)
	delete(s.calls, c.id)
	s.bytes -= c.bytes + overhead
	s.spare.keepCall(c)
}
