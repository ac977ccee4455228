package target

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/dmwake/dmwake/harness/nearest"
)

var (
	yamlLine     = regexp.MustCompile(`^line (\d+): (.*)$`)
	unknownField = regexp.MustCompile(`^field (\S+) not found in type (\S+)$`)
	wrongKind    = regexp.MustCompile("^cannot unmarshal (!!\\w+)(?: `[^`]*`)? into (.+)$")
	twice        = regexp.MustCompile(`^mapping key ("[^"]*") already defined at line (\d+)$`)
)

// yamlError turns the decoder's error into file, line and problem, for every line that is
// wrong.
func yamlError(path string, err error) error {
	var types *yaml.TypeError
	if !errors.As(err, &types) || len(types.Errors) == 0 {
		text, parser := strings.CutPrefix(err.Error(), "yaml: ")
		where, what := path, ""
		if parser {
			what = "this is not YAML: "
		}
		if m := yamlLine.FindStringSubmatch(text); m != nil {
			where, text = path+":"+m[1], m[2]
		}
		return &ConfigError{where, what + text}
	}
	out := &ConfigError{Where: path}
	for i, text := range types.Errors {
		where := path
		if m := yamlLine.FindStringSubmatch(text); m != nil {
			where, text = path+":"+m[1], m[2]
		}
		text = yamlProblem(text)
		if i == 0 {
			out.Where, out.What = where, text
			continue
		}
		out.What += "\n" + where + ": " + text
	}
	return out
}

// yamlProblem says in the words of the file what the decoder says in those of Go.
func yamlProblem(text string) string {
	if m := unknownField.FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("unknown key %q%s", m[1], nearest.Hint(m[1], keysOf(m[2])))
	}
	if m := twice.FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("the key %s is in line %s already", m[1], m[2])
	}
	m := wrongKind.FindStringSubmatch(text)
	switch {
	case m == nil:
		return text
	case m[2] == "target.Secret":
		return "secrets must not be written here; use {env: NAME} or {file: PATH}"
	}
	return fmt.Sprintf("expected %s, found %s", expected(m[2]), cmp.Or(found[m[1]], "another value"))
}

// found names what a file has, by the tags of YAML.
var found = map[string]string{"!!str": "text", "!!seq": "a list", "!!map": "names with values", "!!int": "a number", "!!float": "a number", "!!bool": "true or false",
	"!!null": "nothing", "!!timestamp": "a time"}

// expected names what a key takes, by the type in Go.
func expected(of string) string {
	switch {
	case of == "string":
		return "text"
	case of == "bool":
		return "true or false"
	case of == "time.Duration":
		return "a duration, such as 30s"
	case strings.HasPrefix(of, "int"), strings.HasPrefix(of, "uint"):
		return "a whole number"
	case strings.HasPrefix(of, "float"):
		return "a number"
	case strings.HasPrefix(of, "[]"):
		return "a list"
	}
	if keys := keysOf(of); len(keys) > 0 {
		return "names with values, such as " + keys[0] + ": ..."
	}
	return "names with values"
}

// keysOf are the keys of a section, by its type.
func keysOf(of string) (keys []string) {
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return
		}
		seen[t] = true
		if t.String() == of && keys == nil {
			keys = keysIn(t)
		}
		for f := range t.Fields() {
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[Config]())
	return keys
}

func keysIn(t reflect.Type) (keys []string) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			keys = append(keys, keysIn(f.Type)...)
		case name != "" && name != "-":
			keys = append(keys, name)
		}
	}
	return keys
}
