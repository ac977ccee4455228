package reference

import (
	"os"
	"path/filepath"
	"slices"
)

// Write writes all pages into a folder, and removes those that are none any more.
func Write(dir string) error {
	pages, err := Pages()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // documents
		return err
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if !slices.ContainsFunc(pages, func(p Page) bool { return p.File == filepath.Base(path) }) {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	for _, p := range pages {
		if err := os.WriteFile(filepath.Join(dir, p.File), []byte(p.Text), 0o644); err != nil { //nolint:gosec // documents
			return err
		}
	}
	return nil
}
