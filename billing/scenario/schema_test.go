package scenario_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/scenario"
	"github.com/class5-go/class5/billing/tariff"
)

var update = flag.Bool("update", false, "write schema.json anew")

type object = map[string]any

// texts are the types that are strings of a certain form.
var texts = map[reflect.Type]object{
	reflect.TypeFor[scenario.Money](): {"type": "string", "pattern": `^-?[0-9]+(\.[0-9]+)?$`},
	reflect.TypeFor[scenario.Price](): {"type": "string", "pattern": `^-?[0-9]+(\.[0-9]+)?(/[0-9]+)?$`},
	reflect.TypeFor[scenario.Span](): {"anyOf": []any{
		object{"type": "integer"}, object{"type": "string", "pattern": `^-?([0-9]+(\.[0-9]{1,3})?|([0-9]+(\.[0-9]{1,3})?(ms|s|m|h|d))+)$`},
	}},
	reflect.TypeFor[scenario.Time]():     {"type": "string", "pattern": `^([0-9]{4}-[0-9]{2}-[0-9]{2}|[+-])`},
	reflect.TypeFor[billing.Currency]():  {"type": "string", "pattern": `^[A-Z]{3}$`},
	reflect.TypeFor[billing.Rounding]():  {"type": "string", "pattern": `^(half-up|half-even|up|down)( [0-6]( (leg|increment))?)?$`},
	reflect.TypeFor[billing.Direction](): {"enum": []any{"out", "in"}},
	reflect.TypeFor[billing.CallType]():  {"enum": []any{"call", "cfu", "cfb", "cft", "cfna", "cfr", "cfo", "transfer"}},
	reflect.TypeFor[tariff.Service]():    {"enum": []any{"call", "sms", "data"}},
	reflect.TypeFor[tariff.Mode]():       {"enum": []any{"prefix", "exact", "regex-match", "regex-pattern"}},
	reflect.TypeFor[tariff.Counting]():   {"enum": []any{"begun", "nearest", "whole", "exact"}},
	reflect.TypeFor[tariff.Crossing]():   {"enum": []any{"begin", "split"}},
	reflect.TypeFor[tariff.CapAction]():  {"enum": []any{"free", "disconnect"}},
	reflect.TypeFor[balance.Period]():    {"enum": []any{"minute", "hour", "day", "week", "month"}},
	reflect.TypeFor[tariff.Window]():     {"type": "string", "pattern": `^[A-Za-z0-9_-]{1,32}\s+[a-z,-]+\s+[0-9:]+-[0-9:]+$`},
	reflect.TypeFor[tariff.Special]():    {"type": "string", "pattern": `^[A-Za-z0-9_-]{1,32} [0-9T: -]+/[0-9T: -]+$`},
	reflect.TypeFor[jsontext.Value]():    {},
	reflect.TypeFor[scenario.Empty]():    {"type": "object", "additionalProperties": false},
	reflect.TypeFor[json.RawMessage]():   {},
}

// generator makes a schema of Go types and the comments on them.
type generator struct {
	comments map[string]string // by type or type.field
	defs     object
}

func (g *generator) of(t reflect.Type) object {
	if s, ok := texts[t]; ok {
		return s
	}
	switch t.Kind() {
	case reflect.Pointer:
		return g.of(t.Elem())
	case reflect.Slice:
		return object{"type": "array", "items": g.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": g.of(t.Elem())}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Struct:
		return g.define(t)
	}
	panic("no schema for " + t.String())
}

func (g *generator) define(t reflect.Type) object {
	ref := object{"$ref": "#/$defs/" + t.Name()}
	if _, ok := g.defs[t.Name()]; ok {
		return ref
	}
	if t == reflect.TypeFor[scenario.CalendarRef]() {
		g.defs[t.Name()] = object{"description": g.comments[t.Name()], "anyOf": []any{object{"type": "string"}, g.of(reflect.TypeFor[scenario.Calendar]())}}
		return ref
	}
	def := object{"type": "object", "additionalProperties": false, "description": g.comments[t.Name()]}
	g.defs[t.Name()] = def
	properties, needed := object{}, []any{}
	g.fields(t, properties, &needed)
	def["properties"] = properties
	if len(needed) > 0 {
		def["required"] = needed
	}
	return ref
}

func (g *generator) fields(t reflect.Type, properties object, needed *[]any) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			g.fields(f.Type, properties, needed)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := object{}
		for k, v := range g.of(f.Type) {
			p[k] = v
		}
		if list := f.Tag.Get("enum"); list != "" {
			var values []any
			for _, v := range strings.Split(list, ",") {
				values = append(values, v)
			}
			if p["type"] == "array" {
				p["items"] = object{"enum": values}
			} else {
				p["enum"] = values
			}
		}
		if c := g.comments[t.Name()+"."+f.Name]; c != "" {
			p["description"] = c
		}
		properties[name] = p
		if options == "" {
			*needed = append(*needed, name)
		}
	}
}

// comments reads those on types and fields of the package, and on what it
// embeds of others.
func comments(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	list, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(list, "../fraud/limits.go") {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.TYPE {
				continue
			}
			for _, s := range decl.Specs {
				ts := s.(*ast.TypeSpec)
				out[ts.Name.Name] = plain(decl.Doc.Text())
				st, ok := ts.Type.(*ast.StructType)
				if !ok {
					continue
				}
				last := plain(decl.Doc.Text()) // a comment is for the fields below it too
				for _, f := range st.Fields.List {
					if own := plain(f.Doc.Text() + f.Comment.Text()); own != "" {
						last = own
					}
					for _, n := range f.Names {
						out[ts.Name.Name+"."+n.Name] = last
					}
				}
			}
		}
	}
	return out
}

func plain(s string) string { return strings.Join(strings.Fields(s), " ") }

func generate(t *testing.T) []byte {
	g := generator{comments: comments(t), defs: object{}}
	root := g.define(reflect.TypeFor[scenario.File]())
	properties := g.defs["File"].(object)["properties"].(object)
	properties["format"] = object{"const": scenario.Format}
	all := object{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": scenario.Format, "$ref": root["$ref"], "$defs": g.defs,
	}
	step := g.defs["Step"].(object)
	step["minProperties"] = 1
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(all); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSchema: the published schema is that of the Go types, and every member
// in it says what it is.
func TestSchema(t *testing.T) {
	want := generate(t)
	if *update {
		if err := os.WriteFile("schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	var all struct {
		Defs map[string]struct {
			Description string
			Properties  map[string]struct{ Description string }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(scenario.Schema(), &all); err != nil {
		t.Fatal(err)
	}
	for name, d := range all.Defs {
		for member, p := range d.Properties {
			if d.Description == "" || p.Description == "" && member != "format" {
				t.Errorf("%s.%s says nothing", name, member)
			}
		}
	}
	if !bytes.Equal(scenario.Schema(), want) {
		t.Error("schema.json is not that of the types: run go test -run TestSchema -update")
	}
}

// validator compiles the published schema.
func validator(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(scenario.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemaOfScenarios: the schema takes every committed scenario.
func TestSchemaOfScenarios(t *testing.T) {
	s := validator(t)
	for _, path := range files(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(path, err)
		}
		if err := s.Validate(v); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestSchemaRefuses: what the schema refuses, the reader refuses too.
func TestSchemaRefuses(t *testing.T) {
	s := validator(t)
	for _, text := range []string{
		`{}`, `{"format":"class5-rating/2"}`, `{"format":"class5-rating/1","fees":[]}`, `{"format":"class5-rating/1","currency":"eur"}`,
		`{"format":"class5-rating/1","fee":{"price":0.1}}`, `{"format":"class5-rating/1","fee":{"mode":"longest"}}`,
		`{"format":"class5-rating/1","fee":{"price":"0.1","interval":1.5}}`, `{"format":"class5-rating/1","timeline":[{}]}`,
		`{"format":"class5-rating/1","fee":{"cap":{"action":"free"}}}`, `{"format":"class5-rating/1","amounts":"cents"}`,
		`{"format":"class5-rating/1","profiles":{"p":{"calendar":{"windows":["off 18:00-24:00"]}}}}`, `{"format":"class5-rating/1","show":["all"]}`,
		`{"format":"class5-rating/1","timeline":[{"call":{"duration":[1]}}]}`, `[]`,
	} {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if s.Validate(v) == nil {
			t.Errorf("the schema takes %s", text)
		}
		if _, err := scenario.Parse([]byte(text)); err == nil {
			t.Errorf("the reader takes %s", text)
		}
	}
}
