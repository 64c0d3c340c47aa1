package target

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"text/template"

	"github.com/class5-go/class5/sip/digest"
)

// The configurations of Kamailio are templates, so that they can be read, and
// improved by people who know it better.
//
//go:embed kamailio-edge.cfg
var edgeConfig string

//go:embed kamailio-core.cfg
var coreConfig string

// ErrNotInstalled means a foreign server is not on this machine.
var ErrNotInstalled = errors.New("target: not installed")

// settings fill a template.
type settings struct {
	Dir     string
	Port    uint16
	Workers int
	Realm   string
	HA1     map[string]string // by user name
	// Accounting is the URL of a database.
	Accounting string
	// An edge's second listener: tcp or tls, or empty.
	Stream     string
	StreamPort uint16
	WebSocket  bool
	Debug      int // the level above which nothing is logged
}

// fill writes a configuration out.
func (s settings) fill(config string) (string, error) {
	t, err := template.New("kamailio").Parse(config)
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	err = t.Execute(&text, s)
	return text.String(), err
}

// kamailio starts it with the allocators that serve it best: those that Debian
// makes the default are for debugging and cost twice the processor time.
func kamailio(dir string, ports *Ports, workers int, config string, more ...func(*settings)) (*Target, error) {
	if !Installed("kamailio") {
		return nil, fmt.Errorf("%w: kamailio", ErrNotInstalled)
	}
	s := settings{Dir: dir, Port: ports.First, Workers: max(workers, 1)}
	for _, m := range more {
		m(&s)
	}
	text, err := s.fill(config)
	if err != nil {
		return nil, err
	}
	if err := write(dir, "kamailio.cfg", text); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir+"/run", 0o700); err != nil {
		return nil, err
	}
	p, err := Start(dir, "kamailio", "-f", "kamailio.cfg", "-DD", "-E", "-x", "fm", "-X", "fm", "-m", "2048", "-M", "32",
		"-w", dir, "-Y", dir+"/run", "-P", dir+"/run/pid")
	if err != nil {
		return nil, err
	}
	p.holds(ports)
	return ready("kamailio fm", p, ports.First)
}

// KamailioCore starts Kamailio as registrar and stateful proxy for subscribers.
func (c Core) KamailioCore(dir string) (*Target, error) {
	ports, err := LeasePorts(1)
	if err != nil {
		return nil, err
	}
	return kamailio(dir, ports, c.Workers, coreConfig, func(s *settings) {
		s.Realm, s.HA1, s.Accounting = c.Domain, make(map[string]string), c.Accounting
		for _, user := range c.Users {
			s.HA1[user] = digest.HA1(digest.MD5, user, c.Domain, c.Password)
		}
	})
}
