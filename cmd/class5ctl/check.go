package main

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/class5-go/class5/cmd/internal/node"
)

// setting is one line of a configuration file.
type setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// check reads a configuration file as the nodes do and shows what it says.
func (c *command) check(args []string) error {
	f := c.flags()
	rest, err := parse(f, args, "FILE")
	if err != nil {
		return err
	}
	cfg, err := node.Load(rest[0])
	if err != nil {
		return err
	}
	nodes, wrong := cfg.Check()
	all := settings(nil, "", reflect.ValueOf(*cfg))
	if err := c.explainConfig(rest[0], nodes, all, wrong); err != nil {
		return err
	}
	return wrong
}

func (c *command) explainConfig(file string, nodes []string, all []setting, wrong error) error {
	if c.json {
		m := map[string]any{"file": file, "nodes": nodes, "settings": all, "valid": wrong == nil}
		if wrong != nil {
			m["errors"] = strings.Split(wrong.Error(), "\n")
		}
		return c.encode(m)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, s := range all {
		fmt.Fprintf(w, "%s\t%s\n", s.Name, printable(s.Value))
	}
	if wrong == nil {
		fmt.Fprintf(w, "\n%s: fit for %s\n", file, strings.Join(nodes, ", "))
	}
	return w.Flush()
}

// settings lists what a configuration says that is not left to the defaults, by
// the names that the file has for it.
func settings(all []setting, name string, v reflect.Value) []setting {
	if v.IsZero() {
		return all
	}
	if text, ok := plain(v); ok {
		if name == "store.dsn" {
			text = "(set)" // holds a password
		}
		return append(all, setting{name, text})
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			if tag == "" || tag == "-" {
				continue
			}
			all = settings(all, strings.TrimPrefix(name+"."+tag, "."), v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			all = settings(all, fmt.Sprintf("%s[%d]", name, i+1), v.Index(i))
		}
	case reflect.Map:
		for _, k := range sorted(v) {
			all = settings(all, fmt.Sprintf("%s.%v", name, k), v.MapIndex(k))
		}
	case reflect.Pointer:
		all = settings(all, name, v.Elem())
	}
	return all
}

// plain is a value that is written in one piece.
func plain(v reflect.Value) (string, bool) {
	switch x := v.Interface().(type) {
	case time.Duration:
		return x.String(), true
	case encoding.TextMarshaler:
		if b, err := x.MarshalText(); err == nil {
			return string(b), true
		}
	case fmt.Stringer:
		return x.String(), true
	}
	switch v.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Map, reflect.Pointer:
		return "", false
	}
	return fmt.Sprint(v.Interface()), true
}

// sorted are the keys of a map in the order of their text.
func sorted(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return keys
}
