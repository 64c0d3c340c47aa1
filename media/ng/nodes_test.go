package ng

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

func nodes(t *testing.T, cfg NodesConfig) *Nodes {
	t.Helper()
	for i := range cfg.Nodes {
		cfg.Nodes[i].Timeout, cfg.Nodes[i].Tries = 300*time.Millisecond, 1
	}
	n, err := NewNodes(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// where is the name of the relay that answers a command.
func where(t *testing.T, n *Nodes, callID, command string) string {
	t.Helper()
	reply, err := n.Do(t.Context(), callID, Of("command", command, "call-id", callID, "supports", List{"load limit"}))
	if err != nil {
		t.Fatalf("%s %s: %v", command, callID, err)
	}
	return reply.Str("relay")
}

func TestCallsAreSpreadAndStay(t *testing.T) {
	a, b := &relays{name: "a"}, &relays{name: "b"}
	_, ua := serve(t, a, Config{})
	_, ub := serve(t, b, Config{})
	n := nodes(t, NodesConfig{Nodes: []Node{{ClientConfig: ClientConfig{URL: ua["udp"]}, Weight: 3}, {ClientConfig: ClientConfig{URL: ub["tcp"]}}}})
	first := 0
	for i := range 400 {
		id := fmt.Sprint("call", i)
		at := where(t, n, id, "offer")
		if where(t, n, id, "answer") != at || where(t, n, id, "delete") != at {
			t.Fatalf("%s moved", id)
		}
		if at == "a" {
			first++
		}
	}
	if first < 260 || first > 340 {
		t.Errorf("%d of 400 calls at a relay with three of four shares", first)
	}
}

func TestAnotherRelayIsAsked(t *testing.T) {
	for name, err := range map[string]error{
		"load limit": &LoadLimitError{errors.New("Parallel session limit reached")},
		"ports":      errors.New("Ran out of ports"),
	} {
		t.Run(name, func(t *testing.T) {
			full, ok := &relays{name: "full", err: err}, &relays{name: "ok"}
			_, u1 := serve(t, full, Config{})
			_, u2 := serve(t, ok, Config{})
			n := nodes(t, NodesConfig{Nodes: []Node{{ClientConfig: ClientConfig{URL: u1["udp"]}}, {ClientConfig: ClientConfig{URL: u2["udp"]}}}})
			for i := range 20 {
				id := fmt.Sprint("call", i)
				if where(t, n, id, "offer") != "ok" || where(t, n, id, "answer") != "ok" {
					t.Fatal("not moved")
				}
			}
			if full.count.Load() == 0 {
				t.Error("the full relay was never asked")
			}
			if !n.States()[0].Up {
				t.Error("a full relay counts as dead")
			}
		})
	}
}

func TestErrorsOfDescriptionsStay(t *testing.T) {
	bad, other := &relays{err: errors.New("no common codec")}, &relays{}
	_, u1 := serve(t, bad, Config{})
	_, u2 := serve(t, other, Config{})
	n := nodes(t, NodesConfig{Nodes: []Node{{ClientConfig: ClientConfig{URL: u1["udp"]}}, {ClientConfig: ClientConfig{URL: u2["udp"]}, Weight: -1}}})
	var said *ReplyError
	if _, err := n.Do(t.Context(), "c", Of("command", "offer")); !errors.As(err, &said) {
		t.Errorf("error %v", err)
	}
	if other.count.Load() != 0 {
		t.Error("another relay was asked")
	}
}

func TestDeadRelayComesBack(t *testing.T) {
	live := &relays{name: "live"}
	_, u := serve(t, live, Config{})
	back := &relays{name: "back"}
	_, u2 := serve(t, back, Config{})
	n := nodes(t, NodesConfig{Nodes: []Node{{ClientConfig: ClientConfig{URL: "udp://127.0.0.1:9"}}, {ClientConfig: ClientConfig{URL: u["udp"]}}, {ClientConfig: ClientConfig{URL: u2["udp"]}}}})
	n.Enable(2, false)
	for i := range 30 {
		if where(t, n, fmt.Sprint("c", i), "offer") != "live" {
			t.Fatal("went to a dead relay")
		}
	}
	if s := n.States(); s[0].Up || !s[1].Up || s[2].Up {
		t.Fatalf("%+v", s)
	}
	n.recheck(t.Context())
	if s := n.States(); s[0].Up || !s[2].Up {
		t.Fatalf("after a look: %+v", s)
	}
	n.Enable(1, false)
	n.Enable(2, false)
	if _, err := n.Do(t.Context(), "new", Of("command", "offer")); !errors.Is(err, ErrNoNode) {
		t.Errorf("error %v", err)
	}
}

// TestLeftSessions: what a silent relay may have of a call is deleted there when
// it answers again, and before it gets calls.
func TestLeftSessions(t *testing.T) {
	var mu sync.Mutex
	var told []string
	silent := true
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		buf := make([]byte, 65536)
		for {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			cookie, rest, _ := cut(buf[:size])
			d, _, err := Parse(rest)
			if err != nil {
				t.Error(err)
			}
			command := d.Str("command")
			mu.Lock()
			told = append(told, command+" "+d.Str("call-id"))
			answers := !silent || command == "ping"
			mu.Unlock()
			if answers {
				_, _ = conn.WriteTo(Append(append(bytes.Clone(cookie), ' '), Of("result", "ok"), Bencode), from)
			}
		}
	})
	t.Cleanup(func() { conn.Close(); serving.Wait() })
	_, u2 := serve(t, &relays{name: "other"}, Config{})
	n := nodes(t, NodesConfig{Nodes: []Node{{ClientConfig: ClientConfig{URL: "udp://" + conn.LocalAddr().String()}, Weight: 1e9}, {ClientConfig: ClientConfig{URL: u2["udp"]}}}})
	if where(t, n, "moved", "offer") != "other" {
		t.Fatal("not moved")
	}
	n.recheck(t.Context()) // it answers nothing but pings
	if n.States()[0].Up {
		t.Error("in use before it has let go of what it has")
	}
	mu.Lock()
	silent, told = false, nil
	mu.Unlock()
	n.recheck(t.Context())
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"ping ", "delete moved"}; !slices.Equal(told, want) || !n.States()[0].Up {
		t.Errorf("told %q, want %q; %+v", told, want, n.States())
	}
}

func TestMemoryOfCallsIsBounded(t *testing.T) {
	h := &relays{name: "a"}
	_, u := serve(t, h, Config{})
	n := nodes(t, NodesConfig{MaxCalls: 10, Nodes: []Node{{ClientConfig: ClientConfig{URL: u["udp"]}}}})
	for i := range 100 {
		where(t, n, fmt.Sprint("c", i), "offer")
		if i%2 == 0 {
			where(t, n, fmt.Sprint("c", i), "delete")
		}
	}
	if len(n.calls) > 10 || len(n.queue) > 20 {
		t.Errorf("%d calls, %d queued", len(n.calls), len(n.queue))
	}
}
