package fakewns

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLocal: the service in a test, by its own client, by its proxy with the
// certificate on disk, and over with Close.
func TestLocal(t *testing.T) {
	l := NewServer(Config{Apps: []App{DefaultApp, entraApp2}})
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := l.WriteCA(file); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(pem), "-----BEGIN CERTIFICATE-----") {
		t.Fatal(err)
	}
	proxy, err := url.Parse(l.ProxyURL())
	if err != nil || l.ProxyURL() != proxy.String() {
		t.Fatal(err)
	}
	proxied := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: l.Roots()}}}
	for name, c := range map[string]*http.Client{"client": l.Client(), "proxy": proxied} {
		for _, u := range []string{"https://login.live.com" + TokenPath, "https://login.microsoftonline.com/t/discovery/v2.0/keys", "https://db3.notify.windows.com/?token=x"} {
			resp, err := c.Get(u)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			resp.Body.Close()
		}
		c.CloseIdleConnections()
	}
	resp, err := l.Client().PostForm(l.EntraURL(entraApp2.Tenant), url.Values{"grant_type": {"client_credentials"}, "client_id": {entraApp2.ClientID},
		"client_secret": {entraApp2.Secret}, "scope": {"https://wns.windows.com/.default"}})
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%v %v", resp, err)
	}
	resp.Body.Close()
	client := l.Client()
	l.Close()
	if _, err := client.Get(l.URL); err == nil {
		t.Error("it answers after Close")
	}
}

var entraApp2 = App{PFN: "entra.app_8wekyb3d8bbwe", Kind: Entra, Tenant: "t", ClientID: "c", Secret: "s"}

// TestWire: HTTP/1.1 even to a client that would like 2, neither chunked nor
// compressed, for tokens of either kind.
func TestWire(t *testing.T) {
	l := NewServer(Config{Apps: []App{DefaultApp, entraApp2}})
	defer l.Close()
	classic := good(DefaultApp).Encode()
	entra := url.Values{"grant_type": {"client_credentials"}, "client_id": {"c"}, "client_secret": {"s"}, "scope": {"https://wns.windows.com/.default"}}.Encode()
	for path, form := range map[string]string{TokenPath: classic, "/t/oauth2/v2.0/token": entra, "/nowhere/oauth2/v2.0/token": entra} {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(l.URL, "https://"), &tls.Config{RootCAs: l.Roots(), NextProtos: []string{"h2", "http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		if p := conn.ConnectionState().NegotiatedProtocol; p != "http/1.1" {
			t.Errorf("negotiated %q", p)
		}
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nExpect: 100-continue\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
			"Content-Length: %d\r\nConnection: close\r\n\r\n", path, len(form))
		in := bufio.NewReader(conn)
		if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
			t.Errorf("Expect: 100-continue is answered %q %v", line, err)
		}
		fmt.Fprint(conn, form)
		raw, err := io.ReadAll(in)
		conn.Close()
		if err != nil || strings.Contains(string(raw), "Transfer-Encoding") || strings.Contains(string(raw), "Content-Encoding") || !strings.Contains(string(raw), "\r\nContent-Length: ") {
			t.Errorf("%s: %v\n%s", path, err, raw)
		}
	}
}
