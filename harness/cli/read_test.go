package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/reading"
	"github.com/dmwake/dmwake/harness/trace"
)

const pasted = "../reading/testdata/logs"

// wanted is the answer that must come of a pasted log; testdata/README.md says how it
// is written.
type wanted struct {
	log   string // its path
	lines map[string][]string
}

func (w *wanted) number(t *testing.T, key string, missing int) int {
	t.Helper()
	if len(w.lines[key]) == 0 {
		return missing
	}
	n := 0
	if _, err := fmt.Sscan(w.lines[key][0], &n); err != nil {
		t.Fatalf("%s: %s %q", w.log, key, w.lines[key][0])
	}
	return n
}

// corpus returns all pasted logs with their answers.
func corpus(t *testing.T) (out []wanted) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(pasted, "*.want"))
	if err != nil || len(list) < 40 {
		t.Fatalf("%d answers, %v", len(list), err)
	}
	for _, path := range list {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		logs, err := filepath.Glob(strings.TrimSuffix(path, "want") + "*")
		logs = slices.DeleteFunc(logs, func(s string) bool { return s == path })
		if err != nil || len(logs) != 1 {
			t.Fatalf("%s: %q, %v", path, logs, err)
		}
		w := wanted{logs[0], map[string][]string{}}
		for line := range strings.Lines(string(raw)) {
			key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			w.lines[key] = append(w.lines[key], value)
		}
		if len(w.lines["source"]) == 0 || slices.ContainsFunc(w.lines["source"], func(s string) bool { return !strings.HasPrefix(s, "https://") }) {
			t.Errorf("%s: sources %q", path, w.lines["source"])
		}
		out = append(out, w)
	}
	return out
}

// inProcess runs dmwake in this process.
func inProcess(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = Main(args, &out, &errs)
	return code, out.String(), errs.String()
}

func findings(t *testing.T, text string) *reading.Findings {
	t.Helper()
	f := &reading.Findings{}
	if err := json.Unmarshal([]byte(text), f); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return f
}

// TestRead: each pasted log gives its answer.
func TestRead(t *testing.T) {
	for _, w := range corpus(t) {
		t.Run(filepath.Base(w.log), func(t *testing.T) {
			code, out, errs := inProcess("read", "--json", w.log)
			if words := w.lines["error"]; len(words) > 0 {
				if code != exitUsage || !strings.Contains(errs, words[0]) || strings.Count(errs, "\n") != 1 {
					t.Errorf("exit code %d, %q; want %q", code, errs, words[0])
				}
				return
			}
			if code != exitOK {
				t.Fatalf("exit code %d: %s", code, errs)
			}
			f := findings(t, out)
			w.check(t, f)
			code, text, _ := inProcess("read", "-v", w.log)
			if code != exitOK {
				t.Errorf("exit code %d", code)
			}
			for _, c := range f.Explain {
				if !strings.Contains(text, "dmwake explain "+c+"\n") {
					t.Errorf("%s is not named:\n%s", c, text)
				}
			}
			for _, words := range w.lines["says"] {
				if !strings.Contains(text, words) {
					t.Errorf("%q is not said:\n%s", words, text)
				}
			}
		})
	}
}

func (w *wanted) check(t *testing.T, f *reading.Findings) {
	t.Helper()
	sides := map[string]int{}
	for _, m := range f.Messages {
		sides[m.From]++
	}
	for _, side := range []string{"device", "server"} {
		if want := w.number(t, side, 0); sides[side] != want {
			t.Errorf("%d messages of the %s, want %d", sides[side], side, want)
		}
	}
	if want := w.number(t, "sessions", min(1, len(f.Messages))); len(f.Sessions) != want {
		t.Errorf("%d sessions, want %d", len(f.Sessions), want)
	}
	var statuses, failed, wrong, cuts []string
	for _, s := range f.Sessions {
		for _, c := range s.Commands {
			status := c.Status
			if status == "" {
				status = "-"
			}
			statuses = append(statuses, c.Verb+" "+c.LocURI+" "+status)
		}
	}
	for _, e := range f.Events {
		if e.Verb != "" {
			failed = append(failed, e.Verb+" "+e.LocURI+" "+e.Result)
		}
	}
	for _, x := range f.Wrong {
		wrong = append(wrong, x.Scenario)
		if x.Source == "" || x.Expected == "" || x.Saw == "" || x.Line == 0 {
			t.Errorf("%+v", x)
		}
	}
	for _, c := range f.Cut {
		cuts = append(cuts, fmt.Sprint(c.Line))
	}
	for key, got := range map[string][]string{"status": statuses, "failed": failed, "wrong": wrong, "code": f.Explain, "cut": cuts} {
		want := slices.Sorted(slices.Values(w.lines[key]))
		if got = slices.Sorted(slices.Values(got)); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", key, got, want)
		}
	}
	w.checkAround(t, f)
}

// checkAround checks what stands around messages: events, reports, enrollments, notes.
func (w *wanted) checkAround(t *testing.T, f *reading.Findings) {
	t.Helper()
	var events, reports, envelopes []string
	for _, e := range f.Events {
		events = append(events, fmt.Sprint(e.ID, " ", e.Text))
		if e.Line == 0 {
			t.Errorf("%+v has no line", e)
		}
	}
	for _, r := range f.Report {
		reports = append(reports, r.Name+" "+r.Value)
	}
	for _, e := range f.Envelopes {
		envelopes = append(envelopes, e.Action+" "+e.Fault)
	}
	for key, got := range map[string][]string{"event": events, "envelope": envelopes} {
		if len(got) != len(w.lines[key]) {
			t.Errorf("%s: %q, want %q", key, got, w.lines[key])
			continue
		}
		for i, want := range w.lines[key] {
			id, words, _ := strings.Cut(want, " ")
			if !strings.HasPrefix(got[i], id+" ") || !strings.Contains(got[i], words) {
				t.Errorf("%s: %q, want %q", key, got[i], want)
			}
		}
	}
	for _, want := range w.lines["report"] {
		if !slices.Contains(reports, want) {
			t.Errorf("report: %q, want %q", reports, want)
		}
	}
	notes := strings.Join(f.Notes, "\n")
	for _, want := range w.lines["note"] {
		if !strings.Contains(notes, want) {
			t.Errorf("notes: %q, want %q", notes, want)
		}
	}
	if len(w.lines["note"]) == 0 && notes != "" && len(w.lines["cut"]) == 0 {
		t.Errorf("notes: %s", notes)
	}
}

// who are the invented people and things in the corpus, in all spellings.
var who = []string{"tannhof", "quint", "marta", "7C1D9A40E2B84F6E9A5511C07BD2F3A8", "3F09C77A1B52D8E64470AF9912CCD30E", "QX7T2M9KL", "10.44.7.19", "203.0.113.77",
	"A3F1C2D4-5B60-4E7F-8190-A1B2C3D4E5F6", "5b7d0f21-88c4-4d0a-b1e6-2f90ad37c5e1", "b7k2Qv9sTq0mXn4LrP8dZc1GhJ3uWe5yRt", "3411750091", "00D86145AB09", "Wetterhahn", "Hollerbusch"}

// TestAnonymize: nothing personal is left in any log, in whatever encoding, and the log
// gives the same answer as before.
func TestAnonymize(t *testing.T) {
	for _, w := range corpus(t) {
		if len(w.lines["error"]) > 0 {
			continue
		}
		t.Run(filepath.Base(w.log), func(t *testing.T) {
			raw, err := os.ReadFile(w.log)
			if err != nil {
				t.Fatal(err)
			}
			code, out, errs := inProcess("read", "--anonymize", w.log)
			if code != exitOK {
				t.Fatalf("exit code %d: %s", code, errs)
			}
			if !strings.Contains(w.log, "ansi") && len(out) != len(raw) {
				t.Errorf("%d bytes became %d", len(raw), len(out))
			}
			path := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(path, []byte(out), 0o600); err != nil {
				t.Fatal(err)
			}
			code, after, errs := inProcess("read", "--json", path)
			if code != exitOK {
				t.Fatalf("exit code %d: %s\n%s", code, errs, out)
			}
			_, before, _ := inProcess("read", "--json", w.log)
			leaks := strings.ToLower(strings.ReplaceAll(out, "\x00", "") + after)
			for _, name := range append(w.lines["personal"], who...) {
				if strings.Contains(leaks, strings.ToLower(name)) {
					t.Errorf("%s is left:\n%s", name, out)
				}
			}
			if a, b := outline(findings(t, before)), outline(findings(t, after)); a != b {
				t.Errorf("the answer changed:\n%s\nnow\n%s\n%s", a, b, out)
			}
			if s := findings(t, after); len(s.Sessions) == 1 && len(s.Messages) > 2 && s.Sessions[0].Device == "" {
				t.Error("the device has no name")
			}
		})
	}
}

// outline is what of the findings does not depend on names.
func outline(f *reading.Findings) string {
	var b strings.Builder
	for _, m := range f.Messages {
		fmt.Fprintln(&b, m.From, m.Session, m.MsgID, m.Line, m.End, m.Cut, len(m.Says))
	}
	for _, s := range f.Sessions {
		for _, c := range s.Commands {
			fmt.Fprintln(&b, c.Verb, c.Status, c.Original, c.CmdID, strings.Count(c.LocURI, "/"))
		}
	}
	for _, e := range f.Events {
		fmt.Fprintln(&b, e.ID, e.Line, e.Failed, e.Verb, e.Result)
	}
	for _, w := range f.Wrong {
		fmt.Fprintln(&b, w.Scenario, w.Line)
	}
	fmt.Fprintln(&b, f.Explain, f.Cut, len(f.Notes))
	return b.String()
}

// TestPastedCanBeReplayed: what read finds of a device, replay can send.
func TestPastedCanBeReplayed(t *testing.T) {
	n := 0
	for _, w := range corpus(t) {
		want := w.number(t, "device", 0)
		list, _, err := trace.Read(w.log, nil)
		if want == 0 {
			if err == nil {
				t.Errorf("%s: %d sessions", w.log, len(list))
			}
			continue
		}
		got := 0
		for _, r := range list {
			got += len(r.Sent)
			if len(r.Sent) != len(r.Received) {
				t.Errorf("%s: %d messages and %d answers", w.log, len(r.Sent), len(r.Received))
			}
		}
		if strings.Contains(w.log, "cut-at-end") {
			got++ // its last message is not sent
		}
		if err != nil || got != want {
			t.Errorf("%s: %d messages of a device, %v; want %d", w.log, got, err, want)
		}
		n++
	}
	if n < 30 {
		t.Errorf("%d logs", n)
	}
}

// TestReadFromInput: a real process reads what is piped into it, and replay takes the
// same.
func TestReadFromInput(t *testing.T) {
	for _, c := range []struct {
		args []string
		log  string
		want []string
		code int
	}{
		{[]string{"read", "-"}, "50-wrong-pfn-full-name.xml", []string{"standard input: 6 messages (3 of a device, 3 of a server) in 1 session", "-> 418 ", "PFN-02 MUST", "dmwake explain 500\n"}, exitOK},
		{[]string{"read", "-"}, "59-nothing-in-it.txt", []string{"dmwake: standard input: it has no SyncML message"}, exitUsage},
		{[]string{"replay", "-"}, "29-base64-wrapped-76.txt", []string{"session 1 of 1: SessionID F of device", "message 2:"}, exitFailed},
		{[]string{"replay", "-"}, "34-server-only.xml", []string{"it has only answers of a server"}, exitUsage},
		{[]string{"replay", "-"}, "02-eventviewer-404-add.txt", []string{"dmwake read says what they tell"}, exitUsage},
	} {
		raw, err := os.ReadFile(filepath.Join(pasted, c.log))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0], c.args...)
		cmd.Env, cmd.Stdin = append(os.Environ(), asDmwake+"=1"), bytes.NewReader(raw)
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != c.code {
			t.Errorf("%q of %s: exit code %d (%v)", c.args, c.log, code, err)
		}
		for _, want := range c.want {
			if !strings.Contains(string(out), want) {
				t.Errorf("%q of %s does not say %q:\n%s", c.args, c.log, want, out)
			}
		}
	}
}

// TestReadMistakes: each gets one clear line.
func TestReadMistakes(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for want, args := range map[string][]string{
		"takes one file, or - for standard input, but got 0": {"read"},
		"takes one file, or - for standard input, but got 2": {"read", "a", "b"},
		"no such file":                      {"read", filepath.Join(dir, "none")},
		"is a folder; name a file in it":    {"read", dir},
		"it is empty":                       {"read", file("empty", " \n")},
		"wevtutil qe FILE.evtx /lf:true":    {"read", file("log.evtx", "ElfFile\x00\x00")},
		"it is a ZIP file; unpack it first": {"read", file("log.zip", "PK\x03\x04")},
		"it has binary parts":               {"read", "--anonymize", file("binary", "<SyncML>\x03\x01")},
		"exclude each other":                {"read", "--json", "--anonymize", file("x", "0x80180001")},
	} {
		code, out, errs := inProcess(args...)
		if code != exitUsage || out != "" || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%q: exit code %d, %q, %q; want %q", args, code, out, errs, want)
		}
	}
}
