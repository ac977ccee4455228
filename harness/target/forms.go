package target

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What a queue hook may be limited to. The formats are those of DDF files
// (Learn, "Configuration service provider DDF files").
var (
	queueVerbs   = []string{"Add", "Replace", "Get", "Delete", "Exec"}
	queueFormats = []string{"b64", "bin", "bool", "chr", "date", "float", "int", "node", "null", "time", "xml"}
)

// checkForms checks Verbs and Formats of the hook with that name.
func (k *Hook) checkForms(name string) error {
	if name != "queue" && len(k.Verbs)+len(k.Formats) > 0 {
		return fmt.Errorf("target.hooks.%s: verbs and formats belong to target.hooks.queue only", name)
	}
	for _, list := range []struct {
		key          string
		known, given []string
	}{{"verbs", queueVerbs, k.Verbs}, {"formats", queueFormats, k.Formats}} {
		for _, v := range list.given {
			if !slices.Contains(list.known, v) {
				return fmt.Errorf("target.hooks.queue.%s: %q is none of %s", list.key, v, strings.Join(list.known, ", "))
			}
		}
	}
	return nil
}

// Takes returns an error that says why the queue hook does not take a command; nil
// if it does. A command without a format needs none.
func (k *Hook) Takes(verb, format string) error {
	switch {
	case k == nil:
		return errors.New("there is no target.hooks.queue")
	case len(k.Verbs) > 0 && !slices.Contains(k.Verbs, verb):
		return fmt.Errorf("the server's queue takes no %s (target.hooks.queue.verbs: %s)", verb, strings.Join(k.Verbs, ", "))
	case len(k.Formats) > 0 && format != "" && !slices.Contains(k.Formats, format):
		return fmt.Errorf("the server's queue takes no format %s (target.hooks.queue.formats: %s)", format, strings.Join(k.Formats, ", "))
	}
	return nil
}
