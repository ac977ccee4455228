package target

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// TestKeys: Keys has every key of the file and no other, and the default there is the
// one that Defaults sets.
func TestKeys(t *testing.T) {
	listed := map[string]Key{}
	for _, k := range Keys() {
		if _, twice := listed[k.Name]; twice || k.Does == "" || k.Example == "" || k.Type() == "" {
			t.Errorf("%s: twice %v, type %q, %+v", k.Name, twice, k.Type(), k)
		}
		listed[k.Name] = k
	}
	c := &Config{}
	c.Defaults()
	keys := map[string]bool{}
	leaves("", reflect.TypeFor[Config](), func(name string, _ reflect.Type) {
		keys[name] = true
		k, ok := listed[name]
		if !ok {
			t.Errorf("Keys has no %s", name)
		}
		if want := shown(at(reflect.ValueOf(c).Elem(), strings.Split(name, "."))); want != "" && !strings.HasPrefix(k.Default, want) {
			t.Errorf("%s: the default is %s, and Keys says %q", name, want, k.Default)
		}
	})
	for name := range listed {
		if !keys[name] {
			t.Errorf("Keys has %s, which is no key", name)
		}
	}
}

// TestKeyExamples: the file can be read with the example of each key.
func TestKeyExamples(t *testing.T) {
	read := func(text string, into any) error {
		dec := yaml.NewDecoder(strings.NewReader(text))
		dec.KnownFields(true)
		return dec.Decode(into)
	}
	nested := func(k Key) (text string) {
		names := strings.Split(k.Name, ".")
		for i, name := range names {
			text += strings.Repeat("  ", i) + name + ":"
			if i < len(names)-1 {
				text += "\n"
			}
		}
		return text + " " + k.Example + "\n"
	}
	for _, k := range Keys() {
		c := &Config{}
		if err := read(nested(k), c); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
		if at(reflect.ValueOf(c).Elem(), strings.Split(k.Name, ".")).IsZero() {
			t.Errorf("%s: the example sets nothing", k.Name)
		}
		c.Target.Discovery, c.Target.Username = "https://mdm.example", "demo@mdm.example"
		c.Defaults()
		if err := c.check(); err != nil && !strings.Contains(err.Error(), "environment") {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
	for _, k := range HookKeys() {
		if err := read(nested(k), &TokenHook{}); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
	for _, k := range StepKeys() {
		if err := read(nested(k), &SignInStep{}); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
}

// TestHookKeys: HookKeys has every key of a hook, StepKeys every key of a step of a
// sign-in, HookList every hook, and no other.
func TestHookKeys(t *testing.T) {
	keys := func(prefix string, of reflect.Type, to map[string]bool) map[string]bool {
		leaves(prefix, of, func(name string, _ reflect.Type) { to[name] = true })
		return to
	}
	hook := keys("http.", reflect.TypeFor[HTTPHook](), keys("", reflect.TypeFor[TokenHook](), map[string]bool{}))
	delete(hook, "http") // has keys of its own
	var hooks []Key
	for _, h := range HookList() {
		hooks = append(hooks, Key{Name: h.Name})
	}
	for what, of := range map[string]struct {
		list []Key
		want map[string]bool
		typ  func(string) string
	}{
		"HookKeys": {HookKeys(), hook, HookType},
		"StepKeys": {StepKeys(), keys("", reflect.TypeFor[SignInStep](), map[string]bool{}), StepType},
		"HookList": {hooks, keys("", reflect.TypeFor[Hooks](), map[string]bool{}), func(string) string { return "hook" }},
	} {
		for _, k := range of.list {
			if !of.want[k.Name] || of.typ(k.Name) == "" {
				t.Errorf("%s has %s, which is no key, or has no type", what, k.Name)
			}
			delete(of.want, k.Name)
		}
		for name := range of.want {
			t.Errorf("%s has no %s", what, name)
		}
	}
}

// at is the value of a key.
func at(v reflect.Value, names []string) reflect.Value {
	for _, field := range reflect.VisibleFields(v.Type()) {
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if name != names[0] || name == "" {
			continue
		}
		value := v.FieldByIndex(field.Index)
		if len(names) == 1 {
			return value
		}
		return at(value, names[1:])
	}
	return reflect.Value{}
}

// shown is a default as the document writes it; empty where there is none, or where it
// is a sentence.
func shown(v reflect.Value) string {
	switch d := v.Interface().(type) {
	case time.Duration:
		if d > 0 {
			return strings.Replace(d.String(), "m0s", "m", 1)
		}
	case string:
		if !strings.HasPrefix(d, "ms-app:") {
			return d
		}
	case int:
		if d != 0 {
			return fmt.Sprint(d)
		}
	case []string:
		return strings.Join(d, ", ")
	}
	return ""
}
