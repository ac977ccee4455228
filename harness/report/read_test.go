package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadRefuses: anything but a single report is refused, with the file's name
// and what to do.
func TestReadRefuses(t *testing.T) {
	scenario := func(s string) string { return `{"dmwake":"1","scenarios":[` + s + `]}` }
	good := scenario(`{"id":"A-01","level":"MUST","outcome":"passed"}`)
	for in, want := range map[string]string{
		"":               "is empty; dmwake test --json FILE writes one",
		" \n":            "is empty",
		"[" + good + "]": "does not start with {",
		"<html>":         "does not start with {",
		"\xff\xfe{\x00":  "is not UTF-8",
		"{}":             "it has no version",
		`{"dmwake":7}`:   "it has no version",
		`{"dmwake":"1"}`: "it has no scenarios",
		good[:40]:        "it ends too early",
		`{"dmwake":,}`:   "invalid character",
		good + good:      "more data after the report",
		good + "x":       "more data after the report",
		`{"dmwake":"1","kind":"load","target":{}}`:                                                                  "is a result of dmwake load; use dmwake load compare / load merge",
		`{"dmwake":"1","kind":"load-instance"}`:                                                                     "is a result of dmwake load",
		`{"dmwake":"1","kind":"other","scenarios":[]}`:                                                              "its kind is other",
		`{"dmwake":"1","scenarios":{}}`:                                                                             "scenarios is a JSON object",
		`{"dmwake":"1","scenarios":[],"notes":"x"}`:                                                                 "notes is a JSON string",
		`{"dmwake":"1","scenarios":[],"failOn":["sometimes"]}`:                                                      `"sometimes" is not one of`,
		scenario(`{"id":"A-01","level":"MUST","outcome":7}`):                                                        "outcome is a JSON number",
		scenario(`{"id":"A-01","level":"MUST","outcome":"maybe"}`):                                                  `scenario A-01 with the unknown outcome "maybe"`,
		scenario(`{"id":"A-01","level":"MUST"}`):                                                                    `unknown outcome ""`,
		scenario(`{"id":"A-01","level":"CAN","outcome":"passed"}`):                                                  `unknown level "CAN"`,
		scenario(`{"level":"MUST","outcome":"passed"}`):                                                             "without an id",
		scenario(`{"id":"A-01","level":"MUST","outcome":"passed"},{"id":"A-01","level":"MUST","outcome":"failed"}`): "scenario A-01 twice",
	} {
		path := filepath.Join(t.TempDir(), "x.json")
		if err := os.WriteFile(path, []byte(in), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadFile(path)
		if err == nil || !strings.HasPrefix(err.Error(), path+" ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
	for _, in := range []string{good, "\xef\xbb\xbf" + good + "\n\n"} {
		if r, err := Read(strings.NewReader(in)); err != nil || r.Summary.Passed != 1 {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// TestReadIsBounded: a huge file is refused unread, and a pipe once it is too long.
func TestReadIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.json")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, maxReport+1); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), "big.json is larger than 256 MiB") {
		t.Error(err)
	}
	if _, err := read(bytes.NewReader(make([]byte, 2<<20+1)), 2<<20); err == nil || !strings.Contains(err.Error(), "larger than 2 MiB") {
		t.Error(err)
	}
}

// TestReadOld: before warned and failOn existed, a SHOULD could fail.
func TestReadOld(t *testing.T) {
	r, err := Read(strings.NewReader(`{"dmwake":"0.1.0","strict":true,"scenarios":[{"id":"A-01","level":"SHOULD","outcome":"failed"}]}`))
	if err != nil || r.Summary.Warned != 1 || len(r.Failures()) != 1 || len(r.Causes) != 1 {
		t.Errorf("%+v %v", r, err)
	}
}
