package record_test

import (
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/record"
	"github.com/class5-go/class5/media/rtpwire"
)

func Example() {
	dir, err := os.MkdirTemp("", "record")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	r, err := record.New(record.Config{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()

	rec, err := r.Start(record.Spec{CallID: "a84b4c76e66710@example.com", WAV: true, PCAP: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	caller, err := rec.AddStream(record.Stream{Label: "caller", Payloads: []record.Payload{
		{Type: 8, Name: "PCMA", Clock: 8000, New: func() record.Decoder { return codec.ALaw{} }},
		{Type: 101, Name: "telephone-event", Clock: 8000},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	from, to := netip.MustParseAddrPort("192.0.2.1:4000"), netip.MustParseAddrPort("198.51.100.1:30000")
	packet := append(rtpwire.Header{PayloadType: 8, SSRC: 1}.Append(nil), make([]byte, 160)...)
	rec.Packet(caller, from, to, packet, time.Now())
	rec.Stop()
	<-rec.Done()
	for _, f := range rec.Report().Files {
		fmt.Println(f.Name, f.Complete)
	}
	// Output:
	// a84b4c76e66710@example.com-pcap.pcap true
	// a84b4c76e66710@example.com-mix.wav true
	// a84b4c76e66710@example.com-meta.json true
}
