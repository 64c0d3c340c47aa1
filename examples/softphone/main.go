// Command softphone is a telephone for the command line. It registers, calls or
// waits for a call, sends a tone or a recording as G.711, counts and records
// what it hears, and hangs up.
//
//	softphone -server 192.0.2.1:5060 -user bob -password ... -answer -record heard.wav
//	softphone -server 192.0.2.1:5060 -user alice -password ... -transport tcp -call bob -duration 10s
//
// It ends with 0 when a call was made and RTP came in, so that scripts can use
// it beside other phones. It shows how a user agent is put together: package
// transport moves the messages, shard gives them to one goroutine, transaction
// runs the timers, digest answers challenges, sdp negotiates.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

type options struct {
	server, domain, user, password string
	transport                      string
	call                           string
	answer, noRegister             bool
	duration, wait                 time.Duration
	tone                           int
	wav, record, codecs            string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "softphone:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	server, local, err := o.addresses(ctx)
	if err != nil {
		return err
	}
	protocol, err := transport.ParseProtocol(o.transport)
	if err != nil {
		return err
	}
	media, err := newMedia(local, o)
	if err != nil {
		return err
	}
	defer media.close()
	p, err := newPhone(ctx, o, protocol, server, local, media)
	if err != nil {
		return err
	}
	defer p.close()
	return p.use(ctx, out)
}

func parse(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("softphone", flag.ContinueOnError)
	f.StringVar(&o.server, "server", "127.0.0.1:5060", "registrar and outbound proxy, `host:port`")
	f.StringVar(&o.domain, "domain", "", "SIP domain (default: the host of -server)")
	f.StringVar(&o.user, "user", "", "user name")
	f.StringVar(&o.password, "password", "", "password; better in SOFTPHONE_PASSWORD, which others can't see")
	f.StringVar(&o.transport, "transport", "udp", "udp or tcp")
	f.StringVar(&o.call, "call", "", "`number`, user or SIP URI to call")
	f.BoolVar(&o.answer, "answer", false, "wait for a call and answer it")
	f.BoolVar(&o.noRegister, "no-register", false, "do not register")
	f.DurationVar(&o.duration, "duration", 5*time.Second, "hang up this long after the answer")
	f.DurationVar(&o.wait, "wait", time.Minute, "give up when nobody has answered or called by then")
	f.IntVar(&o.tone, "tone", 440, "tone to send, in `Hz`; 0 is silence")
	f.StringVar(&o.wav, "wav", "", "`file` to send in place of the tone: WAVE, 16 bit, mono, 8 kHz")
	f.StringVar(&o.record, "record", "", "`file` for what is heard")
	f.StringVar(&o.codecs, "codecs", "PCMA,PCMU", "codecs, best first")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if o.password == "" {
		o.password = os.Getenv("SOFTPHONE_PASSWORD")
	}
	switch {
	case o.user == "":
		return nil, errors.New("-user is needed")
	case (o.call != "") == o.answer:
		return nil, errors.New("either -call or -answer is needed")
	case f.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return o, nil
}

// addresses finds the server, and our own address on the way to it.
func (o *options) addresses(ctx context.Context) (server netip.AddrPort, local netip.Addr, err error) {
	host, _, err := net.SplitHostPort(o.server)
	if err != nil {
		return server, local, err
	}
	if o.domain == "" {
		o.domain = host
	}
	c, err := (&net.Dialer{}).DialContext(ctx, "udp", o.server) // sends nothing
	if err != nil {
		return server, local, err
	}
	defer c.Close()
	server = c.RemoteAddr().(*net.UDPAddr).AddrPort()
	local = c.LocalAddr().(*net.UDPAddr).AddrPort().Addr()
	return netip.AddrPortFrom(server.Addr().Unmap(), server.Port()), local.Unmap(), nil
}

// use is what a person does with a phone.
func (p *phone) use(ctx context.Context, out io.Writer) (err error) {
	if !p.o.noRegister {
		if err := p.register(ctx, 300); err != nil {
			return fmt.Errorf("registration: %w", err)
		}
		fmt.Fprintf(out, "registered %s over %v\n", p.aor, p.flow.Protocol)
		defer func() {
			// Also after Ctrl-C: nobody shall ring a phone that is gone.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			err = errors.Join(err, p.register(ctx, 0))
		}()
	}
	limit, cancel := context.WithTimeout(ctx, p.o.wait)
	defer cancel()
	if p.o.answer {
		fmt.Fprintln(out, "waiting for a call")
		err = p.await(limit)
	} else {
		err = p.invite(limit, p.uri(p.o.call), out)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "in a call with %s, %v\n", p.peer(), p.media)
	ended := "we hung up"
	select {
	case <-p.gone:
		ended = "the other side hung up"
	case <-time.After(p.o.duration):
		err = p.hangUp(ctx)
	case <-ctx.Done():
		c, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		err = p.hangUp(c)
	}
	p.media.close()
	fmt.Fprintf(out, "%s; %s\n", ended, p.media.figures())
	if p.media.heard() == 0 {
		err = errors.Join(err, errors.New("no RTP came in"))
	}
	return errors.Join(err, p.media.save())
}

// uri makes a SIP URI of what a person dials.
func (p *phone) uri(dialled string) string {
	switch {
	case strings.HasPrefix(dialled, "sip:"), strings.HasPrefix(dialled, "sips:"), strings.HasPrefix(dialled, "tel:"):
		return dialled
	case strings.Contains(dialled, "@"):
		return "sip:" + dialled
	}
	return "sip:" + dialled + "@" + p.o.domain
}
