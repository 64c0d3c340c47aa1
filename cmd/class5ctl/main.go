// Command class5ctl is for operators: it shows and changes what a running lb
// or media relay knows, takes tokens apart and checks configuration files. It exits with 0 when
// all is well, with 2 when it was called wrongly or a file says something wrong,
// and with 1 for the rest.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/class5-go/class5/cmd/internal/node"
)

const usage = `class5ctl token explain TOKEN [-keys FILE] [-bind TEXT] [-mn NUMBER]
class5ctl lb flows [-limit N]
class5ctl lb bans
class5ctl lb ban PREFIX [-ttl DURATION] [-reason TEXT]
class5ctl lb unban PREFIX
class5ctl lb targets
class5ctl lb drain ADDRESS:PORT
class5ctl lb undrain ADDRESS:PORT
class5ctl lb stats
class5ctl lb media
class5ctl media list [-limit N]
class5ctl media show CALL-ID
class5ctl media terminate CALL-ID | -all
class5ctl media connect CALL-ID TAG OTHER-TAG [-other-call CALL-ID]
                [-directional [-bidirectional]]
class5ctl media disconnect CALL-ID TAG OTHER-TAG [-bidirectional]
class5ctl media inject start | stop CALL-ID TAG SOURCE-TAG
                [-source-call CALL-ID]
class5ctl media block | unblock | silence | unsilence CALL-ID [PARTY]
class5ctl media dtmf block CALL-ID [-mode MODE] [PARTY]
class5ctl media dtmf unblock CALL-ID [PARTY]
class5ctl media dtmf play CALL-ID DIGITS [-duration D] [-pause D] [PARTY]
class5ctl media play CALL-ID FILE [-repeat N] [PARTY]
class5ctl media stop CALL-ID [PARTY]
class5ctl media recording start CALL-ID [-pattern TEXT] [-metadata TEXT]
class5ctl media recording pause | stop CALL-ID
class5ctl media forwarding start CALL-ID [-metadata TEXT] [PARTY]
class5ctl media forwarding stop CALL-ID [PARTY]
class5ctl media drain | undrain
class5ctl media upgrade
class5ctl media limits
class5ctl media totals
class5ctl media interfaces
class5ctl media statistics
class5ctl check FILE

check says whether a file could be started with, or reloaded. SIGHUP has a
running node read its file again. An lb then takes: keys, certificates,
client_ca, internal_ca, tickets, proxies, guard (its tables excepted), message,
connections (their time-outs excepted) and the filter of the tap; a proxy: keys,
certificates, edge_ca and overload: loss. Open connections stay open. Listeners
are bound at the start: to add, change or remove one, as for everything else,
restart; an lb logs at a reload which changed settings wait for that.

PARTY is -tag TAG or -label TEXT, of an offer or answer; everybody when it is
left out. connect lets TAG talk to OTHER-TAG instead of whom it talks to; with
-directional OTHER-TAG gets what TAG sends in a stream of its own, and nothing
else changes. disconnect ends that. inject mixes what SOURCE-TAG says into what
TAG hears. What is recorded goes where the relay's configuration says, FILE is
below its directory of prompts. MODE is drop, silence, tone, random or zero.

  -bind TEXT  what a token is bound to: the Call-ID when it stood in a
              Record-Route, our branch when it stood in a Via (ft)
  -admin URL  the node's admin listener (or $CLASS5_ADMIN; http://127.0.0.1:9190)
  -json       for machines
`

// errUsage is a mistake in the arguments.
var errUsage = errors.New("usage")

func main() { os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) }

// run is main with its surroundings given.
func run(args []string, env func(string) string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return 2
	}
	c := &command{env: env, out: stdout}
	err := c.dispatch(args)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	}
	fmt.Fprintf(stderr, "class5ctl: %v\n", err)
	if errors.Is(err, errUsage) || errors.Is(err, node.ErrConfig) {
		return 2
	}
	return 1
}

// command is one call.
type command struct {
	env  func(string) string
	out  io.Writer
	json bool
}

func (c *command) dispatch(args []string) error {
	switch args[0] {
	case "lb":
		return c.lb(args[1:])
	case "media":
		return c.media(args[1:])
	case "check":
		return c.check(args[1:])
	case "token":
		if len(args) > 1 && args[1] == "explain" {
			return c.explain(args[2:])
		}
	case "help", "-h", "-help", "--help":
		return flag.ErrHelp
	}
	return fmt.Errorf("%w: no command %q (class5ctl help)", errUsage, strings.Join(args[:min(2, len(args))], " "))
}

// flags is a set with the options that all commands have.
func (c *command) flags() *flag.FlagSet {
	f := flag.NewFlagSet("class5ctl", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.BoolVar(&c.json, "json", false, "")
	return f
}

// parse reads options before, between and after the arguments, of which there
// must be as many as names.
func parse(f *flag.FlagSet, args []string, names ...string) ([]string, error) {
	var rest []string
	for {
		if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			return nil, fmt.Errorf("%w: %w", errUsage, err)
		}
		if args = f.Args(); len(args) == 0 {
			break
		}
		rest, args = append(rest, args[0]), args[1:]
	}
	switch {
	case len(rest) < len(names):
		return nil, fmt.Errorf("%w: %s is missing", errUsage, names[len(rest)])
	case len(rest) > len(names):
		return nil, fmt.Errorf("%w: %q is too much", errUsage, rest[len(names)])
	}
	return rest, nil
}
