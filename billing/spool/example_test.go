package spool_test

import (
	"context"
	"fmt"
	"os"

	"github.com/class5-go/class5/billing/spool"
)

func Example() {
	dir, err := os.MkdirTemp("", "spool")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	log, err := spool.Open(spool.Config{FS: spool.Dir(dir)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()

	ctx := context.Background()
	if _, err := log.Append(ctx, spool.Key{1}, []byte("the call was answered")); err != nil {
		fmt.Println(err)
		return
	}
	for e, err := range log.Read(ctx, 0) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s; go on at %d\n", e.Data, e.Next)
		if err := log.Ack(e.Next); err != nil {
			fmt.Println(err)
		}
		break
	}
	// Output: the call was answered; go on at 45
}
