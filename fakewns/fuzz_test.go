package fakewns

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func FuzzNotification(f *testing.F) {
	s := New(Config{})
	uri, _, err := s.OpenChannel(context.Background(), "d", DefaultApp.PFN, func([]byte) {})
	if err != nil {
		f.Fatal(err)
	}
	_, query, _ := strings.Cut(uri, "?")
	f.Add("POST", query, "Bearer x", "wns/raw", "application/octet-stream", []byte("x"))
	f.Add("DELETE", "token=%zz&;", "", "", "", []byte{})
	f.Fuzz(func(t *testing.T, method, query, auth, typ, ct string, body []byte) {
		r := &http.Request{Method: method, URL: &url.URL{Path: "/", RawQuery: query}, Header: http.Header{"Authorization": {auth}, "X-Wns-Type": {typ}, "Content-Type": {ct}},
			Body: io.NopCloser(strings.NewReader(string(body))), ContentLength: int64(len(body)), RequestURI: "/?" + query}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code < 200 || w.Code > 599 {
			t.Fatalf("answered %d", w.Code)
		}
	})
}

// FuzzHeaders: whatever the headers are, a notification has an answer that says
// why, and is delivered only if it is sound.
func FuzzHeaders(f *testing.F) {
	s := New(Config{Apps: []App{DefaultApp}})
	woken := 0
	uri, _, err := s.OpenChannel(context.Background(), "d", DefaultApp.PFN, func([]byte) { woken++ })
	if err != nil {
		f.Fatal(err)
	}
	_, query, _ := strings.Cut(uri, "?")
	now := time.Now()
	auth := "Bearer " + s.signer.classic(&DefaultApp, now, now.Add(time.Hour), make([]byte, 16))
	f.Add("wns/raw", "application/octet-stream", "cache", "60", "t", "g", "true", "", "POST")
	f.Add("wns/toast", "text/xml", "no-cache", "-1", strings.Repeat("t", 17), "a b", "maybe", "type:wns/toast;all", "DELETE")
	f.Fuzz(func(t *testing.T, typ, ct, policy, ttl, tag, group, status, match, method string) {
		before := woken
		h := http.Header{"Authorization": {auth}}
		for name, v := range map[string]string{hType: typ, "Content-Type": ct, hCachePolicy: policy, hTTL: ttl, hTag: tag, hGroup: group, hRequestForStatus: status, hMatch: match} {
			if v != "" {
				h[name] = []string{v}
			}
		}
		r := &http.Request{Method: method, URL: &url.URL{Path: "/", RawQuery: query}, Header: h, Body: io.NopCloser(strings.NewReader("x")), ContentLength: 1, RequestURI: "/?" + query}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		list := s.journal.Since(s.journal.Mark()-1, nil)
		e := list[0]
		if (w.Code == 200) == (e.Error != "") || w.Code != e.Status {
			t.Fatalf("%d, the journal says %v: %s", w.Code, e, e.Error)
		}
		if woken > before && (typ != typeRaw || ct != "application/octet-stream" || method != http.MethodPost) {
			t.Fatalf("woken by %v", e)
		}
		if raw, err := json.Marshal(e); err != nil || strings.Contains(string(raw), auth[7:]) {
			t.Fatalf("%v: %s", err, raw)
		}
	})
}

// FuzzTokens: no token is taken but one that was issued, and no request for one
// but a sound one is granted.
func FuzzTokens(f *testing.F) {
	entra := App{PFN: "e.app_8wekyb3d8bbwe", Kind: Entra, Tenant: "t", ClientID: "c", Secret: "s"}
	s := New(Config{Apps: []App{DefaultApp, entra}, SigningKey: []byte("k")})
	other := New(Config{SigningKey: []byte("another")})
	now := time.Now()
	jwt, err := other.signer.entra(&entra, now, now.Add(time.Hour), make([]byte, 16))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(other.signer.classic(&DefaultApp, now, now.Add(time.Hour), make([]byte, 16)), good(DefaultApp).Encode()[1:])
	f.Add(jwt, "grant_type=client_credentials&client_id=c&client_secret=wrong&scope=https://wns.windows.com/.default")
	f.Add("EgA", "%zz")
	f.Fuzz(func(t *testing.T, token, form string) {
		if app := s.tokenApp(token, time.Now()); app != nil {
			t.Fatalf("token %q is of %s", token, app.PFN)
		}
		v, err := url.ParseQuery(form)
		sound := err == nil && (v.Get("client_secret") == DefaultApp.Secret || v.Get("client_secret") == entra.Secret)
		for _, path := range []string{TokenPath, "/t/oauth2/v2.0/token"} {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if !json.Valid(w.Body.Bytes()) || (w.Code == 200 && !sound) || w.Code >= 500 {
				t.Fatalf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	})
}

// FuzzChannelURI: a query finds a channel only if it decodes to its token.
func FuzzChannelURI(f *testing.F) {
	s := New(Config{Seed: 1})
	uri, _, err := s.OpenChannel(context.Background(), "d", DefaultApp.PFN, nil)
	if err != nil {
		f.Fatal(err)
	}
	_, query, _ := strings.Cut(uri, "?")
	token := s.channels.byQuery[query].token
	f.Add(query)
	f.Add(strings.ToUpper(query))
	f.Add("token=%")
	f.Add("%74oken=" + query[6:])
	f.Fuzz(func(t *testing.T, q string) {
		ch, _, exact, _ := s.channels.find(q)
		v, err := url.ParseQuery(q)
		if ch != nil && q != query && (err != nil || strings.ReplaceAll(v.Get("token"), " ", "+") != string(token)) {
			t.Fatalf("%q found the channel", q)
		}
		if exact && q != query && !strings.EqualFold(q, query) {
			t.Fatalf("%q counts as unchanged", q)
		}
	})
}
