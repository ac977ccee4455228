package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"unicode/utf8"
)

// maxReport limits the size of a report to read, in bytes.
const maxReport = 256 << 20

// Read reads one JSON report, as WriteJSON wrote it.
func Read(r io.Reader) (*Report, error) {
	out, err := read(r, maxReport)
	if err != nil {
		return nil, fmt.Errorf("the input %w", err)
	}
	return out, nil
}

// ReadFile is Read for a file; its errors start with the path.
func ReadFile(path string) (*Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > maxReport {
		return nil, fmt.Errorf("%s %w", path, tooBig(maxReport))
	}
	out, err := read(f, maxReport)
	if err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return out, nil
}

func tooBig(limit int64) error {
	return fmt.Errorf("is larger than %d MiB, the limit for a report; run fewer scenarios at a time (--area), then merge", limit>>20)
}

const writeIt = "; dmwake test --json FILE writes one"

// read returns errors that continue a sentence starting with the file's name.
func read(r io.Reader, limit int64) (*Report, error) {
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot be read: %w", err)
	case int64(len(raw)) > limit:
		return nil, tooBig(limit)
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	switch {
	case len(bytes.TrimSpace(raw)) == 0:
		return nil, errors.New("is empty" + writeIt)
	case !utf8.Valid(raw):
		return nil, errors.New("is not UTF-8, so it is not a JSON report of dmwake" + writeIt)
	case bytes.TrimSpace(raw)[0] != '{':
		return nil, errors.New("is not a JSON report of dmwake: it does not start with {" + writeIt)
	}
	// Check the kind of document before its fields.
	var kind struct {
		Dmwake, Kind any
		Scenarios    json.RawMessage
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&kind); err != nil {
		return nil, fmt.Errorf("is not a complete JSON report of dmwake: %s%s", broken(err, dec.InputOffset()), writeIt)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("has more data after the report, at byte %d; give one report per file", dec.InputOffset())
	}
	switch _, version := kind.Dmwake.(string); {
	case kind.Kind == "load" || kind.Kind == "load-instance":
		return nil, errors.New("is a result of dmwake load; use dmwake load compare / load merge")
	case kind.Kind != nil:
		return nil, fmt.Errorf("is not a JSON report of dmwake test: its kind is %v%s", kind.Kind, writeIt)
	case !version || kind.Dmwake == "":
		return nil, errors.New("is not a JSON report of dmwake: it has no version" + writeIt)
	case kind.Scenarios == nil:
		return nil, errors.New("is not a JSON report of dmwake: it has no scenarios" + writeIt)
	}
	var out Report
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("is not a JSON report of dmwake: %s%s", broken(err, 0), writeIt)
	}
	if err := out.check(); err != nil {
		return nil, err
	}
	if out.Strict && len(out.FailOn) == 0 { // written before failOn existed
		out.FailOn = FailOn{OnMust, OnShould}
	}
	out.digest()
	return &out, nil
}

// broken says what is wrong with a JSON text.
func broken(err error, offset int64) string {
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return fmt.Sprintf("%s is a JSON %s", wrong.Field, wrong.Value)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "it ends too early"
	}
	return fmt.Sprintf("%v, after byte %d", err, offset)
}

var (
	outcomes = []Outcome{Passed, Failed, Warned, Blocked, Skipped, NotApplicable, Errored}
	levels   = []string{Must, Should, Info}
)

// check finds contents that no report of dmwake has.
func (r *Report) check() error {
	seen := make(map[string]bool, len(r.Scenarios))
	for i := range r.Scenarios {
		switch s := &r.Scenarios[i]; {
		case s.ID == "":
			return fmt.Errorf("has a scenario without an id, number %d in the list; was the file edited?", i+1)
		case seen[s.ID]:
			return fmt.Errorf("has scenario %s twice; join reports with dmwake report merge", s.ID)
		case !slices.Contains(outcomes, s.Outcome):
			return fmt.Errorf("has scenario %s with the unknown outcome %q; is it from a newer dmwake?", s.ID, s.Outcome)
		case !slices.Contains(levels, s.Level):
			return fmt.Errorf("has scenario %s with the unknown level %q; is it from a newer dmwake?", s.ID, s.Level)
		default:
			seen[s.ID] = true
		}
	}
	if _, err := ParseFailOn(r.FailOn); err != nil {
		return fmt.Errorf("has an unknown failOn: %w; is it from a newer dmwake?", err)
	}
	return nil
}
