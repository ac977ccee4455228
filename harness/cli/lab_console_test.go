package cli

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestLabConsole: the lab prints the address of its console, which is there and knows
// what the lab tells a newcomer.
func TestLabConsole(t *testing.T) {
	p := startLab(t, t.TempDir(), "ready;")
	m := regexp.MustCompile(`(?m)^console +(http://\S+/console/)$`).FindStringSubmatch(p.output())
	if m == nil {
		t.Fatalf("no address of the console:\n%s", p.output())
	}
	for _, at := range []string{m[1], strings.TrimSuffix(m[1], "console/")} {
		resp, err := http.Get(at)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		for _, want := range []string{"No server has connected to the fake WNS yet", "export SSL_CERT_FILE=", "Start the server with HTTPS_PROXY="} {
			if !strings.Contains(string(raw), want) {
				t.Errorf("%s does not say %q:\n%s", at, want, raw)
			}
		}
	}
}
