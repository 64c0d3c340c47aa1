package transaction

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/class5-go/class5/internal/script"
	"github.com/class5-go/class5/sip/wire"
	"pgregory.net/rapid"
)

// moves are the transitions of RFC 3261 figures 5 to 8 and RFC 6026, by
// machine. A single input may lead over two of them (J and K of streams are
// zero), and a lost flow ends every state.
var moves = map[string]map[State][]State{
	"server INVITE": {
		Proceeding: {Completed, Accepted},
		Completed:  {Confirmed},
	},
	"server": {
		Trying:     {Proceeding, Completed},
		Proceeding: {Completed},
	},
	"client INVITE": {
		Calling:    {Proceeding, Completed, Accepted},
		Proceeding: {Completed, Accepted},
	},
	"client": {
		Trying:     {Proceeding, Completed},
		Proceeding: {Completed},
	},
}

func checkMove(t *rapid.T, machine string, m wire.Method, from, to State) {
	if m == wire.INVITE {
		machine += " INVITE"
	}
	if from == to || to == Terminated && from != Terminated {
		return
	}
	if !slices.Contains(moves[machine][from], to) {
		t.Fatalf("%s went from %v to %v", machine, from, to)
	}
}

// TestRandomInputs feeds a layer whatever may come in whatever order: states
// follow the figures, and when everything was answered nothing is left.
func TestRandomInputs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		servers, clients := map[*Server]State{}, map[*Client]State{}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			w.do(drawCommand(rt, w))
			for _, s := range w.servers {
				if last, ok := servers[s]; ok {
					checkMove(rt, "server", s.Method(), last, s.State())
				}
				servers[s] = s.State()
			}
			for _, c := range w.clients {
				if last, ok := clients[c]; ok {
					checkMove(rt, "client", c.Method(), last, c.State())
				}
				clients[c] = c.State()
			}
		}
		w.finish()
		if s := w.layer.Stats(); s.Servers != 0 || s.Clients != 0 || w.layer.wheel.count != 0 {
			rt.Fatalf("left: %d servers, %d clients, %d timers", s.Servers, s.Clients, w.layer.wheel.count)
		}
	})
}

// finish ends the ringing that has no limit of its own and lets all timers run.
func (w *world) finish() {
	w.do(parse("send ok"))
	for i, s := range w.servers {
		if s.State() == Proceeding || s.State() == Trying {
			w.do(parse(fmt.Sprintf("respond 500 tx=%d", i+1)))
		}
	}
	for _, c := range w.clients {
		c.Cancel(w.now, nil)
	}
	w.do(parse("advance 10m"))
}

func parse(line string) *script.Command {
	words := strings.Fields(line)
	c := &script.Command{Name: words[0], Args: map[string]string{}}
	for _, word := range words[1:] {
		if k, v, ok := strings.Cut(word, "="); ok {
			c.Args[k] = v
		} else {
			c.Words = append(c.Words, word)
		}
	}
	return c
}

func drawCommand(t *rapid.T, w *world) *script.Command {
	pick := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }
	status := pick("status", "100", "180", "200", "200", "302", "408", "486", "603")
	flow := pick("flow", "udp", "udp", "tcp")
	branch := pick("branch", "1", "2", "old3")
	switch pick("command", "recv", "recv", "respond", "respond", "client", "reply", "reply", "cancel", "discard", "advance", "send") {
	case "recv":
		method := pick("method", "INVITE", "ACK", "CANCEL", "OPTIONS")
		return parse(fmt.Sprintf("recv %s %s branch=%s to=%s", flow, method, branch, pick("to", "", "t")))
	case "respond":
		if n := len(w.servers); n > 0 {
			return parse(fmt.Sprintf("respond %s tx=%d", status, rapid.IntRange(1, n).Draw(t, "tx")))
		}
	case "client":
		return parse(fmt.Sprintf("client %s %s branch=%d", flow, pick("method", "INVITE", "OPTIONS"), len(w.clients)+10))
	case "reply":
		if method := pick("of", "INVITE", "CANCEL", "OPTIONS"); w.sent[method] != nil {
			return parse(fmt.Sprintf("reply %s %s to=%s", status, method, pick("to", "t", "u")))
		}
	case "cancel":
		if len(w.clients) > 0 {
			return parse("cancel")
		}
	case "discard":
		if len(w.servers) > 0 {
			return parse("discard")
		}
	case "send":
		return parse("send " + pick("fate", "ok", "ok", "ok", "full", "broken"))
	}
	return parse("advance " + pick("time", "10ms", "200ms", "1s", "5s", "40s"))
}

// TestNewNeedsItsConfig: a layer without Send or User would fail later and
// with less of a hint.
func TestNewNeedsItsConfig(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New took a Config without Send and User")
		}
	}()
	New(Config{})
}
