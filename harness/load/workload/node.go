package workload

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/dmwake/dmwake/harness/nearest"
)

// reader reads nodes and collects what is wrong with them.
type reader struct {
	file  string
	wrong []*Error
}

// errors are all errors in the order of the file; nil if there is none.
func (r *reader) errors() error {
	slices.SortStableFunc(r.wrong, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var all []error
	for _, e := range r.wrong {
		all = append(all, e)
	}
	return errors.Join(all...)
}

func (r *reader) failf(at *yaml.Node, format string, args ...any) {
	r.wrong = append(r.wrong, &Error{r.file, at.Line, at.Column, fmt.Sprintf(format, args...)})
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)

// notYAML words an error of the YAML parser, which tells the line but no column.
func notYAML(err error) error {
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("line %s is not YAML: %s", m[1], m[2])
	}
	return errors.New("it is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: "))
}

// mapping is a node with named values.
type mapping struct {
	keys   []*yaml.Node
	values []*yaml.Node
}

func (m *mapping) get(key string) *yaml.Node {
	for i, k := range m.keys {
		if k.Value == key {
			return m.values[i]
		}
	}
	return nil
}

// mapping reads a mapping with known keys; nil if it is none. what names it in errors.
func (r *reader) mapping(n *yaml.Node, what string, known ...string) *mapping {
	m := r.anyMapping(n, what, known)
	if m == nil {
		return nil
	}
	for _, k := range m.keys {
		if slices.Contains(known, k.Value) {
			continue
		}
		if near := nearest.Of(k.Value, known); near != "" {
			r.failf(k, "%s has no %q; did you mean %s?", what, k.Value, near)
		} else {
			r.failf(k, "%s has no %q; it has %s", what, k.Value, strings.Join(known, ", "))
		}
	}
	return m
}

func (r *reader) anyMapping(n *yaml.Node, what string, known []string) *mapping {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		r.failf(n, "%s has names and values; write one or more of %s", what, strings.Join(known, ", "))
		return nil
	}
	m := &mapping{}
	for i := 0; i < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if m.get(k.Value) != nil {
			r.failf(k, "%s has %q twice; leave one of them", what, k.Value)
			continue
		}
		if v.Kind == yaml.AliasNode {
			v = v.Alias
		}
		m.keys, m.values = append(m.keys, k), append(m.values, v)
	}
	return m
}

// text reads a scalar.
func (r *reader) text(n *yaml.Node, what string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Value == "" {
		r.failf(n, "%s needs a single value", what)
		return "", false
	}
	return n.Value, true
}

// number reads a number in a range.
func (r *reader) number(n *yaml.Node, what string, least, most float64, whole bool) float64 {
	text, ok := r.text(n, what)
	if !ok {
		return 0
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	switch {
	case err != nil || math.IsNaN(v):
		r.failf(n, "%s: %q is not a number", what, text)
	case whole && v != math.Trunc(v):
		r.failf(n, "%s: %s is not a whole number", what, text)
	case v < least || v > most:
		lowest := strconv.FormatFloat(least, 'f', -1, 64)
		if least == math.SmallestNonzeroFloat64 {
			r.failf(n, "%s: %s is not above 0 and up to %s", what, text, strconv.FormatFloat(most, 'f', -1, 64))
			break
		}
		r.failf(n, "%s: %s is not from %s to %s", what, text, lowest, strconv.FormatFloat(most, 'f', -1, 64))
	default:
		return v
	}
	return 0
}

var days = regexp.MustCompile(`^(\d+(?:\.\d+)?)d(.*)$`)

// duration reads a time that is not negative: 90s, 15m, 1h30m, 2d.
func (r *reader) duration(n *yaml.Node, what string) time.Duration {
	text, ok := r.text(n, what)
	if !ok {
		return 0
	}
	rest, all := text, time.Duration(0)
	if m := days.FindStringSubmatch(text); m != nil {
		if d, err := strconv.ParseFloat(m[1], 64); err == nil && d < 10_000 {
			all, rest = time.Duration(d*24*float64(time.Hour)), m[2]
		}
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil {
			if _, number := strconv.ParseFloat(text, 64); number == nil && text != "0" {
				r.failf(n, "%s: %s has no unit; write %ss, %sm or %sh", what, text, text, text, text)
			} else {
				r.failf(n, "%s: %q is not a time; write it like 90s, 15m, 1h30m or 2d", what, text)
			}
			return 0
		}
		all += d
	}
	if all < 0 {
		r.failf(n, "%s: %s is negative", what, text)
		return 0
	}
	return all
}
