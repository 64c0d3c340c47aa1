package registrar_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/registrar/memstore"
	"github.com/class5-go/class5/sip/wire"
)

// One phone registers; then a call for it finds its way.
func Example() {
	ctx := context.Background()
	now := time.Now()
	store := memstore.New()
	reg, err := registrar.New(registrar.Config{MaxExpires: time.Hour}, store)
	if err != nil {
		fmt.Println(err)
		return
	}
	var m wire.Message
	err = m.Parse([]byte("REGISTER sip:example.com SIP/2.0\r\n"+
		"Via: SIP/2.0/UDP lb.example.com;branch=z9hG4bK2\r\n"+
		"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"+
		"From: <sip:alice@example.com>;tag=1\r\n"+
		"To: <sip:alice@example.com>\r\n"+
		"Call-ID: 1\r\n"+
		"CSeq: 1 REGISTER\r\n"+
		"Path: <sip:token@lb.example.com;lr>\r\n"+
		"Contact: <sip:alice@192.0.2.1:5070>;expires=7200\r\n\r\n"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	res := reg.Register(ctx, &registrar.Request{
		Message: &m, Now: now, Source: netip.MustParseAddrPort("192.0.2.1:5070"), Transport: "UDP",
	})
	response, err := res.AppendResponse(nil, &m, "tag")
	fmt.Println(res.Status, res.AoR, len(response) > 0, err)

	bindings, err := store.Lookup(ctx, nil, "sip:alice@example.com", now.Add(time.Minute))
	for _, b := range bindings {
		fmt.Println(b.Contact, "by", b.Path, "for", b.Expires.Sub(b.Updated).Round(time.Second), err)
	}
	// Output:
	// 200 sip:alice@example.com true <nil>
	// sip:alice@192.0.2.1:5070 by <sip:token@lb.example.com;lr> for 1h0m0s <nil>
}
