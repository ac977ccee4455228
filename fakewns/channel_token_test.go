package fakewns

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestChannelToken: a token is found again in whatever way a sender re-encodes
// the URI, and only the case of the percent-encoding counts as unchanged.
func TestChannelToken(t *testing.T) {
	token := newChannelToken(bytes.Repeat([]byte{0xfb}, 45))
	query := token.query()
	if strings.ContainsAny(strings.TrimPrefix(query, "token="), "+/=") {
		t.Errorf("%s is not percent-encoded", query)
	}
	for name, c := range map[string]struct {
		query string
		same  bool
		want  channelToken
	}{
		"as issued":               {query, true, token},
		"in upper case":           {strings.NewReplacer("%2b", "%2B", "%2f", "%2F", "%3d", "%3D").Replace(query), true, token},
		"encoded by Go":           {url.Values{"token": {string(token)}}.Encode(), true, token},
		"decoded":                 {"token=" + string(token), false, token},
		"beside others":           {query + "&a=b", false, token},
		"without a token":         {"a=b", false, ""},
		"empty":                   {"", false, ""},
		"wrongly percent-encoded": {"token=%", false, ""},
	} {
		if got := channelTokenOf(c.query); got != c.want || sameQuery(c.query, query) != c.same {
			t.Errorf("%s: %q, unchanged %v", name, got, sameQuery(c.query, query))
		}
	}
	hidden := Channel{ID: "1", URI: "https://db3.notify.windows.com/?" + query}.Redacted()
	if hidden.URI != "https://db3.notify.windows.com/?token=[redacted]" || hidden.ID != "1" {
		t.Errorf("redacted: %+v", hidden)
	}
}

// TestClassicToken: a token says what it was made with, and nothing in it can be
// changed.
func TestClassicToken(t *testing.T) {
	g := newSigner([]byte("key"))
	issued := time.UnixMilli(1_700_000_000_123)
	token := g.classic(&DefaultApp, issued, issued.Add(time.Hour), bytes.Repeat([]byte{7}, 16))
	c, err := g.verify(token, issued)
	if err != nil || !c.app(&DefaultApp) || c.app(&otherApp) || !c.issued.Equal(issued) || !c.expires.Equal(issued.Add(time.Hour)) {
		t.Errorf("%+v, %v", c, err)
	}
	for i := range token {
		changed := []byte(token)
		changed[i] ^= 1
		if _, ok := g.readClassic(string(changed)); ok {
			t.Errorf("a token changed at %d was taken", i)
		}
		if _, ok := g.readClassic(token[:i]); ok {
			t.Errorf("%d characters of a token were taken", i)
		}
	}
	if _, ok := newSigner([]byte("another")).readClassic(token); ok {
		t.Error("the token of another key was taken")
	}
}
