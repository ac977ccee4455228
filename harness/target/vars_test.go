package target

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestVariables: every variable and every function has an example that is true.
func TestVariables(t *testing.T) {
	listed := map[string]bool{}
	for _, v := range Variables() {
		listed[v.Name] = true
		if v.Example == "" || v.Means == "" {
			t.Errorf("%s has no example or no meaning", v.Name)
		}
		if got, err := expand("{{."+v.Name+"}}", exampleVars()); err != nil || got != v.Example {
			t.Errorf("%s is %q, %v; want its example", v.Name, got, err)
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Vars]()) {
		if !listed[f.Name] {
			t.Errorf("%s is a variable, and not listed", f.Name)
		}
	}
	for _, f := range Functions() {
		got, err := expand(f.Example, exampleVars())
		if err != nil || f.Gives != "" && got != f.Gives {
			t.Errorf("%s gives %q, %v; want %q", f.Example, got, err, f.Gives)
		}
		if f.Does == "" {
			t.Errorf("%s: nothing says what it gives", f.Name)
		}
	}
}

// TestTemplates: functions chain, and mistakes are told with what is meant and what
// there is.
func TestTemplates(t *testing.T) {
	t.Setenv("DMWAKE_TEST_API_TOKEN", "s3cret-9")
	v := Vars{DeviceID: "AB", ManagementURL: "https://mdm.example/omadm/7A1D6F0C?mode=Maintenance", Data: `a "b" <c>`}
	for src, want := range map[string]string{
		`{{regexp "omadm/([^?]+)" .ManagementURL | lower}}`: "7a1d6f0c",
		`{{.ManagementURL | regexp "m[a-z]+"}}`:             "mdm",
		`{{.DeviceID | lower | base64}}`:                    "YWI=",
		`{{xml .Data}}`:                                     "a &#34;b&#34; &lt;c&gt;",
		`{{urlquery .Data}}`:                                "a+%22b%22+%3Cc%3E",
		`{{with .DeviceID}}{{.}}{{end}}{{$.Data | json}}`:   `AB"a \"b\" \u003cc\u003e"`,
		`Bearer {{env "DMWAKE_TEST_API_TOKEN"}}`:            "Bearer s3cret-9",
	} {
		if got, err := expand(src, v); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", src, got, err, want)
		}
		if err := try(src); err != nil {
			t.Errorf("%s: %v", src, err)
		}
	}
	all := "The variables are .DeviceID, .UDID, "
	for src, want := range map[string]string{
		`{{.DevicID}}`:             "unknown variable .DevicID; did you mean .DeviceID? " + all,
		`{{$.certcn}}`:             "unknown variable .certcn; did you mean .CertCN? " + all,
		`{{if .Nonsense}}x{{end}}`: "unknown variable .Nonsense. " + all,
		`{{.Data | jsn}}`:          "unknown function jsn; did you mean json? The functions are base64, ",
		`{{.DeviceID.Length}}`:     "can't evaluate field Length in type string",
		`{{regexp "(" .Data}}`:     `"(" is not a regular expression`,
		`{{.Data`:                  "unclosed action",
	} {
		if err := try(src); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want %s", src, err, want)
		}
	}
	if _, err := expand(`{{regexp "id=(.*)" .Data}}`, v); err == nil || err.Error() != fmt.Sprintf(`the regular expression "id=(.*)" finds nothing in %q`, v.Data) {
		t.Errorf("nothing found: %v", err)
	}
}

// TestServerIDNeedsLookup: without a way to find it, ServerID is a mistake of the
// configuration.
func TestServerIDNeedsLookup(t *testing.T) {
	use := &Hook{Exec: []string{"echo", "{{.ServerID}}"}}
	find := &Hook{Exec: []string{"echo", "{{.CertCN}}"}}
	for name, c := range map[string]struct {
		hooks Hooks
		want  string
	}{
		"no lookup":      {Hooks{Push: use}, "target.hooks.push uses .ServerID: add target.hooks.lookup"},
		"a lookup":       {Hooks{Push: use, Lookup: find}, ""},
		"lookup by it":   {Hooks{Lookup: use}, "target.hooks.lookup: .ServerID is not known yet"},
		"the password":   {Hooks{Push: &Hook{Exec: []string{"x", "{{.Password}}"}}}, "target.hooks.push: only target.signin and target.hooks.token have .Password"},
		"its token hook": {Hooks{Token: &TokenHook{Hook: Hook{Exec: []string{"x", "{{.Password}}"}}}}, ""},
		"whose token":    {Hooks{Push: &Hook{Exec: []string{"x", "{{.TokenKind}}"}}}, "only target.hooks.token has .TokenKind"},
		"the page":       {Hooks{Token: &TokenHook{Hook: Hook{Exec: []string{"x", "{{.SignInURL}}"}}}}, "only target.signin has .SignInURL"},
	} {
		err := c.hooks.check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestOutcome: what a hook printed is told, bounded and without secrets.
func TestOutcome(t *testing.T) {
	t.Setenv("DMWAKE_TEST_API_TOKEN", "s3cret-9")
	k := &Hook{Exec: []string{"sh", "-c", `echo "device not found: {{env "DMWAKE_TEST_API_TOKEN"}} Bearer abcdef123"; yes x | head -c 3000; echo 'token=eyJhbGciOi.eyJzdWIi.sig key' >&2; exit 4`}}
	o := k.Do(context.Background(), "push", Vars{DeviceID: "D"}, time.Minute)
	text := strings.Join(o.Lines(), "\n")
	for _, want := range []string{"push hook: sh -> failed after ", "exit status 4", "printed: device not found: [redacted] Bearer [redacted]", " bytes)", "standard error: token=[redacted] key"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if len(text) > 2500 || strings.Contains(text+o.Err.Error(), "s3cret") {
		t.Errorf("%d bytes: %s", len(text), text)
	}
	if o = (&Hook{Exec: []string{"echo", "a-token"}}).Do(context.Background(), "token", Vars{}, time.Minute); strings.Contains(strings.Join(o.Lines(), "\n"), "a-token") {
		t.Errorf("the token is told: %v", o.Lines())
	}
}
