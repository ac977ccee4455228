package target

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSignInConfig: one way, with its mistakes told by step and key.
func TestSignInConfig(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		`signin: {form: true}`:                 "",
		`signin: {browser: auto}`:              "auto",
		`signin: {browser: true}`:              "auto",
		`signin: {browser: /usr/bin/chromium}`: "/usr/bin/chromium",
		`signin: {steps: [{get: ''}, {fill: {u: '{{.Username}}'}, form: f}, {take: x}]}`:  "steps",
		`signin: {hook: {exec: [./signin.sh, '{{.SignInURL}}']}}`:                         "hook",
		`hooks: {token: {exec: [x], value_type: 'urn:x'}}`:                                "urn:x",
		`signin: {browser: auto, form: true}`:                                             "!target.signin: give one of form, steps, hook and browser",
		`signin: {browser: [a]}`:                                                          "!target.signin.browser is auto, or the path of a Chromium",
		`signin: {steps: [{get: ''}, {}]}`:                                                "!target.signin.steps, step 2: give one of get, fill, follow, post and take",
		`signin: {steps: [{get: '', take: x}]}`:                                           "!step 1: give one of get",
		`signin: {steps: [{get: '', form: x}]}`:                                           "!step 1: form belongs to fill",
		`signin: {steps: [{take: x, body: x}]}`:                                           "!step 1: body belongs to post",
		`signin: {steps: [{fill: {}}]}`:                                                   "!step 1: fill names no input",
		`signin: {steps: [{take: '('}]}`:                                                  `!step 1: "(" is not a regular expression`,
		`signin: {steps: [{get: '{{.SigninURL}}'}]}`:                                      "!step 1: unknown variable .SigninURL; did you mean .SignInURL?",
		`signin: {steps: [{get: '{{.ServerID}}'}]}`:                                       "!step 1: .ServerID is not known yet",
		`signin: {steps: [` + strings.Repeat(`{get: ''},`, 51) + `]}`:                     "!51 steps; 50 are the most",
		`signin: {hook: {exec: [x, '{{.ServerID}}']}}`:                                    "!target.signin.hook: .ServerID is not known yet",
		`signin: {hook: {}}`:                                                              "!target.signin.hook: give http or exec",
		`signin: {hoook: {}}`:                                                             `!unknown key "hoook"`,
		"signin: {browser: auto}\n  hooks: {token: {exec: [x]}}":                          "!target.hooks.token and target.signin give devices their tokens: keep one",
		"hooks: {token: {exec: [x]}}\n  directory: {listen: '127.0.0.1:0'}":               "!target.directory and target.hooks.token give devices their tokens: keep one",
		"hooks: {queue: {exec: [x, '{{.ServerID}}']}}":                                    "!target.hooks.queue uses .ServerID: add target.hooks.lookup",
		"hooks: {queue: {http: {url: 'https://x/{{.DeviceId | bas64}}'}}}":                "!target.hooks.queue: unknown function bas64; did you mean base64?",
		"hooks: {queue: {http: {url: 'https://x', headers: {A: '{{env \"NO_SUCH\"}}'}}}}": "!target.hooks.queue: the environment variable NO_SUCH is not set",
	} {
		path := filepath.Join(dir, "dmwake.yaml")
		if err := os.WriteFile(path, []byte("target:\n  discovery: https://x/D\n  username: u\n  "+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path)
		if bad, ok := strings.CutPrefix(want, "!"); ok {
			if err == nil || !strings.Contains(err.Error(), bad) || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), path) {
				t.Errorf("%s: %v, want %s", text, err, bad)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := string(c.Target.SignIn.Browser)
		switch s := &c.Target.SignIn; {
		case s.Steps != nil:
			got = "steps"
		case s.Hook != nil:
			got = "hook"
		case c.Target.Hooks.Token != nil:
			got = c.Target.Hooks.Token.Type()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
