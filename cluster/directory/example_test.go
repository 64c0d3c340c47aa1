package directory_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
)

// A platform from nothing: a domain, a tariff, a customer and a subscriber
// with a number; then what a call asks.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	store, err := directory.Open(ctx, directory.Config{DSN: "sqlite:" + filepath.Join(dir, "class5.db")})
	if err != nil {
		panic(err)
	}
	defer store.Close()
	if err := store.Migrate(ctx); err != nil {
		panic(err)
	}

	// All of it or nothing.
	err = store.Update(directory.WithActor(ctx, "example"), func(tx *directory.Tx) error {
		domain, err := tx.Domains().Create(ctx, "sip.example.com")
		if err != nil {
			return err
		}
		profile, err := tx.BillingProfiles().Create(ctx, directory.BillingProfile{Name: "flat", Currency: billing.MustCurrency("EUR")})
		if err != nil {
			return err
		}
		_, err = tx.Fees().Create(ctx, directory.Fee{
			ProfileID: profile.ID, Destination: "43", Zone: "Austria",
			Init: billing.MustPrice("0.03/60"), InitInterval: 60, Follow: billing.MustPrice("0.03/60"), FollowInterval: 1,
		})
		if err != nil {
			return err
		}
		customer, err := tx.Customers().Create(ctx, directory.Customer{Name: "Acme", BillingProfileID: profile.ID})
		if err != nil {
			return err
		}
		_, password, err := tx.Subscribers().Create(ctx, directory.NewSubscriber{
			DomainID: domain.ID, CustomerID: customer.ID, Username: "alice", Numbers: []string{"+43 1 234567"},
		})
		fmt.Println("password:", password, "of", len(password.Reveal()), "characters, for the phone")
		return err
	})
	if err != nil {
		panic(err)
	}

	reader, err := store.NewReader(ctx, directory.ReaderConfig{})
	if err != nil {
		panic(err)
	}
	defer reader.Close()
	callee, err := reader.Resolve(ctx, "+43 1 234567")
	fmt.Println(callee, callee.Numbers, err)
	tariff, err := reader.Tariff(ctx, callee.BillingProfileID)
	if err != nil {
		panic(err)
	}
	fee, found := tariff.Match(billing.Out, callee.Number(), "43987654")
	fmt.Println(fee.Zone(), found)

	_, err = store.Domains().Create(ctx, "sip.example.com")
	fmt.Println(errors.Is(err, directory.ErrConflict), err)
	// Output:
	// password: [secret] of 19 characters, for the phone
	// alice@sip.example.com [431234567] <nil>
	// Austria true
	// true directory: already exists: domain.name
}
