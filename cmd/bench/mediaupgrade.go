package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"time"

	"github.com/class5-go/class5/cmd/internal/load/mediagen"
	"github.com/class5-go/class5/cmd/internal/load/target"
)

// upgradeTable has the columns of bench media upgrade. What waits in the sockets
// while the sessions move arrives late: the longest time of a packet is the
// pause.
func upgradeTable(title string) *table {
	t := &table{title: title, unit: "packet", runs: make(map[string][]outcome)}
	t.cols = []column{
		{"packet/s", func(f figures) float64 { return f.rate }}, {"loss %", func(f figures) float64 { return f.loss }},
		{"one way p50 µs", func(f figures) float64 { return f.p50 }}, {"p99 µs", func(f figures) float64 { return f.p99 }},
		{"longest ms", func(f figures) float64 { return f.longest }},
	}
	t.goals = []goal{{"loss %", oursMedia, "", 0, true}}
	return t
}

// upgraded has a relay replaced by the next process in the middle of a run.
func (b *mediaBench) upgraded(ctx context.Context, start func() (*target.Target, error)) (outcome, error) {
	defer b.clean()
	t, err := start()
	if err != nil {
		return outcome{}, err
	}
	type reply struct {
		pid int
		err error
	}
	replies := make(chan reply, 1)
	asked := false
	cfg := b.config()
	cfg.Begin = func() error {
		asked = true
		go func() {
			select {
			case <-time.After(b.measure / 3):
			case <-ctx.Done():
			}
			pid, err := upgrade(ctx, t)
			replies <- reply{pid, err}
		}()
		return nil
	}
	r, err := mediagen.Run(ctx, cfg)
	if asked {
		next := <-replies
		err = errors.Join(err, next.err)
		if next.pid > 0 {
			defer end(next.pid)
		}
	}
	if err != nil {
		return outcome{}, err
	}
	out := b.judge(t, &r, reading{}, reading{})
	out.longest = float64(r.Latency.Quantile(1).Microseconds()) / 1000
	return out, nil
}

// upgrade has an element start its successor and returns that one's process id.
func upgrade(ctx context.Context, t *target.Target) (pid int, err error) {
	transport := &http.Transport{DialContext: t.Dial}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://%v/media/upgrade", t.Admin), nil)
	if err != nil {
		return 0, err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return 0, fmt.Errorf("upgrade: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	var said struct {
		PID int `json:"pid"`
	}
	if err == nil {
		err = json.Unmarshal(body, &said)
	}
	if err == nil && (resp.StatusCode != http.StatusOK || said.PID <= 0) {
		err = fmt.Errorf("upgrade: %s: %s", resp.Status, body)
	}
	return said.PID, err
}

// end stops a successor, which is a session of its own and nobody's child any
// more.
func end(pid int) {
	_ = syscall.Kill(pid, syscall.SIGTERM)
	for range 50 {
		if syscall.Kill(pid, 0) != nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL)
}
