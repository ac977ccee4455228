package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/target"
)

// TestInitAsks: a wrong answer is asked for again with the reason, and no other
// answer is lost; the file that is written holds every answer.
func TestInitAsks(t *testing.T) {
	const queue = "https://mdm.example/api/{{.ServerID}}/commands?a=b: c#{{.DeviceID | lower}}"
	const push = "https://mdm.example/it's/{{.DeviceID}}/push"
	f := initFlags{file: filepath.Join(t.TempDir(), "dmwake.yaml"), mode: "proxy"}
	var out bytes.Buffer
	answers := strings.Join([]string{
		"", "demo@mdm.example", // the user is needed
		"http://127.0.0.1:9/D.svc", "https://127.0.0.1:9/D.svc", // not http
		"",                                      // the system's CA
		"https://mdm.example/{{.DevID}}", queue, // an unknown variable
		"mdm.example/push", push, // not a URL
		"", "https://mdm.example/find?cn={{urlquery .CertCN}}", // needed for ServerID
		"My.App_1.0.0.0_x64__8wekyb3d8bbwe", "my.app_8wekyb3d8bbwe", // a full name
		"ms-app://s-1-15-2-1",
	}, "\n") + "\n"
	if err := runInit(context.Background(), &streams{&out, &out}, &f, strings.NewReader(answers)); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		"is missing: the user who enrolls devices", `"http://127.0.0.1:9/D.svc" is not an https URL`, "unknown variable .DevID; did you mean .HWDevID?",
		`the URL "mdm.example/push" is not one of http or https with a host`, "another URL uses {{.ServerID}}", "the family name is", "Wrote ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	t.Setenv("MDM_PASSWORD", "x")
	t.Setenv("WNS_SECRET", "y")
	c, err := target.Load(f.file)
	if err != nil {
		t.Fatal(err)
	}
	h := &c.Target.Hooks
	if h.Queue.HTTP.URL != queue || h.Push.HTTP.URL != push || !strings.Contains(h.Lookup.HTTP.URL, "CertCN") || c.Target.Username != "demo@mdm.example" ||
		c.Target.Discovery != "https://127.0.0.1:9/D.svc" || c.WNS.App.PFN != "my.app_8wekyb3d8bbwe" {
		raw, _ := os.ReadFile(f.file)
		t.Errorf("the file is\n%s", raw)
	}
	if err := runInit(context.Background(), &streams{&out, &out}, &initFlags{file: filepath.Join(t.TempDir(), "x"), mode: "proxy"}, strings.NewReader("demo@mdm.example\n")); err == nil || err.Error() != "no answer; nothing was written" {
		t.Errorf("%v", err)
	}
}
