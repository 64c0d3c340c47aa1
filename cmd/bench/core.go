package main

import (
	"context"
	"fmt"
	"io"

	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/cmd/internal/load/sipgen"
	"github.com/class5-go/class5/cmd/internal/load/target"
	"github.com/class5-go/class5/sip/digest"
)

// subscription are the flags about subscribers.
type subscription struct {
	domain, password, prefix string
	users                    int
	port                     uint
	sdp                      bool
}

// crowd makes the subscribers. For -target, they must be provisioned: names are
// the prefix and a number from 0.
func (s *subscription) crowd(cached bool) *sipgen.Subscribers {
	all := &sipgen.Subscribers{Domain: s.domain, Password: s.password, Algorithm: digest.MD5, Cached: cached}
	for i := range s.users {
		all.Names = append(all.Names, fmt.Sprintf("%s%d", s.prefix, i))
	}
	all.Prepare()
	return all
}

// core parses the flags of register and call and names the elements.
func core(name string, args []string, stderr io.Writer, o *options, window, users int, cached *string) (*subscription, []maker, error) {
	s := &subscription{}
	f := flags(name, "kamailio", window, o)
	f.StringVar(&s.domain, "domain", "bench.test", "SIP domain of the subscribers")
	f.StringVar(&s.password, "password", "bench-password", "password of all subscribers")
	f.StringVar(&s.prefix, "user", "u", "user names are this and a number from 0")
	f.IntVar(&s.users, "users", users, "number of subscribers")
	f.UintVar(&s.port, "port", 0, "first `port` of the clients, so that a second run of -target replaces their bindings")
	if name == "call" {
		f.BoolVar(&s.sdp, "sdp", false, "calls carry descriptions, so that an element with a media relay takes part in the media")
	}
	f.StringVar(cached, "nonce", *cached, "fresh: challenged each time; cached: the nonce is used again; both, for register")
	if err := parse(f, args, stderr, o); err != nil {
		return nil, nil, err
	}
	if name == "call" && *cached == "both" || *cached != "fresh" && *cached != "cached" && *cached != "both" || s.users < 2*o.window {
		return nil, nil, fmt.Errorf("%w: -nonce is fresh, cached or both; -users at least twice -window", errUsage)
	}
	c := target.Core{Domain: s.domain, Password: s.password, Workers: o.workers, Users: s.crowd(false).Names}
	makers, err := o.pick(
		maker{"ours", func(dir string) (*target.Target, error) { return c.Carrier(context.Background(), dir) }},
		maker{"kamailio", c.KamailioCore},
	)
	return s, makers, err
}

// register measures registrations with digest authentication.
func register(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	nonce := "fresh"
	s, makers, err := core("register", args, stderr, &o, 64, 1000, &nonce)
	if err != nil {
		return err
	}
	for _, way := range []string{"fresh", "cached"} {
		if nonce != way && nonce != "both" {
			continue
		}
		crowd := s.crowd(way == "cached")
		t := newTable("registrar, "+o.load()+", MD5 digest, "+map[string]string{
			"fresh": "REGISTER, 401, REGISTER, 200", "cached": "REGISTER with a nonce used before, 200",
		}[way], "reg", "whole")
		t.json = o.json
		err := o.turns(ctx, stderr, t, makers, func(ctx context.Context, start func() (*target.Target, error)) (outcome, error) {
			return o.coreOnce(ctx, s, start, nil, func(l *sipgen.Lane, slot int) sipgen.Op {
				return sipgen.NewRegister(l, slot, crowd, l.Index()*(o.window/o.lanes)+slot, o.window, s.users)
			})
		})
		if err != nil {
			return err
		}
		if err := t.write(stdout); err != nil {
			return err
		}
	}
	return nil
}

// call measures calls from one subscriber to another.
func call(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	nonce := "fresh"
	s, makers, err := core("call", args, stderr, &o, 128, 1000, &nonce)
	if err != nil {
		return err
	}
	crowd := s.crowd(nonce == "cached")
	media := ", no media"
	if s.sdp {
		media = ", with descriptions"
	}
	t := newTable("proxy, "+o.load()+", INVITE, 407, ACK, INVITE, 180, 200, ACK, BYE, 200, no pause"+media, "call", "INVITE to 180")
	t.json = o.json
	err = o.turns(ctx, stderr, t, makers, func(ctx context.Context, start func() (*target.Target, error)) (outcome, error) {
		callee := &sipgen.Callee{}
		result, err := o.coreOnce(ctx, s, start, callee, func(l *sipgen.Lane, slot int) sipgen.Op {
			caller := l.Index()*(o.window/o.lanes) + slot
			called := caller + o.window
			return sipgen.Enrolled(sipgen.NewRegister(l, slot, crowd, called, s.users, s.users), sipgen.NewCall(l, slot, crowd, caller, called, s.sdp))
		})
		if _, _, _, others := callee.Counts(); others > 0 {
			result.problems = append(result.problems, fmt.Sprintf("%d unexpected requests at the callees", others))
		}
		return result, err
	})
	if err != nil {
		return err
	}
	return t.write(stdout)
}

func (o *options) coreOnce(ctx context.Context, s *subscription, start func() (*target.Target, error),
	serve sipgen.Server, op func(*sipgen.Lane, int) sipgen.Op,
) (outcome, error) {
	t, err := start()
	if err != nil {
		return outcome{}, err
	}
	cfg := o.config(nil, 0)
	cfg.Target, cfg.Op, cfg.Serve, cfg.Usage = t.Addr, op, serve, o.usage(t)
	for i := 0; s.port > 0 && i < o.lanes; i++ {
		cfg.Ports = append(cfg.Ports, uint16(s.port)+uint16(i))
	}
	run, err := sipgen.New(ctx, cfg)
	if err != nil {
		return outcome{}, err
	}
	done := o.profileOf(ctx, t)
	r, err := run.Run(ctx)
	done()
	if err != nil {
		return outcome{}, err
	}
	problems := problemsOf(r.Reasons)
	if r.Done == 0 {
		problems = append(problems, fmt.Sprintf("none of %d operations ended well", r.Begun))
	}
	var latency meter.Histogram
	latency.Merge(&r.Latency)
	return outcome{figures: measure(r.Measured, r.Elapsed, r.Usage, r.Lost, r.Begun, &latency), problems: problems}, nil
}
