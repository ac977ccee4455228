package console

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestButtonsWithoutScript: a button is a form, which also works alone; what it cannot do
// is said in words, with a status that says the same.
func TestButtonsWithoutScript(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	ch := b.open("D1")
	for _, c := range []struct {
		what   string
		form   url.Values
		status int
		says   string
	}{
		{"push", url.Values{"channel": {ch.ID}}, 200, "The fake WNS answered 200 received: delivered."},
		{"push", url.Values{"device": {"D1"}, "policy": {"never"}}, 200, "The fake WNS answered 400"},
		{"push", url.Values{"channel": {"nobody"}}, 404, "There is no channel nobody any more."},
		{"push", url.Values{"device": {"nobody"}}, 404, "The device nobody has no channel"},
		{"revoke", url.Values{"channel": {"nobody"}}, 404, "There is no channel nobody any more."},
		{"expire", nil, 404, "has no channel"},
		{"connection", url.Values{"device": {"D1"}, "state": {"asleep"}}, 400, "The state is not connected or disconnected."},
		{"connection", nil, 400, "The device is missing."},
		{"fault-on", url.Values{"name": {"status"}, "argument": {"9"}}, 400, "status"},
		{"fault-on", url.Values{"name": {"lost"}, "words": {"times=2 device=D1"}}, 200, "The fault lost is on."},
		{"fault-off", url.Values{"id": {"77777"}}, 404, "This fault is off already."},
		{"fault-off", url.Values{"name": {"lost"}}, 200, "The fault lost is off."},
		{"clock", url.Values{"by": {"-1h"}}, 400, "is not a duration"},
		{"clock", url.Values{"by": {"200000h"}}, 400, "is not a duration"},
		{"sync", url.Values{"device": {"nobody"}}, 404, "nobody"},
		{"sync", nil, 400, "The device is missing."},
		{"advance", url.Values{"device": {"nobody"}, "by": {"1h"}}, 404, "nobody"},
		{"create", url.Values{"profile": {"win95"}}, 400, "win95"},
		{"no-such-button", nil, 404, "There is no button"},
	} {
		resp, err := http.PostForm(b.url+Prefix+"do/"+c.what, c.form)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status || !strings.Contains(string(raw), c.says) || !strings.Contains(string(raw), ">Back</a>") {
			t.Errorf("%s %v: %d, want %d and %q\n%s", c.what, c.form, resp.StatusCode, c.status, c.says, raw)
		}
	}
}
