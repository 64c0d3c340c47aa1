// Package script runs readable text files as tests: commands, each followed by
// the output that it must give.
//
//	# a comment
//	recv udp INVITE branch=1
//	----
//	user: INVITE
//
//	advance 200ms
//	----
//	0.200 udp <- 100 Trying
//
// A block is a command line, further lines of input, a line of four dashes and
// the expected output up to an empty line. Words of the command line are split
// at spaces; those of the form key=value become arguments.
//
// With -update the files are rewritten with the output that came; the diff is
// then for a human to judge.
package script

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the expected output of test scripts")

// Command is one block of a script.
type Command struct {
	Name  string            // first word
	Words []string          // further words without "="
	Args  map[string]string // key=value words
	Input []string          // lines between the command and the dashes
	Line  int               // of the command, from 1
}

// Word is the i-th word behind the name, "" when there are fewer.
func (c *Command) Word(i int) string {
	if i < len(c.Words) {
		return c.Words[i]
	}
	return ""
}

// Arg is the value of key, or def when it is absent.
func (c *Command) Arg(key, def string) string {
	if v, ok := c.Args[key]; ok {
		return v
	}
	return def
}

// RunDir runs every *.txt file of a directory as a subtest. start makes the
// function that carries out the commands of one file.
func RunDir(t *testing.T, dir string, start func(t *testing.T) func(c *Command) string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in %s: %v", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			runFile(t, file, start(t))
		})
	}
}

func runFile(t *testing.T, file string, do func(c *Command) string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	var out strings.Builder
	for i := 0; i < len(lines); {
		if line := lines[i]; strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			out.WriteString(line + "\n")
			i++
			continue
		}
		cmd := parse(lines[i], i+1)
		out.WriteString(lines[i] + "\n")
		for i++; i < len(lines) && lines[i] != "----"; i++ {
			cmd.Input = append(cmd.Input, lines[i])
			out.WriteString(lines[i] + "\n")
		}
		var want []string
		for i++; i < len(lines) && lines[i] != ""; i++ {
			want = append(want, lines[i])
		}
		got := strings.TrimRight(do(cmd), "\n")
		out.WriteString("----\n" + got)
		if got != "" {
			out.WriteString("\n")
		}
		if expected := strings.Join(want, "\n"); got != expected && !*update {
			t.Errorf("%s:%d: %s\ngot:\n%s\nwant:\n%s", file, cmd.Line, cmd.Name, got, expected)
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func parse(line string, n int) *Command {
	words := strings.Fields(line)
	c := &Command{Name: words[0], Args: map[string]string{}, Line: n}
	for _, w := range words[1:] {
		if k, v, ok := strings.Cut(w, "="); ok && k != "" {
			c.Args[k] = v
		} else {
			c.Words = append(c.Words, w)
		}
	}
	return c
}
