package main

import (
	"context"
	"io"
	"os"
	"runtime/pprof"
	"time"

	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cmd/internal/load/billbed"
	"github.com/class5-go/class5/cmd/internal/load/billgen"
	"github.com/class5-go/class5/internal/peer"
)

// billingDurable carries calls from the spool to a MariaDB that keeps what it
// acknowledges, and inserts the same rows without anything around it.
func billingDurable(ctx context.Context, o *billingOptions, r *report, _ io.Writer) error {
	world, err := billgen.NewWorld(o.prefixes, o.seed)
	if err != nil {
		return err
	}
	world.Fees = nil // a node has compiled decks, not what they were made of
	server, err := peer.StartMariaDB(ctx, peer.Durable())
	if err != nil {
		return err
	}
	defer server.Stop() //nolint:errcheck // its data is of no use any more
	bed := billbed.Bed{Server: server, Load: &billgen.Load{World: world, Seed: o.seed, Calls: o.calls}, Batch: o.batch}
	dir, err := billbed.Dir()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	one, err := bed.Open(ctx, "durable")
	if err != nil {
		return err
	}
	defer one.Close()
	two, err := bed.Open(ctx, "raw")
	if err != nil {
		return err
	}
	defer two.Close()
	done, err := profileTo(o.profile)
	if err != nil {
		return err
	}
	way, err := bed.Durable(ctx, one, dir, sqlstore.Options{})
	done()
	if err != nil {
		return err
	}
	read, err := bed.WhatIf(ctx, one, world)
	if err != nil {
		return err
	}
	raw, err := bed.Raw(ctx, one, two)
	if err != nil {
		return err
	}
	r.durable = us(way.CPU())
	r.least("durable: spool, mediate, rate 3 parties, MariaDB, CDR/s", "%.0f", way.Rate(), 10_000)
	r.add("durable: CPU per CDR, ours and MariaDB's, µs", "%.1f (%.1f + %.1f)", us(way.CPU()), us(way.Ours)/float64(way.Records), us(way.Server)/float64(way.Records))
	r.add("raw multi-row inserts of the same rows, CDR/s", "%.0f", raw.Rate())
	r.add("raw: CPU per CDR, µs", "%.1f (%.1f + %.1f)", us(raw.CPU()), us(raw.Ours)/float64(raw.Records), us(raw.Server)/float64(raw.Records))
	r.most("durable / raw, CPU", "%.2f", float64(way.CPU())/float64(raw.CPU()), 3)
	r.add("what if with the records read from MariaDB, s for a million; CPU per record, µs", "%.1f; %.1f (%.1f + %.1f)",
		1e6/read.Rate(), us(read.CPU()), us(read.Ours)/float64(read.Records), us(read.Server)/float64(read.Records))
	return nil
}

// profileTo begins a CPU profile of this process, unless no file is named.
func profileTo(file string) (done func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}

func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
