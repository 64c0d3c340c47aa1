package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/class5-go/class5/internal/fdpass"
	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/relay"
)

// handVersion is that of the messages between a process and its successor.
const handVersion = 2

// Kinds of messages, in their order.
const (
	handHello   = "hello"   // successor: I am here
	handSockets = "sockets" // predecessor: the listeners, with descriptors
	handReady   = "ready"   // successor: the sessions, please
	handReplies = "replies" // predecessor: what clients were answered
	handSession = "session" // predecessor: one, with descriptors
	handAll     = "all"     // predecessor: that was all
	handTaken   = "taken"   // successor: I could go on with them
	handGo      = "go"      // predecessor: they are yours
	handFailed  = "failed"  // either: it all stays as it was
	handMore    = "more"    // predecessor: this message of a client still came to me
	handReply   = "reply"
)

// handMessage is one message.
type handMessage struct {
	Kind    string   `json:"kind"`
	Version int      `json:"version,omitempty"`
	Names   []string `json:"names,omitempty"`
	// Certificate is that of DTLS handshakes, with its key.
	Certificate []byte        `json:"certificate,omitempty"`
	Session     *relay.Handed `json:"session,omitempty"`
	Replies     []ng.Reply    `json:"replies,omitempty"`
	Error       string        `json:"error,omitempty"`

	ID      uint64         `json:"id,omitempty"`
	Message []byte         `json:"message,omitempty"`
	Cookie  bool           `json:"cookie,omitempty"`
	From    netip.AddrPort `json:"from,omitzero"`
}

func tell(c *fdpass.Conn, m handMessage, fds ...int) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return c.Send(b, fds...)
}

// hear waits for a message of one of the kinds. The descriptors are the
// caller's.
func hear(c *fdpass.Conn, kinds ...string) (m handMessage, fds []int, err error) {
	b, fds, err := c.Receive()
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	for _, k := range kinds {
		if err == nil && k == m.Kind {
			return m, fds, nil
		}
	}
	closeAll(fds)
	switch {
	case err != nil:
	case m.Kind == handFailed:
		err = fmt.Errorf("the other process: %s", m.Error)
	default:
		err = fmt.Errorf("a message %q in place of %q", m.Kind, kinds)
	}
	return m, nil, err
}

// successor answers in the next process what still comes to this one.
type successor struct {
	conn    *fdpass.Conn
	mu      sync.Mutex
	last    uint64
	pending map[uint64]chan handMessage
	gone    bool
}

var errGone = errors.New("the relay has been replaced")

// answer is an ng.Elsewhere.
func (s *successor) answer(ctx context.Context, message []byte, from netip.AddrPort, cookie bool) ([]byte, error) {
	reply := make(chan handMessage, 1)
	s.mu.Lock()
	if s.gone {
		s.mu.Unlock()
		return nil, errGone
	}
	s.last++
	id := s.last
	s.pending[id] = reply
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.pending, id)
		s.mu.Unlock()
	}()
	if err := tell(s.conn, handMessage{Kind: handMore, ID: id, Message: message, From: from, Cookie: cookie}); err != nil {
		return nil, errGone
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case m, ok := <-reply:
		if !ok {
			return nil, errGone
		}
		return m.Message, nil
	}
}

// run takes the replies until the connection ends.
func (s *successor) run() {
	for {
		m, _, err := hear(s.conn, handReply)
		s.mu.Lock()
		if err != nil {
			s.gone = true
			for id, reply := range s.pending {
				close(reply)
				delete(s.pending, id)
			}
			s.mu.Unlock()
			return
		}
		reply := s.pending[m.ID]
		delete(s.pending, m.ID)
		s.mu.Unlock()
		if reply != nil {
			reply <- m
		}
	}
}

// serveLate answers what still comes to the process before, until that ends.
func serveLate(ctx context.Context, c *fdpass.Conn, server *ng.Server) {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	defer c.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		m, _, err := hear(c, handMore)
		if err != nil {
			return
		}
		wg.Go(func() {
			// An error here: it is gone, and so is who asked.
			_ = tell(c, handMessage{Kind: handReply, ID: m.ID, Message: server.Answer(ctx, m.Message, m.From, m.Cookie)})
		})
	}
}
