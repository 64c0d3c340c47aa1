package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/offload"
	"github.com/class5-go/class5/media/record"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/transcode"
)

// RelayConfig is a media relay, in whatever process.
type RelayConfig struct {
	Interfaces    []string          `yaml:"interfaces"` // name/addr!advertised; several of a name take turns
	Aliases       map[string]string `yaml:"aliases"`    // further names of interfaces
	PortMin       uint16            `yaml:"port_min"`   // 30000
	PortMax       uint16            `yaml:"port_max"`   // 40000
	FreeBind      bool              `yaml:"freebind"`   // addresses that this host may not have yet
	Loops         int               `yaml:"loops"`
	AllowLoopback bool              `yaml:"allow_loopback"` // parties on this very machine: tests and demonstrations
	Learning      string            `yaml:"learning"`       // off, immediate, delayed or heuristic
	Sessions      int               `yaml:"sessions"`       // at most; 10,000
	TOS           int               `yaml:"tos"`            // of packets: 184 for audio, 136 for video
	JitterBuffer  time.Duration     `yaml:"jitter_buffer"`  // of transcoded streams, at most; none
	Pauses        PausesConfig      `yaml:"pauses"`         // of transcoded streams; they stay
	Silence       uint8             `yaml:"silence"`        // comfort noise stands for audio below it, -dBov; never
	DTMFLog       netip.AddrPort    `yaml:"dtmf_log"`       // where digits are reported as JSON by UDP; nowhere
	Offload       OffloadConfig     `yaml:"offload"`
	// State is where sessions survive the process: a directory, the URL of a Redis
	// (redis://, rediss:// or unix://, see redisOptions), or, for a proxy, "redis"
	// for that of its store. Empty: none do.
	State string `yaml:"state"`
	// StateName tells the relays of a Redis from each other, each has its own; the
	// node's name. StateLife is how long states stay without their process; 10 m.
	StateName string        `yaml:"state_name"`
	StateLife time.Duration `yaml:"state_life"`

	Recordings RecordingsConfig `yaml:"recordings"`
	Limits     LimitsConfig     `yaml:"limits"`
}

// PausesConfig fills what sources with discontinuous transmission leave out.
type PausesConfig struct {
	After time.Duration `yaml:"after"` // this late is a pause; never
	// Noise is heard in it: a level in -dBov, then octets of spectral information
	// as in RFC 3389; silence.
	Noise []int `yaml:"noise"`
}

// pauses is what the relay is told.
func (c *PausesConfig) pauses() (transcode.Pauses, error) {
	p := transcode.Pauses{After: c.After}
	if len(c.Noise) == 0 {
		return p, nil
	}
	b := make([]byte, len(c.Noise))
	for i, n := range c.Noise {
		if n < 0 || n > 255 {
			return p, fmt.Errorf("noise: %d", n)
		}
		b[i] = byte(n)
	}
	m, err := codec.ParseNoise(b)
	p.Noise = &m
	return p, err
}

// RecordingsConfig is where calls are recorded.
type RecordingsConfig struct {
	Dir     string `yaml:"dir"`     // empty: nothing is recorded
	Pattern string `yaml:"pattern"` // of names: see package media/record
	PCAP    bool   `yaml:"pcap"`    // packets; also when neither is said
	WAV     bool   `yaml:"wav"`     // audio, the parties left and right
	Memory  int    `yaml:"memory"`  // octets that may wait for the disk; 64 MiB
	// Forward is where start forwarding sends audio: tcp://host:port or
	// tls://host:port.
	Forward string `yaml:"forward"`
}

// LimitsConfig refuses new calls while there is too much to do.
type LimitsConfig struct {
	CPU       float64 `yaml:"cpu"`        // busy share of all processors, 0 to 1
	Load      float64 `yaml:"load"`       // of the system, over a minute
	Bandwidth uint64  `yaml:"bandwidth"`  // octets of media received in a second
	PerSource int     `yaml:"per_source"` // sessions begun by one signalling source
}

// OffloadConfig is forwarding in the kernel. Without interfaces there is none.
type OffloadConfig struct {
	Interfaces []string      `yaml:"interfaces"` // network interfaces that packets arrive at
	Dir        string        `yaml:"dir"`        // on a BPF file system; /sys/fs/bpf/class5
	Instance   string        `yaml:"instance"`   // name of this daemon among those of the host
	Lease      time.Duration `yaml:"lease"`      // of flows without this process; 10 m
	Flows      int           `yaml:"flows"`
	// Required refuses to start when the kernel does not take the program. By
	// default all is relayed in user space then.
	Required bool `yaml:"required"`
}

func (c RelayConfig) check(section string) error {
	for _, text := range c.Interfaces {
		if _, err := relay.ParseInterface(text); err != nil {
			return fmt.Errorf("%w: %s: interfaces: %w", ErrConfig, section, err)
		}
	}
	if c.Recordings.Forward != "" {
		if _, _, err := c.Recordings.forwarded(); err != nil {
			return fmt.Errorf("%s: %w", section, err)
		}
		if c.Recordings.Dir == "" {
			return fmt.Errorf("%w: %s: recordings: forward needs dir too", ErrConfig, section)
		}
	}
	if _, err := c.Pauses.pauses(); err != nil {
		return fmt.Errorf("%w: %s: pauses: %w", ErrConfig, section, err)
	}
	if c.Learning != "" {
		if _, err := relay.ParseLearning(c.Learning); err != nil {
			return fmt.Errorf("%w: %s: learning: %w", ErrConfig, section, err)
		}
	}
	if c.Limits.CPU < 0 || c.Limits.CPU > 1 {
		return fmt.Errorf("%w: %s: limits: cpu: %v is no share from 0 to 1", ErrConfig, section, c.Limits.CPU)
	}
	if c.StateLife != 0 && c.StateLife < 10*time.Second {
		return fmt.Errorf("%w: %s: state_life: %v is less than 10s", ErrConfig, section, c.StateLife)
	}
	if redisURL(c.State) {
		if _, err := redisOptions(section+": state", c.State); err != nil {
			return err
		}
	}
	if err := notNegative(section, map[string]float64{
		"loops": float64(c.Loops), "sessions": float64(c.Sessions), "jitter_buffer": float64(c.JitterBuffer), "recordings: memory": float64(c.Recordings.Memory),
		"limits: load": c.Limits.Load, "limits: per_source": float64(c.Limits.PerSource), "offload: lease": float64(c.Offload.Lease), "offload: flows": float64(c.Offload.Flows),
	}); err != nil {
		return err
	}
	return c.sane(section)
}

// notNegative refuses settings below nothing: they would be taken for the
// default, or refuse every call.
func notNegative(section string, settings map[string]float64) error {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if settings[name] < 0 {
			return fmt.Errorf("%w: %s: %s is negative", ErrConfig, section, name)
		}
	}
	return nil
}

// mediaRelay is a relay with what was opened for it.
type mediaRelay struct {
	*relay.Relay
	kernel   *offload.Kernel
	recorder *record.Recorder
	states   io.Closer // where sessions are kept; nil: nowhere, or it is closed elsewhere
}

// newRelay makes the relay of a configuration. change may set what is not in it;
// shared is the proxy's Redis, nil when there is none.
func newRelay(ctx context.Context, section string, c RelayConfig, env Env, shared redis.UniversalClient, change func(*relay.Config)) (*mediaRelay, error) {
	if err := c.check(section); err != nil {
		return nil, err
	}
	rc := relay.Config{
		Aliases: c.Aliases, PortMin: c.PortMin, PortMax: c.PortMax, FreeBind: c.FreeBind, Loops: c.Loops,
		MaxSessions: c.Sessions, TOS: c.TOS, JitterBuffer: c.JitterBuffer, Silence: c.Silence, DTMFLog: c.DTMFLog,
	}
	rc.Pauses, _ = c.Pauses.pauses()
	for _, text := range c.Interfaces {
		i, err := relay.ParseInterface(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: interfaces: %w", ErrConfig, section, err)
		}
		rc.Interfaces = append(rc.Interfaces, i)
	}
	if c.Learning != "" {
		rc.Learning, _ = relay.ParseLearning(c.Learning)
	}
	if c.AllowLoopback {
		rc.Deny = slices.DeleteFunc(relay.DefaultDeny(), func(n netip.Prefix) bool {
			return n.Addr().IsLoopback() || n.Addr() == netip.MustParseAddr("127.0.0.0")
		})
	}
	rc.Certificate = env.Inherit.certificate()
	change(&rc)
	if !c.FreeBind {
		for _, i := range rc.Interfaces {
			if err := ours(ctx, i.Addr); err != nil {
				return nil, fmt.Errorf("%w (%s)", bindError(err), section)
			}
		}
	}
	m := &mediaRelay{}
	var err error
	if m.kernel, err = c.Offload.open(section, env); err != nil {
		return nil, err
	}
	if m.kernel != nil {
		rc.Offload, rc.Renew = m.kernel, c.Offload.Lease/10
	}
	rc.Limits = relay.Limits{CPU: c.Limits.CPU, Load: c.Limits.Load, Bandwidth: c.Limits.Bandwidth, PerSource: c.Limits.PerSource}
	if c.Recordings.Dir != "" {
		if m.recorder, err = record.New(record.Config{Dir: c.Recordings.Dir, Memory: c.Recordings.Memory}, record.WithLogger(env.Log)); err != nil {
			return nil, errors.Join(fmt.Errorf("%w: %s: recordings: %w", ErrConfig, section, err), m.close())
		}
		rc.Recorder = m.recorder
	}
	if rc.Store, m.states, err = c.openState(ctx, section, env, shared); err != nil {
		return nil, errors.Join(err, m.close())
	}
	if m.Relay, err = relay.New(rc, relay.WithLogger(env.Log)); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %s: %w", ErrConfig, section, err), m.close())
	}
	return m, nil
}

// open attaches the kernel's part; nil when there is none.
func (c OffloadConfig) open(section string, env Env) (*offload.Kernel, error) {
	if len(c.Interfaces) == 0 {
		return nil, nil
	}
	k, err := offload.Open(offload.Config{Interfaces: c.Interfaces, Dir: c.Dir, Instance: c.Instance, Lease: c.Lease, Flows: c.Flows, Lock: env.Sockets.take(lockName)})
	switch {
	case err == nil:
		env.Log.Info("plain streams are forwarded in the kernel", "interfaces", c.Interfaces)
		return k, nil
	case c.Required:
		return nil, fmt.Errorf("%w: %s: offload: %w", ErrConfig, section, err)
	}
	env.Log.Warn("all streams are forwarded in user space", "error", err)
	return nil, nil
}

// restore goes on with the sessions that the process before left.
func (m *mediaRelay) restore(ctx context.Context, c RelayConfig, env Env) {
	if c.State == "" {
		return
	}
	n, err := m.Restore(ctx)
	if err != nil {
		env.Log.Error("some media sessions could not be taken over", "error", err)
	}
	if n > 0 {
		env.Log.Info("media sessions of the process before go on", "sessions", n)
	}
}

func (m *mediaRelay) close() error {
	var err error
	if m != nil && m.recorder != nil {
		err = m.recorder.Close()
	}
	if m != nil && m.kernel != nil {
		err = errors.Join(err, m.kernel.Close())
	}
	if m != nil && m.states != nil {
		err = errors.Join(err, m.states.Close())
	}
	return err
}

// ours is an error when media cannot be received at an address: the relay
// would find out with the first call.
func ours(ctx context.Context, a netip.Addr) error {
	c, err := new(net.ListenConfig).ListenPacket(ctx, "udp", netip.AddrPortFrom(a, 0).String())
	if err != nil {
		return err
	}
	return c.Close()
}
