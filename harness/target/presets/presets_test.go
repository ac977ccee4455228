package presets

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/dmwake/dmwake/harness/target"
)

// TestTexts: the file of each preset can be loaded, whatever the values are.
func TestTexts(t *testing.T) {
	dir := t.TempDir()
	odd := "it's {{.DeviceID}}: #\"a\" & b"
	for _, p := range All() {
		if p.Name != "" && (p.About == "" || p.Tried == "" || len(p.Asks) == 0) {
			t.Errorf("%s: about %q, tried %q, asks %q", p.Name, p.About, p.Tried, p.Asks)
		}
		v := Values{Server: "https://mdm.example/", Admin: "http://127.0.0.1:1/", Discovery: "https://mdm.example/D.svc?a=b#c", Username: odd, Profile: "win11-25h2", Mode: "proxy",
			Directory: "auto", Tenant: odd, Audience: odd, ClientID: odd, CA: odd,
			Queue: "https://x/{{.DeviceID}}?a=b: c", Push: "https://x/it's", Enrolled: "https://x/{{json .Data}}", Restart: []string{"restart", odd}}
		for _, v := range []Values{v, {Server: v.Server, Admin: v.Admin, Discovery: v.Discovery, Username: "demo@mdm.example", Mode: "direct", Listen: "auto", Directory: "auto", NoPush: true, Password: No, Work: "https://x/w", PFN: "my.app_8wekyb3d8bbwe"}} {
			text, err := p.Text(v)
			if err != nil {
				t.Fatalf("%s: %v", p.Name, err)
			}
			file := filepath.Join(dir, "dmwake.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if p.Name == "certificate" { // whose files init checks
				var any map[string]any
				err = yaml.Unmarshal([]byte(text), &any)
			} else {
				err = target.Check(file)
			}
			if err != nil {
				t.Errorf("%s: %v\n%s", p.Name, err, text)
			}
			if strings.Contains(text, "<<") || strings.Contains(text, "\n\n") || strings.Contains(text, "<no value>") || !strings.HasSuffix(text, "\n") {
				t.Errorf("%s:\n%s", p.Name, text)
			}
		}
	}
}

// TestFind: an unknown name is told with the nearest one.
func TestFind(t *testing.T) {
	for name, want := range map[string]string{
		"flet":   `unknown preset "flet"; did you mean fleet? --list-presets lists them: reference, fleet, entra, certificate`,
		"intune": `unknown preset "intune". --list-presets lists them: reference, fleet, entra, certificate`,
		"Entra":  `unknown preset "Entra"; did you mean entra? `,
		"any":    `unknown preset "any". `,
	} {
		if _, err := Find(name); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v; want %s", name, err, want)
		}
	}
	if p, err := Find(""); err != nil || p.Path != "" {
		t.Errorf("%v %v", p, err)
	}
}

// TestDocument: harness/docs/presets.md has a row and a chapter for each preset, with
// its environment, and for no other.
func TestDocument(t *testing.T) {
	raw, err := os.ReadFile("../../docs/presets.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(raw)
	var rows []string
	for _, line := range strings.Split(doc, "\n") {
		if strings.HasPrefix(line, "| `") {
			rows = append(rows, line)
		}
	}
	for _, p := range All()[1:] {
		row := "| `" + p.Name + "` | " + p.About + " | " + p.Tried + " | `" + strings.Join(p.Asks, "` `") + "` |"
		if !slices.Contains(rows, row) {
			t.Errorf("harness/docs/presets.md has no row\n%s", row)
		}
		_, chapter, found := strings.Cut(doc, "\n## "+p.Name+"\n")
		chapter, _, _ = strings.Cut(chapter, "\n## ")
		if !found {
			t.Errorf("harness/docs/presets.md has no chapter %s", p.Name)
		}
		for _, e := range p.Env {
			if !strings.Contains(chapter, e.Name) {
				t.Errorf("the chapter %s does not name %s", p.Name, e.Name)
			}
		}
	}
	if len(rows) != len(All())-1 || strings.Count(doc, "\n## ") != len(rows) {
		t.Errorf("%d rows and %d chapters for %d presets", len(rows), strings.Count(doc, "\n## "), len(All())-1)
	}
}
