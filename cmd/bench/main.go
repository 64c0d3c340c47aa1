// Command bench measures SIP and RTP elements, ours and others, on one machine
// and with the same load:
//
//	bench relay     a stateless edge over UDP: REGISTER, INVITE, BYE and their answers
//	bench stream    the same with clients on thousands of TCP or TLS connections
//	bench idle      what an idle TCP, TLS, WS or WSS connection costs in memory
//	bench flood     refusing garbage, oversize messages and scanners beside clients
//	bench parse     a request read, edited and written, without sockets
//	bench all       all of these, in less than five minutes
//	bench register  a registrar with digest authentication
//	bench call      a proxy: calls between registered subscribers
//	bench rtp       a media relay on loopback: both directions of many calls
//	bench media     a media relay between two networks, driven over the ng protocol:
//	                plain, SRTP, transcoding, in the kernel, the protocol itself,
//	                the process replaced, and several of one host; -most searches
//	                how many calls it carries
//	bench billing   a call record's way from the spool to MariaDB
//	bench billing-kill  the same with every part of it killed again and again
//
// By default it starts what it measures, in turn, each time anew: ours, built
// from this module, and kamailio or rtpengine where they are installed. With
// -target it drives an element that runs already, and -pid names its process.
// What it has started is gone when it ends, also by a signal.
//
// The main figure is the processor time of the element's whole process tree for
// a unit of work, as the kernel has counted it; it depends less on what else the
// machine does than rates and latencies do. Figures of several runs are given as
// median [least-most]. Only ratios of figures from one run are worth comparing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// errUsage marks a mistake on the command line: exit code 2.
var errUsage = errors.New("usage")

// run is main with its exit code: 1 also when an element did something wrong.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := dispatch(ctx, args, stdout, stderr)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintln(stderr, "bench:", err)
		return 2
	}
	fmt.Fprintln(stderr, "bench:", err)
	return 1
}

func dispatch(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	commands := map[string]func(context.Context, []string, io.Writer, io.Writer) error{
		"relay": relay, "stream": stream, "idle": idle, "flood": flood, "parse": parseCmd,
		"register": register, "call": call, "rtp": rtp, "media": media, "billing": billingBench, "billing-kill": billingKill, "billing-worker": billingWorker,
		"serve-media": serveMedia, "serve-idle": serveIdle,
	}
	if len(args) == 0 {
		return fmt.Errorf("%w: bench all|relay|stream|idle|flood|parse|register|call|rtp|media|billing|billing-kill [flags]; -h shows the flags of each", errUsage)
	}
	if args[0] == "all" {
		return all(ctx, args[1:], stdout, stderr)
	}
	c, ok := commands[args[0]]
	if !ok {
		return fmt.Errorf("%w: no such subcommand: %q", errUsage, args[0])
	}
	return c(ctx, args[1:], stdout, stderr)
}
