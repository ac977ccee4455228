package newcomer

import (
	"slices"
	"strings"
	"testing"
)

// TestCommands: commands are told from files, comments and output.
func TestCommands(t *testing.T) {
	t.Parallel()
	got := Commands("# A\n\ntext\n\n    make run     # builds it\n    a && b\n\nand\n\n    $ dmwake test\n    dmwake 1: x\n\n    ENR\n      ...\nthen\n\n    target:\n      a: b\n")
	want := []Command{{Line: "make run"}, {Line: "a && b"}, {"dmwake test", []string{"dmwake 1: x", "", "ENR", "  ..."}}}
	if !slices.EqualFunc(got, want, func(a, b Command) bool { return a.Line == b.Line && slices.Equal(a.Shown, b.Shown) }) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestCompare: what differs from run to run may differ, and nothing else may.
func TestCompare(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ shown, printed, want string }{
		"the same":               {"dmwake 0.1.0: 3\na", "dmwake devel-1: 3\na\n", ""},
		"volatile":               {"10:43:27.536 PUT 127.0.0.1:39209/?token=AwYr...[redacted]\n1 in 2s (seed 8)", "11:00:00.000 PUT 127.0.0.1:1/?token=BwYCjU...[redacted]\n1 in 1m2.5s (seed 9)\n", ""},
		"left out":               {"a\n...\nd", "a\nb\nc\nd\n", ""},
		"left out, nothing":      {"a\n...\nb", "a\nb\n", ""},
		"the end left out":       {"a\n...", "a\nb\n", ""},
		"another line":           {"a\nb", "a\nc\n", "README shows\n  b"},
		"another number":         {"398 passed in 2s", "397 passed in 2s\n", "README shows"},
		"a line that is missing": {"a\n...\nx\nc", "a\nb\nc\n", "not printed"},
		"a line between":         {"a\n...\nb\nd", "a\nb\nc\nd\n", "README shows\n  d"},
		"nothing was printed":    {"a", "", "not printed"},
		"more at the end":        {"a", "a\nb\n", "this was printed: b"},
	} {
		err := Compare(strings.Split(c.shown, "\n"), c.printed)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
