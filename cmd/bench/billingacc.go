package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/cmd/internal/load/billbed"
	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/cmd/internal/load/sipgen"
	"github.com/class5-go/class5/cmd/internal/load/target"
	"github.com/class5-go/class5/internal/peer"
)

// accTables are what Kamailio's accounting writes to, in the columns that it
// has by default.
var accTables = []string{
	"CREATE TABLE version (table_name VARCHAR(32) NOT NULL, table_version INT UNSIGNED NOT NULL DEFAULT 0, UNIQUE (table_name))",
	"INSERT INTO version VALUES ('acc', 5)",
	`CREATE TABLE acc (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY NOT NULL, method VARCHAR(16) NOT NULL DEFAULT '', from_tag VARCHAR(128) NOT NULL DEFAULT '',
		to_tag VARCHAR(128) NOT NULL DEFAULT '', callid VARCHAR(255) NOT NULL DEFAULT '', sip_code VARCHAR(3) NOT NULL DEFAULT '',
		sip_reason VARCHAR(128) NOT NULL DEFAULT '', time DATETIME NOT NULL, KEY callid_idx (callid))`,
}

// accounted is what a call costs Kamailio, and MariaDB for it.
type accounted struct{ kamailio, maria, rate float64 }

// billingAcc has Kamailio write its accounting into a MariaDB like that of the
// durable way, and the same calls without.
func billingAcc(ctx context.Context, _ *billingOptions, r *report, stderr io.Writer) error {
	ports, err := target.LeasePorts(1)
	if err != nil {
		return err
	}
	defer ports.Release()
	port := ports.First
	server, err := peer.StartMariaDB(ctx, peer.Durable(), peer.Listening(port))
	if err != nil {
		return err
	}
	defer server.Stop() //nolint:errcheck // its data is of no use any more
	bed := billbed.Bed{Server: server}
	db, err := bed.Open(ctx, "acc")
	if err != nil {
		return err
	}
	defer db.Close()
	for _, q := range accTables {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	var figures [2]accounted
	for i, url := range []string{"", fmt.Sprintf("mysql://root@127.0.0.1:%d/acc", port)} {
		figures[i], err = accCalls(ctx, url, server, db, stderr)
		if errors.Is(err, target.ErrNotInstalled) {
			r.add("kamailio acc", "left out: %v", err)
			return nil
		}
		if err != nil {
			return err
		}
	}
	plain, acc := figures[0], figures[1]
	both := acc.kamailio - plain.kamailio + acc.maria
	r.add("kamailio call without acc, CPU µs; calls/s", "%.1f; %.0f", plain.kamailio, plain.rate)
	r.add("kamailio call with acc, CPU µs of kamailio + MariaDB; calls/s", "%.1f + %.1f; %.0f", acc.kamailio, acc.maria, acc.rate)
	if r.durable > 0 {
		r.most("durable / kamailio acc, CPU per call, of what acc adds", "%.2f", r.durable/both, 1)
		r.add("durable / kamailio with acc as a whole, CPU per call", "%.2f", r.durable/(acc.kamailio+acc.maria))
	}
	return nil
}

// accCalls makes calls through Kamailio for some seconds.
func accCalls(ctx context.Context, url string, server *peer.MariaDB, db *sqlx.DB, stderr io.Writer) (a accounted, err error) {
	var o options
	cached := "cached"
	s, _, err := core("call", []string{"-start", "kamailio", "-runs", "1", "-time", "5s", "-window", "64"}, stderr, &o, 64, 1000, &cached)
	if err != nil {
		return a, err
	}
	dir, err := os.MkdirTemp("", "class5-bench-")
	if err != nil {
		return a, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	crowd := s.crowd(true)
	c := target.Core{Domain: s.domain, Password: s.password, Workers: 1, Users: crowd.Names, Accounting: url}
	k, err := c.KamailioCore(dir)
	if err != nil {
		return a, err
	}
	defer k.Stop()
	before, err := meter.Tree(server.PID())
	if err != nil {
		return a, err
	}
	result, err := o.coreOnce(ctx, s, func() (*target.Target, error) { return k, nil }, &sipgen.Callee{}, func(l *sipgen.Lane, slot int) sipgen.Op {
		called := slot + o.window
		return sipgen.Enrolled(sipgen.NewRegister(l, slot, crowd, called, s.users, s.users), sipgen.NewCall(l, slot, crowd, slot, called, false))
	})
	if err == nil && len(result.problems) > 0 {
		err = fmt.Errorf("%v", result.problems)
	}
	if err != nil {
		return a, err
	}
	a = accounted{kamailio: result.figures.unit, rate: result.figures.rate}
	if url == "" {
		return a, nil
	}
	after, err := meter.Tree(server.PID())
	if err != nil {
		return a, err
	}
	var rows int
	if err := db.GetContext(ctx, &rows, "SELECT COUNT(*) FROM acc WHERE method = 'BYE'"); err != nil {
		return a, err
	}
	if rows == 0 {
		return a, errors.New("kamailio wrote no accounting")
	}
	a.maria = us(after.Sub(before).CPU()) / float64(rows)
	return a, nil
}
