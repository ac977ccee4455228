package target

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestKeysTable: harness/docs/config.md has a row for each key of the file and for no
// other, and the default there is the one that Defaults sets.
func TestKeysTable(t *testing.T) {
	raw, err := os.ReadFile("../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{} // the default, by key
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| .+ \\| ?(.*)\\|$").FindAllStringSubmatch(string(raw), -1) {
		rows[m[1]] = strings.TrimSpace(m[2])
	}
	c := &Config{}
	c.Defaults()
	keys := map[string]bool{}
	leaves("", reflect.ValueOf(c).Elem(), func(key string, v reflect.Value) {
		keys[key] = true
		listed, ok := rows[key]
		if !ok {
			t.Errorf("harness/docs/config.md has no row for %s", key)
		}
		if want := shown(v); want != "" && !strings.HasPrefix(listed, want) {
			t.Errorf("%s: the default is %s, and the document says %q", key, want, listed)
		}
	})
	for key := range rows {
		if !keys[key] {
			t.Errorf("harness/docs/config.md has %s, which is no key", key)
		}
	}
}

// TestHookKeys: harness/docs/hooks.md has a row for each key of a hook and for no other.
func TestHookKeys(t *testing.T) {
	raw, err := os.ReadFile("../docs/hooks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(raw), "| key of a hook |")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\|").FindAllStringSubmatch(table, -1) {
		rows[m[1]] = true
	}
	keys := map[string]bool{}
	leaves("", reflect.ValueOf(TokenHook{Hook: Hook{}}), func(key string, _ reflect.Value) { keys[key] = true })
	leaves("http.", reflect.ValueOf(HTTPHook{}), func(key string, _ reflect.Value) { keys[key] = true })
	delete(keys, "http") // has keys of its own
	for key := range keys {
		if !rows[key] {
			t.Errorf("harness/docs/hooks.md has no row for %s", key)
		}
	}
	for key := range rows {
		if !keys[key] {
			t.Errorf("harness/docs/hooks.md has %s, which is no key of a hook", key)
		}
	}
	if len(keys) < 8 {
		t.Errorf("%d keys were found", len(keys))
	}
}

// leaves calls f for every key that holds a value. What a hook, a secret or a step
// holds is documented elsewhere.
func leaves(prefix string, v reflect.Value, f func(string, reflect.Value)) {
	for _, field := range reflect.VisibleFields(v.Type()) {
		tag := field.Tag.Get("yaml")
		name, inline, _ := strings.Cut(tag, ",")
		if tag == "" || len(field.Index) > 1 {
			continue
		}
		value := v.FieldByIndex(field.Index)
		switch _, secret := value.Interface().(Secret); {
		case inline == "inline":
			leaves(prefix, value, f)
		case value.Kind() == reflect.Struct && !secret:
			leaves(prefix+name+".", value, f)
		default:
			f(prefix+name, value)
		}
	}
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
