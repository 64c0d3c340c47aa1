package dialog_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/wire"
)

type printer struct{}

func (printer) Opened(r *dialog.Record) { fmt.Println("opened", r.CallID) }
func (printer) Closed(r *dialog.Record) {
	fmt.Println("closed", r.Cause, "by", r.EndedBy, "after", r.Duration(r.Ended))
}

func message(text string) *wire.Message {
	m := new(wire.Message)
	if err := m.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n")+"\r\n"), nil); err != nil {
		panic(err)
	}
	return m
}

func ExampleTracker() {
	const ids = "Via: SIP/2.0/UDP a;branch=z9hG4bK1\nMax-Forwards: 70\nCall-ID: 1@a\nFrom: <sip:a@example.com>;tag=a\n"
	calls := dialog.New(dialog.Config{Observer: printer{}})
	now := time.Unix(0, 0)
	call, _ := calls.Begin(now, "1", "", message("INVITE sip:b@example.com SIP/2.0\n"+ids+"To: <sip:b@example.com>\nCSeq: 1 INVITE\n"), nil)
	calls.Response(now, call, message("SIP/2.0 200 OK\n"+ids+"To: <sip:b@example.com>;tag=b\nCSeq: 1 INVITE\n"))
	calls.Request(now.Add(time.Minute), message("BYE sip:b@b SIP/2.0\n"+ids+"To: <sip:b@example.com>;tag=b\nCSeq: 2 BYE\n"))
	// Output:
	// opened 1@a
	// closed bye by caller after 1m0s
}
