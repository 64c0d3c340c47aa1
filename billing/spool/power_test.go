package spool_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/class5-go/class5/billing/spool"
	"github.com/class5-go/class5/internal/sweep"
)

// life is what a test knows of a log over several power failures.
type life struct {
	t        *testing.T
	rng      *rand.Rand
	disk     *disk
	durable  map[spool.Offset]string // acknowledged to the writer, by begin
	written  map[string]bool         // ever handed over
	consumed spool.Offset
	n        int
}

// TestPowerLoss cuts the power at any operation of the disk, some times in the
// life of a log: what was acknowledged is there, at its offset and unharmed,
// and nothing is there that was never written.
func TestPowerLoss(t *testing.T) {
	for seed := range sweep.Of[uint64](400, 2000) { // of five power cuts each
		l := &life{
			t: t, rng: rand.New(rand.NewPCG(seed, 1)), disk: newDisk(seed),
			durable: map[spool.Offset]string{}, written: map[string]bool{},
		}
		for range 5 {
			l.run()
			l.disk = l.disk.crash()
			l.check(seed)
		}
	}
}

// run works on the log until the power fails.
func (l *life) run() {
	l.disk.dieAt = l.disk.ops + 1 + l.rng.IntN(60)
	log, err := spool.Open(spool.Config{FS: l.disk, SegmentSize: 2000})
	if err != nil {
		if !errors.Is(err, errDead) {
			l.t.Fatal(err)
		}
		return
	}
	defer log.Close()
	for {
		var tickets []spool.Ticket
		var texts []string
		for range 1 + l.rng.IntN(4) {
			l.n++
			text := fmt.Sprintf("%d %0*d", l.n, 1+l.rng.IntN(700), 7)
			tk, err := log.Begin(spool.Key{}, []byte(text))
			if err != nil {
				l.t.Fatal(err)
			}
			l.written[text] = true
			tickets, texts = append(tickets, tk), append(texts, text)
		}
		for i, tk := range tickets {
			end, err := tk.Wait(l.t.Context())
			if err != nil {
				if !errors.Is(err, errDead) {
					l.t.Fatal(err)
				}
				return
			}
			const header = 24
			l.durable[end-spool.Offset(len(texts[i])+header)] = texts[i]
		}
		if l.rng.IntN(5) == 0 {
			l.consume(log)
		}
	}
}

// consume acknowledges a part of the log; not even the segments that go must
// take others along.
func (l *life) consume(log *spool.Log) {
	end := log.Stats().End
	to := l.consumed + spool.Offset(l.rng.Uint64N(uint64(end-l.consumed)+1))
	if err := log.Ack(to); err != nil && !errors.Is(err, errDead) {
		l.t.Fatal(err)
	}
	l.consumed = to
}

// check opens the log after a power failure and compares.
func (l *life) check(seed uint64) {
	log, err := spool.Open(spool.Config{FS: l.disk, SegmentSize: 2000})
	if err != nil {
		l.t.Fatalf("seed %d: %v", seed, err)
	}
	defer log.Close()
	s := log.Stats()
	found := map[spool.Offset]string{}
	if s.First < s.End {
		for e, err := range log.Read(l.t.Context(), s.First) {
			var damage *spool.DamageError
			if err != nil && !errors.As(err, &damage) {
				l.t.Fatalf("seed %d: %v", seed, err)
			}
			if err == nil {
				found[e.Offset] = string(e.Data)
			}
			if e.Next == s.End {
				break
			}
		}
	}
	for o, text := range l.durable {
		if o >= l.consumed && found[o] != text {
			l.t.Fatalf("seed %d: %.20q at %d became %.20q", seed, text, o, found[o])
		}
	}
	for o, text := range found {
		if !l.written[text] {
			l.t.Fatalf("seed %d: %.20q at %d was never written", seed, text, o)
		}
		l.durable[o] = text // it was read, so it must stay
	}
}
