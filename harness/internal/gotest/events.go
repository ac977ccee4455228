package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// event is one line of go test -json (go doc test2json).
type event struct {
	Action, Package, Test, Output string
}

// notRun starts the message of a test that misses something on this machine. A
// test that runs in part logs it; a test that cannot run skips with it.
const notRun = "NOT RUN"

// outcome is what the run skipped.
type outcome struct {
	skipped map[reason][]string // tests, in the order of their ends
	reasons []reason
}

type reason struct{ pkg, text string }

// follow prints the events of a run in a readable form, until they end.
func follow(events io.Reader, w io.Writer, verbose bool) (*outcome, error) {
	o := &outcome{skipped: map[reason][]string{}}
	running := map[string]*packageRun{}
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		if len(line) > 0 {
			if json.Unmarshal(line, &e) == nil && e.Action != "" {
				p := running[e.Package]
				if p == nil {
					p = &packageRun{output: map[string][]string{}}
					running[e.Package] = p
				}
				p.take(e, w, verbose, o)
			} else {
				w.Write(line) //nolint:errcheck // to a terminal
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return o, err
		}
	}
	if !verbose {
		for _, p := range running { // go test ended in the middle of it
			p.printFailed(w)
		}
	}
	return o, nil
}

// packageRun is a package whose tests are running.
type packageRun struct {
	tests  []string            // in the order of their starts
	output map[string][]string // of the tests that neither passed nor were skipped
}

func (p *packageRun) take(e event, w io.Writer, verbose bool, o *outcome) {
	if verbose {
		io.WriteString(w, e.Output) //nolint:errcheck // to a terminal
	}
	switch {
	case e.Action == "output" && e.Test != "":
		if p.output[e.Test] == nil {
			p.tests = append(p.tests, e.Test)
		}
		p.output[e.Test] = append(p.output[e.Test], e.Output)
	case e.Test != "" && (e.Action == "pass" || e.Action == "skip"):
		o.note(e.Package, e.Test, p.output[e.Test], e.Action == "skip")
		delete(p.output, e.Test)
	case e.Test == "" && !verbose && e.Output != "PASS\n":
		// Output of the package or its build. Its verdict comes last, after the
		// failed tests, as in go test.
		if strings.HasPrefix(e.Output, "FAIL") {
			p.printFailed(w)
		}
		io.WriteString(w, e.Output) //nolint:errcheck // to a terminal
	}
}

// printFailed prints the output of tests that failed or did not end.
func (p *packageRun) printFailed(w io.Writer) {
	for _, test := range p.tests {
		for _, line := range p.output[test] {
			if !strings.HasPrefix(line, "=== ") {
				io.WriteString(w, line) //nolint:errcheck // to a terminal
			}
		}
	}
	clear(p.output)
}

// note records why a test was skipped, or what a passed test could not try.
func (o *outcome) note(pkg, test string, output []string, skipped bool) {
	var text []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if _, said, ok := strings.Cut(line, ".go:"); ok { // file.go:12: message
			_, line, _ = strings.Cut(said, ": ")
		} else if strings.HasPrefix(line, "===") || strings.HasPrefix(line, "---") {
			continue
		}
		if skipped || strings.HasPrefix(line, notRun) {
			text = append(text, strings.TrimPrefix(strings.TrimPrefix(line, notRun), ": "))
		}
	}
	if !skipped && text == nil {
		return
	}
	why := reason{pkg, strings.Join(text[:min(len(text), 3)], "; ")} // the rest is some tool's output
	if o.skipped[why] == nil {
		o.reasons = append(o.reasons, why)
	}
	o.skipped[why] = append(o.skipped[why], test)
}

// summarize prints what was skipped. It says that nothing was skipped only if
// all tests passed.
func (o *outcome) summarize(w io.Writer, passed bool) {
	if len(o.reasons) == 0 {
		if passed {
			fmt.Fprintln(w, "no test was skipped")
		}
		return
	}
	fmt.Fprintln(w, "skipped:")
	for _, why := range o.reasons {
		tests := o.skipped[why]
		names := strings.Join(tests[:min(len(tests), 3)], ", ")
		if more := len(tests) - 3; more > 0 {
			names += fmt.Sprintf(" and %d more", more)
		}
		fmt.Fprintf(w, "  %s %s: %s\n", why.pkg, names, why.text)
	}
}
