package target

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/class5-go/class5/cluster/directory"
)

// Core is a registrar and proxy with subscribers, to be started.
type Core struct {
	Domain   string
	Users    []string // user names
	Password string   // the same for all, at least 8 characters
	Workers  int      // child processes of Kamailio; ours takes what Go takes
	// Accounting is where Kamailio writes a row for each INVITE and BYE that was
	// answered, as its db_mysql has it: mysql://root@127.0.0.1:3306/acc. Empty:
	// it writes none.
	Accounting string
}

// Carrier starts cmd/carrier with a data directory of its own, in which the
// subscribers have been provisioned before.
func (c Core) Carrier(ctx context.Context, dir string) (*Target, error) {
	file, err := Build(dir, "cmd/carrier")
	if err != nil {
		return nil, err
	}
	if err := c.provision(ctx, dir+"/data"); err != nil {
		return nil, fmt.Errorf("provisioning: %w: %w", err, directory.Cause(err))
	}
	ports, err := LeasePorts(11)
	if err != nil {
		return nil, err
	}
	rtp, err := LeasePorts(4000)
	if err != nil {
		return nil, err
	}
	port, media := ports.First, rtp.First
	n := func(i uint16) string { return fmt.Sprint(port + i) }
	p, err := Start(dir, file, "-data", "data", "-domain", c.Domain, "-address", "127.0.0.1", "-advertise", "127.0.0.1",
		"-sip-port", n(0), "-tls-port", n(1), "-ws-port", n(2), "-internal-port", n(4), "-rtp-min", fmt.Sprint(media), "-rtp-max", fmt.Sprint(media+3999),
		"-web", "127.0.0.1:"+n(9), "-admin", "127.0.0.1:"+n(10), "-log", "error")
	if err != nil {
		return nil, err
	}
	p.holds(ports, rtp)
	return withAdmin(port + 10)(ready("cmd/carrier", p, port))
}

// provision makes what the first start of a carrier makes, and subscribers, in
// one transaction.
func (c Core) provision(ctx context.Context, data string) error {
	store, err := openData(ctx, data)
	if err != nil {
		return err
	}
	defer store.Close()
	first, err := store.Bootstrap(ctx, directory.BootstrapOptions{Domain: c.Domain})
	if err != nil {
		return err
	}
	payer, err := store.Customers().Create(ctx, directory.Customer{Name: "load", BillingProfileID: first.Profile.ID})
	if err != nil {
		return err
	}
	return store.Update(ctx, func(tx *directory.Tx) error {
		for _, user := range c.Users {
			_, _, err := tx.Subscribers().Create(ctx, directory.NewSubscriber{
				DomainID: first.Domain.ID, CustomerID: payer.ID, Username: user, Password: directory.Secret(c.Password),
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func openData(ctx context.Context, data string) (*directory.Store, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	store, err := directory.Open(ctx, directory.Config{DSN: "sqlite:" + data + "/class5.db", Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	if err := store.Migrate(ctx); err != nil {
		_ = store.Close()
		return nil, err
	}
	return store, nil
}
