package exports

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/parquet"
	"github.com/class5-go/class5/billing/ship/sftp"
)

// Config is one export.
type Config struct {
	// Name of the stream: it keeps its place in the records for its whole life.
	Name string `yaml:"name"`
	// Preset is ngcp-007, csv, jsonl or parquet. The others change it.
	Preset string        `yaml:"preset"`
	Every  time.Duration `yaml:"every"` // 1 h
	// Directory or SFTP is where the files go.
	Directory string     `yaml:"directory"`
	SFTP      SFTPConfig `yaml:"sftp"`

	Prefix  string   `yaml:"prefix"` // begins the names of files; the name of the stream
	Fields  []string `yaml:"fields"` // columns, as in "caller.customer.amount=PRICE"
	Filter  string   `yaml:"filter"` // all or answered
	Parts   string   `yaml:"parts"`  // none, resellers or days
	Folders string   `yaml:"folders"`
	Rows    int      `yaml:"rows"` // of one file; 5000
	Gzip    bool     `yaml:"gzip"`
	Empty   bool     `yaml:"empty"` // a file also when there is nothing to say
	Zone    string   `yaml:"zone"`  // of names, folders and days; UTC

	// Mask shows but the last characters of a column, by its name in the file.
	Mask map[string]int `yaml:"mask"`
	// Hash shows a keyed hash in place of a column; HashKey is a file with the
	// key that nobody else can read.
	Hash    []string `yaml:"hash"`
	HashKey string   `yaml:"hash_key"`

	Rejects bool          `yaml:"rejects"` // what was put aside, in place of the records
	Interim bool          `yaml:"interim"` // records of running calls, in place of the records
	Control bool          `yaml:"control"` // a control file after each day
	Keep    time.Duration `yaml:"keep"`    // files can be sent again for that long; 0: for ever
}

// SFTPConfig is a server that takes files.
type SFTPConfig struct {
	Address    string        `yaml:"address"` // host:port
	User       string        `yaml:"user"`
	Key        string        `yaml:"key"`         // file with a private key, and
	Password   string        `yaml:"password"`    // or file with a password
	KnownHosts string        `yaml:"known_hosts"` // file with the server's key
	Root       string        `yaml:"root"`
	Timeout    time.Duration `yaml:"timeout"`
}

// plain are the fields of the presets that have no order of their own.
var plain = []string{
	"key", "revision", "generation", "call_id", "leg", "type", "status", "code", "init", "start", "duration",
	"caller.account", "caller.user", "caller.domain", "caller.number", "caller.peer",
	"callee.account", "callee.user", "callee.domain", "callee.number", "callee.dialled", "callee.peer", "source", "node", "evidence",
	"caller.customer.amount", "caller.customer.currency", "caller.customer.zone", "caller.reseller.amount", "caller.carrier.amount",
	"callee.customer.amount", "callee.customer.currency", "callee.reseller.amount", "callee.carrier.amount",
}

// running are those of records of running calls, which have no prices.
var running = []string{
	"key", "interim", "call_id", "leg", "type", "init", "start", "end", "duration",
	"caller.account", "caller.user", "caller.domain", "caller.number", "caller.peer",
	"callee.account", "callee.user", "callee.domain", "callee.number", "callee.dialled", "callee.peer", "source", "node",
}

// Interims is how often running calls must have interim records for the exports
// in list, 0 when none asks for them.
func Interims(list []Config) (every time.Duration) {
	for i := range list {
		if c := &list[i]; c.Interim && (every == 0 || c.every() < every) {
			every = c.every()
		}
	}
	return every
}

func (c *Config) every() time.Duration {
	if c.Every == 0 {
		return time.Hour
	}
	return c.Every
}

// stream makes what is to be exported.
func (c *Config) stream() (s ship.Stream, err error) {
	switch c.Preset {
	case "ngcp-007":
		s, err = ship.NGCP007()
	case "csv", "":
		s.Format = ship.CSV{}
	case "jsonl":
		s.Format = ship.JSONLines{}
	case "parquet":
		s.Format = parquet.Format{}
	default:
		err = fmt.Errorf("preset %q is none of ngcp-007, csv, jsonl, parquet", c.Preset)
	}
	if err != nil {
		return s, err
	}
	s.Name, s.Rows, s.Empty = c.Name, c.Rows, c.Empty
	if c.Prefix != "" || s.Prefix == "" {
		s.Prefix = either(c.Prefix, c.Name)
	}
	if s.Zone, err = time.LoadLocation(c.Zone); err != nil || c.Zone == "Local" {
		return s, fmt.Errorf("zone %q is no name of the time zone database", c.Zone)
	}
	if err := c.columns(&s); err != nil {
		return s, err
	}
	if err := c.layout(&s); err != nil {
		return s, err
	}
	if c.Gzip {
		s.Format = ship.Gzip{Format: s.Format}
	}
	return s, nil
}

// columns chooses the fields and hides some.
func (c *Config) columns(s *ship.Stream) (err error) {
	switch {
	case len(c.Fields) > 0:
		s.Fields, err = ship.Fields(c.Fields...)
	case s.Fields == nil && c.Interim && c.Preset != "jsonl":
		s.Fields, err = ship.Fields(running...)
	case s.Fields == nil && c.Preset != "jsonl":
		s.Fields, err = ship.Fields(plain...)
	case s.Fields == nil && len(c.Mask)+len(c.Hash) > 0: // the whole record can hide nothing
		s.Fields, err = ship.Fields(plain...)
	}
	if err != nil {
		return err
	}
	for name, n := range c.Mask {
		f, err := column(s, name)
		if err != nil {
			return err
		}
		*f = ship.Masked(*f, max(n, 0))
	}
	if len(c.Hash) == 0 {
		return nil
	}
	key, err := secret(c.HashKey)
	if err != nil {
		return fmt.Errorf("hash_key: %w", err)
	}
	for _, name := range c.Hash {
		f, err := column(s, name)
		if err != nil {
			return err
		}
		*f = ship.Hashed(*f, key)
	}
	return nil
}

// column finds a text column by its name in the file.
func column(s *ship.Stream, name string) (*ship.Field, error) {
	for i := range s.Fields {
		if f := &s.Fields[i]; f.Name == name && f.Kind == ship.Text {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%q is no text column of the export", name)
}

func (c *Config) layout(s *ship.Stream) error {
	switch c.Filter {
	case "":
	case "all":
		s.Filter = nil
	case "answered":
		s.Filter = ship.Answered
	default:
		return fmt.Errorf("filter %q is none of all, answered", c.Filter)
	}
	parts := map[string]func(*billing.CDR) []string{"none": nil, "resellers": ship.Resellers, "days": ship.Days(s.Zone)}
	if c.Parts != "" {
		p, ok := parts[c.Parts]
		if !ok {
			return fmt.Errorf("parts %q is none of none, resellers, days", c.Parts)
		}
		s.Parts = p
	} else if c.Preset == "parquet" {
		s.Parts = parts["days"]
	}
	folders := map[string]ship.Folders{"": s.Folders, "flat": ship.Flat, "daily": ship.Daily, "monthly": ship.Monthly, "nested": ship.Nested}
	f, ok := folders[c.Folders]
	if !ok {
		return fmt.Errorf("folders %q is none of flat, daily, monthly, nested", c.Folders)
	}
	s.Folders = f
	return nil
}

// sink makes where the files go.
func (c *Config) sink() (ship.Sink, error) {
	if (c.Directory == "") == (c.SFTP.Address == "") {
		return nil, fmt.Errorf("either directory or sftp: address is needed")
	}
	if c.Directory != "" {
		if !filepath.IsAbs(c.Directory) {
			return nil, fmt.Errorf("directory %q is not absolute", c.Directory)
		}
		return ship.Dir(c.Directory), nil
	}
	return c.SFTP.sink()
}

func (c *SFTPConfig) sink() (ship.Sink, error) {
	var auth []ssh.AuthMethod
	if c.Key != "" {
		pem, err := secret(c.Key)
		if err != nil {
			return nil, fmt.Errorf("sftp: key: %w", err)
		}
		key, err := ssh.ParsePrivateKey(pem)
		if err != nil {
			return nil, fmt.Errorf("sftp: key: %w", err)
		}
		auth = append(auth, ssh.PublicKeys(key))
	}
	if c.Password != "" {
		password, err := secret(c.Password)
		if err != nil {
			return nil, fmt.Errorf("sftp: password: %w", err)
		}
		auth = append(auth, ssh.Password(strings.TrimSpace(string(password))))
	}
	known, err := knownhosts.New(c.KnownHosts)
	if err != nil {
		return nil, fmt.Errorf("sftp: known_hosts: %w", err)
	}
	return sftp.New(sftp.Config{Address: c.Address, User: c.User, Auth: auth, HostKey: known, Root: c.Root, Timeout: c.Timeout})
}

// secret reads a file that nobody else can read.
func secret(name string) ([]byte, error) {
	if name == "" {
		return nil, fmt.Errorf("a file is needed")
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others (mode %v)", name, info.Mode().Perm())
	}
	b, err := os.ReadFile(name)
	if err == nil && len(b) == 0 {
		err = fmt.Errorf("%s is empty", name)
	}
	return b, err
}

func either(v, def string) string {
	if v == "" {
		return def
	}
	return v
}
