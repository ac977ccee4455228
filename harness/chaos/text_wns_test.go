package chaos

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/internal/testenv"
)

// TestTextOfWNS: what answers a push, in every header and in the body.
func TestTextOfWNS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"login.live.com", "db5p.notify.windows.com"}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	odd := "inj\u009b31m\u202e\u2066##vso[x] ::error::x\xff token=" + secret
	token := `{"access_token":"` + secret + `","token_type":"bearer","expires_in":100}`
	var refusal atomic.Pointer[string]
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/accesstoken.srf" {
			if body := refusal.Load(); body != nil {
				w.WriteHeader(http.StatusBadRequest)
				io.WriteString(w, *body)
				return
			}
			io.WriteString(w, token)
			return
		}
		for _, name := range []string{"X-WNS-Status", "X-WNS-DeviceConnectionStatus", "X-WNS-Error-Description", "X-WNS-Msg-ID", "X-WNS-Debug-Trace", "Retry-After", "MS-CV", "WWW-Authenticate"} {
			w.Header().Set(name, odd)
		}
		w.Header().Set("Location", "https://x/"+secret+"/?token="+secret)
		w.WriteHeader(http.StatusGone)
	}))
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	srv.StartTLS()
	defer srv.Close()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	push := func(uri string, more ...string) string {
		return program(t, dir, append([]string{"push", "--channel", uri, "--wns-listen", srv.Listener.Addr().String(), "--ca-dir", "."}, more...)...)
	}
	for _, uri := range []string{"https://db5p.notify.windows.com/?token=AwYA" + secret, "https://db5p.notify.windows.com/w/?token=AwYA" + secret, "https://db5p.notify.windows.com/throttled/" + secret, "https://db5p.notify.windows.com/?" + secret,
		"https://db5p.notify.windows.com/?Token=" + secret + "&x=" + secret} {
		if out := push(uri); !strings.Contains(out, "410") || !strings.Contains(out, "db5p.notify.windows.com/") {
			t.Errorf("%s: %s", uri, out)
		}
	}
	for _, body := range []string{`{"error":"x` + strings.ReplaceAll(odd, "\xff", "") + `","error_description":"::error::x client_secret=` + secret + `"}`, odd, "<html>" + injection + "</html>", `{"token":"` + secret + `"}`} {
		refusal.Store(&body)
		push("https://db5p.notify.windows.com/?token=AwYA" + secret)
	}
}

// TestTextOfSenders: requests to the fake WNS with the injection and with secrets where
// nobody expects them; neither the lab's output, nor its journal, nor its state has them.
func TestTextOfSenders(t *testing.T) {
	dir := t.TempDir()
	wns, control := testenv.Addr(t), testenv.Addr(t)
	stop := ready(t, dir, "ready", "lab", "--wns-listen", wns, "--proxy", testenv.Addr(t), "--control", control, "--ca-dir", "ca", "--state", "lab.db")
	form := "grant_type=client_credentials&client_id=x&client_secret=" + secret
	requests := []string{
		"POST /wrong/path HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n|" + form,
		"POST /accesstoken.sfr HTTP/1.1\r\n|" + form,
		"POST /accesstoken.srf HTTP/1.1\r\nContent-Type: application/json\r\n|" + `{"grant_type":"client_credentials","client_secret":"` + secret + `"}`,
		"POST /other HTTP/1.1\r\nContent-Type: application/json\r\n|" + `{"grant_type":"client_credentials","nested":{"x":["` + secret + `"]}}`,
		"POST /accesstoken.srf HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n|" + "grant_type=x&" + secret + "=1&clientsecret=" + secret,
		"POST /accesstoken.srf?client_secret=" + secret + " HTTP/1.1\r\n|",
		"POST /accesstoken.srf HTTP/1.1\r\nContent-Type: text/plain\r\n|" + secret,
		"POST /" + secret + "/w/" + secret + " HTTP/1.1\r\n|",
		"POST /?token=AwYA" + secret + " HTTP/1.1\r\nX-Api-Key: " + secret + "\r\nAuthorisation: Bearer " + secret + "\r\nAuthorization : Bearer x\r\n|",
		"POST /?token=AwYA" + secret + " HTTP/1.1\r\nX-Api-Key: " + secret + "\r\nAuthorisation: Bearer " + secret + "\r\nAuthorizatio: " + secret + "\r\nX-Auth: Basic " + secret + "\r\nCookie: a=" + secret + "\r\n|payload",
		"POST /?" + secret + " HTTP/1.1\r\nAuthorization: Bearer" + secret + "\r\nX-WNS-Type: \u202ewns/raw\u009b ::error::x\r\nMS-CV: ##vso[x]\r\n|" + injection,
		"POST https://user:" + secret + "@db5p.notify.windows.com/" + secret + "#" + secret + " HTTP/1.1\r\n|",
		"POST /\u202e\u009b31m?a=\u2066##vso[x] HTTP/1.1\r\nX-\u202e: x\r\n|",
		"POST /\u202e\u009b31m?a=\u2066##vso[x] HTTP/1.1\r\n|\xff\xfe" + injection,
	}
	for _, r := range requests {
		head, body, _ := strings.Cut(r, "|")
		raw := fmt.Sprintf("%sHost: login.live.com\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)
		conn, err := tls.Dial("tcp", wns, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		io.WriteString(conn, raw)
		if answer, err := io.ReadAll(conn); err != nil && len(answer) == 0 {
			t.Errorf("%q: %v", head, err)
		}
		conn.Close()
	}
	get := func(path string) string {
		resp, err := http.Get("http://" + control + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	journal := get("/v1/journal")
	checkText(t, "the journal", journal)
	for _, want := range []string{"client_secret", "X-Api-Key", "Authorisation", "characters", "client_credentials", "accesstoken.srf"} {
		if !strings.Contains(journal, want) {
			t.Errorf("the journal does not show %s: %s", want, journal)
		}
	}
	checkText(t, "an error of the API", get("/v1/\u202e%C2%9B"))
	if !strings.Contains(get("/v1/journal?reveal=true"), secret) {
		t.Error("reveal does not show the secrets")
	}
	out := stop()
	if _, after, ok := strings.Cut(out, "\nready"); ok { // before it, a command line has the sample's own channel
		checkText(t, "the lab", after)
	}
	state, err := os.ReadFile(filepath.Join(dir, "lab.db"))
	if err != nil || bytes.Contains(state, []byte(secret)) {
		t.Errorf("the state: %v, it has a secret: %v", err, err == nil)
	}
}
