package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/dmwake/dmwake/harness/bounded"
	"github.com/dmwake/dmwake/harness/printable"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios"
)

// readBaseline reads the ids of known failures: one per line, "#" starts a comment.
// An unknown id is an error, so that an outdated baseline is noticed.
func readBaseline(path string) (map[string]bool, error) {
	known := map[string]bool{}
	if path == "" {
		return known, nil
	}
	raw, err := bounded.ReadFile(path, bounded.Text)
	if err != nil {
		return nil, fmt.Errorf("--baseline: %w; create it with --write-baseline %s", err, path)
	}
	for i, line := range strings.Split(string(raw), "\n") {
		line, _, _ = strings.Cut(line, "#")
		id := strings.ToUpper(strings.TrimSpace(line))
		if id == "" {
			continue
		}
		if _, err := scenarios.Select([]string{id}, nil); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
		}
		known[id] = true
	}
	return known, nil
}

// writeBaseline writes the ids of failures that fail the run, and of known failures
// that still fail.
func writeBaseline(path string, r *report.Report) error {
	if path == "" {
		return nil
	}
	var b strings.Builder
	b.WriteString("# Known failures; dmwake test --baseline reads them.\n")
	for i := range r.Scenarios {
		if s := &r.Scenarios[i]; r.Failing(s) || s.Known {
			fmt.Fprintf(&b, "%s  # %s\n", printable.Line(s.ID), printable.Line(s.Title))
		}
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil { //nolint:gosec // meant to be committed
		return fmt.Errorf("--write-baseline: %w", err)
	}
	return nil
}
