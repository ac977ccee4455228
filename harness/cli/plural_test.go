package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// counted are numbers before a noun in the plural, in a text for people. A number that is
// a limit, or of several ("3 of 5 devices"), is right as it is.
var (
	counted  = regexp.MustCompile(`%(?:\.0f|[0-9]*d) (?:[a-z]+ )?(?:devices|scenarios|messages|commands|sessions|wake-ups|polls|pushes|requests|results|processes|parts|hooks|notifications|errors|events|settings|reports|checks|runs|records|faults|channels|answers|questions|differences|findings|codes|nodes|triggers|instances|batches|scrapes|check-ins|changes)\b`)
	isALimit = regexp.MustCompile(`(?:of|over|under|than|up to|at most|at least|all|last|other|between|first|from|reach) (?:the )?(?:last )?$`)
)

// several are texts whose number is never one: a limit, or what is told of two and more.
var several = []string{"have the name", "begin with", "; the limit is", "which is its limit", "parts poll", "; give 1 or more", "seed %d with", "cannot be divided", "parts of %d", "while %d", "resident devices", "triggers were", "wipes are due",
	"no more are recorded", "after %d messages", "commands already", "scenarios, each with"}

// TestCountsAreWorded: what may be one is counted by package wording, so that nobody reads
// "1 devices".
func TestCountsAreWorded(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, room := range []string{"harness", "fakewns", "simulator/dmclient", "simulator/mdmserver", "simulator/fleet"} {
		err := filepath.WalkDir(filepath.Join(root, room), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/k6/") || strings.Contains(path, "/internal/") || strings.Contains(path, "/write/") || strings.Contains(path, "/scale/") {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			seen++
			for i, line := range strings.Split(string(raw), "\n") {
				for _, at := range counted.FindAllStringIndex(line, -1) {
					if !isALimit.MatchString(line[:at[0]]) && !strings.HasPrefix(strings.TrimSpace(line), "//") &&
						!slices.ContainsFunc(several, func(s string) bool { return strings.Contains(line, s) }) {
						t.Errorf("%s:%d: %q may be 1; use wording.Count", path, i+1, line[at[0]:at[1]])
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 300 {
		t.Errorf("%d files were read", seen)
	}
}
