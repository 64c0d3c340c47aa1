package memstore_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/registrar/memstore"
)

// Registrations outlive the process that took them.
func Example() {
	dir, err := os.MkdirTemp("", "registrations")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx, now := context.Background(), time.Now()

	store, _, err := memstore.Open(memstore.Config{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = store.Update(ctx, "sip:alice@example.com", now, func(bs []registrar.Binding) ([]registrar.Binding, error) {
		return append(bs, registrar.Binding{Contact: "sip:alice@192.0.2.1", Expires: now.Add(time.Hour)}), nil
	})
	fmt.Println(err, store.Close())

	store, recovery, err := memstore.Open(memstore.Config{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	bs, err := store.Lookup(ctx, nil, "sip:alice@example.com", now)
	fmt.Println(recovery.Records, bs[0].Contact, err)
	// Output:
	// <nil> <nil>
	// 1 sip:alice@192.0.2.1 <nil>
}
