// Command webrtc-to-sip stands between a browser (DTLS-SRTP, ICE, one port, Opus) and a
// phone that knows plain RTP and G.711 only.
// It reads an offer, up to an empty line, and writes what to offer the other
// party; then the answer and what to answer. It relays until it is interrupted.
//
//	webrtc-to-sip -media 192.0.2.1
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/relay"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "webrtc-to-sip:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	var media netip.Addr
	f := flag.NewFlagSet("webrtc-to-sip", flag.ContinueOnError)
	f.TextVar(&media, "media", netip.MustParseAddr("127.0.0.1"), "`address` for RTP, ports 30000 to 40000")
	if err := f.Parse(args); err != nil {
		return err
	}
	r, err := relay.New(relay.Config{Interfaces: []relay.Interface{{Addr: media}}})
	if err != nil {
		return err
	}
	lines := bufio.NewReader(in)
	read := func() (sdp []byte) {
		for line, err := lines.ReadBytes('\n'); len(line) > 2 && err == nil; line, err = lines.ReadBytes('\n') {
			sdp = append(sdp, line...)
		}
		return sdp
	}
	options := bridge.Options{Transport: "RTP/AVP", ICE: bridge.ICERemove, RTCPMux: bridge.RTCPMux{Demux: true}, Bundle: bridge.Bundle{Accept: true}, Codec: bridge.CodecOptions{Transcode: []string{"PCMA"}}}
	toCallee, errOffer := r.Offer(ctx, relay.OfferRequest{CallID: "1", FromTag: "caller", SDP: read(), Options: options})
	fmt.Fprintf(out, "%s\n", toCallee)
	toCaller, errAnswer := r.Answer(ctx, relay.AnswerRequest{CallID: "1", FromTag: "caller", ToTag: "callee", SDP: read()})
	fmt.Fprintf(out, "%s\n", toCaller)
	if err := errors.Join(errOffer, errAnswer); err != nil {
		return err
	}
	return r.Run(ctx)
}
