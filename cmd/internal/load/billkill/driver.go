package billkill

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cmd/internal/load/billgen"
	"github.com/class5-go/class5/internal/peer"
)

// perRound is how many calls, and how many payments, a round has. In each they
// are shipped, paid, exported, priced anew and exported again.
const perRound = 40

// rounds makes the events of a load, in the order in which a network has them
// within each round, and where each round ends.
func rounds(l *billgen.Load) (events []billing.Event, ends []int) {
	for from := 0; from < l.Calls; from += perRound {
		begin := len(events)
		for n := from; n < min(from+perRound, l.Calls); n++ {
			events = l.Events(events, n)
		}
		slices.SortStableFunc(events[begin:], func(a, b billing.Event) int { return int(a.At - b.At) })
		ends = append(ends, len(events))
	}
	return events, ends
}

// Config of a run.
type Config struct {
	// Command starts a worker; Worker's flags are appended.
	Command []string
	Rounds  int
	Kills   int // spread over all stages of all rounds; 0: the undisturbed run
	Seed    uint64
	// Progress is told what was killed, when not nil.
	Progress func(kills int)
}

// driver plays the network and the operator, and kills.
type driver struct {
	Config
	dir     string
	maria   *peer.MariaDB
	redis   *peer.Redis
	dsn     string
	rng     *rand.Rand
	worker  *process
	Killed  map[string]int // by stage and victim
	durable int
	paid    int
}

// process is a worker.
type process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	errs *strings.Builder
}

// stages of a round.
var stages = []string{"ship", "pay", "export", "rerate", "export again"}

// Run does all rounds and returns what is there in the end.
func Run(ctx context.Context, cfg Config) (*Outcome, error) {
	d := &driver{Config: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 1)), Killed: map[string]int{}}
	var err error
	if d.dir, err = os.MkdirTemp("", "billkill"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(d.dir) //nolint:errcheck // a temporary directory
	if err := d.start(ctx); err != nil {
		return nil, errors.Join(err, d.stop())
	}
	err = d.all(ctx)
	var out *Outcome
	if err == nil {
		out, err = d.outcome(ctx)
	}
	return out, errors.Join(err, d.stop())
}

func (d *driver) all(ctx context.Context) error {
	world, err := billgen.NewWorld(prefixes, seed)
	if err != nil {
		return err
	}
	_, ends := rounds(&billgen.Load{World: world, Seed: seed, Calls: d.Rounds * perRound})
	total := d.Rounds * len(stages)
	for r := range d.Rounds {
		for i, stage := range stages {
			n := r*len(stages) + i
			kills := d.Kills*(n+1)/total - d.Kills*n/total
			if err := d.stage(ctx, stage, r, ends[r], kills); err != nil {
				return fmt.Errorf("round %d, %s: %w", r, stage, err)
			}
		}
	}
	return nil
}

// stage repeats its order until it is done, and kills meanwhile. What is left
// of the kills when it is done hits a repetition, which must change nothing.
func (d *driver) stage(ctx context.Context, stage string, round, events, kills int) error {
	for done := false; !done || kills > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if d.worker == nil {
			if err := d.work(ctx); err != nil {
				return err
			}
		}
		order := map[string]string{
			"ship": fmt.Sprintf("ship %d %d", min(d.durable, events), events), "pay": fmt.Sprintf("pay %d %d", min(d.paid, (round+1)*perRound), (round+1)*perRound),
			"export": "export 0 0", "export again": "export 0 0", "rerate": fmt.Sprintf("rerate %d %d", round*perRound, (round+1)*perRound),
		}[stage]
		if kills == 0 {
			if err := d.order(order); err != nil {
				return fmt.Errorf("%w\n%s", err, d.worker.errs)
			}
			done = true
			continue
		}
		kills--
		finished, err := d.disturbed(ctx, stage, order)
		if err != nil {
			return err
		}
		done = done || finished
		if d.Progress != nil {
			d.Progress(1)
		}
	}
	return nil
}

// disturbed gives an order and kills somebody during it.
func (d *driver) disturbed(ctx context.Context, stage, order string) (finished bool, err error) {
	victim := "worker"
	switch n := d.rng.IntN(100); {
	case n < 10:
		victim = "mariadb"
	case n < 20 && stage == "pay":
		victim = "redis"
	}
	d.Killed[stage+", "+victim]++
	result := make(chan error, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	w := d.worker
	wg.Go(func() { result <- d.order(order) })
	time.Sleep(time.Duration(d.rng.ExpFloat64() * float64(30*time.Millisecond)))
	if victim == "worker" {
		d.kill()
		return <-result == nil, nil
	}
	if victim == "mariadb" {
		d.maria.Kill()
		err = d.maria.Start(ctx)
	} else {
		d.redis.Kill()
		err = d.redis.Start(ctx)
	}
	if err != nil {
		d.kill()
		return false, err
	}
	if err := <-result; err != nil {
		return false, fmt.Errorf("the worker ended when %s was killed: %w\n%s", victim, err, w.errs)
	}
	return true, nil
}

// order gives one order and reads the answers to it.
func (d *driver) order(order string) error {
	if _, err := fmt.Fprintln(d.worker.in, order); err != nil {
		return err
	}
	for {
		line, err := d.worker.out.ReadString('\n')
		if err != nil {
			return err
		}
		var what string
		var n int
		if line == "done\n" {
			return nil
		}
		if _, err := fmt.Sscan(line, &what, &n); err != nil {
			return fmt.Errorf("answer %q", line)
		}
		if what == "durable" {
			d.durable = n + 1
		} else {
			d.paid = n + 1
		}
	}
}

// work starts a worker.
func (d *driver) work(ctx context.Context) error {
	args := append(slices.Clone(d.Command[1:]), "-dir", d.dir, "-dsn", d.dsn, "-redis", d.redis.Socket(), "-calls", fmt.Sprint(d.Rounds*perRound))
	cmd := exec.CommandContext(ctx, d.Command[0], args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	d.worker = &process{cmd: cmd, in: in, out: bufio.NewReader(out), errs: &strings.Builder{}}
	cmd.Stderr = d.worker.errs
	return cmd.Start()
}

func (d *driver) kill() {
	if d.worker == nil {
		return
	}
	_ = d.worker.cmd.Process.Kill()
	_ = d.worker.cmd.Wait()
	d.worker = nil
}

func (d *driver) start(ctx context.Context) (err error) {
	if d.maria, err = peer.StartMariaDB(ctx); err != nil {
		return err
	}
	if err = d.maria.Create(ctx, "billing"); err != nil {
		return err
	}
	d.dsn = d.maria.DSN("billing")
	if d.redis, err = peer.StartRedis(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(d.dir, "spool"), 0o700); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(d.dir, "files"), 0o700); err != nil {
		return err
	}
	return d.prepare(ctx)
}

func (d *driver) stop() error {
	d.kill()
	var err error
	if d.maria != nil {
		err = d.maria.Stop()
	}
	if d.redis != nil {
		err = errors.Join(err, d.redis.Stop())
	}
	return err
}
