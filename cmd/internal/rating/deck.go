package rating

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/scenario"
	"github.com/class5-go/class5/billing/tariff"
)

// Layout is how a deck is written.
type Layout string

// Layouts. A CGRateS plan is a directory and can only be read.
const (
	Own      Layout = "own"
	NGCP     Layout = "ngcp"
	CGRateS  Layout = "cgrates"
	JSON     Layout = "json"
	Compiled Layout = "compiled"
)

// Settings are what a CSV deck does not say about its tariff.
type Settings struct {
	Layout   Layout // by the name of the file when empty
	Profile  string // of a JSON file with several ones, or the plan of CGRateS
	Currency string // EUR when empty
	Zone     string
	Windows  []string
	Specials []string
	Rounding string
	Counting string
	Crossing string
}

// config is the tariff that the settings describe.
func (s *Settings) config(name string) (tariff.Config, error) {
	cfg := tariff.Config{Name: name, Location: time.UTC, Currency: billing.MustCurrency("EUR")}
	var err error
	text := func(name, value string, to interface{ UnmarshalText([]byte) error }) {
		if value == "" || err != nil {
			return
		}
		if err = to.UnmarshalText([]byte(value)); err != nil {
			err = fmt.Errorf("%w: -%s: %w", ErrUsage, name, err)
		}
	}
	text("currency", s.Currency, &cfg.Currency)
	text("rounding", s.Rounding, &cfg.Rounding)
	text("counting", s.Counting, &cfg.Counting)
	text("crossing", s.Crossing, &cfg.Crossing)
	for _, w := range s.Windows {
		var v tariff.Window
		text("window", w, &v)
		cfg.Windows = append(cfg.Windows, v)
	}
	for _, w := range s.Specials {
		var v tariff.Special
		text("special", w, &v)
		cfg.Specials = append(cfg.Specials, v)
	}
	if s.Zone != "" && err == nil {
		if cfg.Location, err = time.LoadLocation(s.Zone); err != nil {
			err = fmt.Errorf("%w: -zone: %w", ErrUsage, err)
		}
	}
	return cfg, err
}

// layoutOf guesses a layout by the name of a file.
func layoutOf(path string) Layout {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return CGRateS
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".json":
		return JSON
	case ".c5deck":
		return Compiled
	}
	return Own
}

// Load reads a deck. The error names the file, and in it the line or the JSON
// pointer.
func Load(path string, s Settings) (*tariff.Builder, error) {
	b, err := load(path, s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

func load(path string, s Settings) (*tariff.Builder, error) {
	if s.Layout == "" {
		s.Layout = layoutOf(path)
	}
	cfg, err := s.config(filepath.Base(path))
	if err != nil {
		return nil, err
	}
	if s.Layout == CGRateS {
		return tariff.ReadCGRateS(os.DirFS(path), s.Profile, cfg)
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	switch s.Layout {
	case JSON:
		return fromJSON(in, s.Profile)
	case Compiled:
		return tariff.ReadCompiled(in)
	case Own, NGCP:
	default:
		return nil, fmt.Errorf("%w: no layout %q", ErrUsage, s.Layout)
	}
	b, err := tariff.NewBuilder(cfg)
	if err != nil {
		return nil, err
	}
	if s.Layout == NGCP {
		return b, b.ReadNGCP(in)
	}
	return b, b.ReadCSV(in)
}

// fromJSON takes a profile of a scenario file.
func fromJSON(in io.Reader, profile string) (*tariff.Builder, error) {
	f, err := scenario.Read(in)
	if err != nil {
		return nil, lined(err)
	}
	all, err := f.Tariffs()
	if err != nil {
		return nil, err
	}
	if profile == "" && len(all) == 1 {
		for name := range all {
			profile = name
		}
	}
	t := all[profile]
	if t == nil {
		return nil, fmt.Errorf("%w: -profile is one of %q", ErrUsage, slices.Sorted(maps.Keys(all)))
	}
	b, err := tariff.NewBuilder(t.Config)
	if err != nil {
		return nil, err
	}
	for i := range t.Fees {
		if err := b.Add(t.Fees[i]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// lined puts the line of a scenario in front of its error, where it is known.
func lined(err error) error {
	var e *scenario.Error
	if errors.As(err, &e) && e.Line > 0 {
		return fmt.Errorf("line %d: %w", e.Line, err)
	}
	return err
}

// Convert writes a deck in another layout.
func Convert(out io.Writer, path string, s Settings, to Layout) error {
	b, err := Load(path, s)
	if err != nil {
		return err
	}
	if _, err := b.Build(); err != nil { // nothing half of it
		return fmt.Errorf("%s: %w", path, err)
	}
	switch to {
	case Own:
		err = tariff.WriteCSV(out, b.Fees())
	case NGCP:
		err = tariff.WriteNGCP(out, b.Fees())
	case Compiled:
		err = b.WriteCompiled(out)
	case JSON:
		err = scenario.FromFees("default", b.Config(), b.Fees()).Write(out)
	default:
		err = fmt.Errorf("%w: no layout %q can be written", ErrUsage, to)
	}
	return err
}

// Lint prints what in a deck is likely not meant, compared with the carrier's
// where there is one.
func Lint(out io.Writer, path string, s Settings, carrier string) error {
	b, err := Load(path, s)
	if err != nil {
		return err
	}
	snapshot, err := b.Build()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	found := snapshot.Lint()
	if carrier != "" {
		other, err := Load(carrier, s)
		if err != nil {
			return err
		}
		cost, err := other.Build()
		if err != nil {
			return fmt.Errorf("%s: %w", carrier, err)
		}
		more, err := snapshot.LintMargin(cost)
		if err != nil {
			return err
		}
		found = append(found, more...)
	}
	for _, f := range found {
		fmt.Fprintf(out, "%s: %s: %s\n", path, f.Code, f)
	}
	if len(found) > 0 {
		return fmt.Errorf("%w: %d in %s", ErrFindings, len(found), path)
	}
	return nil
}
