package cli

import (
	"regexp"
	"strings"
	"testing"
)

// What differs from run to run, and what stands for it when outputs are compared.
var volatile = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`\b[0-9A-F]{32}\b`), "DEVICE"},
	{regexp.MustCompile(`\b(?:DESKTOP|PC)-[0-9A-Z]+\b`), "NAME"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d(?:\.\d+)?\b`), "TIME"},
	{regexp.MustCompile(`\b\d{4}/\d\d/\d\d\b`), "DATE"},
	{regexp.MustCompile(`\b(?:\d+m)?\d+(?:\.\d+)?m?s\b`), "DURATION"},
	{regexp.MustCompile(`\bseed \d+`), "seed N"},
	{regexp.MustCompile(`^dmwake [^:]+: \d+ scenarios`), "dmwake VERSION: N scenarios"},
	{regexp.MustCompile(`\b\d+ (passed|warned|skipped|not applicable)\b`), "N $1"},
	{regexp.MustCompile(`\b\d+ (warnings|MUST scenarios)\b`), "N $1"},
	{regexp.MustCompile(`^ +\d+  (not applicable to|blocked by)`), "N $1"},
	{regexp.MustCompile(`\bnotify\.windows\.com/\?token=\S+`), "notify.windows.com/?token=TOKEN"},
}

func unvaried(line string) string {
	for _, v := range volatile {
		line = v.what.ReplaceAllString(line, v.as)
	}
	return strings.TrimRight(line, " ")
}

// pageShows says whether the page's lines are what a command printed. A line of the page that
// is "..." stands for any lines, and " ..." at the end of one for the rest of that line.
func pageShows(want, got []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if strings.TrimSpace(want[0]) == "..." {
		for i := 0; i <= len(got); i++ {
			if pageShows(want[1:], got[i:]) {
				return true
			}
		}
		return false
	}
	return len(got) > 0 && sameLine(want[0], got[0]) && pageShows(want[1:], got[1:])
}

func sameLine(want, got string) bool {
	want, got = unvaried(want), unvaried(got)
	if start, cut := strings.CutSuffix(want, " ..."); cut {
		return strings.HasPrefix(got, start)
	}
	return want == got
}

// lines are those of an output, without empty ones at its end.
func lines(text string) []string {
	if text = strings.TrimRight(text, "\n"); text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// TestShows: the comparison finds what differs, and nothing else.
func TestShows(t *testing.T) {
	for _, c := range []struct {
		want, got string
		same      bool
	}{
		{"a\nb", "a\nb", true},
		{"a\nb", "a\nc", false},
		{"a", "a\nb", false},
		{"a\n...", "a\nb\nc", true},
		{"...\nc", "a\nb\nc", true},
		{"a\n...\nc", "a\nb", false},
		{"a ...", "a b c", true},
		{"a ...", "b c", false},
		{"ok at 127.0.0.1:8443 in 2.1s", "ok at 127.0.0.1:31999 in 12s", true},
		{"0 failed in 1m30.4s", "0 failed in 1m1.2s", true},
		{"2 passed, 0 failed", "3 passed, 0 failed", true},
		{"2 passed, 0 failed", "2 passed, 1 failed", false},
		{"", "a", false},
	} {
		if pageShows(lines(c.want), lines(c.got)) != c.same {
			t.Errorf("page %q, output %q: expected %v", c.want, c.got, c.same)
		}
	}
}
