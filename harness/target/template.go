package target

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"text/template"
	"text/template/parse"

	"github.com/dmwake/dmwake/harness/nearest"
)

// text is a parsed template, with the names that it uses.
type text struct {
	tmpl      *template.Template
	variables []string
	env       []string // of the environment
}

// texts are the parsed templates of this process. The configuration has a few.
var texts sync.Map // string -> *text

// parseText parses a template. Its errors name what is unknown, and what is known.
func parseText(src string) (*text, error) {
	if t, ok := texts.Load(src); ok {
		return t.(*text), nil //nolint:forcetypeassert // stored below
	}
	names := slices.Sorted(maps.Keys(funcs))
	tmpl, err := template.New("hook").Funcs(funcs).Parse(src)
	if err != nil {
		if m := unknownFunction.FindStringSubmatch(err.Error()); m != nil {
			return nil, unknown("function", m[1], "", names)
		}
		return nil, errors.New(templatePlace.ReplaceAllString(err.Error(), ""))
	}
	t := &text{tmpl: tmpl}
	if err := t.walk(reflect.ValueOf(tmpl.Root)); err != nil {
		return nil, err
	}
	texts.Store(src, t)
	return t, nil
}

var (
	unknownFunction = regexp.MustCompile(`function "([^"]*)" not defined`)
	templatePlace   = regexp.MustCompile(`^template: hook:\d+(:\d+)?: (executing "hook" at )?`)
)

// walk finds the variables that a node and all nodes in it use, and checks their
// names.
func (t *text) walk(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Interface:
		return t.walk(v.Elem())
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		switch n := v.Interface().(type) {
		case *parse.FieldNode:
			return t.use(n.Ident[0])
		case *parse.VariableNode:
			if n.Ident[0] == "$" && len(n.Ident) > 1 {
				return t.use(n.Ident[1])
			}
			return nil
		case *parse.CommandNode:
			t.useEnv(n)
		}
		return t.walk(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			if err := t.walk(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			if err := t.walk(v.Field(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *text) use(name string) error {
	var names []string
	for _, k := range Variables() {
		names = append(names, k.Name)
	}
	if !slices.Contains(names, name) {
		return unknown("variable", name, ".", names)
	}
	t.variables = append(t.variables, name)
	return nil
}

// useEnv notes {{env "NAME"}}.
func (t *text) useEnv(n *parse.CommandNode) {
	if len(n.Args) != 2 {
		return
	}
	f, isFunc := n.Args[0].(*parse.IdentifierNode)
	name, isText := n.Args[1].(*parse.StringNode)
	if isFunc && isText && f.Ident == "env" {
		t.env = append(t.env, name.Text)
	}
}

// unknown words the error for a name, with the nearest one and all of them.
func unknown(kind, name, prefix string, known []string) error {
	listed := make([]string, len(known))
	for i, k := range known {
		listed[i] = prefix + k
	}
	mean := ""
	if near := nearest.Of(name, known); near != "" {
		mean = fmt.Sprintf("; did you mean %s%s?", prefix, near)
	}
	return fmt.Errorf("unknown %s %s%s%s The %ss are %s", kind, prefix, name, cmp.Or(mean, "."), kind, strings.Join(listed, ", "))
}

// expand fills in a template.
func expand(src string, v Vars) (string, error) { return execute(src, v, nil) }

// try fills in a template with example values, to find its mistakes. The environment
// may come later.
func try(src string) error {
	_, err := execute(src, exampleVars(), trial)
	return err
}

// envSet checks that the variables of the environment that a template names exist.
func envSet(src string) error {
	t, err := parseText(src)
	if err != nil {
		return err
	}
	for _, name := range t.env {
		if _, ok := os.LookupEnv(name); !ok {
			return fmt.Errorf("the environment variable %s is not set", name)
		}
	}
	return nil
}

func execute(src string, v Vars, with template.FuncMap) (string, error) {
	t, err := parseText(src)
	if err != nil {
		return "", err
	}
	tmpl := t.tmpl
	if with != nil {
		if tmpl, err = tmpl.Clone(); err != nil {
			return "", err
		}
		tmpl.Funcs(with)
	}
	var b strings.Builder
	if err := tmpl.Execute(&b, v); err != nil {
		return "", plainError(err)
	}
	return b.String(), nil
}

// plainError is a template's error without the package's own words.
func plainError(err error) error {
	var e template.ExecError
	if errors.As(err, &e) {
		if inner := errors.Unwrap(e.Err); inner != nil {
			return inner
		}
	}
	return errors.New(templatePlace.ReplaceAllString(err.Error(), ""))
}

// uses reports whether a text names a variable.
func uses(src, variable string) bool {
	t, err := parseText(src)
	return err == nil && slices.Contains(t.variables, variable)
}
