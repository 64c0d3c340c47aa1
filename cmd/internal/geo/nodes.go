package geo

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/internal/rendezvous"
	"github.com/class5-go/class5/media/ng"
)

// node is one relay. Its number in tokens is its place in the list, from 1.
type node struct {
	client *ng.Client
	weight float64
	down   atomic.Bool
	counts [commands]struct{ ok, refused, full, failed atomic.Uint64 }
}

// Command is a kind of question to a relay.
type Command uint8

// Offers, answers, deletes, and answers that only say that an earlier one is
// final.
const (
	Offer Command = iota
	Answer
	Delete
	Confirm
	commands
)

var commandNames = [commands]string{"offer", "answer", "delete", "confirm"}

func (c Command) String() string { return commandNames[c] }

// Counts is what became of questions.
type Counts struct {
	OK      uint64 `json:"ok"`
	Refused uint64 `json:"refused"` // an error in the answer
	Full    uint64 `json:"full"`    // the relay takes no further session
	Failed  uint64 `json:"failed"`  // no answer
}

// NodeStats is one relay and the questions to it, by [Command].
type NodeStats struct {
	URL    string
	Up     bool
	Weight float64
	Counts [commands]Counts
}

func (n *node) stats() NodeStats {
	s := NodeStats{URL: n.client.URL(), Up: !n.down.Load(), Weight: n.weight}
	for i := range n.counts {
		c := &n.counts[i]
		s.Counts[i] = Counts{OK: c.ok.Load(), Refused: c.refused.Load(), Full: c.full.Load(), Failed: c.failed.Load()}
	}
	return s
}

// choose is the order in which relays are asked to take a new call: those that
// are up, by the hash of the Call-ID and their weights.
func (a *Anchor) choose(callID []byte) []int {
	all := a.table.Order(nil, rendezvous.Hash(a.seed, callID))
	up := all[:0]
	for _, i := range all {
		if a.nodes[i].weight > 0 && !a.nodes[i].down.Load() {
			up = append(up, i)
		}
	}
	return up
}

// at is the relay of a call that has one, if it is up.
func (a *Anchor) at(number uint8) []int {
	i := int(number) - 1
	if i < 0 || i >= len(a.nodes) || a.nodes[i].down.Load() {
		return nil
	}
	return []int{i}
}

// do asks one relay and counts what becomes of it.
func (a *Anchor) do(ctx context.Context, i int, q *question) (ng.Dict, error) {
	n := a.nodes[i]
	reply, err := n.client.DoCookie(ctx, q.cookie, q.request)
	c := &n.counts[q.command]
	var said *ng.ReplyError
	switch {
	case err == nil:
		c.ok.Add(1)
	case full(err):
		c.full.Add(1)
	case errors.As(err, &said):
		c.refused.Add(1)
	case errors.Is(err, ng.ErrCookie): // it is being asked already, and nobody waits
	default:
		c.failed.Add(1)
		if a.ctx.Err() == nil && !n.down.Swap(true) {
			a.log.Warn("media relay", "url", n.client.URL(), "up", false, "error", err)
		}
	}
	return reply, err
}

// full tells that another relay may take the call.
func full(err error) bool {
	var said *ng.ReplyError
	return errors.Is(err, ng.ErrLoadLimit) || errors.As(err, &said) && said.Full()
}

// Run asks relays that are down whether they are back, and forgets answers that
// nobody fetched, until ctx is done.
func (a *Anchor) Run(ctx context.Context) {
	t := time.NewTicker(a.cfg.Recheck)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		var wg sync.WaitGroup
		for _, n := range a.nodes {
			if n.down.Load() {
				wg.Go(func() {
					if n.client.Ping(ctx) == nil && n.down.Swap(false) {
						a.log.Info("media relay", "url", n.client.URL(), "up", true)
					}
				})
			}
		}
		wg.Wait()
		a.expire()
	}
}
