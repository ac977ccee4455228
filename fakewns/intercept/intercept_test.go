package intercept

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestIsService(t *testing.T) {
	for host, want := range map[string]bool{
		"login.live.com": true, "LOGIN.live.com": true, "login.microsoftonline.com": true, "db5p.notify.windows.com": true, "wns2-par02p.notify.windows.com.": true,
		"notify.windows.com": false, ".notify.windows.com": false, "a.b.notify.windows.com": false, "evil-notify.windows.com": false,
		"login.live.com.evil.example": false, strings.Repeat("a", 63) + ".notify.windows.com": true, strings.Repeat("a", 64) + ".notify.windows.com": false, "example.com": false, "127.0.0.1": false, "": false,
	} {
		if got := IsService(host); got != want {
			t.Errorf("IsService(%q) = %v", host, got)
		}
	}
}

// TestProxyIsNotOpen: CONNECT to WNS leads to the fake one; everything else is
// refused, by CONNECT and by plain requests.
func TestProxyIsNotOpen(t *testing.T) {
	wns := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "fake WNS for "+r.Host) }))
	t.Cleanup(wns.Close)
	secret := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "secret") }))
	t.Cleanup(secret.Close)
	secretTLS := httptest.NewTLSServer(secret.Config.Handler)
	t.Cleanup(secretTLS.Close)
	allowed := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "allowed") }))
	t.Cleanup(allowed.Close)
	proxy := httptest.NewServer(Proxy(wns.Listener.Addr().String(), nil, allowed.Listener.Addr().String()))
	t.Cleanup(proxy.Close)
	via, _ := url.Parse(proxy.URL)
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(via), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	get := func(u string) (int, string) {
		resp, err := client.Get(u)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	for _, u := range []string{"https://login.live.com/accesstoken.srf", "https://db5p.notify.windows.com/?token=x"} {
		if code, text := get(u); code != 200 || !strings.HasPrefix(text, "fake WNS for ") {
			t.Errorf("%s: %d %s", u, code, text)
		}
	}
	if code, text := get(allowed.URL); code != 200 || text != "allowed" {
		t.Errorf("an allowed host: %d %s", code, text)
	}
	// A name that is allowed without a port is allowed on 443 and nowhere else.
	byName := Proxy(wns.Listener.Addr().String(), nil, "127.0.0.1", "::1")
	refused := httptest.NewServer(byName)
	t.Cleanup(refused.Close)
	via2, _ := url.Parse(refused.URL)
	other := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(via2), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	if resp, err := other.Get(secretTLS.URL); err == nil {
		resp.Body.Close()
		t.Error("a host that is allowed on 443 was reached on another port")
	}
	for _, u := range []string{secret.URL, secretTLS.URL, "https://login.live.com:8443/", "https://example.com/", "http://login.live.com/", "https://a.b.notify.windows.com/"} {
		if code, text := get(u); code == 200 || strings.Contains(text, "secret") {
			t.Errorf("%s went through: %d %s", u, code, text)
		}
	}
	resp, err := http.Get(proxy.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 403 {
		t.Errorf("asked directly: %d", resp.StatusCode)
	}
}

func TestHostLines(t *testing.T) {
	want := "127.0.0.1 login.live.com\n127.0.0.1 login.microsoftonline.com\n127.0.0.1 db5p.notify.windows.com\n"
	if got := HostLines("127.0.0.1", "db5p.notify.windows.com"); got != want {
		t.Errorf("got %q", got)
	}
}
