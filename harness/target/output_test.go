package target

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestOutput: output makes what a hook prints from the server's answer or the command's
// output; where it finds nothing, the hook fails, and the answer is shown unless it may
// be a token.
func TestOutput(t *testing.T) {
	t.Setenv("DMWAKE_TEST_SECRET", "s3cret-9")
	const answer = `{"orbit_node_key": "K-1", "hosts": [{"id": 12345678901234567890, "uuid": "u-7", "on": true, "gone": null}], "echo": "s3cret-9"}`
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/500":
			http.Error(w, `{"orbit_node_key": "K-1"}`, http.StatusInternalServerError)
		case "/text":
			w.Write([]byte("  the key is K-2\n"))
		default:
			w.Write([]byte(answer))
		}
	}))
	t.Cleanup(srv.Close)
	for name, c := range map[string]struct {
		hook, path, output string
		want, err          string
	}{
		"a field":              {"lookup", "/", `{{field "hosts.0.uuid" .Output}}`, "u-7", ""},
		"a large number":       {"lookup", "/", `{{field "hosts.0.id" .Output}}`, "12345678901234567890", ""},
		"an object":            {"lookup", "/", `{{field "hosts.0.on" .Output}} {{field "hosts" .Output | len}}`, "true 64", ""},
		"a token of JSON":      {"token", "/", `{"type":1,"payload":{"orbit_node_key":{{field "orbit_node_key" .Output | json}}},"of":{{json .DeviceID}}}`, `{"type":1,"payload":{"orbit_node_key":"K-1"},"of":"D1"}`, ""},
		"a regular expression": {"lookup", "/text", `{{regexp "key is (\\S+)" .Output}}`, "K-2", ""},
		"all of it, trimmed":   {"lookup", "/text", `<{{.Output}}>`, "<the key is K-2>", ""},
		"no such field":        {"lookup", "/", `{{field "hosts.0.name" .Output}}`, "", `output: the JSON has no "name" of field "hosts.0.name"; there is: gone, id, on, uuid`},
		"no such entry":        {"lookup", "/", `{{field "hosts.1.id" .Output}}`, "", `output: the JSON has no "1" of field "hosts.1.id"; there is: a list of 1`},
		"below a text":         {"lookup", "/", `{{field "echo.x" .Output}}`, "", `output: the JSON has no "x" of field "echo.x"; there is: nothing`},
		"null":                 {"lookup", "/", `{{field "hosts.0.gone" .Output}}`, "", `output: the JSON's field "hosts.0.gone" is null`},
		"no JSON":              {"lookup", "/text", `{{field "id" .Output}}`, "", `output: field "id" finds no JSON in what it printed`},
		"nothing found":        {"token", "/", `{{regexp "xkey=(.*)" .Output}}`, "", `output: the regular expression "xkey=(.*)" finds nothing in what it printed`},
		"a failure stays one":  {"token", "/500", `{{field "orbit_node_key" .Output}}`, "", "HTTP status 500"},
	} {
		t.Run(name, func(t *testing.T) {
			h := &Hook{HTTP: &HTTPHook{URL: srv.URL + c.path, Headers: map[string]string{"Authorization": `Bearer {{env "DMWAKE_TEST_SECRET"}}`}}, Output: c.output}
			o := h.Do(context.Background(), c.hook, Vars{DeviceID: "D1"}, time.Minute)
			var failed *HookError
			if c.err == "" && (o.Err != nil || o.Output != c.want) || c.err != "" && (!errors.As(o.Err, &failed) || !strings.HasPrefix(failed.Err.Error(), c.err)) {
				t.Errorf("%q, %v; want %q %s", o.Output, o.Err, c.want, c.err)
			}
			lines := strings.Join(o.Lines(), "\n")
			if strings.Contains(lines, "s3cret") || c.hook == "token" && c.path != "/500" && strings.Contains(lines, "K-") {
				t.Errorf("a secret is shown: %s", lines)
			}
			if c.hook == "lookup" && c.path == "/text" && !strings.Contains(lines, "the key is K-2") {
				t.Errorf("the answer is not shown: %s", lines)
			}
		})
	}
	out, err := (&Hook{Exec: []string{"printf", "id=%s\n", "{{.DeviceID}}"}, Output: `{{regexp "id=(.*)" .Output | lower}}`}).Run(context.Background(), "active", Vars{DeviceID: "AB"}, time.Minute)
	if err != nil || out != "ab" {
		t.Errorf("of a command: %q %v", out, err)
	}
}

// TestOutputExamples: the examples of the document do what they say.
func TestOutputExamples(t *testing.T) {
	raw, err := os.ReadFile("../docs/hooks.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range regexp.MustCompile("(?m)^ +output: '(.*)'$").FindAllStringSubmatch(string(raw), -1) {
		answer := `{"hosts": [{"id": 42}]}`
		if strings.Contains(m[1], "node key") {
			answer = "node key: K1"
		}
		out, err := expand(m[1], Vars{Output: answer})
		if err != nil {
			t.Errorf("%s: %v", m[1], err)
		}
		got = append(got, out)
	}
	if want := `42 {"key":"K1"}`; strings.Join(got, " ") != want {
		t.Errorf("the examples give %q, want %s", got, want)
	}
}

// TestOutputMistakes: output and .Output belong together, and to hooks whose output is
// used.
func TestOutputMistakes(t *testing.T) {
	dir := t.TempDir()
	for hooks, want := range map[string]string{
		`lookup: {exec: [x], output: '{{field "id" .Output}}'}`:            "",
		`active: {exec: [x], output: '{{.Output | lower}}'}`:               "",
		`queue: {exec: [x], output: '{{.Output}}'}`:                        "target.hooks.queue.output: nothing uses what this hook prints; output belongs to token, lookup, active and target.signin.hook",
		`lookup: {exec: [x], output: '{{.DeviceID}}'}`:                     "target.hooks.lookup.output does not use .Output",
		`lookup: {exec: [x, '{{.Output}}']}`:                               "target.hooks.lookup: only its output has .Output",
		`lookup: {exec: [x], output: '{{fild "id" .Output}}'}`:             "unknown function fild; did you mean field?",
		`lookup: {exec: [x], output: '{{regexp "(" .Output}}'}`:            `"(" is not a regular expression`,
		`lookup: {exec: [x], output: '{{.Output}}{{.ServerID}}'}`:          ".ServerID is not known yet",
		`lookup: {exec: [x, '{{env "NO_SUCH_THING"}}']}`:                   "target.hooks.lookup: the environment variable NO_SUCH_THING is not set",
		"}, signin: {hook: {exec: [x, '{{.Output}}']}":                     "target.signin.hook: only its output has .Output",
		"}, signin: {hook: {exec: [x], output: '{{.Output}}'}":             "",
		"}, signin: {steps: [{get: 'https://x/{{.Output}}'}]":              "only the output of a hook has .Output",
		`}, signin: {steps: [{get: 'https://x/{{env "NO_SUCH_THING"}}'}]`:  "the environment variable NO_SUCH_THING is not set",
		`}, signin: {hook: {exec: [x, '{{env "NO_SUCH_THING"}}']}`:         "target.signin.hook: the environment variable NO_SUCH_THING is not set",
		`lookup: {http: {url: 'https://{{env "NO_SUCH_THING"}}.example'}}`: "the environment variable NO_SUCH_THING is not set",
	} {
		path := filepath.Join(dir, "dmwake.yaml")
		if err := os.WriteFile(path, []byte("target: {discovery: 'https://x/D', username: u, hooks: {"+hooks+"}}"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v; want %s", hooks, err, want)
		}
		if strings.Contains(want, "environment") {
			if err := Check(path); err != nil {
				t.Errorf("%s: a file that is being written: %v", hooks, err)
			}
		}
	}
}
